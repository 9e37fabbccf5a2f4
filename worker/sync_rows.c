/* SPDX-License-Identifier: MIT
 * Writes offline sales into payment_intents. */
#include "worker/sync_rows.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/sale.h"
#include "worker/handlers.h"

enum { SALE_VALUES = 12, PUT_MOST = 64, SQL_NO_PARENT = 1452 };

/* What is read of a row, in order. */
enum column {
    PAYMENT_ID,
    POMPIER_ID,
    LOCAL_ID,
    AMOUNT,
    METHOD,
    CURRENCY,
    STATUS,
    INTENT,
    HAS_ADDRESS,
    HAS_CLAIMS,
};

static enum outcome put_some(struct handling *handling,
                             const char *sql,
                             const struct sale *const *sales,
                             size_t count,
                             struct sync_row *out_rows,
                             struct fault *fault);
static bool is_row_of(const struct sql_rows *rows, size_t row, const struct sale *sale);
static void fill_values(struct handling *handling,
                        const struct sale *sale,
                        struct sql_value values[SALE_VALUES]);
static struct sync_row read_row(const struct sql_rows *rows, size_t row);

#define COLUMNS                                                                          \
    "id, pompier_id, local_id, amount, payment_method, currency, status,"                \
    " stripe_payment_intent_id, receipt_email_encrypted IS NOT NULL,"                    \
    " EXISTS (SELECT 1 FROM sync_conflicts WHERE sync_conflicts.pompier_id ="            \
    " payment_intents.pompier_id AND sync_conflicts.local_id = payment_intents.local_id" \
    " AND payment_id IS NULL)"

/* On a duplicate nothing may be set that is counted up (id = id): MariaDB would go on
 * counting from the row that is there, through ids that another statement was promised,
 * and take that one's rows for duplicates of ours. */
/* A statement is prepared for as many rows as it has: these four make any number of them
 * with few calls, and a full group with one. */
#define ROW "(?, ?, ?, amount, 'succeeded', ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define ROWS_4 ROW ", " ROW ", " ROW ", " ROW
#define ROWS_16 ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4
#define ROWS_64 ROWS_16 ", " ROWS_16 ", " ROWS_16 ", " ROWS_16
#define PUT(rows)                                                                        \
    "INSERT INTO payment_intents (amicale_id, pompier_id, amount, amount_received,"      \
    " status, payment_method, local_id, device_id, sync_batch_id, job_id,"               \
    " receipt_email_encrypted, livemode, sold_at, sale_day) VALUES " rows                \
    " ON DUPLICATE KEY UPDATE local_id = local_id RETURNING " COLUMNS

static const struct {
    size_t rows;
    const char *sql;
} puts_of[] = {
    {PUT_MOST, PUT(ROWS_64)},
    {16, PUT(ROWS_16)},
    {4, PUT(ROWS_4)},
    {1, PUT(ROW)},
};

int sync_rows_order(const struct sale *a, const struct sale *b)
{
    if (a->pompier_id != b->pompier_id) {
        return a->pompier_id < b->pompier_id ? -1 : 1;
    }
    size_t shorter =
        a->local_id.len < b->local_id.len ? a->local_id.len : b->local_id.len;
    int order = memcmp(a->local_id.at, b->local_id.at, shorter);
    return order != 0 ? order
                      : (a->local_id.len > b->local_id.len) -
                            (a->local_id.len < b->local_id.len);
}

enum outcome sync_rows_put(struct handling *handling,
                           const struct sale *const *sales,
                           size_t count,
                           struct sync_row *out_rows,
                           struct fault *fault)
{
    size_t done = 0;
    for (size_t i = 0; i < sizeof(puts_of) / sizeof(puts_of[0]); i++) {
        while (count - done >= puts_of[i].rows) {
            enum outcome outcome = put_some(handling,
                                            puts_of[i].sql,
                                            sales + done,
                                            puts_of[i].rows,
                                            out_rows + done,
                                            fault);
            if (outcome != OUTCOME_DONE) {
                return outcome;
            }
            done += puts_of[i].rows;
        }
    }
    return OUTCOME_DONE;
}

