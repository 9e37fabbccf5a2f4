/* SPDX-License-Identifier: MIT
 * The route table. The hottest row stands first: the search goes from the top. */
#include "api/routes.h"

#include <stdbool.h>
#include <string.h>

#include "api/batches.h"
#include "api/connect.h"
#include "api/devices.h"
#include "api/health.h"
#include "api/jobs.h"
#include "api/metrics.h"
#include "api/pages.h"
#include "api/payments.h"
#include "api/sales.h"
#include "api/terminal.h"
#include "api/session.h"
#include "api/sync.h"
#include "api/webhook.h"

static void write_roles(struct text *out, unsigned roles);
static bool fits(const char *pattern, struct span path, struct span *out_params);

/* clang-format off */
#define HOOK ROUTE_ANYONE, ROUTE_BODY_ANY, 0, 0
#define OPEN ROUTE_ANYONE, ROUTE_BODY_JSON, 0, 0
#define WATCH ROUTE_OBSERVERS, ROUTE_BODY_ANY, 0, 0
#define PEOPLE(roles_) ROUTE_PEOPLE, ROUTE_BODY_JSON, 0, (roles_)

/* method, pattern, name, handler, who may come in and with what */
const struct route routes[] = {
    {HTTP_POST, "/api/stripe/webhook", "stripe_webhook", webhook_receive, HOOK},
    {HTTP_POST, "/api/webhooks/stripe", "stripe_webhook", webhook_receive, HOOK},

    {HTTP_POST,
     "/api/payments/create-intent",
     "payment_create",
     payments_create,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/payments/batch-sync",
     "batch_sync",
     sync_receive,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/payments/{id}/capture",
     "payment_capture",
     payments_capture,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/payments/{id}/cancel",
     "payment_cancel",
     payments_cancel,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/payments/{id}/refund",
     "payment_refund",
     payments_refund,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_POST,
     "/api/payments/{id}/void",
     "payment_void",
     payments_void,
     PEOPLE(ROUTE_SELLERS | ROUTE_TREASURERS)},
    {HTTP_GET,
     "/api/payments/{id}/status",
     "payment_status",
     sales_payment,
     PEOPLE(ROUTE_EVERYBODY)},
    {HTTP_GET,
     "/api/amicales/{id}/stats",
     "amicale_stats",
     sales_stats,
     PEOPLE(ROUTE_BOOKKEEPERS)},
    {HTTP_GET,
     "/api/pompiers/{id}/ventes",
     "pompier_ventes",
     sales_list,
     PEOPLE(ROUTE_EVERYBODY)},

    {HTTP_POST,
     "/api/stripe/accounts",
     "account_create",
     connect_create,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_GET,
     "/api/stripe/accounts/{id}/status",
     "account_status",
     connect_status,
     PEOPLE(ROUTE_BOOKKEEPERS)},
    {HTTP_POST,
     "/api/stripe/accounts/{id}/onboarding-link",
     "account_link",
     connect_link,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_GET,
     "/api/amicales/{id}/onboarding-link",
     "account_link",
     connect_link,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_POST,
     "/api/stripe/locations",
     "location_create",
     connect_location,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_POST,
     "/api/amicales/{id}/create-location",
     "location_create",
     connect_amicale_location,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_POST,
     "/api/stripe/terminal/connection-token",
     "connection_token",
     terminal_token,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/terminal/connection-token",
     "connection_token",
     terminal_token,
     PEOPLE(ROUTE_SELLERS)},
    {HTTP_POST,
     "/api/terminal/readers",
     "reader_register",
     terminal_register,
     PEOPLE(ROUTE_TREASURERS)},
    {HTTP_GET,
     "/api/terminal/readers",
     "reader_list",
     terminal_list,
     PEOPLE(ROUTE_BOOKKEEPERS)},
    {HTTP_GET,
     "/api/stripe/config",
     "stripe_config",
     connect_config,
     PEOPLE(ROUTE_EVERYBODY)},

    {HTTP_POST, "/api/devices/check-tap-to-pay", "device_check", devices_check, OPEN},
    {HTTP_GET, "/api/devices/certified-android", "device_list", devices_list, OPEN},

    {HTTP_GET, "/api/jobs/{id}", "job", jobs_show, PEOPLE(ROUTE_EVERYBODY)},
    {HTTP_GET, "/api/batches/{id}", "batch", batches_show, PEOPLE(ROUTE_EVERYBODY)},

    {HTTP_GET, "/api/openapi.yaml", "openapi", pages_show, OPEN},
    {HTTP_GET, "/stripe/success", "page", pages_show, OPEN},
    {HTTP_GET, "/stripe/refresh", "page", pages_show, OPEN},

    {HTTP_POST, "/api/login", "login", session_login, OPEN},
    {HTTP_POST, "/api/logout", "logout", session_logout, PEOPLE(ROUTE_EVERYBODY)},
    {HTTP_GET, "/api/session", "session", session_show, PEOPLE(ROUTE_EVERYBODY)},

    {HTTP_GET, "/healthz", "healthz", health_live, OPEN},
    {HTTP_GET, "/readyz", "readyz", health_ready, OPEN},
    {HTTP_GET, "/metrics", "metrics", metrics_answer, WATCH},
};
/* clang-format on */
const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
_Static_assert(sizeof(routes) / sizeof(routes[0]) <= ROUTES_MOST,
               "counters have a row each");

