/* SPDX-License-Identifier: MIT
 * The routes of connected accounts, their onboarding, events and webhook endpoints. */
#include "tests/stripesim/account_links.h"
#include "tests/stripesim/accounts.h"
#include "tests/stripesim/events.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/rows.h"
#include "tests/stripesim/webhook_endpoints.h"

#define DUE "currently_due eventually_due"
#define STRUCTURES                                                                       \
    "free_zone_establishment free_zone_llc government_instrumentality "                  \
    "governmental_unit incorporated_non_profit incorporated_partnership "                \
    "limited_liability_partnership llc multi_member_llc private_company "                \
    "private_corporation private_partnership public_company public_corporation "         \
    "public_partnership registered_charity single_member_llc sole_establishment "        \
    "sole_proprietorship tax_exempt_government_instrumentality "                         \
    "unincorporated_association unincorporated_non_profit unincorporated_partnership"

enum { MCC_CHARACTERS = 4, NAME_CHARACTERS = 100, PRODUCT_CHARACTERS = 40000 };

static const struct param none[] = {EXPAND, END};
static const struct param page[] = {PAGE, END};
static const struct param cursor[] = {CURSOR, END};
static const struct param list_events[] = {PAGE,
                                           STRING("type"),
                                           LIST("types"),
                                           STRING("types[*]"),
                                           FLAG("delivery_success"),
                                           END};

#define CAPABILITY(name)                                                                 \
    HASH("capabilities[" name "]"), FLAG("capabilities[" name "][requested]")
/* Those that an account in France can have. */
#define CAPABILITIES                                                                     \
    HASH("capabilities"), CAPABILITY("bancontact_payments"),                             \
        CAPABILITY("card_payments"), CAPABILITY("cartes_bancaires_payments"),            \
        CAPABILITY("eps_payments"), CAPABILITY("giropay_payments"),                      \
        CAPABILITY("ideal_payments"), CAPABILITY("klarna_payments"),                     \
        CAPABILITY("legacy_payments"), CAPABILITY("link_payments"),                      \
        CAPABILITY("p24_payments"), CAPABILITY("sepa_debit_payments"),                   \
        CAPABILITY("sofort_payments"), CAPABILITY("transfers")
#define PROFILE                                                                          \
    HASH("business_profile"), TAKEN("business_profile[annual_revenue][*]"),              \
        NUMBER("business_profile[estimated_worker_count]", 0, INT64_MAX),                \
        STRING_UP_TO("business_profile[mcc]", MCC_CHARACTERS),                           \
        TAKEN("business_profile[monthly_estimated_revenue][*]"),                         \
        STRING("business_profile[name]"),                                                \
        STRING_UP_TO("business_profile[product_description]", PRODUCT_CHARACTERS),       \
        ADDRESS("business_profile[support_address]"),                                    \
        EMAIL("business_profile[support_email]"),                                        \
        STRING("business_profile[support_phone]"),                                       \
        TEXT("business_profile[support_url]"), URL("business_profile[url]")
#define COMPANY                                                                          \
    HASH("company"), ADDRESS("company[address]"), FLAG("company[directors_provided]"),   \
        FLAG("company[executives_provided]"), FLAG("company[owners_provided]"),          \
        STRING_UP_TO("company[name]", NAME_CHARACTERS), STRING("company[phone]"),        \
        STRING("company[registration_number]"),                                          \
        CHOICE("company[structure]", STRUCTURES), STRING("company[tax_id]"),             \
        STRING("company[tax_id_registrar]"), STRING("company[vat_id]"),                  \
        TAKEN("company[ownership_declaration][*]"), TAKEN("company[verification][**]")
#define ACCOUNT_COMMON                                                                   \
    STRING("account_token"), PROFILE,                                                    \
        CHOICE("business_type", "company government_entity individual non_profit"),      \
        CAPABILITIES, COMPANY, STRING("default_currency"), HASH("documents"),            \
        TAKEN("documents[**]"), EMAIL("email"), TAKEN("external_account"),               \
        TAKEN("external_account[**]"), HASH("individual"), TAKEN("individual[**]"),      \
        HASH("settings"), TAKEN("settings[**]"), HASH("tos_acceptance"),                 \
        NUMBER("tos_acceptance[date]", 0, INT64_MAX), STRING("tos_acceptance[ip]"),      \
        STRING("tos_acceptance[service_agreement]"),                                     \
        STRING("tos_acceptance[user_agent]"), METADATA, EXPAND
static const struct param create_account[] = {
    CHOICE("type", "custom express standard"),
    STRING("country"),
    HASH("controller"),
    CHOICE("controller[fees][payer]", "account application"),
    CHOICE("controller[losses][payments]", "application stripe"),
    CHOICE("controller[requirement_collection]", "application stripe"),
    CHOICE("controller[stripe_dashboard][type]", "express full none"),
    TAKEN("bank_account[**]"),
    ACCOUNT_COMMON,
    END};
static const struct param update_account[] = {ACCOUNT_COMMON, END};

static const struct param create_link[] = {
    NEEDED_STRING("account"),
    NEEDED_URL("refresh_url"),
    NEEDED_URL("return_url"),
    NEEDED_CHOICE("type", "account_onboarding account_update"),
    CHOICE("collect", DUE),
    HASH("collection_options"),
    CHOICE("collection_options[fields]", DUE),
    CHOICE("collection_options[future_requirements]", "include omit"),
    EXPAND,
    END};

static const struct param create_endpoint[] = {NEEDED_LIST("enabled_events"),
                                               STRING("enabled_events[*]"),
                                               NEEDED_URL("url"),
                                               STRING("api_version"),
                                               FLAG("connect"),
                                               TEXT("description"),
                                               METADATA,
                                               EXPAND,
                                               END};
static const struct param update_endpoint[] = {LIST("enabled_events"),
                                               STRING("enabled_events[*]"),
                                               URL("url"),
                                               TEXT("description"),
                                               FLAG("disabled"),
                                               METADATA,
                                               EXPAND,
                                               END};

#define ENDPOINT "/v1/webhook_endpoints"
const struct route routes_connect[] = {
    {"POST", "/v1/accounts", KIND_ACCOUNT, create_account, accounts_create},
    {"GET", "/v1/accounts", KIND_ACCOUNT, page, accounts_list},
    {"GET", "/v1/accounts/{id}", KIND_ACCOUNT, none, accounts_retrieve},
    {"POST", "/v1/accounts/{id}", KIND_ACCOUNT, update_account, accounts_update},
    {"POST", "/v1/account_links", KIND_ACCOUNT_LINK, create_link, account_links_create},
    {"GET", "/v1/events", KIND_EVENT, list_events, events_list},
    {"GET", "/v1/events/{id}", KIND_EVENT, none, events_retrieve},
    {"POST", ENDPOINT, KIND_WEBHOOK_ENDPOINT, create_endpoint, webhook_endpoints_create},
    {"GET", ENDPOINT, KIND_WEBHOOK_ENDPOINT, cursor, webhook_endpoints_list},
    {"GET", ENDPOINT "/{id}", KIND_WEBHOOK_ENDPOINT, none, webhook_endpoints_retrieve},
    {"POST",
     ENDPOINT "/{id}",
     KIND_WEBHOOK_ENDPOINT,
     update_endpoint,
     webhook_endpoints_update},
    {"DELETE", ENDPOINT "/{id}", KIND_WEBHOOK_ENDPOINT, none, webhook_endpoints_delete},
    {.method = NULL},
};
