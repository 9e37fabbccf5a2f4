/* SPDX-License-Identifier: MIT
 *
 * disputes - a buyer's bank takes the money back, and somebody wins.
 *
 * Owns:    nothing; disputes live in the store
 * Callers: the route table, the control endpoint, the play
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_DISPUTES_H
#define TESTS_STRIPESIM_DISPUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"

struct balance_transaction;
struct call;
struct charge;
struct sim;

enum dispute_status {
    DISPUTE_NEEDS_RESPONSE,
    DISPUTE_UNDER_REVIEW,
    DISPUTE_WON,
    DISPUTE_LOST,
    DISPUTE_STATUS_COUNT
};

struct dispute {
    struct object object;
    int64_t amount;
    int64_t due_by;
    int64_t submissions;
    const struct balance_transaction *withdrawn;
    const struct balance_transaction *reinstated; /* or NULL */
    const char *brand;
    const char *charge;
    const char *currency;
    const char *payment_intent;
    const char *reason;
    enum dispute_status status;
};

/* Whether something of it is paid and can be taken back. */
bool disputes_may(const struct charge *charge);
struct dispute *disputes_open(struct sim *sim, struct charge *charge, const char *reason);
/* Evidence was submitted: under review. */
void disputes_answer(struct sim *sim, struct dispute *dispute);
void disputes_close(struct sim *sim, struct dispute *dispute, bool won);
bool disputes_is_open(const struct dispute *dispute);
const char *disputes_status_name(enum dispute_status status);

void disputes_list(struct call *call);
void disputes_retrieve(struct call *call);

#endif
