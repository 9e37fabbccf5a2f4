/* SPDX-License-Identifier: MIT
 * amicale import - amicales from a spreadsheet's file. */
#include "common/link/mariadb.h"
#include "ctl/amicale_file.h"
#include "ctl/ctl.h"
#include "ctl/import.h"
#include "ctl/people.h"
#include "ctl/verbs.h"

static enum outcome find(struct ctl *ctl,
                         struct sheet *sheet,
                         const struct amicale_known *amicales,
                         struct import_row *row);
static enum outcome add(struct ctl *ctl, const struct import_row *row, int64_t *out_id);

int verb_amicale_import(struct ctl *ctl)
{
    static const struct import_kind kind = {
        .sheet = &amicale_sheet,
        .verb = "amicale import",
        .one = "amicale",
        .many = "amicales",
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
    (void)sheet; /* whatever address it has, it is an amicale or will be one */
    row->lookup = people_lookup(ctl, row->row->cells[AMICALE_EMAIL]);
    row->id = amicale_known_find(amicales, row->lookup);
    row->known = row->id > 0;
    return OUTCOME_DONE;
}

static enum outcome add(struct ctl *ctl, const struct import_row *row, int64_t *out_id)
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
        *out_id = rows.insert_id;
    }
    return outcome;
}
