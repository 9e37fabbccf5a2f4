/* SPDX-License-Identifier: MIT
 * sync.sale: sales in cash and by cheque that a phone made offline. The money was taken:
 * whoever the pompier is now, the sale is its amicale's of that day.
 *
 * A group is one transaction: one statement for the rows of all, then only what differs
 * costs more. A sale alone is a group of one. */
#include <assert.h>
#include <stdlib.h>

#include "common/link/mariadb.h"
#include "common/model/sale.h"
#include "worker/crash_point.h"
#include "worker/handle_sync.h"
#include "worker/handlers.h"
#include "worker/sync_conflict.h"
#include "worker/sync_rows.h"

/* One sale of the group. */
struct item {
    struct handling *handling; /* its own: what outlives the group goes in its arena */
    struct sale sale;
    struct sync_row row; /* payment_id 0: its first one is still on its way */
    const char *conflict; /* its kind; NULL: it is recorded */
};

static enum outcome read_items(struct handling *handlings,
                               size_t count,
                               struct item *items,
                               struct fault *fault);
static enum outcome write_items(struct handling *handling,
                                struct item *items,
                                size_t count,
                                struct fault *fault);
static enum outcome put_rows(struct handling *handling,
                             struct item *items,
                             size_t count,
                             struct fault *fault);
static int by_name(const void *a, const void *b);
static enum outcome judge(struct handling *handling,
                          struct item *item,
                          struct fault *fault);
static void add_receipt(const struct item *item, struct handled *handled);

enum outcome handle_sync_sale(struct handling *handling,
                              struct handled *out_handled,
                              struct fault *fault)
{
    return handle_sync_sales(handling, 1, out_handled, fault);
}

enum outcome handle_sync_sales(struct handling *handlings,
                               size_t count,
                               struct handled *out_handled,
                               struct fault *fault)
{
    struct handling *first = &handlings[0];
    struct item *items = ARENA_ARRAY(first->arena, struct item, count);
    enum outcome outcome = read_items(handlings, count, items, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_begin(first->db, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = write_items(first, items, count, fault);
    }
    if (outcome == OUTCOME_DONE) {
        CRASH_POINT("written");
        outcome = mariadb_commit(first->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(first->db);
        return outcome;
    }
    for (size_t i = 0; i < count; i++) {
        handlings[i].answered |= NEIGHBOUR_MARIADB;
        add_receipt(&items[i], &out_handled[i]);
    }
    return OUTCOME_DONE;
}

static enum outcome read_items(struct handling *handlings,
                               size_t count,
                               struct item *items,
                               struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        items[i].handling = &handlings[i];
        enum outcome outcome =
            sale_decode(handlings[i].payload, handlings[i].arena, &items[i].sale, fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (items[i].sale.method == SALE_CARD) {
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "sync",
                             SYNC_WRONG_METHOD,
                             "a sale by card is not the business of sync.sale");
        }
    }
    return OUTCOME_DONE;
}

static enum outcome write_items(struct handling *handling,
                                struct item *items,
                                size_t count,
                                struct fault *fault)
{
    enum outcome outcome = put_rows(handling, items, count, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        outcome = judge(handling, &items[i], fault);
    }
    return outcome;
}

/* Of all but those that came second under their name: of these the first one's row is
 * looked for, once those of this group are there. */
static enum outcome put_rows(struct handling *handling,
                             struct item *items,
                             size_t count,
                             struct fault *fault)
{
    struct item **sorted = ARENA_ARRAY(handling->arena, struct item *, count);
    const struct sale **sales = ARENA_ARRAY(handling->arena, const struct sale *, count);
    struct sync_row *rows = ARENA_ARRAY(handling->arena, struct sync_row, count);
    size_t first_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].sale.is_conflict) {
            sorted[first_count++] = &items[i];
        }
    }
    qsort(sorted, first_count, sizeof(sorted[0]), by_name);
    for (size_t i = 0; i < first_count; i++) {
        sales[i] = &sorted[i]->sale;
    }
    enum outcome outcome = sync_rows_put(handling, sales, first_count, rows, fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < first_count; i++) {
        sorted[i]->row = rows[i];
    }
    for (size_t i = 0; outcome == OUTCOME_DONE && i < count; i++) {
        if (items[i].sale.is_conflict) {
            outcome = sync_rows_find(handling, &items[i].sale, &items[i].row, fault);
        }
    }
    return outcome;
}

static int by_name(const void *a, const void *b)
{
    const struct item *const *left = a;
    const struct item *const *right = b;
    return sync_rows_order(&(*left)->sale, &(*right)->sale);
}

/* A second sale whose first one has no row yet differs from it, or it would not have come
 * as a second one; in what is known when the row is there, which is mostly the amount. */
static enum outcome judge(struct handling *handling,
                          struct item *item,
                          struct fault *fault)
{
    const struct sync_row *row = &item->row;
    item->conflict =
        row->payment_id == 0 ? "other_amount" : sync_conflict_kind(&item->sale, row);
    if (item->conflict) {
        enum outcome outcome = sync_conflict_open(handling,
                                                  &item->sale,
                                                  item->conflict,
                                                  row->payment_id,
                                                  fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return row->has_claims ? sync_conflict_claim(handling, &item->sale, row, fault)
                           : OUTCOME_DONE;
}

/* Of a sale that is recorded, with an address, and not taken back. The same at every run;
 * the queue knows the name, and the table of receipts lets it be sent once. */
static void add_receipt(const struct item *item, struct handled *handled)
{
    if (item->conflict || !item->row.has_address ||
        !span_is(item->row.status, "succeeded")) {
        return;
    }
    struct arena *arena = item->handling->arena;
    struct follow_up *mail = handled_add(handled, "receipt.send");
    struct span subject =
        span_of(arena_format(arena, "payment:%lld", (long long)item->row.payment_id));
    mail->id = span_of(arena_format(arena, "receipt:%.*s", SPAN_ARGS(subject)));
    mail->tenant = span_of(arena_format(arena, "%lld", (long long)item->sale.amicale_id));
    mail->payload =
        span_of(arena_format(arena,
                             "{\"template\":\"receipt\",\"subject\":\"%.*s\"}",
                             SPAN_ARGS(subject)));
    follow_up_ref(mail, subject);
    follow_up_ref(mail, item->sale.local_id);
}
