/* SPDX-License-Identifier: MIT
 * session.extend: a session that was used goes on, until it is session.most_s old. A job
 * that comes late counts from when the session was used, and revives none that had ended by
 * then. */
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome handle_session_extend(struct asked *asked,
                                   struct answer *out_answer,
                                   struct handled *out_handled,
                                   struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct handling *handling = asked->handling;
    const struct settings *settings = handling->settings;
    int64_t used_ms = asked->ask.at_ms;
    struct sql_value used = sql_moment(handling->arena, used_ms);
    enum outcome outcome = mariadb_run(
        handling->db,
        "UPDATE sessions SET last_seen_at = GREATEST(last_seen_at, ?),"
        " expires_at = GREATEST(expires_at, LEAST(?, created_at + INTERVAL ? SECOND))"
        " WHERE token_hash = ? AND user_id = ? AND expires_at > ?",
        SQL_VALUES(used,
                   sql_moment(handling->arena, used_ms + settings->session.idle_s * 1000),
                   SQL_I64(settings->session.most_s),
                   SQL_SPAN(json_string(asked->body, "token_hash")),
                   SQL_I64(asked->ask.user_id),
                   used),
        handling->arena,
        NULL,
        fault);
    if (outcome == OUTCOME_DONE) {
        answer_say(out_answer, 204, (struct span){NULL, 0});
    }
    return outcome;
}
