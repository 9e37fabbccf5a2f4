/* SPDX-License-Identifier: MIT
 *
 * idempotency - the first answer under a key is the answer under that key.
 *
 * Owns:    the records, from idempotency_init to idempotency_done; the oldest go first
 *          when there are more than IDEMPOTENCY_MOST
 * Callers: server.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_IDEMPOTENCY_H
#define TESTS_STRIPESIM_IDEMPOTENCY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/digest.h"
#include "common/base/text.h"
#include "tests/stripesim/map.h"

enum { IDEMPOTENCY_MOST = 50000 };

struct idempotency_record {
    char *name; /* account and key */
    char *path;
    struct digest asked; /* method, path and parameters */
    bool is_done; /* else the first call under the key is still in flight */
    int status;
    struct text body;
    const char *request_id; /* of the first call; a string of the store */
    struct idempotency_record *next; /* younger */
    struct idempotency_record *prev; /* older */
};

struct idempotency {
    struct map by_name;
    struct idempotency_record *oldest;
    struct idempotency_record *youngest;
};

enum idempotency_verdict {
    IDEMPOTENCY_NEW, /* reserved for the caller: keep or forget it */
    IDEMPOTENCY_REPLAY, /* answer what the record says */
    IDEMPOTENCY_MISMATCH, /* the key was used for something else */
    IDEMPOTENCY_BUSY, /* the first call is in flight */
};

void idempotency_init(struct idempotency *idempotency);
void idempotency_done(struct idempotency *idempotency);
enum idempotency_verdict idempotency_begin(struct idempotency *idempotency,
                                           const char *account,
                                           struct span key,
                                           struct span path,
                                           const struct digest *asked,
                                           struct idempotency_record **out_record);
void idempotency_keep(struct idempotency_record *record,
                      int status,
                      struct span body,
                      const char *request_id);
/* The call never began: the key is free again. */
void idempotency_forget(struct idempotency *idempotency,
                        struct idempotency_record *record);

#endif
