/* SPDX-License-Identifier: MIT
 * amicale add and change - the associations that sell. Each deed and its row in the audit
 * log are one transaction. */
#include "common/link/mariadb.h"
#include "ctl/amicale_file.h"
#include "ctl/amicale_known.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/verbs.h"

/* What the options say of an amicale, in the order of its cells; NULL: nothing. */
struct given {
    const char *texts[AMICALE_CELLS];
    struct span cells[AMICALE_CELLS];
};

static const char *const options[AMICALE_CELLS] = {
    [AMICALE_NAME] = "--name",
    [AMICALE_EMAIL] = "--email",
    [AMICALE_ADRESSE1] = "--adresse1",
    [AMICALE_ADRESSE2] = "--adresse2",
    [AMICALE_CODE_POSTAL] = "--code-postal",
    [AMICALE_VILLE] = "--ville",
};

static int read_given(struct ctl *ctl, struct given *out_given);
static int check_address(struct ctl *ctl, const struct given *given, int64_t amicale);
static int insert_amicale(struct ctl *ctl, const struct given *given, int64_t *id);
static int update_amicale(struct ctl *ctl, const struct given *given, int64_t id);
static struct sql_value sealed_or_null(struct ctl *ctl,
                                       const struct given *given,
                                       enum amicale_cell cell,
                                       const char *column);
static struct sql_value text_or_null(const struct given *given, enum amicale_cell cell);

