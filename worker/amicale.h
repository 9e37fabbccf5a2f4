/* SPDX-License-Identifier: MIT
 *
 * amicale - what Stripe must know of an amicale: its name and address, opened, and its
 * Terminal location.
 *
 * Owns:    nothing; the texts live in the job's arena
 * Callers: handlers of asked jobs
 * Blocks:  as long as MariaDB does
 * Faults:  as MariaDB's; NEVER when a sealed column cannot be opened
 *
 * Names and mail addresses are sealed in MariaDB and are opened nowhere but in a worker.
 */
#ifndef WORKER_AMICALE_H
#define WORKER_AMICALE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct answer;
struct asked;
struct handling;
struct stripe_answer;

struct amicale {
    int64_t id; /* 0: there is none */
    struct span name;
    struct span email; /* empty: none, or none that mail can be sent to */
    struct span adresse1;
    struct span adresse2;
    struct span code_postal;
    struct span ville;
    /* Its Terminal location and how far the POST that makes it has come. */
    struct span location; /* empty: none */
    struct span location_job; /* empty: none */
};

/* The amicale that body.amicale_id names. out_amicale->id is 0 when the asker has no such
 * amicale: out_answer then says NOT_FOUND. */
MUST_USE enum outcome amicale_of_ask(struct asked *asked,
                                     struct answer *out_answer,
                                     struct amicale *out_amicale,
                                     struct fault *fault);
/* By its number, whoever asked; out_amicale->id is 0 when there is none. */
MUST_USE enum outcome amicale_find(struct handling *handling,
                                   int64_t id,
                                   struct amicale *out_amicale,
                                   struct fault *fault);
/* AMICALE_INCOMPLETE, and what is missing of `needed` fields: false when nothing is. */
struct amicale_need {
    const char *field;
    struct span value;
};
bool amicale_refuse_missing(const struct amicale_need *needed,
                            size_t count,
                            struct answer *answer);

/* Whether Stripe refused a call because it has no such location: somebody deleted it
 * there. */
bool amicale_location_is_gone(const struct stripe_answer *refusal);
/* The amicale has it no longer: location_ensure makes another one. */
MUST_USE enum outcome amicale_forget_location(struct handling *handling,
                                              int64_t amicale_id,
                                              struct span location,
                                              struct fault *fault);

#endif
