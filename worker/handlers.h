/* SPDX-License-Identifier: MIT
 *
 * handlers - what a handler of jobs gets, what it gives back, and the table of them all.
 *
 * Owns:    nothing; everything in a struct handling lives as long as the attempt
 * Callers: worker (slots call handlers; handlers call the rest)
 * Blocks:  a handler may, up to its kind's limit_ms: it runs in a slot's own thread
 * Order:   the slot opens the payload, calls the handler, and hands the outcome to the
 *          settler. A handler commits to MariaDB first and returns afterwards, so a crash
 *          between the two repeats the job: it must find its work done and return the
 *          same follow-ups.
 * Faults:  as enum outcome says. A neighbour that is down is named in fault->neighbour:
 *          the job then waits without burning an attempt.
 */
#ifndef WORKER_HANDLERS_H
#define WORKER_HANDLERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/queue.h"
#include "common/model/job.h"

struct clock;
struct mailer;
struct mariadb;
struct redis;
struct seal_ring;
struct settings;
struct stripe;

enum { HANDLED_FOLLOW_UPS = 4 };

/* A job that a handler wants done next; enqueued in the step that settles this one. The
 * payload is plain here and is sealed by the slot. */
struct follow_up {
    struct span id;
    const struct kind *kind;
    enum job_lane lane;
    struct span tenant;
    struct span payload;
    int64_t delay_ms;
    struct span refs[JOB_REFS];
    size_t ref_count;
};

/* What a handler gives back, written on OUTCOME_DONE. */
struct handled {
    struct follow_up follow_ups[HANDLED_FOLLOW_UPS];
    size_t follow_up_count;
    struct span result; /* JSON for whoever waits; empty: none */
};

/* One attempt at one job. */
struct handling {
    const struct settings *settings;
    const struct clock *clock;
    const struct seal_ring *ring; /* the queue's: answers that MariaDB keeps */
    const struct seal_ring *pii; /* for personal data in MariaDB */
    const struct job *job;
    struct span payload; /* opened */
    struct arena *arena;
    struct mariadb *db; /* the slot's own */
    struct redis *redis; /* the slot's own: to tell others, never to keep */
    struct stripe *stripe; /* the slot's own */
    struct mailer *mailer; /* the slot's own */
    unsigned answered; /* set of enum neighbour that answered: handlers add to it */
};

typedef enum outcome (*handle_fn)(struct handling *handling,
                                  struct handled *out_handled,
                                  struct fault *fault);
/* A whole group in one transaction: DONE means every one is done, with out_handled[i] for
 * handlings[i]; anything else and they are run one by one. */
typedef enum outcome (*handle_group_fn)(struct handling *handlings,
                                        size_t count,
                                        struct handled *out_handled,
                                        struct fault *fault);

struct handler {
    const char *kind;
    handle_fn handle;
    handle_group_fn handle_group; /* NULL: the kind has no groups */
};

/* One row a kind. */
extern const struct handler handlers[];
extern const size_t handlers_count;

/* The next free follow-up, zeroed, with the kind's lane. */
struct follow_up *handled_add(struct handled *handled, const char *kind);
/* Empty refs are left out. */
void follow_up_ref(struct follow_up *follow_up, struct span ref);

/* handle_stripe_event.c */
enum outcome handle_stripe_event(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault);
/* handle_receipt_send.c */
enum outcome handle_receipt_send(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault);
/* handle_dispute_tell.c */
enum outcome handle_dispute_tell(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault);
/* handle_events_catchup.c: of worker/periodic.h */
enum outcome handle_events_catchup(struct handling *handling,
                                   struct handled *out_handled,
                                   struct fault *fault);
/* handle_personal_data_erase.c: of worker/periodic.h */
enum outcome handle_personal_data_erase(struct handling *handling,
                                        struct handled *out_handled,
                                        struct fault *fault);
/* handle_audit_write.c */
enum outcome handle_audit_write(struct handling *handling,
                                struct handled *out_handled,
                                struct fault *fault);

#endif