int verb_amicale_add(struct ctl *ctl)
{
    struct given given;
    int64_t id = 0;
    if (!ctl_option(ctl, "--name") || !ctl_option(ctl, "--email")) {
        return ctl_say(CTL_USAGE, "amicale add wants --name NAME and --email ADDRESS");
    }
    int code = read_given(ctl, &given);
    if (code != CTL_OK) {
        return code;
    }
    if (!ctl_number(ctl, "--id", 0, 1, PEOPLE_ID_MOST, &id)) {
        return CTL_USAGE;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = check_address(ctl, &given, id);
    if (code == CTL_OK) {
        code = insert_amicale(ctl, &given, &id);
    }
    struct span what = span_of(arena_format(&ctl->arena, "amicale %lld", (long long)id));
    code = people_finish(ctl, code, "amicale add", what, SPAN(""));
    return code == CTL_OK ? people_report(ctl, "amicale", id) : code;
}

int verb_amicale_change(struct ctl *ctl)
{
    struct given given;
    struct span why;
    int64_t id = 0;
    size_t count = 0;
    if (!span_to_i64(span_of(ctl->words[0]), &id) || id < 1) {
        return ctl_say(CTL_USAGE, "%s is no number of an amicale", ctl->words[0]);
    }
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    int code = read_given(ctl, &given);
    if (code != CTL_OK) {
        return code;
    }
    for (size_t i = 0; i < AMICALE_CELLS; i++) {
        count += given.texts[i] != NULL;
    }
    if (count == 0) {
        return ctl_say(CTL_USAGE, "amicale change wants an option that says what");
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = check_address(ctl, &given, id);
    if (code == CTL_OK) {
        code = update_amicale(ctl, &given, id);
    }
    struct span what = span_of(arena_format(&ctl->arena, "amicale %lld", (long long)id));
    code = people_finish(ctl, code, "amicale change", what, why);
    return code == CTL_OK ? people_report(ctl, "amicale", id) : code;
}

/* By the rules of a file's cells. */
static int read_given(struct ctl *ctl, struct given *out_given)
{
    struct given given = {.texts = {NULL}};
    for (int i = 0; i < AMICALE_CELLS; i++) {
        enum amicale_cell cell = (enum amicale_cell)i;
        given.texts[cell] = ctl_option(ctl, options[cell]);
        given.cells[cell] = span_trim(span_of(given.texts[cell]));
        if (!given.texts[cell]) {
            continue;
        }
        if (cell == AMICALE_EMAIL) {
            (void)people_address(ctl, given.cells[cell], &given.cells[cell]);
        }
        const char *wrong = amicale_cell_fault(cell, given.cells[cell]);
        if (wrong) {
            return ctl_say(CTL_USAGE, "%s: %s", options[cell], wrong);
        }
    }
    *out_given = given;
    return CTL_OK;
}

/* An address stands for one amicale, as in a file that is imported: who adds one twice
 * would make it two accounts. */
static int check_address(struct ctl *ctl, const struct given *given, int64_t amicale)
{
    struct amicale_known known;
    if (!given->texts[AMICALE_EMAIL]) {
        return CTL_OK;
    }
    if (amicale_known_read(ctl, &known) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int64_t other =
        amicale_known_find(&known, people_lookup(ctl, given->cells[AMICALE_EMAIL]));
    if (other > 0 && other != amicale) {
        return ctl_say(CTL_WRONG_STATE,
                       "amicale %lld has this address already",
                       (long long)other);
    }
    return CTL_OK;
}

static int insert_amicale(struct ctl *ctl, const struct given *given, int64_t *id)
{
    const struct span *cells = given->cells;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        ctl->db,
        "INSERT INTO amicales (id, encrypted_name, encrypted_email,"
        " adresse1, adresse2, code_postal, ville) VALUES (?, ?, ?, ?, ?, ?, ?)",
        SQL_VALUES(people_optional_id(*id),
                   people_sealed(ctl, "amicales.encrypted_name", cells[AMICALE_NAME]),
                   people_sealed(ctl, "amicales.encrypted_email", cells[AMICALE_EMAIL]),
                   people_text(cells[AMICALE_ADRESSE1]),
                   people_text(cells[AMICALE_ADRESSE2]),
                   people_text(cells[AMICALE_CODE_POSTAL]),
                   people_text(cells[AMICALE_VILLE])),
        &ctl->arena,
        &rows,
        &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        *id = *id ? *id : rows.insert_id;
        return CTL_OK;
    }
    return mariadb_is_duplicate(&ctl->fault) ? ctl_say(CTL_WRONG_STATE,
                                                       "there is an amicale %lld already",
                                                       (long long)*id)
                                             : ctl_failed(ctl);
}

/* What is not given stays as it is. */
static int update_amicale(struct ctl *ctl, const struct given *given, int64_t id)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT id FROM amicales WHERE id = ? FOR UPDATE",
                                       SQL_VALUES(SQL_I64(id)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no amicale %lld", (long long)id);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            ctl->db,
            "UPDATE amicales SET encrypted_name = COALESCE(?, encrypted_name),"
            " encrypted_email = COALESCE(?, encrypted_email),"
            " adresse1 = COALESCE(?, adresse1), adresse2 = COALESCE(?, adresse2),"
            " code_postal = COALESCE(?, code_postal), ville = COALESCE(?, ville)"
            " WHERE id = ?",
            SQL_VALUES(
                sealed_or_null(ctl, given, AMICALE_NAME, "amicales.encrypted_name"),
                sealed_or_null(ctl, given, AMICALE_EMAIL, "amicales.encrypted_email"),
                text_or_null(given, AMICALE_ADRESSE1),
                text_or_null(given, AMICALE_ADRESSE2),
                text_or_null(given, AMICALE_CODE_POSTAL),
                text_or_null(given, AMICALE_VILLE),
                SQL_I64(id)),
            &ctl->arena,
            NULL,
            &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

static struct sql_value sealed_or_null(struct ctl *ctl,
                                       const struct given *given,
                                       enum amicale_cell cell,
                                       const char *column)
{
    return given->texts[cell] ? people_sealed(ctl, column, given->cells[cell])
                              : SQL_NOTHING;
}

static struct sql_value text_or_null(const struct given *given, enum amicale_cell cell)
{
    return given->texts[cell] ? people_text(given->cells[cell]) : SQL_NOTHING;
}
