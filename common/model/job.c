/* SPDX-License-Identifier: MIT
 * The names and the table of job kinds. */
#include "common/model/job.h"

#include <assert.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum {
    SYNC_GROUP = 64, /* as many as settle takes at once */
    BATCH_GROUP = 8, /* their rows are large */
};

/* A kind's attempts and waits: stripe.event goes on for about a day, mail for about two
 * days, since a village's mail server may be away over a weekend's Saturday. What a phone
 * asked for begins its retries soon, since somebody waits; what is perishable (a token, a
 * link, a login) gives up early. */
const struct kind kinds[] = {
    {"stripe.event",
     LANE_WEBHOOK,
     25,
     2 * SECOND,
     HOUR,
     30 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "apply one Stripe event to the database"},
    {"receipt.send",
     LANE_MAIL,
     30,
     5 * SECOND,
     2 * HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB | NEIGHBOUR_SMTP,
     "mail a receipt or a refund notice to the buyer, or an admin what is disputed"},
    {"dispute.tell",
     LANE_MAIL,
     30,
     5 * SECOND,
     2 * HOUR,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "find out who is told of a dispute"},
    {"audit.write",
     LANE_BACKFILL,
     50,
     2 * SECOND,
     HOUR,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "write what an operator did to the audit log"},
    {"session.login",
     LANE_LIVE,
     3,
     200,
     2 * SECOND,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "check a password and open a session"},
    {"session.logout",
     LANE_LIVE,
     20,
     SECOND,
     10 * MINUTE,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "end a session"},
    {"session.extend",
     LANE_BACKFILL,
     10,
     2 * SECOND,
     10 * MINUTE,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "move the end of a session that is in use"},
    {"account.create",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "make an amicale's Stripe account, or find it"},
    {"account.refresh",
     LANE_LIVE,
     10,
     SECOND,
     10 * MINUTE,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "retrieve an account's state from Stripe"},
    {"account.link",
     LANE_LIVE,
     3,
     SECOND,
     10 * SECOND,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "make a link to an account's onboarding"},
    {"location.create",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "make an amicale's Terminal location, or find it"},
    {"terminal.token",
     LANE_LIVE,
     3,
     SECOND,
     10 * SECOND,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "make a connection token for a phone"},
    {"reader.register",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "register a card reader"},
    {"reader.list",
     LANE_LIVE,
     3,
     SECOND,
     10 * SECOND,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "list an amicale's readers as Stripe sees them"},
    {"payment.create",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "write a payment and make its PaymentIntent"},
    {"payment.capture",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "capture what was authorised"},
    {"payment.cancel",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "cancel a payment that is open"},
    {"payment.refund",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "give money back, all or part"},
    {"payment.void",
     LANE_LIVE,
     25,
     SECOND,
     HOUR,
     15 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "mark a cash or cheque sale as mistaken"},
    {"sync.sale",
     LANE_SYNC,
     25,
     SECOND,
     HOUR,
     30 * SECOND,
     SYNC_GROUP,
     NEIGHBOUR_MARIADB,
     "record a cash or cheque sale that a phone made offline"},
    {"sync.card",
     LANE_SYNC,
     25,
     SECOND,
     HOUR,
     45 * SECOND,
     1,
     NEIGHBOUR_MARIADB,
     "find out what became of a card sale that a phone made offline"},
    {"sync.batch",
     LANE_SYNC,
     25,
     SECOND,
     HOUR,
     30 * SECOND,
     BATCH_GROUP,
     NEIGHBOUR_MARIADB,
     "write down what a phone handed over, and what it was told"},
    {"events.catchup",
     LANE_BACKFILL,
     10,
     5 * SECOND,
     10 * MINUTE,
     10 * MINUTE,
     1,
     NEIGHBOUR_MARIADB,
     "hold Stripe's list of events against the ledger"},
    {"payment.reconcile",
     LANE_BACKFILL,
     10,
     5 * SECOND,
     10 * MINUTE,
     10 * MINUTE,
     1,
     NEIGHBOUR_MARIADB,
     "retrieve what has been open too long, and move it forward"},
    {"books.plan",
     LANE_BACKFILL,
     20,
     5 * SECOND,
     HOUR,
     2 * HOUR,
     1,
     NEIGHBOUR_MARIADB,
     "copy Stripe's balance transactions of some days, and plan their reconciliation"},
    {"books.reconcile",
     LANE_BACKFILL,
     20,
     5 * SECOND,
     HOUR,
     10 * MINUTE,
     1,
     NEIGHBOUR_MARIADB,
     "hold the books of one amicale against Stripe's"},
    {"personal_data.erase",
     LANE_BACKFILL,
     10,
     5 * SECOND,
     HOUR,
     10 * MINUTE,
     1,
     NEIGHBOUR_MARIADB,
     "erase buyers' addresses and the bodies of events that were kept for long enough"},
};
const size_t kinds_count = sizeof(kinds) / sizeof(kinds[0]);

static const char *const state_names[JOB_STATE_COUNT] = {
    [JOB_READY] = "ready",
    [JOB_LEASED] = "leased",
    [JOB_SCHEDULED] = "scheduled",
    [JOB_DONE] = "done",
    [JOB_DEAD] = "dead",
};

static const struct {
    const char *name;
    int weight;
} lanes[LANE_COUNT] = {
    [LANE_LIVE] = {"live", 16},
    [LANE_WEBHOOK] = {"webhook", 8},
    [LANE_SYNC] = {"sync", 4},
    [LANE_MAIL] = {"mail", 2},
    [LANE_BACKFILL] = {"backfill", 1},
    [LANE_QUARANTINE] = {"quarantine", 1},
};

const struct kind *kind_find(struct span name)
{
    for (size_t i = 0; i < kinds_count; i++) {
        if (span_is(name, kinds[i].name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const char *job_state_name(enum job_state state)
{
    assert((int)state >= 0 && (int)state < JOB_STATE_COUNT);
    return state_names[state];
}

bool job_state_find(struct span name, enum job_state *out_state)
{
    for (int i = 0; i < JOB_STATE_COUNT; i++) {
        if (span_is(name, state_names[i])) {
            *out_state = (enum job_state)i;
            return true;
        }
    }
    return false;
}

const char *lane_name(enum job_lane lane)
{
    assert((int)lane >= 0 && (int)lane < LANE_COUNT);
    return lanes[lane].name;
}

bool lane_find(struct span name, enum job_lane *out_lane)
{
    for (int i = 0; i < LANE_COUNT; i++) {
        if (span_is(name, lanes[i].name)) {
            *out_lane = (enum job_lane)i;
            return true;
        }
    }
    return false;
}

int lane_weight(enum job_lane lane)
{
    assert((int)lane >= 0 && (int)lane < LANE_COUNT);
    return lanes[lane].weight;
}

const char *neighbour_name(enum neighbour which)
{
    switch (which) {
    case NEIGHBOUR_STRIPE:
        return "stripe";
    case NEIGHBOUR_MARIADB:
        return "mariadb";
    case NEIGHBOUR_SMTP:
        return "smtp";
    }
    assert(!"a neighbour is one of the three");
    return "";
}

bool job_id_is_valid(struct span id)
{
    if (id.len == 0 || id.len > JOB_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' ||
                    c == '-' || c == '@' || c == '+' || c == '/';
        if (!good) {
            return false;
        }
    }
    return true;
}
