/* SPDX-License-Identifier: MIT
 * amicale import - amicales from a spreadsheet's file: all of it is checked first, then
 * all that is new is added in one transaction, each with its row in the audit log. */
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/amicale_file.h"
#include "ctl/amicale_known.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/sheet.h"
#include "ctl/sheet_file.h"
#include "ctl/verbs.h"

/* What becomes of a row. */
struct import_row {
    const struct sheet_row *row;
    struct span lookup;
    int64_t amicale; /* 0: it would be added */
    bool known; /* it was there before */
};
struct import {
    struct import_row *rows;
    size_t count;
    size_t known;
    bool dry_run;
};

static int plan(struct ctl *ctl, const struct sheet *sheet, struct import *import);
static int add_all(struct ctl *ctl, struct import *import, struct span why);
static int add_one(struct ctl *ctl, struct import_row *row, struct span why);
static void report(struct ctl *ctl, const struct import *import);

int verb_amicale_import(struct ctl *ctl)
{
    const char *path = ctl->words[0];
    struct import import = {.dry_run = ctl_option(ctl, "--dry-run") != NULL};
    struct sheet sheet;
    struct span why;
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    int code = sheet_file_read(ctl, path, &amicale_sheet, &sheet);
    if (code != CTL_OK) {
        return code;
    }
    if (sheet.complaint_count > 0) {
        return sheet_file_tell(path, &sheet);
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = plan(ctl, &sheet, &import);
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

static int plan(struct ctl *ctl, const struct sheet *sheet, struct import *import)
{
    struct amicale_known known;
    if (amicale_known_read(ctl, &known) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    import->rows = ARENA_ARRAY(&ctl->arena, struct import_row, sheet->count + 1);
    import->count = sheet->count;
    for (size_t i = 0; i < sheet->count; i++) {
        struct import_row *row = &import->rows[i];
        row->row = &sheet->rows[i];
        row->lookup = people_lookup(ctl, row->row->cells[AMICALE_EMAIL]);
        row->amicale = amicale_known_find(&known, row->lookup);
        row->known = row->amicale > 0;
        import->known += row->known;
    }
    return CTL_OK;
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
        "INSERT INTO amicales (encrypted_name, encrypted_email, import_lookup,"
        " adresse1, adresse2, code_postal, ville) VALUES (?, ?, ?, ?, ?, ?, ?)",
        SQL_VALUES(people_sealed(ctl, "amicales.encrypted_name", cells[AMICALE_NAME]),
                   people_sealed(ctl, "amicales.encrypted_email", cells[AMICALE_EMAIL]),
                   SQL_SPAN(row->lookup),
                   people_text(cells[AMICALE_ADRESSE1]),
                   people_text(cells[AMICALE_ADRESSE2]),
                   people_text(cells[AMICALE_CODE_POSTAL]),
                   people_text(cells[AMICALE_VILLE])),
        &ctl->arena,
        &rows,
        &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        row->amicale = rows.insert_id;
        struct span what =
            span_of(arena_format(&ctl->arena, "amicale %lld", (long long)row->amicale));
        outcome = people_audit(ctl, "amicale import", what, why);
    } else if (mariadb_is_duplicate(&ctl->fault)) {
        return ctl_say(
            CTL_WRONG_STATE,
            "nothing was imported: another import adds the amicale of line %zu "
            "at this moment",
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
    json_open(&json, "amicales", '[');
    for (size_t i = 0; i < import->count; i++) {
        const struct import_row *row = &import->rows[i];
        json_open(&json, NULL, '{');
        json_put_integer(&json, "line", (int64_t)row->row->line);
        json_put_string(&json, "state", row->known ? SPAN("known") : SPAN("added"));
        if (row->amicale > 0) {
            json_put_integer(&json, "amicale", row->amicale);
        } else {
            json_put_null(&json, "amicale");
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}
