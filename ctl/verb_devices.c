/* SPDX-License-Identifier: MIT
 * devices list, add and remove - the Android phones that are certified for Tap to Pay.
 * Each deed and its row in the audit log are one transaction. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

enum { NAME_BYTES = 100, MOST_ANDROID = 99, COUNTRY_BYTES = 2 };

enum column {
    DEVICE_ID,
    DEVICE_MANUFACTURER,
    DEVICE_MODEL,
    DEVICE_IDENTIFIER,
    DEVICE_LEAST_ANDROID,
    DEVICE_COUNTRY,
    DEVICE_CERTIFIED,
    DEVICE_CERTIFIED_ON,
    DEVICE_VERIFIED_AT,
};

struct new_device {
    struct span manufacturer;
    struct span model;
    struct span identifier;
    int64_t least_android;
    struct span country;
    struct span certified_on; /* empty: not known */
};

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor);
static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor);
static int read_device(struct ctl *ctl, struct new_device *out_device);
static bool is_day(struct ctl *ctl, struct span day);
static int insert_device(struct ctl *ctl,
                         const struct new_device *device,
                         int64_t *out_id);
static struct span what_of(struct ctl *ctl,
                           int64_t id,
                           struct span manufacturer,
                           struct span identifier);
static int delete_device(struct ctl *ctl, int64_t id, struct span *out_what);

