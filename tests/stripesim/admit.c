/* SPDX-License-Identifier: MIT
 * What is checked before a call is carried out. */
#include "tests/stripesim/admit.h"

#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/base/digest.h"
#include "tests/stripesim/accounts.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/versions.h"

/* https://docs.stripe.com/api/expanding_objects */
enum { MOST_LEVELS = 4 };

static int levels(struct span path);
static bool is_list(const struct route *route);
static bool check_key(struct call *call);
static struct span basic_user(struct call *call, struct span header);
static bool check_version(struct call *call);
static bool check_account(struct call *call);
static bool check_route(struct call *call);
static bool read_form(struct call *call);

bool admit_call(struct call *call)
{
    return check_key(call) && check_version(call) && check_account(call) &&
           check_route(call) && read_form(call);
}

bool admit_expansion(struct call *call)
{
    struct span *paths = ARENA_ARRAY(&call->arena, struct span, call->form.count + 1);
    size_t at = 0;
    size_t count = 0;
    struct span key;
    const struct form_entry *entry;
    while ((entry = form_element(&call->form, "expand", &at, &key))) {
        struct span path = entry->value;
        bool is_inside = span_starts(path, "data.");
        if (is_inside) {
            path.at += sizeof("data.") - 1;
            path.len -= sizeof("data.") - 1;
        }
        if (levels(entry->value) > MOST_LEVELS) {
            call_refuse(call,
                        &(struct refusal){.param = "expand"},
                        "You cannot expand more than %d levels of a property (%.*s).",
                        MOST_LEVELS,
                        SPAN_ARGS(entry->value));
            return false;
        }
        if (is_inside != is_list(call->route) ||
            !object_can_expand(call->route->answers, path)) {
            call_refuse(call,
                        &(struct refusal){.param = "expand"},
                        "This property cannot be expanded (%.*s).",
                        SPAN_ARGS(entry->value));
            return false;
        }
        paths[count++] = entry->value;
    }
    call->expansion = (struct expansion){&call->sim->store, paths, count};
    return true;
}

static int levels(struct span path)
{
    int count = 0;
    while (path.len > 0) {
        span_cut(path, '.', &path);
        count++;
    }
    return count;
}

/* Whether what is asked for stands below "data". */
static bool is_list(const struct route *route)
{
    size_t len = strlen(route->path);
    return strcmp(route->method, "GET") == 0 && route->path[len - 1] != '}' &&
           strcmp(route->path, "/v1/balance") != 0;
}

struct span admit_header(const struct call *call, const char *name)
{
    return span_of(
        evhttp_find_header(evhttp_request_get_input_headers(call->http), name));
}

static bool check_key(struct call *call)
{
    struct refusal refusal = {.status = 401};
    struct span header = admit_header(call, "Authorization");
    struct span key = {NULL, 0};
    if (span_starts(header, "Bearer ")) {
        key = span_trim((struct span){header.at + 7, header.len - 7});
    } else if (span_starts(header, "Basic ")) {
        key = basic_user(call, (struct span){header.at + 6, header.len - 6});
    }
    if (key.len == 0) {
        call_refuse(
            call,
            &refusal,
            "You did not provide an API key. You need to provide your API key in "
            "the Authorization header, using Bearer auth (e.g. 'Authorization: "
            "Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication "
            "for details, or we can help at https://support.stripe.com/.");
        return false;
    }
    bool live = call->sim->store.livemode;
    if (span_starts(key, live ? "sk_live_" : "sk_test_") ||
        span_starts(key, live ? "rk_live_" : "rk_test_")) {
        return true;
    }
    /* As Stripe does, the key is told by its ends alone. */
    size_t shown = key.len > 12 ? 4 : 0;
    call_refuse(call,
                &refusal,
                "Invalid API Key provided: %.*s****%.*s",
                (int)(shown > 0 ? 8 : 0),
                key.at,
                (int)shown,
                key.at + key.len - shown);
    return false;
}

/* Basic authentication: the key is the user's name, the password is empty. */
static struct span basic_user(struct call *call, struct span header)
{
    unsigned char *plain = arena_take(&call->arena, header.len + 3);
    size_t len = 0;
    struct span rest;
    if (!digest_from_base64(span_trim(header), plain, header.len + 3, &len)) {
        return (struct span){NULL, 0};
    }
    return span_cut((struct span){(char *)plain, len}, ':', &rest);
}

static bool check_version(struct call *call)
{
    struct span version = call->version;
    if (version.len == 0) {
        call->version = SPAN(VERSIONS_DEFAULT);
        return true;
    }
    bool good = versions_is_known(version);
    if (!good) {
        call->version = SPAN(VERSIONS_DEFAULT);
        call_refuse(call,
                    &(struct refusal){.status = 400},
                    "Invalid Stripe API version: %.*s",
                    SPAN_ARGS(version));
    }
    return good;
}

static bool check_account(struct call *call)
{
    struct span id = admit_header(call, "Stripe-Account");
    if (id.len == 0) {
        return true;
    }
    const struct account *account = store_find(&call->sim->store, KIND_ACCOUNT, NULL, id);
    if (account && !account->deauthorized) {
        call->account = account->object.id;
        return true;
    }
    call_refuse(
        call,
        &(struct refusal){.status = 403, .code = "account_invalid"},
        "The provided key does not have access to account '%.*s' (or that account "
        "does not exist). Application access may have been revoked.",
        SPAN_ARGS(id));
    return false;
}

static bool check_route(struct call *call)
{
    call->route = routes_find(call->method, call->path, &call->path_id);
    if (!call->route) {
        call_refuse(call,
                    &(struct refusal){.status = 404},
                    "Unrecognized request URL (%s: %.*s). Please see "
                    "https://stripe.com/docs or we can help at "
                    "https://support.stripe.com/.",
                    call->method,
                    SPAN_ARGS(call->path));
    }
    return call->route != NULL;
}

static bool read_form(struct call *call)
{
    struct fault fault;
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(call->http));
    struct evbuffer *buffer = evhttp_request_get_input_buffer(call->http);
    size_t len = evbuffer_get_length(buffer);
    struct span body = {len ? (const char *)evbuffer_pullup(buffer, -1) : "", len};
    if (span_starts(admit_header(call, "Content-Type"), "application/json")) {
        call_refuse(
            call,
            &(struct refusal){.status = 400},
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded). If you have any questions, we can "
            "help at https://support.stripe.com/.");
        return false;
    }
    if (form_decode(&call->form, span_of(query), &call->arena, &fault) != OUTCOME_DONE ||
        form_decode(&call->form, body, &call->arena, &fault) != OUTCOME_DONE) {
        call_refuse(call,
                    &(struct refusal){.status = 400},
                    "Invalid request: the parameters could not be decoded.");
        return false;
    }
    return true;
}
