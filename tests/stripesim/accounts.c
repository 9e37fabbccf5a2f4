/* SPDX-License-Identifier: MIT
 * Connected accounts. */
#include "tests/stripesim/accounts.h"

#include "tests/stripesim/call.h"
#include "tests/stripesim/countries.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/sim.h"

#define CARD_PAYMENTS "capabilities[card_payments][requested]"
#define TRANSFERS "capabilities[transfers][requested]"

struct setting {
    const char *param;
    size_t offset;
};

static void emit_capability(struct sim *sim,
                            const struct account *account,
                            const char *name,
                            enum capability_status before,
                            enum capability_status after);
static bool check(struct call *call);
static void set_strings(struct call *call, struct account *account);
static bool is_connected(const struct call *call, const struct object *object);

static const struct account_stage_row stages[ACCOUNT_STAGES] = {
    [ACCOUNT_NEW] = {"new",
                     false,
                     false,
                     "requirements.past_due",
                     "[\"external_account\",\"representative.first_name\","
                     "\"representative.last_name\",\"tos_acceptance.date\","
                     "\"tos_acceptance.ip\"]",
                     "[\"external_account\",\"representative.first_name\","
                     "\"representative.last_name\",\"tos_acceptance.date\","
                     "\"tos_acceptance.ip\"]"},
    [ACCOUNT_BEGUN] = {"begun",
                       false,
                       false,
                       "requirements.past_due",
                       "[\"external_account\",\"tos_acceptance.date\","
                       "\"tos_acceptance.ip\"]",
                       "[\"external_account\",\"tos_acceptance.date\","
                       "\"tos_acceptance.ip\"]"},
    [ACCOUNT_ONBOARDED] = {"onboarded", true, true, NULL, "[]", "[]"},
    [ACCOUNT_RESTRICTED] = {"restricted",
                            false,
                            true,
                            "requirements.past_due",
                            "[\"representative.verification.document\"]",
                            "[\"representative.verification.document\"]"},
};

static const struct setting settings[] = {
    {"business_profile[name]", offsetof(struct account, business_name)},
    {"business_profile[mcc]", offsetof(struct account, mcc)},
    {"business_profile[product_description]",
     offsetof(struct account, product_description)},
    {"business_profile[url]", offsetof(struct account, url)},
    {"company[address][city]", offsetof(struct account, company_city)},
    {"company[address][country]", offsetof(struct account, company_country)},
    {"company[address][line1]", offsetof(struct account, company_line1)},
    {"company[address][line2]", offsetof(struct account, company_line2)},
    {"company[address][postal_code]", offsetof(struct account, company_postal_code)},
    {"company[address][state]", offsetof(struct account, company_state)},
    {"company[name]", offsetof(struct account, company_name)},
    {"company[phone]", offsetof(struct account, company_phone)},
    {"company[structure]", offsetof(struct account, company_structure)},
    {"company[tax_id]", offsetof(struct account, company_tax_id)},
    {"business_type", offsetof(struct account, business_type)},
    {"country", offsetof(struct account, country)},
    {"default_currency", offsetof(struct account, default_currency)},
    {"email", offsetof(struct account, email)},
    {"type", offsetof(struct account, type)},
};

struct account *accounts_new(struct sim *sim, const char *id)
{
    struct account *account = store_new(&sim->store, KIND_ACCOUNT, NULL, id);
    account->business_type = "non_profit";
    account->card_payments = CAPABILITY_INACTIVE;
    account->country = "FR";
    account->default_currency = "eur";
    account->metadata = "{}";
    account->transfers = CAPABILITY_INACTIVE;
    account->type = "express";
    return account;
}

void accounts_place(struct account *account, enum account_stage stage)
{
    bool works = stages[stage].works;
    enum capability_status status = works ? CAPABILITY_ACTIVE : CAPABILITY_INACTIVE;
    account->stage = stage;
    account->charges_enabled = works;
    account->payouts_enabled = works;
    account->details_submitted = stages[stage].details_submitted;
    if (account->card_payments != CAPABILITY_UNREQUESTED) {
        account->card_payments = status;
    }
    if (account->transfers != CAPABILITY_UNREQUESTED) {
        account->transfers = status;
    }
}

void accounts_move(struct sim *sim, struct account *account, enum account_stage stage)
{
    struct account before = *account;
    accounts_place(account, stage);
    emit_capability(sim,
                    account,
                    "card_payments",
                    before.card_payments,
                    account->card_payments);
    emit_capability(sim, account, "transfers", before.transfers, account->transfers);
    events_emit(sim, EVENT_ACCOUNT_UPDATED, &account->object, &before.object);
}

