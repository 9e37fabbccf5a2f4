/* SPDX-License-Identifier: MIT
 * The rows of a CSV file into the books. */
#include "ctl/import.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/sheet.h"
#include "ctl/sheet_file.h"

struct import {
    const struct import_kind *kind;
    struct import_row *rows;
    size_t count;
    size_t known;
    bool dry_run;
    struct span why;
};

static int in_transaction(struct ctl *ctl, struct sheet *sheet, struct import *import);
static enum outcome plan(struct ctl *ctl, struct sheet *sheet, struct import *import);
static int add_all(struct ctl *ctl, struct import *import);
static int add_one(struct ctl *ctl, const struct import *import, struct import_row *row);
static void report_text(struct ctl *ctl, const struct import *import);
static void report_json(struct ctl *ctl, const struct import *import);

int import_run(struct ctl *ctl, const struct import_kind *kind)
{
    const char *path = ctl->words[0];
    struct import import = {.kind = kind,
                            .dry_run = ctl_option(ctl, "--dry-run") != NULL};
    struct sheet sheet;
    if (!ctl_why(ctl, false, &import.why)) {
        return CTL_USAGE;
    }
    int code = sheet_file_read(ctl, path, kind->sheet, &sheet);
    if (code != CTL_OK) {
        return code;
    }
    if (sheet.complaint_count > 0 && !kind->books_complain) {
        return sheet_file_tell(path, &sheet);
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = in_transaction(ctl, &sheet, &import);
    if (code == CTL_OK && mariadb_commit(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        code = ctl_failed(ctl);
    }
    if (code != CTL_OK) {
        mariadb_rollback(ctl->db);
    } else if (ctl->json) {
        report_json(ctl, &import);
    } else {
        report_text(ctl, &import);
    }
    return code;
}

/* What the books know is asked of a file with complaints too: all of them are told at
 * once. */
static int in_transaction(struct ctl *ctl, struct sheet *sheet, struct import *import)
{
    if (plan(ctl, sheet, import) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (sheet->complaint_count > 0) {
        return sheet_file_tell(ctl->words[0], sheet);
    }
    return import->dry_run ? CTL_OK : add_all(ctl, import);
}

static enum outcome plan(struct ctl *ctl, struct sheet *sheet, struct import *import)
{
    struct amicale_known amicales;
    enum outcome outcome = amicale_known_read(ctl, &amicales);
    import->rows = ARENA_ARRAY(&ctl->arena, struct import_row, sheet->count + 1);
    import->count = sheet->count;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < sheet->count; i++) {
        struct import_row *row = &import->rows[i];
        *row = (struct import_row){.row = &sheet->rows[i]};
        outcome = import->kind->find(ctl, sheet, &amicales, row);
        import->known += row->known;
    }
    return outcome;
}

static int add_all(struct ctl *ctl, struct import *import)
{
    int code = CTL_OK;
    for (size_t i = 0; i < import->count && code == CTL_OK; i++) {
        if (!import->rows[i].known) {
            code = add_one(ctl, import, &import->rows[i]);
        }
    }
    return code;
}

static int add_one(struct ctl *ctl, const struct import *import, struct import_row *row)
{
    const struct import_kind *kind = import->kind;
    enum outcome outcome = kind->add(ctl, row, &row->id);
    if (outcome != OUTCOME_DONE && mariadb_is_duplicate(&ctl->fault)) {
        return ctl_say(CTL_WRONG_STATE,
                       "nothing was imported: the %s of line %zu was added by "
                       "somebody else at this moment",
                       kind->one,
                       row->row->line);
    }
    if (outcome == OUTCOME_DONE) {
        struct span what =
            span_of(arena_format(&ctl->arena, "%s %lld", kind->one, (long long)row->id));
        outcome = people_audit(ctl, kind->verb, what, import->why);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

static void report_text(struct ctl *ctl, const struct import *import)
{
    text_addf(&ctl->out,
              "%s: %zu; known already, left as they are: %zu\n",
              import->dry_run ? "to be added (nothing was changed)" : "added",
              import->count - import->known,
              import->known);
}

static void report_json(struct ctl *ctl, const struct import *import)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_bool(&json, "dry_run", import->dry_run);
    json_put_integer(&json, "rows", (int64_t)import->count);
    json_put_integer(&json, "added", (int64_t)(import->count - import->known));
    json_put_integer(&json, "known", (int64_t)import->known);
    json_open(&json, import->kind->many, '[');
    for (size_t i = 0; i < import->count; i++) {
        const struct import_row *row = &import->rows[i];
        json_open(&json, NULL, '{');
        json_put_integer(&json, "line", (int64_t)row->row->line);
        json_put_string(&json, "state", row->known ? SPAN("known") : SPAN("added"));
        if (row->id > 0) {
            json_put_integer(&json, import->kind->one, row->id);
        } else {
            json_put_null(&json, import->kind->one);
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}
