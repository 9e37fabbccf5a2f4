/* SPDX-License-Identifier: MIT
 * Reads a flush, item by item, and asks the books what they know of it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/asking_key.h"
#include "api/batch_read.h"
#include "api/door.h"
#include "api/field_detail.h"
#include "api/fields.h"
#include "api/request.h"
#include "api/sync_items.h"
#include "api/sync_state.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/payment_row.h"

enum { PAYMENT_BYTES = 8 * 1024, IDS_BYTES = 128 * 1024, DAY_MS = 24 * 3600 * 1000 };
enum { DEVICE, SENT_AT, RULES };
enum sync_fault { SYNC_BOOKS_HANG = 1 };

static const struct field_rule rules[RULES] = {
    [DEVICE] = {"device_id", FIELD_IS_NAME, false, 1, SALE_DEVICE_ID_BYTES, NULL},
    [SENT_AT] = {"sent_at", FIELD_IS_MOMENT, false, 0, 0, NULL},
};

#define TRANSACTIONS "transactions"

static bool look_at_key(struct sync *sync, struct mariadb *db, struct arena *arena);
static bool find_before(struct sync *sync,
                        struct mariadb *db,
                        struct arena *arena,
                        struct batch *out_before);
static bool read_whole(struct sync *sync,
                       const struct cJSON *document,
                       struct arena *arena);
static void check_count(struct sync *sync,
                        const struct cJSON *document,
                        struct arena *arena);
static void complain(struct sync *sync,
                     struct span field,
                     enum field_code code,
                     struct span detail);
static void read_items(struct sync *sync,
                       const struct cJSON *document,
                       struct arena *arena);
static void name_sale(const struct batch *batch, struct sale *sale);
static void find_repeats(struct sync *sync, struct arena *arena);
static int by_content(const void *a, const void *b);
static void ask_books(struct sync *sync, struct mariadb *db, struct arena *arena);
static struct span write_ids(const struct sync *sync,
                             size_t *places,
                             struct arena *arena);
static void compare(struct sync *sync,
                    size_t at,
                    const struct sql_rows *rows,
                    size_t row,
                    struct arena *arena);
static bool is_final(struct span status);
static struct span write_payment(const struct sql_rows *rows,
                                 size_t row,
                                 struct arena *arena);

/* Without MariaDB everything goes to the queue: its names, and the unique keys in the end,
 * know what came before. */
enum outcome sync_check(struct mariadb *db,
                        struct arena *arena,
                        void *context,
                        struct fault *fault)
{
    struct sync *sync = context;
    struct cJSON *document = NULL;
    if (!db) {
        sync->books_away = true;
        (void)fault_set(&sync->books_fault,
                        OUTCOME_LATER,
                        "sync",
                        SYNC_BOOKS_HANG,
                        "mariadb hangs: it is not asked for a while");
    }
    if (sync->key.len > 0 && look_at_key(sync, db, arena)) {
        return OUTCOME_DONE;
    }
    if (json_parse(sync->request->body, &document, fault) != OUTCOME_DONE ||
        !json_is_object(document)) {
        sync->end = SYNC_BAD_JSON;
    } else if (!read_whole(sync, document, arena)) {
        sync->end = SYNC_BAD_FIELDS;
    } else {
        sync->end = SYNC_GOES_ON;
        read_items(sync, document, arena);
    }
    json_free(document);
    if (sync->end == SYNC_GOES_ON) {
        find_repeats(sync, arena);
        if (!sync->books_away) {
            ask_books(sync, db, arena);
        }
        sync_make_jobs(sync, arena);
    }
    return OUTCOME_DONE;
}

/* Whether the key came before, and all is said. */
static bool look_at_key(struct sync *sync, struct mariadb *db, struct arena *arena)
{
    struct batch *batch = &sync->batch;
    struct batch before;
    batch->request_mac = asking_key_mac(sync->request, sync->request->body);
    if (!find_before(sync, db, arena, &before)) {
        return false;
    }
    if (!span_equal(before.request_mac, batch->request_mac)) {
        sync->end = SYNC_MISMATCHED;
        return true;
    }
    *batch = before;
    sync->sales = ARENA_ARRAY(arena, struct sync_sale, batch->count);
    sync->end = SYNC_REPLAYED;
    if (!sync->books_away) {
        ask_books(sync, db, arena);
    }
    sync->body = sync_write(sync, arena);
    return true;
}

