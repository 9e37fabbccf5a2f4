/* SPDX-License-Identifier: MIT
 * Reads what a worker reads when it starts, and lets go of it again. */
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/redis.h"
#include "worker/mailer.h"
#include "common/link/stripe.h"
#include "worker/worker.h"

enum outcome worker_open_rings(const struct settings *settings,
                               struct seal_ring **out_ring,
                               struct seal_ring **out_pii,
                               struct fault *fault)
{
    enum outcome outcome = seal_open(settings->seal.keys_file, out_ring, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "seal.keys_file");
        return outcome;
    }
    outcome = seal_open(settings->seal.pii_keys_file, out_pii, fault);
    if (outcome != OUTCOME_DONE) {
        fault_lay_to(fault, "seal.pii_keys_file");
    }
    return outcome;
}

/* Connections open on first need, so nothing here speaks to a neighbour. */
enum outcome worker_check(const struct settings *settings, struct fault *fault)
{
    struct seal_ring *ring = NULL;
    struct seal_ring *pii = NULL;
    struct redis *redis = NULL;
    struct mariadb *db = NULL;
    struct stripe *stripe = NULL;
    struct mailer *mailer = NULL;
    enum outcome outcome = worker_open_rings(settings, &ring, &pii, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = redis_open(settings, &redis, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_open(settings, MARIADB_WRITER, &db, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = stripe_open(settings, redis, &stripe, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mailer_open(settings, &mailer, fault);
    }
    mailer_close(mailer);
    stripe_close(stripe);
    mariadb_close(db);
    redis_close(redis);
    seal_close(pii);
    seal_close(ring);
    return outcome;
}
