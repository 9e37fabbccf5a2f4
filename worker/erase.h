/* SPDX-License-Identifier: MIT
 *
 * erase - where MariaDB keeps personal data that goes after a time, and how a piece of it
 * is erased.
 *
 * Owns:    nothing; the connection is borrowed
 * Callers: handlers
 * Blocks:  for two statements
 * Order:   erase_piece again and again with the same progress, until it has ended
 * Faults:  as MariaDB's
 *
 * What is due follows from the row's own moment and the setting of today, so a setting
 * that became shorter or longer counts for the rows that are there. What is due and still
 * needed stays, and is counted: a receipt that is not sent, an open dispute, an event
 * that is not applied, a dead sale that the books lack. An operator who discards its job
 * says that it is needed no more. Rows stay, with all that the books say; only the sealed
 * bytes go, and updated_at does not move. What is erased twice is erased once.
 */
#ifndef WORKER_ERASE_H
#define WORKER_ERASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

struct mariadb;
struct settings;

enum erase_what {
    ERASE_ADDRESSES, /* of payments */
    ERASE_RECEIPTS, /* whom they went to */
    ERASE_BODIES, /* of events */
    ERASE_PAYLOADS, /* of jobs that died */
};
enum { ERASE_WHATS = ERASE_PAYLOADS + 1, ERASE_MOMENT_BYTES = 32 };

/* How long a place keeps its rows. */
enum erase_age {
    ERASE_AT_ONCE,
    ERASE_AFTER_MONTHS, /* books.address_keep_months */
    ERASE_AFTER_DAYS, /* books.body_keep_days */
};

struct erase_place {
    enum erase_what what;
    enum erase_age age;
    const char *select; /* rows that are due, and whether each is still needed */
    const char *update; /* of those that a JSON array of ids names */
};
extern const struct erase_place erase_places[];
extern const size_t erase_places_count;

/* How far one place is, from its oldest due row; zeroed before the first piece. */
struct erase_progress {
    char since[ERASE_MOMENT_BYTES]; /* of the row that was looked at last */
    int64_t id; /* its own */
    int64_t erased;
    int64_t needed; /* due, and left */
    bool ended;
};

/* The place's next rows, a thousand at most. They are committed when it comes back. */
MUST_USE enum outcome erase_piece(struct mariadb *db,
                                  const struct erase_place *place,
                                  const struct settings *settings,
                                  int64_t now_ms,
                                  struct arena *arena,
                                  struct erase_progress *progress,
                                  struct fault *fault);

#endif