/* What Redis has of the key's batch came with the request, else its row is asked for. */
static bool find_before(struct sync *sync,
                        struct mariadb *db,
                        struct arena *arena,
                        struct batch *out_before)
{
    const struct batch *batch = &sync->batch;
    struct fault fault;
    bool found = false;
    enum outcome outcome = OUTCOME_DONE;
    if (sync->sealed_before.len > 0) {
        outcome = batch_read_sealed(sync->door->ring,
                                    batch->pompier_id,
                                    batch->id,
                                    sync->sealed_before,
                                    arena,
                                    out_before,
                                    &fault);
        found = outcome == OUTCOME_DONE;
    } else if (db) {
        outcome = batch_read_row(db,
                                 batch->pompier_id,
                                 batch->id,
                                 arena,
                                 out_before,
                                 &found,
                                 &fault);
    }
    if (outcome != OUTCOME_DONE) {
        sync->books_fault = fault;
        sync->books_away = true;
        return false;
    }
    return found;
}

static bool read_whole(struct sync *sync,
                       const struct cJSON *document,
                       struct arena *arena)
{
    struct field_value values[RULES];
    for (int i = 0; i < RULES; i++) {
        enum field_code code = FIELD_WRONG_TYPE;
        if (!fields_read_member(&rules[i], document, &values[i], &code)) {
            complain(sync,
                     span_of(rules[i].name),
                     code,
                     field_detail(&rules[i], code, sync->request->english, arena));
        }
    }
    check_count(sync, document, arena);
    for (const struct cJSON *member = json_first(document, ""); member;
         member = json_next(member)) {
        struct span name = json_key(member);
        if (!span_is(name, rules[DEVICE].name) && !span_is(name, rules[SENT_AT].name) &&
            !span_is(name, TRANSACTIONS) && sync->field_count < SYNC_FIELDS) {
            complain(sync,
                     arena_span(arena, fields_cut_name(name, BATCH_FIELD_BYTES)),
                     FIELD_UNKNOWN,
                     SPAN(""));
        }
    }
    if (sync->field_count > 0) {
        return false;
    }
    sync->batch.device_id = arena_span(arena, values[DEVICE].text);
    if (values[SENT_AT].there) {
        sync->batch.has_skew = true;
        sync->batch.skew_ms = values[SENT_AT].integer - sync->batch.received_ms;
    }
    return true;
}

static void check_count(struct sync *sync,
                        const struct cJSON *document,
                        struct arena *arena)
{
    bool english = sync->request->english;
    size_t count = 0;
    if (!json_has(document, TRANSACTIONS)) {
        complain(sync, SPAN(TRANSACTIONS), FIELD_MISSING, SPAN(""));
        return;
    }
    if (!json_is_array(document, TRANSACTIONS)) {
        complain(sync,
                 SPAN(TRANSACTIONS),
                 FIELD_WRONG_TYPE,
                 english ? SPAN("An array is wanted.") : SPAN("Un tableau est attendu."));
        return;
    }
    for (const struct cJSON *at = json_first(document, TRANSACTIONS); at;
         at = json_next(at)) {
        count++;
    }
    sync->batch.count = count;
    if (count == 0) {
        complain(sync,
                 SPAN(TRANSACTIONS),
                 FIELD_TOO_SMALL,
                 english ? SPAN("At least 1.") : SPAN("Au moins 1."));
    } else if (count > BATCH_MOST_ITEMS) {
        complain(
            sync,
            SPAN(TRANSACTIONS),
            FIELD_TOO_LARGE,
            span_of(arena_format(
                arena,
                english ? "At most %d in one request: send the others in further ones."
                        : "Au plus %d par requête : envoyez les autres dans les"
                          " suivantes.",
                (int)BATCH_MOST_ITEMS)));
    }
}

