/* SPDX-License-Identifier: MIT
 *
 * sim - the whole simulator: what exists, what is asked of it, what it sends.
 *
 * Owns:    everything in it, from sim_init to sim_done
 * Callers: main, and every file of the simulator through the pointer
 * Order:   sim_init, server_open, event loop, server_drop_held, server_close, sim_done
 * Faults:  NEVER when an endpoint's url cannot be read
 */
#ifndef TESTS_STRIPESIM_SIM_H
#define TESTS_STRIPESIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/faults.h"
#include "tests/stripesim/idempotency.h"
#include "tests/stripesim/random.h"
#include "tests/stripesim/store.h"
#include "tests/stripesim/webhooks.h"

struct call;
struct event_base;
struct play;
struct waiter;

struct sim {
    struct event_base *base; /* borrowed from main */
    const struct clock *clock;
    struct store store;
    struct map booked; /* by source: the first balance transaction of it */
    struct idempotency idempotency;
    struct faults faults;
    struct webhooks *webhooks;
    struct play *play;
    struct random choices; /* what happens by chance repeats under the same seed */
    const char *api_version; /* of events */
    const char *bank; /* where the platform's payouts go; NULL: none was made */
    int64_t link_life_s; /* how long the link to an onboarding page is good */
    bool refunds_wait; /* those made by the API are pending until they are settled */
    int64_t event_life_s; /* how long an event is listed */
    size_t events_gone; /* how many of the oldest are not any more */
    int64_t available_days; /* until money that came in can be paid out */
    uint64_t seed;
    int64_t calls; /* API calls answered */
    struct call *held; /* calls that wait for a fault's time to pass */
    struct waiter *waiters; /* who wants to know when all is quiet */
};

struct sim_options {
    bool livemode;
    uint64_t seed;
    struct webhooks_endpoint endpoints[WEBHOOKS_ENDPOINT_COUNT];
};

/* Also after a failure, sim_done takes apart what there is. */
MUST_USE enum outcome sim_init(struct sim *sim,
                               struct event_base *base,
                               const struct sim_options *options,
                               struct fault *fault);
void sim_done(struct sim *sim);
/* As after the start: no objects, no faults, nothing to deliver. Not while a call is
 * being carried out. */
void sim_reset(struct sim *sim, uint64_t seed);

#endif
