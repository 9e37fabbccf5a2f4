/* SPDX-License-Identifier: MIT
 * Tells the row of a PaymentIntent which offline sale it is. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/crash_point.h"
#include "worker/handlers.h"
#include "worker/sync_card.h"

/* What is locked of the row, in order. */
enum column { PAYMENT_ID, AMICALE_ID, POMPIER_ID, LOCAL_ID };

static enum outcome link_locked(struct sync_card *card,
                                struct span intent,
                                bool *out_there,
                                struct fault *fault);
static enum outcome take_duplicate(struct sync_card *card);
static const char *reason_not_to(const struct sync_card *card,
                                 const struct sql_rows *rows);
static enum outcome name_row(struct sync_card *card,
                             int64_t payment_id,
                             struct fault *fault);
static enum outcome close_finding(struct sync_card *card,
                                  struct span intent,
                                  struct fault *fault);

enum outcome sync_card_link(struct sync_card *card, bool *out_there, struct fault *fault)
{
    struct mariadb *db = card->handling->db;
    struct span intent = json_string(card->intent, "id");
    bool there = false;
    enum outcome outcome = mariadb_begin(db, fault);
    if (outcome == OUTCOME_DONE) {
        card->handling->answered |= NEIGHBOUR_MARIADB;
        outcome = link_locked(card, intent, &there, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(db);
    }
    if (outcome == OUTCOME_NEVER && mariadb_is_duplicate(fault)) {
        return take_duplicate(card);
    }
    CRASH_POINT("linked");
    *out_there = there;
    return outcome;
}

/* The sale's name has another row: it was there all along, or was made since we looked. */
static enum outcome take_duplicate(struct sync_card *card)
{
    if (card->row.payment_id == 0) {
        card->again = true;
    } else {
        card->conflict = "other_intent";
        card->conflict_id = card->row.payment_id;
    }
    return OUTCOME_DONE;
}

static enum outcome link_locked(struct sync_card *card,
                                struct span intent,
                                bool *out_there,
                                struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(card->handling->db,
                    "SELECT id, amicale_id, pompier_id, local_id FROM payment_intents"
                    " WHERE stripe_payment_intent_id = ? FOR UPDATE",
                    SQL_VALUES(SQL_SPAN(intent)),
                    card->handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE || rows.count == 0) {
        return outcome;
    }
    *out_there = true;
    card->conflict = reason_not_to(card, &rows);
    if (card->conflict) {
        card->conflict_id = sql_i64(&rows, 0, PAYMENT_ID);
        return OUTCOME_DONE;
    }
    outcome = name_row(card, sql_i64(&rows, 0, PAYMENT_ID), fault);
    return outcome == OUTCOME_DONE ? close_finding(card, intent, fault) : outcome;
}

static const char *reason_not_to(const struct sync_card *card,
                                 const struct sql_rows *rows)
{
    const struct sale *sale = &card->sale;
    if (!sql_is_null(rows, 0, AMICALE_ID) &&
        sql_i64(rows, 0, AMICALE_ID) != sale->amicale_id) {
        return "other_amicale";
    }
    bool others = !sql_is_null(rows, 0, POMPIER_ID) &&
                  sql_i64(rows, 0, POMPIER_ID) != sale->pompier_id;
    bool named = !sql_is_null(rows, 0, LOCAL_ID) &&
                 !span_equal(sql_text(rows, 0, LOCAL_ID), sale->local_id);
    return others || named ? "already_linked" : NULL;
}

/* An address that is there, or that was erased, stays as it is. */
static enum outcome name_row(struct sync_card *card,
                             int64_t payment_id,
                             struct fault *fault)
{
    struct handling *handling = card->handling;
    const struct sale *sale = &card->sale;
    char day[11];
    const struct sql_value values[] = {
        SQL_I64(sale->amicale_id),
        SQL_I64(sale->pompier_id),
        SQL_SPAN(sale->local_id),
        sql_moment(handling->arena, sale->sold_ms),
        SQL_STRING(clock_paris_day(sale->sold_ms, day)),
        sync_rows_email(handling, sale),
        SQL_I64(payment_id),
    };
    return mariadb_run(
        handling->db,
        "UPDATE payment_intents SET amicale_id = ?, pompier_id = ?, local_id = ?,"
        " sold_at = ?, sale_day = ?,"
        " receipt_email_encrypted = IF(receipt_email_erase_at IS NULL, NULL,"
        " COALESCE(receipt_email_encrypted, ?)) WHERE id = ?",
        values,
        sizeof(values) / sizeof(values[0]),
        handling->arena,
        NULL,
        fault);
}

static enum outcome close_finding(struct sync_card *card,
                                  struct span intent,
                                  struct fault *fault)
{
    return mariadb_run(card->handling->db,
                       "UPDATE reconciliation_findings SET"
                       " closed_at = CURRENT_TIMESTAMP(3), closed_by = 'sync'"
                       " WHERE kind = 'unattributed' AND subject = ?"
                       " AND closed_at IS NULL",
                       SQL_VALUES(SQL_SPAN(intent)),
                       card->handling->arena,
                       NULL,
                       fault);
}

/* A row that an event made has Stripe's moment until the phone tells its own; one that
 * was asked for has ours, from the moment of the sale. */
#define FROM_EVENT "job_id IS NULL AND sync_batch_id IS NULL"

enum outcome sync_card_complete(struct sync_card *card, struct fault *fault)
{
    struct handling *handling = card->handling;
    const struct sale *sale = &card->sale;
    char day[11];
    const struct sql_value values[] = {
        sql_moment(handling->arena, sale->sold_ms),
        SQL_STRING(clock_paris_day(sale->sold_ms, day)),
        sync_rows_email(handling, sale),
        SQL_I64(card->row.payment_id),
    };
    return mariadb_run(handling->db,
                       "UPDATE payment_intents SET"
                       " sold_at = IF(" FROM_EVENT ", ?, sold_at),"
                       " sale_day = IF(" FROM_EVENT ", ?, sale_day),"
                       " receipt_email_encrypted = IF(receipt_email_erase_at IS NULL,"
                       " NULL, COALESCE(receipt_email_encrypted, ?)) WHERE id = ?",
                       values,
                       sizeof(values) / sizeof(values[0]),
                       handling->arena,
                       NULL,
                       fault);
}

enum outcome sync_card_mark(struct sync_card *card, struct fault *fault)
{
    return mariadb_run(card->handling->db,
                       "UPDATE payment_intents SET device_id = COALESCE(device_id, ?),"
                       " sync_batch_id = COALESCE(sync_batch_id, ?) WHERE id = ?",
                       SQL_VALUES(sql_optional(card->sale.device_id),
                                  sql_optional(card->sale.batch_id),
                                  SQL_I64(card->row.payment_id)),
                       card->handling->arena,
                       NULL,
                       fault);
}
