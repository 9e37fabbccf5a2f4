/* SPDX-License-Identifier: MIT
 * Reads the addresses of all amicales, page by page. */
#include "ctl/amicale_known.h"

#include <stdlib.h>
#include <string.h>

#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/people.h"

enum { PAGE_ROWS = 1000 };

static enum outcome add_page(struct ctl *ctl,
                             const struct sql_rows *rows,
                             struct amicale_known *known);
static void add_known(struct ctl *ctl,
                      struct amicale_known *known,
                      struct span lookup,
                      int64_t amicale);
static int by_lookup(const void *a, const void *b);

enum outcome amicale_known_read(struct ctl *ctl, struct amicale_known *out_known)
{
    struct amicale_known known = {.count = 0};
    struct sql_rows rows = {.count = 0};
    int64_t behind = 0;
    do {
        enum outcome outcome =
            mariadb_run(ctl->db,
                        "SELECT id, encrypted_email, import_lookup FROM amicales"
                        " WHERE id > ? ORDER BY id LIMIT ?",
                        SQL_VALUES(SQL_I64(behind), SQL_I64(PAGE_ROWS)),
                        &ctl->arena,
                        &rows,
                        &ctl->fault);
        if (outcome == OUTCOME_DONE) {
            outcome = add_page(ctl, &rows, &known);
        }
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        behind = rows.count > 0 ? sql_i64(&rows, rows.count - 1, 0) : behind;
    } while (rows.count == PAGE_ROWS);
    if (known.count > 0) {
        qsort(known.list, known.count, sizeof(known.list[0]), by_lookup);
    }
    *out_known = known;
    return OUTCOME_DONE;
}

static enum outcome add_page(struct ctl *ctl,
                             const struct sql_rows *rows,
                             struct amicale_known *known)
{
    enum { ID, EMAIL, IMPORTED };
    for (size_t i = 0; i < rows->count; i++) {
        bool whole = true;
        int64_t amicale = sql_i64(rows, i, ID);
        struct span address = people_unsealed(ctl,
                                              "amicales.encrypted_email",
                                              sql_at(rows, i, EMAIL),
                                              &whole);
        if (!whole) {
            return fault_set(&ctl->fault,
                             OUTCOME_NEVER,
                             "amicale",
                             0,
                             "the address of amicale %lld cannot be read",
                             (long long)amicale);
        }
        if (address.len > 0) {
            add_known(ctl, known, people_lookup(ctl, address), amicale);
        }
        if (!sql_is_null(rows, i, IMPORTED)) {
            add_known(ctl, known, sql_text(rows, i, IMPORTED), amicale);
        }
    }
    return OUTCOME_DONE;
}

static void add_known(struct ctl *ctl,
                      struct amicale_known *known,
                      struct span lookup,
                      int64_t amicale)
{
    if (known->count == known->room) {
        size_t room = known->room ? known->room * 2 : PAGE_ROWS;
        struct amicale_address *list =
            ARENA_ARRAY(&ctl->arena, struct amicale_address, room);
        if (known->count > 0) {
            memcpy(list, known->list, known->count * sizeof(*list));
        }
        known->list = list;
        known->room = room;
    }
    known->list[known->count++] =
        (struct amicale_address){.lookup = lookup, .amicale = amicale};
}

int64_t amicale_known_find(const struct amicale_known *known, struct span lookup)
{
    const struct amicale_address key = {.lookup = lookup};
    const struct amicale_address *found = NULL;
    if (known->count > 0) {
        found = bsearch(&key, known->list, known->count, sizeof(key), by_lookup);
    }
    return found ? found->amicale : 0;
}

/* Lookups are hex of one length. */
static int by_lookup(const void *a, const void *b)
{
    struct span left = ((const struct amicale_address *)a)->lookup;
    struct span right = ((const struct amicale_address *)b)->lookup;
    int order = memcmp(left.at, right.at, left.len < right.len ? left.len : right.len);
    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}
