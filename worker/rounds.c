/* SPDX-License-Identifier: MIT
 * Round, wait, round, until somebody rings. */
#include "worker/rounds.h"

static void *rounds_main(void *argument);

enum outcome rounds_start(struct rounds *rounds, struct fault *fault)
{
    bell_init(&rounds->bell);
    atomic_init(&rounds->stopping, false);
    int error = pthread_create(&rounds->thread, NULL, rounds_main, rounds);
    if (error != 0) {
        const char *who = rounds->outage.who;
        bell_done(&rounds->bell);
        return fault_set(fault, OUTCOME_NEVER, who, error, "no thread for the %s", who);
    }
    rounds->started = true;
    return OUTCOME_DONE;
}

void rounds_stop(struct rounds *rounds)
{
    if (!rounds->started) {
        return;
    }
    atomic_store(&rounds->stopping, true);
    bell_ring(&rounds->bell);
    pthread_join(rounds->thread, NULL);
    bell_done(&rounds->bell);
    rounds->started = false;
}

static void *rounds_main(void *argument)
{
    struct rounds *rounds = argument;
    for (;;) {
        uint64_t seen = bell_count(&rounds->bell);
        if (atomic_load(&rounds->stopping)) {
            return NULL;
        }
        int64_t wait_ms = 0;
        struct fault fault;
        if (rounds->round(rounds->owner, &wait_ms, &fault) == OUTCOME_DONE) {
            outage_back(&rounds->outage, rounds->clock);
        } else {
            wait_ms = outage_lost(&rounds->outage, rounds->clock, &fault);
        }
        (void)bell_wait(&rounds->bell, seen, wait_ms);
    }
}
