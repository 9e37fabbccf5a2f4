/* SPDX-License-Identifier: MIT
 *
 * people - what the verbs about amicales, users and devices have in common.
 *
 * Owns:    nothing; what is returned lives in the run's arena
 * Callers: ctl (verbs that write to the books)
 * Blocks:  as mariadb does
 * Order:   mariadb_begin, the deed's statements, people_finish
 * Faults:  as mariadb's; left in ctl->fault
 */
#ifndef CTL_PEOPLE_H
#define CTL_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/link/mariadb.h"

struct ctl;

enum { PEOPLE_NAME_BYTES = 200, PEOPLE_ID_MOST = 1 << 30 };

/* Writes the audit row and commits; a deed whose `code` is not CTL_OK is rolled back. */
int people_finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct span what,
                  struct span why);
/* The row alone, for a deed that writes several. */
MUST_USE enum outcome people_audit(struct ctl *ctl,
                                   const char *verb,
                                   struct span what,
                                   struct span why);

/* The address as it is sealed and looked up; false when it is none. */
bool people_address(struct ctl *ctl, struct span given, struct span *out_address);
/* Hex of the fingerprint that an address is looked up by. */
struct span people_lookup(struct ctl *ctl, struct span address);
struct sql_value people_sealed(struct ctl *ctl, const char *column, struct span plain);
/* Text as it is: an empty one is not NULL. */
struct sql_value people_text(struct span text);
/* NULL lets AUTO_INCREMENT give the next number. */
struct sql_value people_optional_id(int64_t id);
/* UTF-8 without control characters, and not empty. */
bool people_is_name(struct span name, size_t most_bytes);
/* What was sealed; empty when there is nothing, or when it cannot be unsealed: a message
 * says so, and *whole becomes false. */
struct span people_unsealed(struct ctl *ctl,
                            const char *column,
                            const struct sql_value *sealed,
                            bool *whole);
/* The address masked, unless --show-addresses was given. */
struct span people_shown_address(struct ctl *ctl, struct span address);

/* Pages by number: what --limit and --cursor say. False, with a message, when they make no
 * sense. */
struct people_page {
    int64_t behind; /* the last number of the page before */
    int64_t most;
};
bool people_read_page(struct ctl *ctl, struct people_page *out_page);
/* Of rows that were asked for with one more than `most`: how many are on the page, and the
 * cursor for the next one, empty when this is the last. Column 0 is the number. */
size_t people_page_rows(struct ctl *ctl,
                        const struct people_page *page,
                        const struct sql_rows *rows,
                        struct span *out_cursor);
void people_say_more(struct ctl *ctl, struct span cursor);
/* A page in JSON: {"users": [ ... ], "cursor": text or null}; what stands between the two
 * is the caller's. */
struct json_writer people_open_list(struct ctl *ctl, const char *name);
void people_close_list(struct ctl *ctl, struct json_writer *json, struct span cursor);

/* "amicale 7", or {"amicale": 7}. */
int people_report(struct ctl *ctl, const char *what, int64_t id);

#endif
