/* SPDX-License-Identifier: MIT
 * Reads the account's row, and asks Stripe when the row says that it cannot charge. */
#include "worker/payment_account.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/answer.h"
#include "worker/apply.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum { ABOUT_BYTES = 1024 };

struct account {
    struct span id; /* empty: there is none */
    bool charges, onboarded;
};

static enum outcome read_account(struct asked *asked,
                                 int64_t amicale_id,
                                 struct account *account,
                                 struct fault *fault);
static void refuse(struct asked *asked,
                   const struct account *account,
                   struct answer *answer);

enum outcome payment_account_find(struct asked *asked,
                                  int64_t amicale_id,
                                  bool doubted,
                                  struct span *out_account,
                                  struct answer *answer,
                                  struct fault *fault)
{
    struct account account = {0};
    enum outcome outcome = read_account(asked, amicale_id, &account, fault);
    if (outcome == OUTCOME_DONE && account.id.len > 0 && (!account.charges || doubted)) {
        outcome = apply_account(asked->handling, account.id, NULL, fault);
        if (outcome == OUTCOME_DONE) {
            outcome = read_account(asked, amicale_id, &account, fault);
        }
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (account.id.len == 0 || !account.charges) {
        refuse(asked, &account, answer);
        account.id = SPAN("");
    }
    *out_account = account.id;
    return OUTCOME_DONE;
}

static enum outcome read_account(struct asked *asked,
                                 int64_t amicale_id,
                                 struct account *account,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(asked->handling->db,
                    "SELECT stripe_account_id, charges_enabled, onboarding_completed"
                    " FROM stripe_accounts WHERE serves_amicale_id = ?",
                    SQL_VALUES(SQL_I64(amicale_id)),
                    asked->handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    *account = (struct account){0};
    if (rows.count > 0) {
        account->id = sql_text(&rows, 0, 0);
        account->charges = sql_i64(&rows, 0, 1) == 1;
        account->onboarded = sql_i64(&rows, 0, 2) == 1;
    }
    return OUTCOME_DONE;
}

static void refuse(struct asked *asked,
                   const struct account *account,
                   struct answer *answer)
{
    struct text about;
    if (account->id.len == 0) {
        answer_refuse(answer, PROBLEM_ACCOUNT_MISSING, SPAN(""));
        return;
    }
    text_init(&about, ABOUT_BYTES);
    struct json_writer json = json_writer(&about);
    json_open(&json, NULL, '{');
    json_put_string(&json, "stripe_account_id", account->id);
    json_put_bool(&json, "onboarding_completed", account->onboarded);
    json_close(&json, '}');
    answer_refuse(answer,
                  PROBLEM_ACCOUNT_CANNOT_CHARGE,
                  arena_span(asked->handling->arena, text_span(&about)));
    text_done(&about);
}
