/* SPDX-License-Identifier: MIT
 * The whole simulator, put together and taken apart. */
#include "tests/stripesim/sim.h"

#include <assert.h>

#include "tests/stripesim/play.h"

#define API_VERSION "2024-06-20"

enum { LINK_LIFE_S = 300, AVAILABLE_DAYS = 3, EVENT_LIFE_S = 30 * 86400 };

enum outcome sim_init(struct sim *sim,
                      struct event_base *base,
                      const struct sim_options *options,
                      struct fault *fault)
{
    *sim = (struct sim){
        .base = base,
        .clock = &clock_system,
        .api_version = API_VERSION,
        .link_life_s = LINK_LIFE_S,
        .available_days = AVAILABLE_DAYS,
        .event_life_s = EVENT_LIFE_S,
        .seed = options->seed,
    };
    random_seed(&sim->choices, options->seed);
    store_init(&sim->store, sim->clock, options->livemode);
    map_init(&sim->booked);
    idempotency_init(&sim->idempotency);
    faults_init(&sim->faults);
    sim->webhooks = webhooks_new(base, &sim->choices, options->endpoints, fault);
    sim->play = play_new(sim);
    return sim->webhooks ? OUTCOME_DONE : OUTCOME_NEVER;
}

void sim_done(struct sim *sim)
{
    assert(!sim->held);
    play_free(sim->play);
    webhooks_free(sim->webhooks);
    faults_done(&sim->faults);
    idempotency_done(&sim->idempotency);
    map_done(&sim->booked);
    store_done(&sim->store);
}

void sim_reset(struct sim *sim, uint64_t seed)
{
    assert(!sim->held);
    bool livemode = sim->store.livemode;
    random_seed(&sim->choices, seed);
    play_stop(sim->play);
    webhooks_reset(sim->webhooks);
    faults_done(&sim->faults);
    idempotency_done(&sim->idempotency);
    map_done(&sim->booked);
    store_done(&sim->store);
    store_init(&sim->store, sim->clock, livemode);
    map_init(&sim->booked);
    idempotency_init(&sim->idempotency);
    faults_init(&sim->faults);
    sim->api_version = API_VERSION;
    sim->bank = NULL;
    sim->link_life_s = LINK_LIFE_S;
    sim->available_days = AVAILABLE_DAYS;
    sim->event_life_s = EVENT_LIFE_S;
    sim->events_gone = 0;
    sim->refunds_wait = false;
    sim->calls = 0;
    sim->seed = seed;
}