static enum outcome put_some(struct handling *handling,
                             const char *sql,
                             const struct sale *const *sales,
                             size_t count,
                             struct sync_row *out_rows,
                             struct fault *fault)
{
    assert(count <= PUT_MOST);
    struct sql_rows rows;
    struct sql_value values[PUT_MOST * SALE_VALUES];
    for (size_t i = 0; i < count; i++) {
        fill_values(handling, sales[i], values + i * SALE_VALUES);
    }
    enum outcome outcome = mariadb_run(handling->db,
                                       sql,
                                       values,
                                       count * SALE_VALUES,
                                       handling->arena,
                                       &rows,
                                       fault);
    if (outcome != OUTCOME_DONE) {
        return sync_rows_blame(outcome, fault);
    }
    assert(rows.count == count);
    for (size_t i = 0; i < count; i++) {
        if (!is_row_of(&rows, i, sales[i])) {
            return fault_set(fault,
                             OUTCOME_LATER,
                             "sync",
                             SYNC_OTHER_ROW,
                             "mariadb answered with another sale's row");
        }
        out_rows[i] = read_row(&rows, i);
    }
    return OUTCOME_DONE;
}

/* Money is never written down on the word of a row that is another's. */
static bool is_row_of(const struct sql_rows *rows, size_t row, const struct sale *sale)
{
    return sql_i64(rows, row, POMPIER_ID) == sale->pompier_id &&
           span_equal(sql_text(rows, row, LOCAL_ID), sale->local_id);
}

static void fill_values(struct handling *handling,
                        const struct sale *sale,
                        struct sql_value values[SALE_VALUES])
{
    struct arena *arena = handling->arena;
    char day[11];
    clock_paris_day(sale->sold_ms, day);
    const struct sql_value filled[] = {
        SQL_I64(sale->amicale_id),
        SQL_I64(sale->pompier_id),
        SQL_I64(sale->amount_minor),
        SQL_STRING(sale_method_name(sale->method)),
        SQL_SPAN(sale->local_id),
        sql_optional(sale->device_id),
        sql_optional(sale->batch_id),
        SQL_SPAN(sale_job_id(sale, arena)),
        sync_rows_email(handling, sale),
        SQL_I64(handling->settings->stripe.livemode),
        sql_moment(arena, sale->sold_ms),
        SQL_SPAN(arena_span(arena, span_of(day))),
    };
    _Static_assert(sizeof(filled) / sizeof(filled[0]) == SALE_VALUES, "a ? for each");
    memcpy(values, filled, sizeof(filled));
}

static struct sync_row read_row(const struct sql_rows *rows, size_t row)
{
    return (struct sync_row){
        .payment_id = sql_i64(rows, row, PAYMENT_ID),
        .amount_minor = sql_i64(rows, row, AMOUNT),
        .method = sql_text(rows, row, METHOD),
        .currency = sql_text(rows, row, CURRENCY),
        .status = sql_text(rows, row, STATUS),
        .intent = sql_text(rows, row, INTENT),
        .has_address = sql_i64(rows, row, HAS_ADDRESS) == 1,
        .has_claims = sql_i64(rows, row, HAS_CLAIMS) == 1,
    };
}

enum outcome sync_rows_find(struct handling *handling,
                            const struct sale *sale,
                            struct sync_row *out_row,
                            struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT " COLUMNS " FROM payment_intents WHERE pompier_id = ? AND local_id = ?",
        SQL_VALUES(SQL_I64(sale->pompier_id), SQL_SPAN(sale->local_id)),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_row = rows.count > 0 ? read_row(&rows, 0) : (struct sync_row){0};
    }
    return outcome;
}

struct sql_value sync_rows_email(struct handling *handling, const struct sale *sale)
{
    if (sale->receipt_email.len == 0) {
        return SQL_NOTHING;
    }
    return SQL_SPAN(seal_seal(handling->pii,
                              SPAN("payment_intents.receipt_email_encrypted"),
                              sale->receipt_email,
                              handling->arena));
}

enum outcome sync_rows_blame(enum outcome outcome, struct fault *fault)
{
    if (outcome != OUTCOME_NEVER || fault->code != SQL_NO_PARENT) {
        return outcome;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "sync",
                     SYNC_NO_OWNER,
                     "the pompier or the amicale of the sale is not there any more");
}
