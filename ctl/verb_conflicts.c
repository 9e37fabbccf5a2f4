/* SPDX-License-Identifier: MIT
 * conflicts - sales that phones told in two ways, page by page; conflicts resolve -
 * somebody has found out which is so. Neither changes a payment. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

enum { RESOLUTION_BYTES = 500, NOTE_BYTES = 512 };

enum column {
    CONFLICT_ID,
    CONFLICT_KIND,
    CONFLICT_AMICALE,
    CONFLICT_POMPIER,
    CONFLICT_LOCAL_ID,
    CONFLICT_BATCH,
    CONFLICT_GIVEN,
    CONFLICT_PAYMENT, /* this and what follows: NULL when the books have none */
    CONFLICT_INTENT,
    CONFLICT_AMOUNT,
    CONFLICT_CURRENCY,
    CONFLICT_METHOD,
    CONFLICT_STATUS,
    CONFLICT_SOLD_AT,
    CONFLICT_OPENED_AT,
    CONFLICT_RESOLVED_AT,
    CONFLICT_RESOLVED_BY,
    CONFLICT_RESOLUTION,
    CONFLICT_AGE_MS,
};

static enum outcome read_conflicts(struct ctl *ctl,
                                   const struct people_page *page,
                                   int64_t amicale,
                                   struct sql_rows *out_rows);
static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor);
static void put_books(struct ctl *ctl,
                      struct json_writer *json,
                      const struct sql_rows *rows,
                      size_t row);
static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor);
static struct span note_of(struct ctl *ctl, const struct sql_rows *rows, size_t row);
static void add_given(struct ctl *ctl, struct text *note, struct span given);
static int resolve(struct ctl *ctl, int64_t id, struct span why);

int verb_conflicts(struct ctl *ctl)
{
    struct people_page page;
    struct sql_rows rows;
    struct span cursor;
    int64_t amicale = 0;
    if (!ctl_number(ctl, "--amicale", 0, 1, PEOPLE_ID_MOST, &amicale) ||
        !people_read_page(ctl, &page)) {
        return CTL_USAGE;
    }
    if (read_conflicts(ctl, &page, amicale, &rows) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    size_t count = people_page_rows(ctl, &page, &rows, &cursor);
    if (ctl->json) {
        list_json(ctl, &rows, count, cursor);
    } else {
        list_text(ctl, &rows, count, cursor);
    }
    return CTL_OK;
}

/* A conflict that came before its sale's row may not know its payment: the sale's name
 * still does, and else the PaymentIntent that the phone named, which is another sale's. */
static enum outcome read_conflicts(struct ctl *ctl,
                                   const struct people_page *page,
                                   int64_t amicale,
                                   struct sql_rows *out_rows)
{
    return mariadb_run(
        ctl->db,
        "SELECT c.id, c.kind, c.amicale_id, c.pompier_id, c.local_id, c.sync_batch_id,"
        " c.given, p.id, p.stripe_payment_intent_id, p.amount, p.currency,"
        " p.payment_method, p.status, p.sold_at, c.opened_at, c.resolved_at,"
        " c.resolved_by, c.resolution,"
        " TIMESTAMPDIFF(MICROSECOND, c.opened_at, NOW(3)) DIV 1000"
        " FROM sync_conflicts c LEFT JOIN payment_intents p"
        " ON p.id = COALESCE(c.payment_id, (SELECT s.id FROM payment_intents s"
        "  WHERE s.pompier_id = c.pompier_id AND s.local_id = c.local_id),"
        "  (SELECT n.id FROM payment_intents n"
        "  WHERE n.stripe_payment_intent_id = c.given_intent))"
        " WHERE c.id > ? AND (? = 0 OR c.amicale_id = ?)"
        " AND (? OR c.resolved_at IS NULL) ORDER BY c.id LIMIT ?",
        SQL_VALUES(SQL_I64(page->behind),
                   SQL_I64(amicale),
                   SQL_I64(amicale),
                   SQL_I64(ctl_option(ctl, "--all") != NULL),
                   SQL_I64(page->most + 1)),
        &ctl->arena,
        out_rows,
        &ctl->fault);
}

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor)
{
    struct json_writer json = people_open_list(ctl, "conflicts");
    for (size_t i = 0; i < count; i++) {
        struct span given = sql_text(rows, i, CONFLICT_GIVEN);
        struct fault fault;
        json_open(&json, NULL, '{');
        json_put_integer(&json, "conflict", sql_i64(rows, i, CONFLICT_ID));
        json_put_string(&json, "kind", sql_text(rows, i, CONFLICT_KIND));
        json_put_integer(&json, "amicale", sql_i64(rows, i, CONFLICT_AMICALE));
        json_put_integer(&json, "pompier", sql_i64(rows, i, CONFLICT_POMPIER));
        json_put_string(&json, "local_id", sql_text(rows, i, CONFLICT_LOCAL_ID));
        json_put_optional(&json, "batch", sql_text(rows, i, CONFLICT_BATCH));
        if (json_check(given, &fault) == OUTCOME_DONE) {
            json_put_raw(&json, "phone", given);
        } else {
            json_put_optional(&json, "phone", given);
        }
        put_books(ctl, &json, rows, i);
        json_put_string(&json,
                        "opened_at",
                        show_sql_moment(ctl, sql_text(rows, i, CONFLICT_OPENED_AT)));
        json_put_optional(&json,
                          "resolved_at",
                          show_sql_moment(ctl, sql_text(rows, i, CONFLICT_RESOLVED_AT)));
        json_put_optional(&json, "resolved_by", sql_text(rows, i, CONFLICT_RESOLVED_BY));
        json_put_optional(&json, "resolution", sql_text(rows, i, CONFLICT_RESOLUTION));
        json_close(&json, '}');
    }
    people_close_list(ctl, &json, cursor);
}

