/* SPDX-License-Identifier: MIT
 * account.refresh: what an amicale's account may do now, as Stripe has it. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/account_ask.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome handle_account_refresh(struct asked *asked,
                                    struct answer *out_answer,
                                    struct handled *out_handled,
                                    struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    bool found = false;
    enum outcome outcome = account_ask_find(asked, out_answer, &rows, &found, fault);
    if (outcome != OUTCOME_DONE || !found) {
        return outcome;
    }
    struct span id = sql_text(&rows, 0, ACCOUNT_ROW_ACCOUNT);
    outcome = apply_account(handling, id, NULL, fault);
    if (outcome == OUTCOME_DONE) {
        /* By its own id: it may have turned out that the account has left. */
        outcome = account_row_find(handling->db, 0, id, handling->arena, &rows, fault);
    }
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        answer_refuse(out_answer, PROBLEM_NOT_FOUND, SPAN(""));
    } else if (outcome == OUTCOME_DONE) {
        answer_say(out_answer, 200, account_row_status(&rows, handling->arena));
    }
    return outcome;
}
