/* SPDX-License-Identifier: MIT
 * user list - who may sign in, page by page. Names are shown to whoever may read the ring
 * of personal data; addresses are masked unless they are asked for. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/role.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

enum column {
    USER_ID,
    USER_ROLE,
    USER_AMICALE,
    USER_NAME,
    USER_EMAIL,
    USER_SESSIONS,
    USER_SEEN_AT,
    USER_SEEN_MS,
    USER_DISABLED_AT,
    USER_CREATED_AT,
};

/* What is asked for. */
struct wanted {
    struct people_page page;
    struct span role; /* empty: any */
    int64_t amicale; /* 0: any */
    bool disabled_too;
};

static int read_wanted(struct ctl *ctl, struct wanted *out_wanted);
static enum outcome read_users(struct ctl *ctl,
                               const struct wanted *wanted,
                               struct sql_rows *out_rows);
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

int verb_user_list(struct ctl *ctl)
{
    struct wanted wanted;
    struct sql_rows rows;
    struct span cursor;
    bool whole = true;
    int code = read_wanted(ctl, &wanted);
    if (code != CTL_OK) {
        return code;
    }
    if (read_users(ctl, &wanted, &rows) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    size_t count = people_page_rows(ctl, &wanted.page, &rows, &cursor);
    if (ctl->json) {
        list_json(ctl, &rows, count, cursor, &whole);
    } else {
        list_text(ctl, &rows, count, cursor, &whole);
    }
    return whole ? CTL_OK : CTL_FAILED;
}

static int read_wanted(struct ctl *ctl, struct wanted *out_wanted)
{
    struct wanted wanted = {.role = span_of(ctl_option(ctl, "--role")),
                            .disabled_too = ctl_option(ctl, "--all") != NULL};
    enum role role;
    if (wanted.role.len > 0 && !role_find(wanted.role, &role)) {
        return ctl_say(CTL_USAGE, "--role is pompier, admin, viewer or operator");
    }
    if (!ctl_number(ctl, "--amicale", 0, 1, PEOPLE_ID_MOST, &wanted.amicale) ||
        !people_read_page(ctl, &wanted.page)) {
        return CTL_USAGE;
    }
    *out_wanted = wanted;
    return CTL_OK;
}

static enum outcome read_users(struct ctl *ctl,
                               const struct wanted *wanted,
                               struct sql_rows *out_rows)
{
    return mariadb_run(
        ctl->db,
        "SELECT u.id, u.role, u.amicale_id, u.encrypted_name, u.encrypted_email,"
        " (SELECT COUNT(*) FROM sessions s WHERE s.user_id = u.id"
        "  AND s.expires_at > NOW(3)),"
        " (SELECT MAX(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id) AS seen,"
        " (SELECT TIMESTAMPDIFF(MICROSECOND, MAX(s.last_seen_at), NOW(3)) DIV 1000"
        "  FROM sessions s WHERE s.user_id = u.id),"
        " u.disabled_at, u.created_at"
        " FROM users u WHERE u.id > ? AND (? = '' OR u.role = ?)"
        " AND (? = 0 OR u.amicale_id = ?) AND (? OR u.disabled_at IS NULL)"
        " ORDER BY u.id LIMIT ?",
        SQL_VALUES(SQL_I64(wanted->page.behind),
                   people_text(wanted->role),
                   people_text(wanted->role),
                   SQL_I64(wanted->amicale),
                   SQL_I64(wanted->amicale),
                   SQL_I64(wanted->disabled_too),
                   SQL_I64(wanted->page.most + 1)),
        &ctl->arena,
        out_rows,
        &ctl->fault);
}

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole)
{
    struct json_writer json = people_open_list(ctl, "users");
    for (size_t i = 0; i < count; i++) {
        struct span email = people_unsealed(ctl,
                                            "users.encrypted_email",
                                            sql_at(rows, i, USER_EMAIL),
                                            whole);
        json_open(&json, NULL, '{');
        json_put_integer(&json, "user", sql_i64(rows, i, USER_ID));
        json_put_string(&json, "role", sql_text(rows, i, USER_ROLE));
        if (sql_is_null(rows, i, USER_AMICALE)) {
            json_put_null(&json, "amicale");
        } else {
            json_put_integer(&json, "amicale", sql_i64(rows, i, USER_AMICALE));
        }
        json_put_optional(&json,
                          "name",
                          people_unsealed(ctl,
                                          "users.encrypted_name",
                                          sql_at(rows, i, USER_NAME),
                                          whole));
        json_put_optional(&json, "email", people_shown_address(ctl, email));
        json_put_integer(&json, "sessions", sql_i64(rows, i, USER_SESSIONS));
        json_put_optional(&json,
                          "last_seen_at",
                          show_sql_moment(ctl, sql_text(rows, i, USER_SEEN_AT)));
        json_put_optional(&json,
                          "disabled_at",
                          show_sql_moment(ctl, sql_text(rows, i, USER_DISABLED_AT)));
        json_put_string(&json,
                        "created_at",
                        show_sql_moment(ctl, sql_text(rows, i, USER_CREATED_AT)));
        json_close(&json, '}');
    }
    people_close_list(ctl, &json, cursor);
}

/* A whole address stands on a line of its own: there is no room for it beside a name. */
static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor,
                      bool *whole)
{
    static const struct table_column columns[] = {
        {"USER", true, false},
        {"ROLE", false, false},
        {"AMICALE", true, false},
        {"SEEN", true, false},
        {"NAME", false, true},
        {"ADDRESS", false, false},
    };
    bool addresses = ctl_option(ctl, "--show-addresses") != NULL;
    struct table table;
    table_init(&table,
               &ctl->arena,
               columns,
               sizeof(columns) / sizeof(columns[0]) - addresses);
    for (size_t i = 0; i < count; i++) {
        struct span email = people_unsealed(ctl,
                                            "users.encrypted_email",
                                            sql_at(rows, i, USER_EMAIL),
                                            whole);
        struct span seen = !sql_is_null(rows, i, USER_DISABLED_AT) ? SPAN("disabled")
                           : sql_is_null(rows, i, USER_SEEN_AT)
                               ? SPAN("-")
                               : ctl_age(ctl, sql_i64(rows, i, USER_SEEN_MS));
        table_number(&table, sql_i64(rows, i, USER_ID));
        table_cell(&table, sql_text(rows, i, USER_ROLE));
        if (sql_is_null(rows, i, USER_AMICALE)) {
            table_cell(&table, SPAN("-"));
        } else {
            table_number(&table, sql_i64(rows, i, USER_AMICALE));
        }
        table_cell(&table, seen);
        table_cell(&table,
                   people_unsealed(ctl,
                                   "users.encrypted_name",
                                   sql_at(rows, i, USER_NAME),
                                   whole));
        if (addresses) {
            table_note(&table, email);
        } else {
            table_cell(&table, people_shown_address(ctl, email));
        }
    }
    table_print(&table, &ctl->out);
    people_say_more(ctl, cursor);
}
