/* SPDX-License-Identifier: MIT
 * session.logout: the row goes, then everybody who remembers it is told. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/session_end.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome handle_session_logout(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct handling *handling = asked->handling;
    struct span token_hash = json_string(asked->body, "token_hash");
    enum outcome outcome =
        mariadb_run(handling->db,
                    "DELETE FROM sessions WHERE token_hash = ? AND user_id = ?",
                    SQL_VALUES(SQL_SPAN(token_hash), SQL_I64(asked->ask.user_id)),
                    handling->arena,
                    NULL,
                    fault);
    if (outcome == OUTCOME_DONE) {
        outcome =
            session_end_tell_token(handling->redis, token_hash, handling->arena, fault);
    }
    if (outcome == OUTCOME_DONE) {
        answer_say(out_answer, 204, (struct span){NULL, 0});
    }
    return outcome;
}
