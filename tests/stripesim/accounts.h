/* SPDX-License-Identifier: MIT
 *
 * accounts - connected accounts: made, onboarded, restricted, deauthorised.
 *
 * Owns:    nothing; accounts live in the store
 * Callers: the route table, the control endpoint, the play
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_ACCOUNTS_H
#define TESTS_STRIPESIM_ACCOUNTS_H

#include <stdbool.h>

#include "tests/stripesim/object.h"

struct call;
struct sim;

enum capability_status {
    CAPABILITY_UNREQUESTED,
    CAPABILITY_INACTIVE,
    CAPABILITY_PENDING,
    CAPABILITY_ACTIVE,
};

/* How far Stripe knows who it deals with; decides the requirements shown. */
enum account_stage {
    ACCOUNT_NEW,
    ACCOUNT_BEGUN,
    ACCOUNT_ONBOARDED,
    ACCOUNT_RESTRICTED,
    ACCOUNT_STAGES
};

/* What an account may do at a stage, and what is still asked of it. */
struct account_stage_row {
    const char *name;
    bool works;
    bool details_submitted;
    const char *disabled_reason;
    const char *currently_due; /* JSON */
    const char *past_due; /* JSON */
};

struct account {
    struct object object;
    enum account_stage stage;
    enum capability_status card_payments;
    enum capability_status transfers;
    const char *bank; /* where payouts go; NULL: none was made; not shown */
    const char *business_name;
    const char *business_type;
    const char *company_city;
    const char *company_country;
    const char *company_line1;
    const char *company_line2;
    const char *company_name;
    const char *company_phone;
    const char *company_postal_code;
    const char *company_state;
    const char *company_structure;
    const char *company_tax_id; /* only shown to be there */
    const char *country;
    const char *default_currency;
    const char *email;
    const char *mcc;
    const char *metadata; /* JSON */
    const char *product_description;
    const char *type;
    const char *url;
    bool charges_enabled;
    bool details_submitted;
    bool payouts_enabled;
    bool deauthorized;
};

struct capability {
    struct object object; /* id: card_payments or transfers; account: whose */
    enum capability_status status;
};

struct application {
    struct object object;
};

/* An Express account in France that asked for both capabilities, without an event. `id`
 * may be NULL. */
struct account *accounts_new(struct sim *sim, const char *id);
/* To that stage, with capability.updated for what changed and then account.updated. */
void accounts_move(struct sim *sim, struct account *account, enum account_stage stage);
/* As accounts_move, but nobody is told: what was before the simulator started. */
void accounts_place(struct account *account, enum account_stage stage);
void accounts_authorized(struct sim *sim, struct account *account);
void accounts_deauthorize(struct sim *sim, struct account *account);
/* False: no such word. "new", "begun", "onboarded", "restricted" */
bool accounts_stage(struct span word, enum account_stage *out_stage);
const struct account_stage_row *accounts_stage_row(const struct account *account);

void accounts_create(struct call *call);
void accounts_retrieve(struct call *call);
void accounts_update(struct call *call);
void accounts_list(struct call *call);

#endif
