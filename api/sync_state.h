/* SPDX-License-Identifier: MIT
 *
 * sync_state - one flush on its way through the front door: what its parts share.
 *
 * Owns:    nothing; everything lives in the request's arena
 * Callers: sync*.c alone
 * Blocks:  never
 *
 *   sync.c        on the loop: receive, send to the line, answer
 *   sync_check.c  on a reader's thread: parse, check, ask the books
 *   sync_jobs.c   on a reader's thread: name and seal the jobs
 *   sync_tell.c   on a reader's thread: verdicts and their words
 *
 * The loop and a thread have it one after the other, as they have the request.
 */
#ifndef API_SYNC_STATE_H
#define API_SYNC_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/limits.h"
#include "api/problem.h"
#include "api/sync_line.h"
#include "common/model/batch.h"
#include "common/model/sale.h"

struct door;
struct mariadb;
struct request;
struct session;

enum { SYNC_FIELDS = 16 };

/* Under which name a sale goes to the queue first. */
enum sync_way {
    SYNC_NO_JOB, /* the books say it all */
    SYNC_BY_NAME, /* sync:<user>:<local_id> */
    SYNC_BY_INTENT, /* .../<pi_...> */
    SYNC_BY_CONTENT, /* .../<16 hex of its mac>, as a conflict */
};

/* What goes with batch.items[i]. */
struct sync_sale {
    struct sale sale; /* of what is not rejected */
    struct span mac; /* its fingerprint */
    enum sync_way way;
    bool by_books; /* its verdict is the books', whatever the queue says */
    size_t job; /* its place in the flush */
    struct span payment; /* a JSON object: what the books have; empty: nothing */
};

enum sync_end {
    SYNC_GOES_ON,
    SYNC_BAD_JSON,
    SYNC_BAD_FIELDS,
    SYNC_REPLAYED, /* the key came before with the same request */
    SYNC_MISMATCHED, /* and with another one */
};

struct sync {
    struct request *request;
    const struct door *door;
    struct span key; /* its Idempotency-Key; empty: none */
    struct span sealed_before; /* the payload of the batch that the key names; or empty */
    int64_t wait_ms;
    struct limit_state limit; /* the user's */
    int64_t charged; /* to it */
    int64_t kept; /* of its jobs, what may have come into the queue anew */
    struct batch batch;
    struct sync_sale *sales;
    struct sync_flush flush;
    void (*next)(struct sync *sync); /* once the flush is sent; of sync.c */
    enum sync_end end;
    struct problem_field fields[SYNC_FIELDS]; /* of SYNC_BAD_FIELDS */
    size_t field_count;
    bool books_away; /* MariaDB could not be asked, as this says */
    struct fault books_fault;
    struct span body; /* of the answer */
    struct span headers;
    struct sync_job last; /* sync.batch */
};

/* sync_check.c, a reader_read_fn with a struct sync: until it is known what goes to the
 * queue. */
enum outcome sync_check(struct mariadb *db,
                        struct arena *arena,
                        void *context,
                        struct fault *fault);

/* sync_jobs.c: the jobs of the first round, in sync->flush; count 0: there are none. */
void sync_make_jobs(struct sync *sync, struct arena *arena);
/* And of the second one, once the first is answered: what the queue knows by another
 * content or with another PaymentIntent. */
void sync_make_more(struct sync *sync, struct arena *arena);
/* The last one, which proves the others. */
void sync_make_batch(struct sync *sync, struct sync_job *out_job, struct arena *arena);

/* sync_tell.c: what the queue said becomes verdicts; the body of the 202. */
void sync_judge(struct sync *sync);
struct span sync_write(const struct sync *sync, struct arena *arena);

#endif