void accounts_authorized(struct sim *sim, struct account *account)
{
    struct application application = {
        store_head(&sim->store, KIND_APPLICATION, account->object.id)};
    application.object.id = "ca_TocsinOfTheSimulator";
    account->deauthorized = false;
    events_emit(sim, EVENT_ACCOUNT_AUTHORIZED, &application.object, NULL);
}

void accounts_deauthorize(struct sim *sim, struct account *account)
{
    struct application application = {
        store_head(&sim->store, KIND_APPLICATION, account->object.id)};
    application.object.id = "ca_TocsinOfTheSimulator";
    account->deauthorized = true;
    events_emit(sim, EVENT_ACCOUNT_DEAUTHORIZED, &application.object, NULL);
}

bool accounts_stage(struct span word, enum account_stage *out_stage)
{
    for (unsigned int stage = 0; stage < ACCOUNT_STAGES; stage++) {
        if (span_is(word, stages[stage].name)) {
            *out_stage = (enum account_stage)stage;
            return true;
        }
    }
    return false;
}

const struct account_stage_row *accounts_stage_row(const struct account *account)
{
    return &stages[account->stage];
}

void accounts_create(struct call *call)
{
    const char *metadata = "{}";
    if (!check(call) || !metadata_merge(call, "{}", &metadata)) {
        return;
    }
    struct account *account = accounts_new(call->sim, NULL);
    account->metadata = metadata;
    account->business_type = NULL;
    account->type = "standard";
    if (!call_is_true(call, CARD_PAYMENTS)) {
        account->card_payments = CAPABILITY_UNREQUESTED;
    }
    if (!call_is_true(call, TRANSFERS)) {
        account->transfers = CAPABILITY_UNREQUESTED;
    }
    set_strings(call, account);
    accounts_authorized(call->sim, account);
    call_answer(call, &account->object);
}

void accounts_retrieve(struct call *call)
{
    struct account *account =
        store_find(&call->sim->store, KIND_ACCOUNT, NULL, call->path_id);
    if (account && !account->deauthorized) {
        call_answer(call, &account->object);
        return;
    }
    call_refuse(
        call,
        &(struct refusal){.status = 403, .code = "account_invalid"},
        "The provided key does not have access to account '%.*s' (or that account "
        "does not exist). Application access may have been revoked.",
        SPAN_ARGS(call->path_id));
}

void accounts_update(struct call *call)
{
    struct account *account = call_find(call, KIND_ACCOUNT, call->path_id);
    const char *metadata;
    if (!account || !metadata_merge(call, account->metadata, &metadata)) {
        return;
    }
    struct account before = *account;
    account->metadata = metadata;
    set_strings(call, account);
    events_emit(call->sim, EVENT_ACCOUNT_UPDATED, &account->object, &before.object);
    call_answer(call, &account->object);
}

void accounts_list(struct call *call)
{
    list_answer(call, KIND_ACCOUNT, is_connected);
}

static void emit_capability(struct sim *sim,
                            const struct account *account,
                            const char *name,
                            enum capability_status before,
                            enum capability_status after)
{
    if (before == after) {
        return;
    }
    struct capability now = {
        .object = store_head(&sim->store, KIND_CAPABILITY, account->object.id),
        .status = after,
    };
    now.object.id = name;
    struct capability then = now;
    then.status = before;
    events_emit(sim, EVENT_CAPABILITY_UPDATED, &now.object, &then.object);
}

/* What depends on more than one parameter, or on a long list. */
static bool check(struct call *call)
{
    struct span country = form_value(&call->form, "country");
    if (country.len > 0 && !countries_check(call, "country", country)) {
        return false;
    }
    if (call_is_true(call, CARD_PAYMENTS) && !call_is_true(call, TRANSFERS)) {
        call_refuse(call,
                    &(struct refusal){.param = "capabilities"},
                    "You cannot request the `card_payments` capability without the "
                    "`transfers` capability for an account in this country.");
        return false;
    }
    return true;
}

static void set_strings(struct call *call, struct account *account)
{
    for (size_t i = 0; i < FIELD_COUNT(settings); i++) {
        if (form_find(&call->form, settings[i].param)) {
            char *at = (char *)account + settings[i].offset;
            *(const char **)(void *)at = call_string(call, settings[i].param);
        }
    }
}

static bool is_connected(const struct call *call, const struct object *object)
{
    (void)call;
    return !((const struct account *)(const void *)object)->deauthorized;
}
