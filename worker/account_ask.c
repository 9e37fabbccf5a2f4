/* SPDX-License-Identifier: MIT
 * Finds the account that an ask names. */
#include "worker/account_ask.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum outcome account_ask_find(struct asked *asked,
                              struct answer *out_answer,
                              struct sql_rows *out_rows,
                              bool *out_found,
                              struct fault *fault)
{
    int64_t amicale_id = 0;
    struct span account = json_string(asked->body, "account");
    *out_found = false;
    if (account.len == 0) {
        (void)json_integer(asked->body, "amicale_id", &amicale_id);
    }
    enum outcome outcome = account_row_find(asked->handling->db,
                                            amicale_id,
                                            account,
                                            asked->handling->arena,
                                            out_rows,
                                            fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (out_rows->count == 0 ||
        !asked_may_touch(asked, sql_i64(out_rows, 0, ACCOUNT_ROW_AMICALE))) {
        answer_refuse(out_answer, PROBLEM_NOT_FOUND, SPAN(""));
    } else if (sql_is_null(out_rows, 0, ACCOUNT_ROW_ACCOUNT)) {
        answer_refuse(out_answer, PROBLEM_ACCOUNT_MISSING, SPAN(""));
    } else {
        *out_found = true;
    }
    return OUTCOME_DONE;
}
