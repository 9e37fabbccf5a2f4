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

/* What an account may do at a stage, and what is still asked of it. */
struct stage_row {
    const char *name;
    bool works;
    bool details_submitted;
    const char *disabled_reason;
    const char *currently_due; /* JSON */
    const char *past_due; /* JSON */
};

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
static void write_profile(struct json_writer *json, const char *name, const void *object);
static void write_capabilities(struct json_writer *json,
                               const char *name,
                               const void *object);
static void write_company(struct json_writer *json, const char *name, const void *object);
static void write_requirements(struct json_writer *json,
                               const char *name,
                               const void *object);
static void write_external(struct json_writer *json,
                           const char *name,
                           const void *object);
static void write_capability_account(struct json_writer *json,
                                     const char *name,
                                     const void *object);

static const struct stage_row stages[ACCOUNT_STAGES] = {
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

static const char *const capability_names[] = {
    [CAPABILITY_UNREQUESTED] = "unrequested",
    [CAPABILITY_INACTIVE] = "inactive",
    [CAPABILITY_PENDING] = "pending",
    [CAPABILITY_ACTIVE] = "active",
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

#define NO_REQUIREMENTS                                                                  \
    "{\"alternatives\":[],\"current_deadline\":null,\"currently_due\":[],"               \
    "\"disabled_reason\":null,\"errors\":[],\"eventually_due\":[],\"past_due\":[],"      \
    "\"pending_verification\":[]}"

#define ROW(member, as) FIELD(struct account, member, as)
static const struct field account_fields[] = {
    FIELD_HEAD("account"),
    FIELD_BY("business_profile", write_profile),
    ROW(business_type, FIELD_STRING),
    FIELD_BY("capabilities", write_capabilities),
    ROW(charges_enabled, FIELD_BOOL),
    FIELD_BY("company", write_company),
    FIELD_ALWAYS("controller",
                 "{\"fees\":{\"payer\":\"application_express\"},\"is_controller\":true,"
                 "\"losses\":{\"payments\":\"application\"},"
                 "\"requirement_collection\":\"stripe\","
                 "\"stripe_dashboard\":{\"type\":\"express\"},"
                 "\"type\":\"application\"}"),
    ROW(country, FIELD_STRING),
    FIELD_CREATED,
    ROW(default_currency, FIELD_STRING),
    ROW(details_submitted, FIELD_BOOL),
    ROW(email, FIELD_STRING),
    FIELD_BY("external_accounts", write_external),
    FIELD_ALWAYS("future_requirements", NO_REQUIREMENTS),
    ROW(metadata, FIELD_JSON),
    ROW(payouts_enabled, FIELD_BOOL),
    FIELD_BY("requirements", write_requirements),
    FIELD_ALWAYS(
        "settings",
        "{\"bacs_debit_payments\":{\"display_name\":null,\"service_user_number\":null},"
        "\"branding\":{\"icon\":null,\"logo\":null,\"primary_color\":null,"
        "\"secondary_color\":null},\"card_issuing\":{\"tos_acceptance\":{\"date\":null,"
        "\"ip\":null}},\"card_payments\":{\"decline_on\":{\"avs_failure\":false,"
        "\"cvc_failure\":false},\"statement_descriptor_prefix\":null,"
        "\"statement_descriptor_prefix_kana\":null,"
        "\"statement_descriptor_prefix_kanji\":null},"
        "\"dashboard\":{\"display_name\":null,\"timezone\":\"Europe/Paris\"},"
        "\"invoices\":{\"default_account_tax_ids\":null},"
        "\"payments\":{\"statement_descriptor\":null,\"statement_descriptor_kana\":null,"
        "\"statement_descriptor_kanji\":null,\"statement_descriptor_prefix_kana\":null,"
        "\"statement_descriptor_prefix_kanji\":null},"
        "\"payouts\":{\"debit_negative_balances\":true,"
        "\"schedule\":{\"delay_days\":7,\"interval\":\"daily\"},"
        "\"statement_descriptor\":null},\"sepa_debit_payments\":{}}"),
    FIELD_ALWAYS("tos_acceptance", "{\"date\":null}"),
    ROW(type, FIELD_STRING),
};
const struct shape account_shape = {
    .name = "account",
    .prefix = "acct_1",
    .path_param = "account",
    .size = sizeof(struct account),
    .fields = account_fields,
    .field_count = FIELD_COUNT(account_fields),
};

static const struct field capability_fields[] = {
    FIELD_HEAD("capability"),
    FIELD_BY("account", write_capability_account),
    FIELD_ALWAYS("future_requirements", NO_REQUIREMENTS),
    FIELD_ALWAYS("requested", "true"),
    {.name = "requested_at",
     .kind = FIELD_INTEGER,
     .offset = offsetof(struct object, created)},
    FIELD_ALWAYS("requirements", NO_REQUIREMENTS),
    FIELD_NAMED(struct capability, status, capability_names),
};
const struct shape capability_shape = {
    .name = "capability",
    .prefix = "",
    .path_param = "capability",
    .size = sizeof(struct capability),
    .fields = capability_fields,
    .field_count = FIELD_COUNT(capability_fields),
};

static const struct field application_fields[] = {
    FIELD_HEAD("application"),
    FIELD_ALWAYS("name", "\"Tocsin\""),
};
const struct shape application_shape = {
    .name = "application",
    .prefix = "ca_",
    .path_param = "application",
    .size = sizeof(struct application),
    .fields = application_fields,
    .field_count = FIELD_COUNT(application_fields),
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

const char *accounts_currently_due(const struct account *account)
{
    return stages[account->stage].currently_due;
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

static void write_profile(struct json_writer *json, const char *name, const void *object)
{
    const struct account *account = object;
    json_open(json, name, '{');
    json_put_null(json, "annual_revenue");
    json_put_null(json, "estimated_worker_count");
    json_put_optional(json, "mcc", span_of(account->mcc));
    json_put_optional(json, "name", span_of(account->business_name));
    json_put_optional(json, "product_description", span_of(account->product_description));
    json_put_null(json, "support_address");
    json_put_null(json, "support_email");
    json_put_null(json, "support_phone");
    json_put_null(json, "support_url");
    json_put_optional(json, "url", span_of(account->url));
    json_close(json, '}');
}

static void write_capabilities(struct json_writer *json,
                               const char *name,
                               const void *object)
{
    const struct account *account = object;
    json_open(json, name, '{');
    if (account->card_payments != CAPABILITY_UNREQUESTED) {
        json_put_string(json,
                        "card_payments",
                        span_of(capability_names[account->card_payments]));
    }
    if (account->transfers != CAPABILITY_UNREQUESTED) {
        json_put_string(json, "transfers", span_of(capability_names[account->transfers]));
    }
    json_close(json, '}');
}

/* Left out while nothing was told of it. */
static void write_company(struct json_writer *json, const char *name, const void *object)
{
    const struct account *account = object;
    if (!account->company_name && !account->company_line1 && !account->company_city &&
        !account->company_structure && !account->company_tax_id) {
        return;
    }
    json_open(json, name, '{');
    json_open(json, "address", '{');
    json_put_optional(json, "city", span_of(account->company_city));
    json_put_optional(json, "country", span_of(account->company_country));
    json_put_optional(json, "line1", span_of(account->company_line1));
    json_put_optional(json, "line2", span_of(account->company_line2));
    json_put_optional(json, "postal_code", span_of(account->company_postal_code));
    json_put_optional(json, "state", span_of(account->company_state));
    json_close(json, '}');
    json_put_bool(json, "directors_provided", false);
    json_put_bool(json, "executives_provided", false);
    json_put_optional(json, "name", span_of(account->company_name));
    json_put_bool(json, "owners_provided", false);
    if (account->company_phone) {
        json_put_string(json, "phone", span_of(account->company_phone));
    }
    if (account->company_structure) {
        json_put_string(json, "structure", span_of(account->company_structure));
    }
    json_put_bool(json, "tax_id_provided", account->company_tax_id != NULL);
    json_put_raw(json,
                 "verification",
                 SPAN("{\"document\":{\"back\":null,\"details\":null,"
                      "\"details_code\":null,\"front\":null}}"));
    json_close(json, '}');
}

static void write_requirements(struct json_writer *json,
                               const char *name,
                               const void *object)
{
    const struct stage_row *stage = &stages[((const struct account *)object)->stage];
    json_open(json, name, '{');
    json_put_raw(json, "alternatives", SPAN("[]"));
    json_put_null(json, "current_deadline");
    json_put_raw(json, "currently_due", span_of(stage->currently_due));
    json_put_optional(json, "disabled_reason", span_of(stage->disabled_reason));
    json_put_raw(json, "errors", SPAN("[]"));
    json_put_raw(json, "eventually_due", span_of(stage->currently_due));
    json_put_raw(json, "past_due", span_of(stage->past_due));
    json_put_raw(json, "pending_verification", SPAN("[]"));
    json_close(json, '}');
}

static void write_external(struct json_writer *json, const char *name, const void *object)
{
    const struct account *account = object;
    struct text text;
    text_init(&text, 256);
    text_addf(&text, "/v1/accounts/%s/external_accounts", account->object.id);
    json_open(json, name, '{');
    json_put_string(json, "object", SPAN("list"));
    json_put_raw(json, "data", SPAN("[]"));
    json_put_bool(json, "has_more", false);
    json_put_integer(json, "total_count", 0);
    json_put_string(json, "url", text_span(&text));
    json_close(json, '}');
    text_done(&text);
}

static void write_capability_account(struct json_writer *json,
                                     const char *name,
                                     const void *object)
{
    const struct capability *capability = object;
    json_put_string(json, name, span_of(capability->object.account));
}
