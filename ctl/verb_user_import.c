/* SPDX-License-Identifier: MIT
 * user import - users with the passwords that they have elsewhere: the whole file is
 * checked first, then all who are new are added in one transaction, each with their row in
 * the audit log. Hashes are never shown. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/amicale_known.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/sheet.h"
#include "ctl/sheet_file.h"
#include "ctl/user_file.h"
#include "ctl/verbs.h"

/* What becomes of a row. */
struct import_row {
    const struct sheet_row *row;
    struct span lookup;
    int64_t amicale; /* 0: none */
    int64_t user; /* 0: they would be added */
    bool known; /* they were there before */
};
struct import {
    struct import_row *rows;
    size_t count;
    size_t known;
    bool dry_run;
};

static int plan(struct ctl *ctl, struct sheet *sheet, struct import *import);
static enum outcome find_amicale(struct ctl *ctl,
                                 const struct amicale_known *known,
                                 struct span word,
                                 int64_t *out_amicale);
static enum outcome find_user(struct ctl *ctl, struct import_row *row);
static int add_all(struct ctl *ctl, struct import *import, struct span why);
static int add_one(struct ctl *ctl, struct import_row *row, struct span why);
static void report(struct ctl *ctl, const struct import *import);

int verb_user_import(struct ctl *ctl)
{
    const char *path = ctl->words[0];
    struct import import = {.dry_run = ctl_option(ctl, "--dry-run") != NULL};
    struct sheet sheet;
    struct span why;
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    int code = sheet_file_read(ctl, path, &user_sheet, &sheet);
    if (code != CTL_OK) {
        return code;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = plan(ctl, &sheet, &import);
    if (code == CTL_OK && sheet.complaint_count > 0) {
        code = sheet_file_tell(path, &sheet);
    }
    if (code == CTL_OK && !import.dry_run) {
        code = add_all(ctl, &import, why);
    }
    if (code == CTL_OK && mariadb_commit(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        code = ctl_failed(ctl);
    }
    if (code != CTL_OK) {
        mariadb_rollback(ctl->db);
        return code;
    }
    report(ctl, &import);
    return CTL_OK;
}

/* What the books know is asked of a file with complaints too: all of them are told at
 * once. */
static int plan(struct ctl *ctl, struct sheet *sheet, struct import *import)
{
    struct amicale_known known;
    if (amicale_known_read(ctl, &known) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    import->rows = ARENA_ARRAY(&ctl->arena, struct import_row, sheet->count + 1);
    import->count = sheet->count;
    for (size_t i = 0; i < sheet->count; i++) {
        struct import_row *row = &import->rows[i];
        *row = (struct import_row){.row = &sheet->rows[i]};
        struct span amicale = row->row->cells[USER_AMICALE];
        if (amicale.len > 0) {
            if (find_amicale(ctl, &known, amicale, &row->amicale) != OUTCOME_DONE) {
                return ctl_failed(ctl);
            }
            if (row->amicale == 0) {
                sheet_complain(sheet,
                               row->row,
                               USER_AMICALE,
                               "there is no amicale with this number or address");
            }
        }
        if (find_user(ctl, row) != OUTCOME_DONE) {
            return ctl_failed(ctl);
        }
        import->known += row->known;
    }
    return CTL_OK;
}

/* *out_amicale is 0 when there is none. */
static enum outcome find_amicale(struct ctl *ctl,
                                 const struct amicale_known *known,
                                 struct span word,
                                 int64_t *out_amicale)
{
    struct sql_rows rows;
    struct span address;
    int64_t id = 0;
    if (!span_to_i64(word, &id)) {
        *out_amicale = people_address(ctl, word, &address)
                           ? amicale_known_find(known, people_lookup(ctl, address))
                           : 0;
        return OUTCOME_DONE;
    }
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT id FROM amicales WHERE id = ?",
                                       SQL_VALUES(SQL_I64(id)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        *out_amicale = rows.count > 0 ? id : 0;
    }
    return outcome;
}

/* A row whose address is wrong is nobody. */
static enum outcome find_user(struct ctl *ctl, struct import_row *row)
{
    struct sql_rows rows;
    if (row->row->cells[USER_EMAIL].len == 0) {
        return OUTCOME_DONE;
    }
    row->lookup = people_lookup(ctl, row->row->cells[USER_EMAIL]);
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT id FROM users WHERE email_lookup = ?",
                                       SQL_VALUES(SQL_SPAN(row->lookup)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count > 0) {
        row->user = sql_i64(&rows, 0, 0);
        row->known = true;
    }
    return outcome;
}

static int add_all(struct ctl *ctl, struct import *import, struct span why)
{
    int code = CTL_OK;
    for (size_t i = 0; i < import->count && code == CTL_OK; i++) {
        if (!import->rows[i].known) {
            code = add_one(ctl, &import->rows[i], why);
        }
    }
    return code;
}

static int add_one(struct ctl *ctl, struct import_row *row, struct span why)
{
    const struct span *cells = row->row->cells;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        ctl->db,
        "INSERT INTO users (amicale_id, role, encrypted_name, encrypted_email,"
        " email_lookup, password_hash) VALUES (?, ?, ?, ?, ?, ?)",
        SQL_VALUES(people_optional_id(row->amicale),
                   SQL_SPAN(cells[USER_ROLE]),
                   people_sealed(ctl, "users.encrypted_name", cells[USER_NAME]),
                   people_sealed(ctl, "users.encrypted_email", cells[USER_EMAIL]),
                   SQL_SPAN(row->lookup),
                   SQL_SPAN(cells[USER_PASSWORD_HASH])),
        &ctl->arena,
        &rows,
        &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        row->user = rows.insert_id;
        struct span what =
            span_of(arena_format(&ctl->arena, "user %lld", (long long)row->user));
        outcome = people_audit(ctl, "user import", what, why);
    } else if (mariadb_is_duplicate(&ctl->fault)) {
        return ctl_say(CTL_WRONG_STATE,
                       "nothing was imported: the user of line %zu was added by "
                       "somebody else at this moment",
                       row->row->line);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

static void report(struct ctl *ctl, const struct import *import)
{
    size_t added = import->count - import->known;
    if (!ctl->json) {
        text_addf(&ctl->out,
                  "%s: %zu; known already, left as they are: %zu\n",
                  import->dry_run ? "to be added (nothing was changed)" : "added",
                  added,
                  import->known);
        return;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_bool(&json, "dry_run", import->dry_run);
    json_put_integer(&json, "rows", (int64_t)import->count);
    json_put_integer(&json, "added", (int64_t)added);
    json_put_integer(&json, "known", (int64_t)import->known);
    json_open(&json, "users", '[');
    for (size_t i = 0; i < import->count; i++) {
        const struct import_row *row = &import->rows[i];
        json_open(&json, NULL, '{');
        json_put_integer(&json, "line", (int64_t)row->row->line);
        json_put_string(&json, "state", row->known ? SPAN("known") : SPAN("added"));
        if (row->user > 0) {
            json_put_integer(&json, "user", row->user);
        } else {
            json_put_null(&json, "user");
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}
