/* SPDX-License-Identifier: MIT
 *
 * verbs - what each verb of the control endpoint does.
 *
 * Owns:    nothing
 * Callers: control.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_VERBS_H
#define TESTS_STRIPESIM_VERBS_H

#include <stdbool.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "tests/stripesim/form.h"
#include "tests/stripesim/object.h"

struct account;
struct cJSON;
struct sim;

/* One call of a verb. */
struct order {
    struct sim *sim;
    struct span id; /* what stood for {id} */
    const struct cJSON *body; /* an object; NULL: there was no body */
    const struct form *query;
    struct json_writer *answer; /* inside the answer's object */
    const char *refused; /* why not, in a few words; NULL: it was done */
};

struct verb {
    const char *method;
    const char *path; /* below /_control/ */
    void (*carry_out)(struct order *order);
};

/* Ends with a row without method. */
extern const struct verb verbs_table[];

/* Things that verbs share: a member of the body, or what stands for it. */
const char *verbs_string(struct order *order, const char *name, const char *otherwise);
int64_t verbs_integer(struct order *order, const char *name, int64_t otherwise);
/* The object of that kind, of whatever account; NULL after refusing. */
void *verbs_object(struct order *order, enum kind kind);

/* The account with that id, else a new and onboarded one; NULL after refusing. */
struct account *verbs_place_account(struct order *order, struct span id);

/* verbs_books.c: what exists and what was sent. */
void verbs_summary(struct order *order);
void verbs_events(struct order *order);

/* verbs_play.c */
void verbs_play(struct order *order);

/* verbs_balance.c */
void verbs_payout(struct order *order);
void verbs_payouts(struct order *order);
void verbs_payout_send(struct order *order);
void verbs_payout_pay(struct order *order);
void verbs_payout_fail(struct order *order);
void verbs_payout_cancel(struct order *order);
void verbs_balances(struct order *order);

#endif
