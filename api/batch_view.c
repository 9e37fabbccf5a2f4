/* SPDX-License-Identifier: MIT
 * Looks at a batch's sales in the books. */
#include "api/batch_view.h"

#include <assert.h>

#include "api/batch_write.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/payment_row.h"
#include "common/model/batch.h"

enum { GIVEN_BYTES = 1 << 20, NAME_BYTES = 256 };

/* Behind the payment's own columns; the first one of these is the place in the question. */
enum column {
    PLACE = PAYMENT_ROW_WIDTH,
    IS_OF_BATCH, /* a phone's flush has been to the row */
    CONFLICT_KIND,
    KNOWN_AMOUNT,
    KNOWN_METHOD,
    IS_DEAD,
};

static const char *const state_names[VIEW_STATES] = {
    [VIEW_WAITING] = "waiting",
    [VIEW_RECORDED] = "recorded",
    [VIEW_CONFLICT] = "conflict",
    [VIEW_REJECTED] = "rejected",
    [VIEW_FAILED] = "failed",
};

static enum outcome look_from(struct batch_view *view,
                              struct mariadb *db,
                              size_t from,
                              struct arena *scratch,
                              size_t *out_ended,
                              struct fault *fault);
static void drop_ended(struct batch_view *view);
static enum outcome ask(const struct batch_view *view,
                        struct mariadb *db,
                        const uint16_t *places,
                        size_t count,
                        struct arena *arena,
                        struct sql_rows *out_rows,
                        struct fault *fault);
static struct span write_given(const struct batch_view *view,
                               const uint16_t *places,
                               size_t count,
                               struct arena *arena);
static void put_given(struct json_writer *json,
                      const struct batch_view *view,
                      const struct view_item *item,
                      struct arena *arena);
static void judge(struct view_item *item, const struct sql_rows *rows, size_t row);
static bool is_same(const struct view_item *item,
                    const struct sql_rows *rows,
                    size_t row);
static bool is_known(const struct view_item *item,
                     const struct sql_rows *rows,
                     size_t row);
static bool is_one_of(struct span status, const char *const *names, size_t count);
static int32_t paid_of(const struct view_item *item,
                       const struct sql_rows *rows,
                       size_t row);

static const char *const paid[] = {"succeeded", "partially_refunded", "refunded"};
static const char *const final[] = {"succeeded",
                                    "partially_refunded",
                                    "refunded",
                                    "canceled"};

const char *view_state_name(enum view_state state)
{
    assert((int)state >= 0 && (int)state < VIEW_STATES);
    return state_names[state];
}

void batch_view_begin(struct batch_view *view,
                      const struct seal_ring *ring,
                      const struct batch *batch,
                      struct arena *arena)
{
    _Static_assert(BATCH_MOST_ITEMS <= UINT16_MAX, "a place fits");
    *view = (struct batch_view){
        .ring = ring,
        .id = arena_span(arena, batch->id),
        .pompier_id = batch->pompier_id,
        .items = ARENA_ARRAY(arena, struct view_item, batch->count),
        .count = batch->count,
        .waiting = ARENA_ARRAY(arena, uint16_t, batch->count),
    };
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        bool rejected = item->verdict == BATCH_REJECTED;
        view->items[i] = (struct view_item){
            .amount_minor = (int32_t)item->amount_minor,
            .method = item->method,
            .state = rejected ? VIEW_REJECTED : VIEW_WAITING,
            .is_conflict = item->verdict == BATCH_CONFLICT,
            .repeats = item->repeats,
        };
        if (!rejected) {
            view->items[i].local_id = arena_span(arena, item->local_id);
            view->items[i].intent = arena_span(arena, item->intent);
            view->waiting[view->waiting_count++] = (uint16_t)i;
        }
    }
}

enum outcome batch_view_look(struct batch_view *view,
                             struct mariadb *db,
                             struct arena *scratch,
                             struct fault *fault)
{
    size_t from = 0;
    size_t ended = 1;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && ended > 0 && from < view->waiting_count) {
        outcome = look_from(view, db, from, scratch, &ended, fault);
        from += VIEW_SLICE;
    }
    if (outcome == OUTCOME_DONE && from < view->waiting_count) {
        size_t behind = from > view->turn ? from : view->turn;
        behind = behind < view->waiting_count ? behind : from;
        outcome = look_from(view, db, behind, scratch, &ended, fault);
        view->turn = behind + VIEW_SLICE;
    }
    drop_ended(view);
    return outcome;
}

