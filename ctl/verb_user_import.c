/* SPDX-License-Identifier: MIT
 * user import - users with the passwords that they have elsewhere. Hashes are never shown.
 */
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/import.h"
#include "ctl/people.h"
#include "ctl/sheet.h"
#include "ctl/user_file.h"
#include "ctl/verbs.h"

static enum outcome find(struct ctl *ctl,
                         struct sheet *sheet,
                         const struct amicale_known *amicales,
                         struct import_row *row);
static enum outcome find_amicale(struct ctl *ctl,
                                 const struct amicale_known *known,
                                 struct span word,
                                 int64_t *out_amicale);
static enum outcome find_user(struct ctl *ctl, struct import_row *row);
static enum outcome add(struct ctl *ctl, const struct import_row *row, int64_t *out_id);

int verb_user_import(struct ctl *ctl)
{
    static const struct import_kind kind = {
        .sheet = &user_sheet,
        .verb = "user import",
        .one = "user",
        .many = "users",
        .books_complain = true,
        .find = find,
        .add = add,
    };
    return import_run(ctl, &kind);
}

static enum outcome find(struct ctl *ctl,
                         struct sheet *sheet,
                         const struct amicale_known *amicales,
                         struct import_row *row)
{
    struct span amicale = row->row->cells[USER_AMICALE];
    if (amicale.len > 0) {
        enum outcome outcome = find_amicale(ctl, amicales, amicale, &row->amicale);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (row->amicale == 0) {
            sheet_complain(sheet,
                           row->row,
                           USER_AMICALE,
                           "there is no amicale with this number or address");
        }
    }
    return find_user(ctl, row);
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
        row->id = sql_i64(&rows, 0, 0);
        row->known = true;
    }
    return outcome;
}

static enum outcome add(struct ctl *ctl, const struct import_row *row, int64_t *out_id)
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
        *out_id = rows.insert_id;
    }
    return outcome;
}