static void complain(struct sync *sync,
                     struct span field,
                     enum field_code code,
                     struct span detail)
{
    assert(sync->field_count < SYNC_FIELDS);
    sync->fields[sync->field_count++] =
        (struct problem_field){.field = field, .code = code, .detail = detail};
}

static void read_items(struct sync *sync,
                       const struct cJSON *document,
                       struct arena *arena)
{
    const struct settings *settings = sync->door->settings;
    struct batch *batch = &sync->batch;
    const struct sync_moments moments = {
        .now_ms = batch->received_ms,
        .skew_most_ms = settings->sync.skew_s * 1000,
        .oldest_ms = settings->sync.oldest_days * DAY_MS,
    };
    batch->items = ARENA_ARRAY(arena, struct batch_item, batch->count);
    sync->sales = ARENA_ARRAY(arena, struct sync_sale, batch->count);
    size_t i = 0;
    for (const struct cJSON *at = json_first(document, TRANSACTIONS); at;
         at = json_next(at)) {
        struct sync_sale *sold = &sync->sales[i];
        struct batch_item *item = &batch->items[i++];
        sync_items_check(at, &moments, arena, item, &sold->sale);
        if (item->verdict != BATCH_REJECTED) {
            sold->way = SYNC_BY_NAME;
            name_sale(batch, &sold->sale);
            sold->mac = sale_fingerprint(&sold->sale, sync->door->ring, arena);
        }
    }
}

/* What the batch knows of each of its sales. */
static void name_sale(const struct batch *batch, struct sale *sale)
{
    sale->pompier_id = batch->pompier_id;
    sale->amicale_id = batch->amicale_id;
    sale->received_ms = batch->received_ms;
    sale->device_id = batch->device_id;
    sale->batch_id = batch->id;
}

/* A sale that stands twice in its batch counts once. */
static void find_repeats(struct sync *sync, struct arena *arena)
{
    const struct batch *batch = &sync->batch;
    struct batch_item **sorted = ARENA_ARRAY(arena, struct batch_item *, batch->count);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].verdict != BATCH_REJECTED) {
            sorted[count++] = &batch->items[i];
        }
    }
    qsort(sorted, count, sizeof(sorted[0]), by_content);
    for (size_t i = 1; i < count; i++) {
        sorted[i]->repeats = span_equal(sorted[i]->local_id, sorted[i - 1]->local_id) &&
                             sorted[i]->amount_minor == sorted[i - 1]->amount_minor &&
                             sorted[i]->method == sorted[i - 1]->method;
    }
}

/* By name, amount and method; equal ones as they stand in the batch. */
static int by_content(const void *a, const void *b)
{
    const struct batch_item *left = *(const struct batch_item *const *)a;
    const struct batch_item *right = *(const struct batch_item *const *)b;
    size_t shorter = left->local_id.len < right->local_id.len ? left->local_id.len
                                                              : right->local_id.len;
    int order = memcmp(left->local_id.at, right->local_id.at, shorter);
    if (order == 0) {
        order = (left->local_id.len > right->local_id.len) -
                (left->local_id.len < right->local_id.len);
    }
    if (order == 0) {
        order = (left->amount_minor > right->amount_minor) -
                (left->amount_minor < right->amount_minor);
    }
    if (order == 0) {
        order = (left->method > right->method) - (left->method < right->method);
    }
    return order != 0 ? order : (left > right) - (left < right);
}

/* One SELECT for all. The table of names is the outer one, so that each is looked up in
 * the unique key (pompier_id, local_id). The rows are large, and are not kept: what a
 * thousand sales need later would not fit beside them. */