int verb_devices_list(struct ctl *ctl)
{
    struct people_page page;
    struct sql_rows rows;
    struct span cursor;
    if (!people_read_page(ctl, &page)) {
        return CTL_USAGE;
    }
    if (mariadb_run(ctl->db,
                    "SELECT id, manufacturer, model, model_identifier,"
                    " min_android_version, country, tap_to_pay_certified,"
                    " certification_date, last_verified FROM android_certified_devices"
                    " WHERE id > ? ORDER BY id LIMIT ?",
                    SQL_VALUES(SQL_I64(page.behind), SQL_I64(page.most + 1)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault) != OUTCOME_DONE) {
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

static void list_json(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor)
{
    struct json_writer json = people_open_list(ctl, "devices");
    for (size_t i = 0; i < count; i++) {
        json_open(&json, NULL, '{');
        json_put_integer(&json, "device", sql_i64(rows, i, DEVICE_ID));
        json_put_string(&json, "manufacturer", sql_text(rows, i, DEVICE_MANUFACTURER));
        json_put_string(&json, "model", sql_text(rows, i, DEVICE_MODEL));
        json_put_string(&json, "model_identifier", sql_text(rows, i, DEVICE_IDENTIFIER));
        json_put_integer(&json,
                         "min_android_version",
                         sql_i64(rows, i, DEVICE_LEAST_ANDROID));
        json_put_string(&json, "country", sql_text(rows, i, DEVICE_COUNTRY));
        json_put_bool(&json, "certified", sql_i64(rows, i, DEVICE_CERTIFIED) != 0);
        json_put_optional(&json, "certified_on", sql_text(rows, i, DEVICE_CERTIFIED_ON));
        json_put_optional(&json,
                          "last_verified_at",
                          show_sql_moment(ctl, sql_text(rows, i, DEVICE_VERIFIED_AT)));
        json_close(&json, '}');
    }
    people_close_list(ctl, &json, cursor);
}

static void list_text(struct ctl *ctl,
                      const struct sql_rows *rows,
                      size_t count,
                      struct span cursor)
{
    static const struct table_column columns[] = {
        {"IDENTIFIER", false, false},
        {"DEVICE", true, false},
        {"ANDROID", true, false},
        {"CERTIFIED", false, false},
        {"PHONE", false, true},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count; i++) {
        struct span manufacturer = sql_text(rows, i, DEVICE_MANUFACTURER);
        struct span model = sql_text(rows, i, DEVICE_MODEL);
        table_cell(&table, sql_text(rows, i, DEVICE_IDENTIFIER));
        table_number(&table, sql_i64(rows, i, DEVICE_ID));
        table_number(&table, sql_i64(rows, i, DEVICE_LEAST_ANDROID));
        table_cell(&table,
                   sql_i64(rows, i, DEVICE_CERTIFIED) != 0
                       ? sql_text(rows, i, DEVICE_COUNTRY)
                       : SPAN("no"));
        table_cell(&table,
                   span_of(arena_format(&ctl->arena,
                                        "%.*s %.*s",
                                        SPAN_ARGS(manufacturer),
                                        SPAN_ARGS(model))));
    }
    table_print(&table, &ctl->out);
    people_say_more(ctl, cursor);
}

int verb_devices_add(struct ctl *ctl)
{
    struct new_device device = {.least_android = 0};
    struct span why;
    int64_t id = 0;
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    int code = read_device(ctl, &device);
    if (code != CTL_OK) {
        return code;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = insert_device(ctl, &device, &id);
    struct span what = what_of(ctl, id, device.manufacturer, device.identifier);
    code = people_finish(ctl, code, "devices add", what, why);
    return code == CTL_OK ? people_report(ctl, "device", id) : code;
}

static int read_device(struct ctl *ctl, struct new_device *out_device)
{
    const char *country = ctl_option(ctl, "--country");
    struct new_device device = {
        .manufacturer = span_trim(span_of(ctl_option(ctl, "--manufacturer"))),
        .model = span_trim(span_of(ctl_option(ctl, "--model"))),
        .identifier = span_trim(span_of(ctl_option(ctl, "--identifier"))),
        .country = country ? span_of(country) : SPAN("FR"),
        .certified_on = span_of(ctl_option(ctl, "--certified-on")),
    };
    if (!people_is_name(device.manufacturer, NAME_BYTES) ||
        !people_is_name(device.model, NAME_BYTES) ||
        !people_is_name(device.identifier, NAME_BYTES) ||
        !ctl_option(ctl, "--least-android")) {
        return ctl_say(
            CTL_USAGE,
            "devices add wants --manufacturer NAME, --model NAME, --identifier "
            "NAME and --least-android N");
    }
    if (!ctl_number(ctl, "--least-android", 0, 1, MOST_ANDROID, &device.least_android)) {
        return CTL_USAGE;
    }
    bool is_country = device.country.len == COUNTRY_BYTES;
    for (size_t i = 0; i < device.country.len && is_country; i++) {
        is_country = device.country.at[i] >= 'A' && device.country.at[i] <= 'Z';
    }
    if (!is_country) {
        return ctl_say(CTL_USAGE, "--country is two capital letters, such as FR");
    }
    if (device.certified_on.len > 0 && !is_day(ctl, device.certified_on)) {
        return ctl_say(CTL_USAGE, "--certified-on is a day, such as 2026-11-22");
    }
    *out_device = device;
    return CTL_OK;
}

static bool is_day(struct ctl *ctl, struct span day)
{
    int64_t begins_ms = 0;
    return day.len == sizeof("2026-11-22") - 1 &&
           clock_parse(
               span_of(arena_format(&ctl->arena, "%.*sT00:00:00Z", SPAN_ARGS(day))),
               &begins_ms);
}

static int insert_device(struct ctl *ctl,
                         const struct new_device *device,
                         int64_t *out_id)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "INSERT INTO android_certified_devices (manufacturer, model,"
                    " model_identifier, min_android_version, country,"
                    " certification_date, last_verified)"
                    " VALUES (?, ?, ?, ?, ?, ?, NOW(3))",
                    SQL_VALUES(SQL_SPAN(device->manufacturer),
                               SQL_SPAN(device->model),
                               SQL_SPAN(device->identifier),
                               SQL_I64(device->least_android),
                               SQL_SPAN(device->country),
                               sql_optional(device->certified_on)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        *out_id = rows.insert_id;
        return CTL_OK;
    }
    return mariadb_is_duplicate(&ctl->fault)
               ? ctl_say(CTL_WRONG_STATE,
                         "%.*s %.*s is in the list for %.*s already",
                         SPAN_ARGS(device->manufacturer),
                         SPAN_ARGS(device->identifier),
                         SPAN_ARGS(device->country))
               : ctl_failed(ctl);
}

/* The row of a device that was removed is gone: the audit log says which one it was. */
static struct span what_of(struct ctl *ctl,
                           int64_t id,
                           struct span manufacturer,
                           struct span identifier)
{
    return span_of(arena_format(&ctl->arena,
                                "device %lld %.*s %.*s",
                                (long long)id,
                                SPAN_ARGS(manufacturer),
                                SPAN_ARGS(identifier)));
}

int verb_devices_remove(struct ctl *ctl)
{
    struct span what = {NULL, 0};
    struct span why;
    int64_t id = 0;
    if (!ctl_why(ctl, true, &why)) {
        return CTL_USAGE;
    }
    if (!span_to_i64(span_of(ctl->words[0]), &id) || id < 1) {
        return ctl_say(CTL_USAGE,
                       "%s is no number of a device (tocsin devices list)",
                       ctl->words[0]);
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = delete_device(ctl, id, &what);
    code = people_finish(ctl, code, "devices remove", what, why);
    return code == CTL_OK ? people_report(ctl, "device", id) : code;
}

static int delete_device(struct ctl *ctl, int64_t id, struct span *out_what)
{
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "SELECT manufacturer, model_identifier"
                    " FROM android_certified_devices WHERE id = ? FOR UPDATE",
                    SQL_VALUES(SQL_I64(id)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no device %lld", (long long)id);
    }
    if (outcome == OUTCOME_DONE) {
        *out_what = what_of(ctl, id, sql_text(&rows, 0, 0), sql_text(&rows, 0, 1));
        outcome = mariadb_run(ctl->db,
                              "DELETE FROM android_certified_devices WHERE id = ?",
                              SQL_VALUES(SQL_I64(id)),
                              &ctl->arena,
                              NULL,
                              &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}