static enum outcome look_from(struct batch_view *view,
                              struct mariadb *db,
                              size_t from,
                              struct arena *scratch,
                              size_t *out_ended,
                              struct fault *fault)
{
    struct sql_rows rows;
    const uint16_t *places = view->waiting + from;
    size_t left = view->waiting_count - from;
    size_t count = left < VIEW_SLICE ? left : VIEW_SLICE;
    enum outcome outcome = ask(view, db, places, count, scratch, &rows, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    size_t ended = 0;
    for (size_t i = 0; i < rows.count; i++) {
        struct view_item *item = &view->items[places[sql_i64(&rows, i, PLACE) - 1]];
        judge(item, &rows, i);
        ended += item->state != VIEW_WAITING;
    }
    *out_ended = ended;
    return outcome;
}

/* A dead job may still be run by an operator; whoever looks at the batch anew sees it. */
static void drop_ended(struct batch_view *view)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->waiting_count; i++) {
        uint16_t at = view->waiting[i];
        if (view->items[at].state == VIEW_WAITING) {
            view->waiting[kept++] = at;
        }
    }
    view->waiting_count = kept;
}

enum outcome batch_view_look_at_all(struct batch_view *view,
                                    struct mariadb *db,
                                    struct arena *arena,
                                    struct sql_rows *out_rows,
                                    size_t **out_places,
                                    struct fault *fault)
{
    uint16_t *asked = ARENA_ARRAY(arena, uint16_t, view->count);
    size_t *places = ARENA_ARRAY(arena, size_t, view->count);
    size_t count = 0;
    for (size_t i = 0; i < view->count; i++) {
        places[i] = SIZE_MAX;
        if (view->items[i].state != VIEW_REJECTED) {
            asked[count++] = (uint16_t)i;
        }
    }
    struct sql_rows rows = {.count = 0};
    enum outcome outcome =
        count > 0 ? ask(view, db, asked, count, arena, &rows, fault) : OUTCOME_DONE;
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    for (size_t row = 0; row < rows.count; row++) {
        size_t at = asked[sql_i64(&rows, row, PLACE) - 1];
        places[at] = row;
        view->items[at].state = VIEW_WAITING;
        judge(&view->items[at], &rows, row);
    }
    drop_ended(view);
    *out_rows = rows;
    *out_places = places;
    return OUTCOME_DONE;
}

/* Each name is looked up in three unique keys. A job's death is looked for only where
 * neither a row nor a conflict says that all is well. */
static enum outcome ask(const struct batch_view *view,
                        struct mariadb *db,
                        const uint16_t *places,
                        size_t count,
                        struct arena *arena,
                        struct sql_rows *out_rows,
                        struct fault *fault)
{
    struct span given = write_given(view, places, count, arena);
    return mariadb_run(
        db,
        "SELECT " PAYMENT_ROW_COLUMNS ", given.n,"
        " payment_intents.sync_batch_id IS NOT NULL, sync_conflicts.kind, known.amount,"
        " known.payment_method, sync_conflicts.id IS NULL AND"
        " (payment_intents.id IS NULL OR payment_intents.payment_method = 'card')"
        " AND EXISTS (SELECT 1 FROM jobs_archive"
        " WHERE jobs_archive.job_id IN (given.job, given.second))"
        " FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY,"
        " name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',"
        " mac CHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',"
        " job VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',"
        " second VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]'))"
        " AS given LEFT JOIN payment_intents ON payment_intents.pompier_id = ?"
        " AND payment_intents.local_id = given.name"
        " LEFT JOIN sync_conflicts ON sync_conflicts.pompier_id = ?"
        " AND sync_conflicts.local_id = given.name"
        " AND sync_conflicts.given_mac = given.mac"
        " LEFT JOIN payment_intents AS known ON known.id = sync_conflicts.payment_id",
        SQL_VALUES(SQL_SPAN(given), SQL_I64(view->pompier_id), SQL_I64(view->pompier_id)),
        arena,
        out_rows,
        fault);
}

static struct span write_given(const struct batch_view *view,
                               const uint16_t *places,
                               size_t count,
                               struct arena *arena)
{
    struct text text;
    text_init(&text, GIVEN_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        put_given(&json, view, &view->items[places[i]], arena);
    }
    json_close(&json, ']');
    assert(!text.full);
    struct span given = arena_span(arena, text_span(&text));
    text_done(&text);
    return given;
}

/* Its name, its fingerprint, and the jobs that it may be. */
static void put_given(struct json_writer *json,
                      const struct batch_view *view,
                      const struct view_item *item,
                      struct arena *arena)
{
    const struct sale sale = {.pompier_id = view->pompier_id,
                              .local_id = item->local_id,
                              .amount_minor = item->amount_minor,
                              .method = item->method,
                              .intent = item->intent};
    struct span mac = sale_fingerprint(&sale, view->ring, arena);
    struct span name = item->is_conflict ? sale_content_job_id(&sale, mac, arena)
                                         : sale_job_id(&sale, arena);
    struct span second = item->intent.len > 0 ? sale_intent_job_id(&sale, arena) : name;
    json_open(json, NULL, '[');
    json_put_string(json, NULL, item->local_id);
    json_put_string(json, NULL, mac);
    json_put_string(json, NULL, name);
    json_put_string(json, NULL, second);
    json_close(json, ']');
}

/* The conflict of a sale that agrees with its row is about another PaymentIntent: it is
 * this one's when the phone named one that the row does not have, or the door saw it. */
