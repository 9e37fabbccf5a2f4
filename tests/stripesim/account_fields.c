/* SPDX-License-Identifier: MIT
 * What a connected account, a capability and an application look like as JSON. */
#include "tests/stripesim/accounts.h"

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

static const char *const capability_names[] = {
    [CAPABILITY_UNREQUESTED] = "unrequested",
    [CAPABILITY_INACTIVE] = "inactive",
    [CAPABILITY_PENDING] = "pending",
    [CAPABILITY_ACTIVE] = "active",
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
    const struct account_stage_row *stage = accounts_stage_row(object);
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