static void put_books(struct ctl *ctl,
                      struct json_writer *json,
                      const struct sql_rows *rows,
                      size_t row)
{
    if (sql_is_null(rows, row, CONFLICT_PAYMENT)) {
        json_put_null(json, "books");
        return;
    }
    json_open(json, "books", '{');
    json_put_integer(json, "payment", sql_i64(rows, row, CONFLICT_PAYMENT));
    json_put_optional(json,
                      "stripe_payment_intent_id",
                      sql_text(rows, row, CONFLICT_INTENT));
    json_put_integer(json, "amount", sql_i64(rows, row, CONFLICT_AMOUNT));
    json_put_string(json, "currency", sql_text(rows, row, CONFLICT_CURRENCY));
    json_put_string(json, "payment_method", sql_text(rows, row, CONFLICT_METHOD));
    json_put_string(json, "status", sql_text(rows, row, CONFLICT_STATUS));
    json_put_string(json,
                    "sold_at",
                    show_sql_moment(ctl, sql_text(rows, row, CONFLICT_SOLD_AT)));
    json_close(json, '}');
}

static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor)
{
    static const struct table_column columns[] = {
        {"LOCAL ID", false, false},
        {"KIND", false, false},
        {"CONFLICT", true, false},
        {"AMICALE", true, false},
        {"POMPIER", true, false},
        {"SINCE", true, false},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, sql_text(rows, i, CONFLICT_LOCAL_ID));
        table_cell(&table, sql_text(rows, i, CONFLICT_KIND));
        table_number(&table, sql_i64(rows, i, CONFLICT_ID));
        table_number(&table, sql_i64(rows, i, CONFLICT_AMICALE));
        table_number(&table, sql_i64(rows, i, CONFLICT_POMPIER));
        table_cell(&table,
                   sql_is_null(rows, i, CONFLICT_RESOLVED_AT)
                       ? ctl_age(ctl, sql_i64(rows, i, CONFLICT_AGE_MS))
                       : SPAN("resolved"));
        table_note(&table, note_of(ctl, rows, i));
    }
    table_print(&table, &ctl->out);
    people_say_more(ctl, cursor);
}