static void judge(struct view_item *item, const struct sql_rows *rows, size_t row)
{
    bool same = is_same(item, rows, row);
    struct span intent = sql_text(rows, row, PAYMENT_ROW_INTENT);
    bool has_intent = item->intent.len == 0 || span_equal(item->intent, intent);
    bool conflict = !sql_is_null(rows, row, CONFLICT_KIND);
    if (conflict && !(same && has_intent && (!item->is_conflict || item->intent.len))) {
        item->state = VIEW_CONFLICT;
    } else if (same && has_intent && is_known(item, rows, row)) {
        item->state = VIEW_RECORDED;
        item->paid_minor = paid_of(item, rows, row);
    } else if (sql_i64(rows, row, IS_DEAD) == 1) {
        item->state = VIEW_FAILED;
    }
}

static bool is_same(const struct view_item *item, const struct sql_rows *rows, size_t row)
{
    return !sql_is_null(rows, row, PAYMENT_ROW_ID) &&
           sql_i64(rows, row, PAYMENT_ROW_AMOUNT) == item->amount_minor &&
           span_is(sql_text(rows, row, PAYMENT_ROW_METHOD),
                   sale_method_name(item->method));
}

/* Of a card Stripe was asked since it was handed over, or it need not be asked. */
static bool is_known(const struct view_item *item,
                     const struct sql_rows *rows,
                     size_t row)
{
    struct span status = sql_text(rows, row, PAYMENT_ROW_STATUS);
    return item->method != SALE_CARD ||
           is_one_of(status, final, sizeof(final) / sizeof(final[0])) ||
           (sql_i64(rows, row, IS_OF_BATCH) == 1 && !span_is(status, "new"));
}

static bool is_one_of(struct span status, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(status, names[i])) {
            return true;
        }
    }
    return false;
}

static int32_t paid_of(const struct view_item *item,
                       const struct sql_rows *rows,
                       size_t row)
{
    struct span status = sql_text(rows, row, PAYMENT_ROW_STATUS);
    if (!is_one_of(status, paid, sizeof(paid) / sizeof(paid[0]))) {
        return 0;
    }
    return item->method == SALE_CARD ? (int32_t)sql_i64(rows, row, PAYMENT_ROW_RECEIVED)
                                     : item->amount_minor;
}

void batch_view_put_row(struct json_writer *json,
                        const struct batch_view *view,
                        size_t at,
                        const struct batch_item *item,
                        const struct sql_rows *rows,
                        size_t row)
{
    const struct view_item *seen = &view->items[at];
    if (seen->state == VIEW_CONFLICT) {
        struct span kind = sql_text(rows, row, CONFLICT_KIND);
        struct span method = sql_text(rows, row, KNOWN_METHOD);
        int64_t amount_minor = sql_i64(rows, row, KNOWN_AMOUNT);
        bool by_door = method.len == 0;
        batch_put_conflict(json,
                           kind.len > 0 ? kind : item->conflict,
                           by_door ? item->known_minor : amount_minor,
                           by_door ? item->known_method : method);
    } else if (seen->state == VIEW_RECORDED) {
        json_open(json, "payment", '{');
        payment_row_put(json, rows, row);
        json_close(json, '}');
    }
}

void batch_view_put_figures(struct json_writer *json, const struct batch_view *view)
{
    struct {
        int64_t count;
        int64_t minor;
    } of[SALE_METHODS] = {{0}};
    int64_t outcomes[VIEW_STATES] = {0};
    int64_t minor[VIEW_STATES] = {0};
    int64_t paid_minor = 0;
    int64_t all_minor = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct view_item *item = &view->items[i];
        outcomes[item->state]++;
        if (item->repeats || item->state == VIEW_REJECTED) {
            continue;
        }
        of[item->method].count++;
        of[item->method].minor += item->amount_minor;
        minor[item->state] += item->amount_minor;
        all_minor += item->amount_minor;
        paid_minor += item->paid_minor;
    }
    json_put_integer(json, "total", (int64_t)view->count);
    json_put_integer(json, "done", (int64_t)view->count - outcomes[VIEW_WAITING]);
    json_open(json, "outcomes", '{');
    for (int i = 0; i < VIEW_STATES; i++) {
        json_put_integer(json, state_names[i], outcomes[i]);
    }
    json_close(json, '}');
    json_open(json, "totals", '{');
    json_put_integer(json, "amount", all_minor);
    json_put_integer(json, "recorded", minor[VIEW_RECORDED]);
    json_put_integer(json, "paid", paid_minor);
    json_put_integer(json, "conflict", minor[VIEW_CONFLICT]);
    for (int i = 0; i < SALE_METHODS; i++) {
        json_open(json, sale_method_name((enum sale_method)i), '{');
        json_put_integer(json, "count", of[i].count);
        json_put_integer(json, "amount", of[i].minor);
        json_close(json, '}');
    }
    json_close(json, '}');
}
