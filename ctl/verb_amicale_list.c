/* SPDX-License-Identifier: MIT
 * amicale list - the amicales with their Stripe accounts, page by page. Addresses are
 * masked unless they are asked for. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

enum column {
    AMICALE_ID,
    AMICALE_NAME,
    AMICALE_EMAIL,
    AMICALE_ADRESSE1,
    AMICALE_ADRESSE2,
    AMICALE_CODE_POSTAL,
    AMICALE_VILLE,
    AMICALE_LOCATION,
    AMICALE_ACCOUNT, /* this and what follows: NULL without an account */
    AMICALE_CHARGES,
    AMICALE_PAYOUTS,
    AMICALE_ONBOARDED,
    AMICALE_USERS,
    AMICALE_CREATED_AT,
};

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole);
static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole);
static struct span note_of(struct ctl *ctl,
                           const struct sql_rows *rows,
                           size_t row,
                           bool *whole);

int verb_amicale_list(struct ctl *ctl)
{
    struct people_page page;
    struct sql_rows rows;
    struct span cursor;
    bool whole = true;
    if (!people_read_page(ctl, &page)) {
        return CTL_USAGE;
    }
    if (mariadb_run(ctl->db,
                    "SELECT a.id, a.encrypted_name, a.encrypted_email, a.adresse1,"
                    " a.adresse2, a.code_postal, a.ville, a.stripe_location_id,"
                    " s.stripe_account_id, s.charges_enabled, s.payouts_enabled,"
                    " s.onboarding_completed,"
                    " (SELECT COUNT(*) FROM users u WHERE u.amicale_id = a.id"
                    "  AND u.disabled_at IS NULL), a.created_at"
                    " FROM amicales a"
                    " LEFT JOIN stripe_accounts s ON s.serves_amicale_id = a.id"
                    " WHERE a.id > ? ORDER BY a.id LIMIT ?",
                    SQL_VALUES(SQL_I64(page.behind), SQL_I64(page.most + 1)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    size_t count = people_page_rows(ctl, &page, &rows, &cursor);
    if (ctl->json) {
        list_json(ctl, &rows, count, cursor, &whole);
    } else {
        list_text(ctl, &rows, count, cursor, &whole);
    }
    return whole ? CTL_OK : CTL_FAILED;
}

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole)
{
    static const struct {
        const char *key;
        enum column column;
    } texts[] = {
        {"adresse1", AMICALE_ADRESSE1},
        {"adresse2", AMICALE_ADRESSE2},
        {"code_postal", AMICALE_CODE_POSTAL},
        {"ville", AMICALE_VILLE},
        {"location", AMICALE_LOCATION},
        {"account", AMICALE_ACCOUNT},
    };
    struct json_writer json = people_open_list(ctl, "amicales");
    for (size_t i = 0; i < count; i++) {
        struct span email = people_unsealed(ctl,
                                            "amicales.encrypted_email",
                                            sql_at(rows, i, AMICALE_EMAIL),
                                            whole);
        json_open(&json, NULL, '{');
        json_put_integer(&json, "amicale", sql_i64(rows, i, AMICALE_ID));
        json_put_optional(&json,
                          "name",
                          people_unsealed(ctl,
                                          "amicales.encrypted_name",
                                          sql_at(rows, i, AMICALE_NAME),
                                          whole));
        json_put_optional(&json, "email", people_shown_address(ctl, email));
        for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
            json_put_optional(&json, texts[j].key, sql_text(rows, i, texts[j].column));
        }
        json_put_bool(&json, "charges_enabled", sql_i64(rows, i, AMICALE_CHARGES) != 0);
        json_put_bool(&json, "payouts_enabled", sql_i64(rows, i, AMICALE_PAYOUTS) != 0);
        json_put_bool(&json,
                      "onboarding_completed",
                      sql_i64(rows, i, AMICALE_ONBOARDED) != 0);
        json_put_integer(&json, "users", sql_i64(rows, i, AMICALE_USERS));
        json_put_string(&json,
                        "created_at",
                        show_sql_moment(ctl, sql_text(rows, i, AMICALE_CREATED_AT)));
        json_close(&json, '}');
    }
    people_close_list(ctl, &json, cursor);
}

static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole)
{
    static const struct table_column columns[] = {
        {"AMICALE", true, false},
        {"USERS", true, false},
        {"CHARGES", false, false},
        {"NAME", false, true},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++) {
        table_number(&table, sql_i64(rows, i, AMICALE_ID));
        table_number(&table, sql_i64(rows, i, AMICALE_USERS));
        table_cell(&table,
                   sql_is_null(rows, i, AMICALE_CHARGES)    ? SPAN("-")
                   : sql_i64(rows, i, AMICALE_CHARGES) != 0 ? SPAN("yes")
                                                            : SPAN("no"));
        table_cell(&table,
                   people_unsealed(ctl,
                                   "amicales.encrypted_name",
                                   sql_at(rows, i, AMICALE_NAME),
                                   whole));
        table_note(&table, note_of(ctl, rows, i, whole));
    }
    table_print(&table, &ctl->out);
    people_say_more(ctl, cursor);
}

/* "acct_1, 35000 Rennes, a***@d***.fr": what there is of it. */
static struct span note_of(struct ctl *ctl,
                           const struct sql_rows *rows,
                           size_t row,
                           bool *whole)
{
    struct span email = people_unsealed(ctl,
                                        "amicales.encrypted_email",
                                        sql_at(rows, row, AMICALE_EMAIL),
                                        whole);
    struct span postal = sql_text(rows, row, AMICALE_CODE_POSTAL);
    struct span ville = sql_text(rows, row, AMICALE_VILLE);
    struct span place = span_trim(span_of(
        arena_format(&ctl->arena, "%.*s %.*s", SPAN_ARGS(postal), SPAN_ARGS(ville))));
    const struct span parts[] = {sql_text(rows, row, AMICALE_ACCOUNT),
                                 place,
                                 people_shown_address(ctl, email)};
    struct text note;
    text_init(&note, 4096);
    text_add_string(&note, "");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len > 0) {
            text_add_string(&note, note.len > 0 ? ", " : "");
            text_add(&note, parts[i]);
        }
    }
    struct span copy = arena_span(&ctl->arena, text_span(&note));
    text_done(&note);
    return copy;
}