static void ask_books(struct sync *sync, struct mariadb *db, struct arena *arena)
{
    struct sql_rows rows;
    struct arena scratch;
    arena_init(&scratch, REQUEST_ARENA_BYTES);
    size_t *places = ARENA_ARRAY(&scratch, size_t, sync->batch.count);
    struct span ids = write_ids(sync, places, &scratch);
    if (ids.len == 0) {
        arena_done(&scratch);
        return;
    }
    enum outcome outcome = mariadb_run(
        db,
        "SELECT " PAYMENT_ROW_COLUMNS ", given.n FROM JSON_TABLE(?, '$[*]' COLUMNS"
        " (n FOR ORDINALITY, name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        " PATH '$')) AS given STRAIGHT_JOIN payment_intents"
        " ON payment_intents.pompier_id = ? AND payment_intents.local_id = given.name",
        SQL_VALUES(SQL_SPAN(ids), SQL_I64(sync->batch.pompier_id)),
        &scratch,
        &rows,
        &sync->books_fault);
    sync->books_away = outcome != OUTCOME_DONE;
    for (size_t row = 0; outcome == OUTCOME_DONE && row < rows.count; row++) {
        size_t at = places[sql_i64(&rows, row, PAYMENT_ROW_WIDTH) - 1];
        if (sync->end == SYNC_REPLAYED) {
            sync->sales[at].payment = write_payment(&rows, row, arena);
        } else {
            compare(sync, at, &rows, row, arena);
        }
    }
    arena_done(&scratch);
}

static struct span write_ids(const struct sync *sync, size_t *places, struct arena *arena)
{
    struct text text;
    size_t count = 0;
    text_init(&text, IDS_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < sync->batch.count; i++) {
        if (sync->batch.items[i].verdict != BATCH_REJECTED) {
            places[count++] = i;
            json_put_string(&json, NULL, sync->batch.items[i].local_id);
        }
    }
    json_close(&json, ']');
    assert(!text.full);
    struct span ids = count > 0 ? arena_span(arena, text_span(&text)) : SPAN("");
    text_done(&text);
    return ids;
}

/* The row is the authority. A conflict is kept for the operator by a job, and so is Stripe
 * asked about a card whose end the books do not know. */
static void compare(struct sync *sync,
                    size_t at,
                    const struct sql_rows *rows,
                    size_t row,
                    struct arena *arena)
{
    struct batch_item *item = &sync->batch.items[at];
    struct sync_sale *sold = &sync->sales[at];
    struct span method = sql_text(rows, row, PAYMENT_ROW_METHOD);
    struct span intent = sql_text(rows, row, PAYMENT_ROW_INTENT);
    int64_t amount_minor = sql_i64(rows, row, PAYMENT_ROW_AMOUNT);
    bool same_method = span_is(method, sale_method_name(item->method));
    bool other_intent =
        item->intent.len > 0 && intent.len > 0 && !span_equal(item->intent, intent);
    sold->by_books = true;
    if (!same_method || amount_minor != item->amount_minor || other_intent) {
        item->verdict = BATCH_CONFLICT;
        item->conflict = !same_method                         ? SPAN("other_method")
                         : amount_minor != item->amount_minor ? SPAN("other_amount")
                                                              : SPAN("other_intent");
        item->known_minor = amount_minor;
        item->known_method = arena_span(arena, method);
        sold->way = same_method && amount_minor == item->amount_minor ? SYNC_BY_INTENT
                                                                      : SYNC_BY_CONTENT;
        return;
    }
    bool ended =
        item->method != SALE_CARD || (is_final(sql_text(rows, row, PAYMENT_ROW_STATUS)) &&
                                      (item->intent.len == 0 || intent.len > 0));
    item->verdict = BATCH_DUPLICATE;
    item->was_shown = true;
    sold->way = ended ? SYNC_NO_JOB : SYNC_BY_NAME;
    sold->payment = write_payment(rows, row, arena);
}

static bool is_final(struct span status)
{
    static const char *const finals[] = {"succeeded",
                                         "canceled",
                                         "partially_refunded",
                                         "refunded"};
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        if (span_is(status, finals[i])) {
            return true;
        }
    }
    return false;
}

static struct span write_payment(const struct sql_rows *rows,
                                 size_t row,
                                 struct arena *arena)
{
    struct text text;
    text_init(&text, PAYMENT_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    payment_row_put(&json, rows, row);
    json_close(&json, '}');
    assert(!text.full);
    struct span written = arena_span(arena, text_span(&text));
    text_done(&text);
    return written;
}