void routes_match(const struct route *table,
                  size_t count,
                  enum http_method method,
                  struct span path,
                  struct route_match *out_match)
{
    struct route_match match = {.route = NULL};
    for (size_t i = 0; i < count; i++) {
        const struct route *route = &table[i];
        bool same_method =
            route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
        if (!fits(route->pattern, path, match.params)) {
            continue;
        }
        if (same_method) {
            match.route = route;
            match.allowed = 0;
            break;
        }
        match.allowed |= 1u << route->method;
        match.allowed |= route->method == HTTP_GET ? 1u << HTTP_HEAD : 0;
    }
    *out_match = match;
}

void routes_write(struct text *out)
{
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        text_addf(out, "%-4s  %-46s  ", http_method_name(route->method), route->pattern);
        switch (route->auth) {
        case ROUTE_ANYONE:
            text_add_string(out, "anyone");
            break;
        case ROUTE_OBSERVERS:
            text_add_string(out, "observers");
            break;
        case ROUTE_PEOPLE:
            write_roles(out, route->roles);
            break;
        }
        text_add_char(out, '\n');
    }
}

static void write_roles(struct text *out, unsigned roles)
{
    const char *comma = "";
    for (unsigned role = ROLE_POMPIER; role <= ROLE_OPERATOR; role <<= 1) {
        if (roles & role) {
            text_addf(out, "%s%s", comma, role_name((enum role)role));
            comma = ",";
        }
    }
}

void routes_write_allowed(struct text *out, unsigned allowed)
{
    const char *comma = "";
    for (int method = HTTP_GET; method < HTTP_METHODS; method++) {
        if (allowed & 1u << method) {
            text_add_string(out, comma);
            text_add_string(out, http_method_name((enum http_method)method));
            comma = ", ";
        }
    }
}

static bool fits(const char *pattern, struct span path, struct span *out_params)
{
    size_t param = 0;
    size_t i = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (i == path.len || path.at[i] != *pattern) {
                return false;
            }
            i++;
            pattern++;
            continue;
        }
        size_t start = i;
        while (i < path.len && path.at[i] != '/') {
            i++;
        }
        if (i == start || param == ROUTE_PARAMS) {
            return false;
        }
        out_params[param++] = (struct span){path.at + start, i - start};
        pattern = strchr(pattern, '}') + 1;
    }
    return i == path.len;
}