/* "phone: 15.00 cash; books: 20.00 card, succeeded (pi_1)" */
static struct span note_of(struct ctl *ctl, const struct sql_rows *rows, size_t row)
{
    struct text note;
    text_init(&note, NOTE_BYTES);
    text_add_string(&note, "phone: ");
    add_given(ctl, &note, sql_text(rows, row, CONFLICT_GIVEN));
    if (sql_is_null(rows, row, CONFLICT_PAYMENT)) {
        text_add_string(&note, "; books: nothing under this name yet");
    } else {
        struct span amount = show_amount(ctl,
                                         sql_i64(rows, row, CONFLICT_AMOUNT),
                                         sql_text(rows, row, CONFLICT_CURRENCY));
        struct span method = sql_text(rows, row, CONFLICT_METHOD);
        struct span status = sql_text(rows, row, CONFLICT_STATUS);
        text_addf(&note,
                  "; books: %.*s %.*s, %.*s",
                  SPAN_ARGS(amount),
                  SPAN_ARGS(method),
                  SPAN_ARGS(status));
    }
    struct span copy = arena_span(&ctl->arena, text_span(&note));
    text_done(&note);
    return copy;
}

static void add_given(struct ctl *ctl, struct text *note, struct span given)
{
    struct cJSON *document = NULL;
    struct fault fault;
    int64_t amount = 0;
    if (json_parse(given, &document, &fault) != OUTCOME_DONE) {
        text_add_string(note, "?");
        return;
    }
    if (json_integer(document, "amount", &amount)) {
        text_add(note, show_amount(ctl, amount, SPAN("eur")));
        text_add_char(note, ' ');
    }
    text_add(note, json_string(document, "payment_method"));
    struct span intent = json_string(document, "stripe_payment_intent_id");
    if (intent.len > 0) {
        text_addf(note, " %.*s", SPAN_ARGS(intent));
    }
    json_free(document);
}

int verb_conflicts_resolve(struct ctl *ctl)
{
    struct span why;
    int64_t id = 0;
    if (!ctl_why(ctl, true, &why)) {
        return CTL_USAGE;
    }
    if (why.len > RESOLUTION_BYTES) {
        return ctl_say(CTL_USAGE,
                       "the --why of a conflict takes at most %d bytes",
                       RESOLUTION_BYTES);
    }
    if (!span_to_i64(span_of(ctl->words[0]), &id) || id < 1) {
        return ctl_say(CTL_USAGE, "a conflict is named by its number (tocsin conflicts)");
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = resolve(ctl, id, why);
    struct span what = span_of(arena_format(&ctl->arena, "conflict %lld", (long long)id));
    code = people_finish(ctl, code, "conflicts resolve", what, why);
    return code == CTL_OK ? people_report(ctl, "conflict", id) : code;
}

static int resolve(struct ctl *ctl, int64_t id, struct span why)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT resolved_at IS NOT NULL FROM"
                                       " sync_conflicts WHERE id = ? FOR UPDATE",
                                       SQL_VALUES(SQL_I64(id)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no conflict %lld", (long long)id);
    }
    if (outcome == OUTCOME_DONE && sql_i64(&rows, 0, 0) != 0) {
        return ctl_say(CTL_WRONG_STATE,
                       "conflict %lld is resolved already",
                       (long long)id);
    }
    if (outcome == OUTCOME_DONE) {
        outcome =
            mariadb_run(ctl->db,
                        "UPDATE sync_conflicts SET resolved_by = ?, resolution = ?,"
                        " resolved_at = CURRENT_TIMESTAMP(3) WHERE id = ?",
                        SQL_VALUES(SQL_SPAN(ctl_who(ctl)), SQL_SPAN(why), SQL_I64(id)),
                        &ctl->arena,
                        NULL,
                        &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}
