/* SPDX-License-Identifier: MIT
 * Finds the PaymentIntent of an offline card sale at Stripe, and judges whether it can be
 * the one. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/stripe.h"
#include "worker/events.h"
#include "worker/handlers.h"
#include "worker/listed.h"
#include "worker/retrieve.h"
#include "worker/sync_card.h"

/* A phone makes its PaymentIntent at the moment of the sale, so only clocks lie between
 * `created` and the phone's created_at. A phone whose zone is wrong is up to two hours
 * ahead of Paris' time, one whose date is wrong a day behind; beyond that the list would
 * be long, and the webhooks have made the row by its metadata. Nothing was created after
 * the sale had come in: AFTER_S is Stripe's clock beside ours. A phone that tells of a
 * moment after that is ahead by nobody knows how much: BEHIND_S before it is looked at. */
enum { BEFORE_S = 2 * 3600 + 300, BEHIND_S = 25 * 3600, AFTER_S = 300 };
enum { HTTP_NOT_FOUND = 404 };

static enum outcome find_account(struct sync_card *card,
                                 struct span account,
                                 int64_t *out_amicale_id,
                                 struct fault *fault);
static bool names_another_sale(const struct sync_card *card);
static struct span number(const struct sync_card *card, int64_t value);

void sync_card_done(struct sync_card *card)
{
    json_free(card->intent);
    card->intent = NULL;
}

enum outcome sync_card_retrieve(struct sync_card *card,
                                struct span intent,
                                struct fault *fault)
{
    struct handling *handling = card->handling;
    struct stripe_answer stripe = {0};
    sync_card_done(card);
    if (!event_is_id(intent)) {
        card->conflict = "unknown_intent";
        return OUTCOME_DONE;
    }
    enum outcome outcome =
        retrieve_object(handling, "/v1/payment_intents", intent, false, &stripe, fault);
    if (outcome == OUTCOME_NEVER && stripe.status == HTTP_NOT_FOUND) {
        handling->answered |= NEIGHBOUR_STRIPE;
        card->conflict = "unknown_intent";
        return OUTCOME_DONE;
    }
    if (outcome == OUTCOME_DONE) {
        card->intent = stripe.document;
    }
    return outcome;
}

/* The amount is not looked for but judged: one sale has one PaymentIntent, whatever it
 * says of the amount. */
enum outcome sync_card_search(struct sync_card *card, struct fault *fault)
{
    const struct sale *sale = &card->sale;
    int64_t sold_s = sale->sold_ms / 1000;
    int64_t received_s = sale->received_ms / 1000 + AFTER_S;
    int64_t from_s = sold_s > received_s ? received_s - BEHIND_S : sold_s - BEFORE_S;
    int64_t until_s = received_s < sold_s + BEHIND_S ? received_s : sold_s + BEHIND_S;
    const struct listed listed = {
        .path = "/v1/payment_intents",
        .query = {{"created[gte]", number(card, from_s)},
                  {"created[lte]", number(card, until_s)}},
        .query_count = 2,
        .live = false,
    };
    const struct listed_mark marks[LISTED_MARKS] = {
        {"metadata.local_id", sale->local_id},
        {"metadata.pompier_id", number(card, sale->pompier_id)},
        {"metadata.amicale_id", number(card, sale->amicale_id)},
    };
    sync_card_done(card);
    return listed_find(card->handling, &listed, marks, &card->intent, fault);
}

static struct span number(const struct sync_card *card, int64_t value)
{
    return span_of(arena_format(card->handling->arena, "%lld", (long long)value));
}

enum outcome sync_card_judge(struct sync_card *card, struct fault *fault)
{
    const struct sale *sale = &card->sale;
    int64_t named = 0, paid_to = 0, amount_minor = 0;
    bool is_named = span_to_i64(json_string(card->intent, "metadata.amicale_id"), &named);
    struct span account = event_id_at(card->intent, "transfer_data.destination");
    enum outcome outcome = find_account(card, account, &paid_to, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    /* What names no amicale at all is nobody's to claim. */
    if ((is_named && named != sale->amicale_id) ||
        (paid_to != 0 && paid_to != sale->amicale_id) || (!is_named && paid_to == 0)) {
        card->conflict = "other_amicale";
    } else if (!span_is(json_string(card->intent, "currency"), "eur")) {
        card->conflict = "other_currency";
    } else if (!json_integer(card->intent, "amount", &amount_minor) ||
               amount_minor != sale->amount_minor) {
        card->conflict = "other_amount";
    } else if (names_another_sale(card)) {
        card->conflict = "already_linked";
    }
    return OUTCOME_DONE;
}

/* The amicale that the account was made for, whether or not it has left since. */
static enum outcome find_account(struct sync_card *card,
                                 struct span account,
                                 int64_t *out_amicale_id,
                                 struct fault *fault)
{
    struct sql_rows rows;
    if (account.len == 0) {
        return OUTCOME_DONE;
    }
    enum outcome outcome =
        mariadb_run(card->handling->db,
                    "SELECT amicale_id FROM stripe_accounts WHERE stripe_account_id = ?",
                    SQL_VALUES(SQL_SPAN(account)),
                    card->handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        *out_amicale_id = sql_i64(&rows, 0, 0);
    }
    return outcome;
}

static bool names_another_sale(const struct sync_card *card)
{
    struct span pompier = json_string(card->intent, "metadata.pompier_id");
    struct span local_id = json_string(card->intent, "metadata.local_id");
    return (pompier.len > 0 &&
            !span_equal(pompier, number(card, card->sale.pompier_id))) ||
           (local_id.len > 0 && !span_equal(local_id, card->sale.local_id));
}
