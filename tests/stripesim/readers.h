/* SPDX-License-Identifier: MIT
 *
 * readers - Terminal readers, and what became of the last thing they were asked to do.
 *
 * Owns:    nothing; readers live in the store
 * Callers: the route table, the control endpoint
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_READERS_H
#define TESTS_STRIPESIM_READERS_H

#include <stdbool.h>

#include "tests/stripesim/object.h"

struct call;
struct payment_intent;
struct sim;

enum reader_action { READER_IDLE, READER_IN_PROGRESS, READER_SUCCEEDED, READER_FAILED };

struct reader {
    struct object object;
    const char *device_type;
    const char *label;
    const char *location;
    const char *metadata; /* JSON */
    const char *registration_code; /* not shown; NULL: one that is good for many */
    const char *serial_number;
    const char *status; /* online or offline */
    const char *payment_intent; /* of the action */
    const char *failure_code;
    const char *failure_message;
    enum reader_action action;
};

/* Of a connected account (NULL: the platform). `id` may be NULL. */
struct reader *readers_new(struct sim *sim, const char *account, const char *id);
/* The reader is done with a payment, by the state that the payment is in now. */
void readers_finish(struct sim *sim,
                    struct reader *reader,
                    const struct payment_intent *intent);

void readers_create(struct call *call);
void readers_list(struct call *call);
void readers_retrieve(struct call *call);
void readers_update(struct call *call);
void readers_delete(struct call *call);

#endif
