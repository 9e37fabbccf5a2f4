/* SPDX-License-Identifier: MIT
 * Links to the onboarding page: made by a call, then visited by a browser. */
#include "tests/stripesim/account_links.h"

#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/admit.h"
#include "tests/stripesim/call.h"
#include "tests/stripesim/onboarding_page.h"
#include "tests/stripesim/server.h"
#include "tests/stripesim/sim.h"

#define PREFIX "/connect/setup/"

enum { PAGE_CEILING_BYTES = 64 * 1024, ARENA_CEILING_BYTES = 1024 * 1024 };

static bool check_url(struct call *call, const char *name);
static bool is_good(const struct sim *sim, const struct account_link *link);
static void show_page(struct evhttp_request *http, const struct account *account);
static void take_form(struct sim *sim,
                      struct evhttp_request *http,
                      struct account_link *link,
                      struct account *account);
static void redirect(struct evhttp_request *http, const char *url);
static void answer(struct evhttp_request *http, int status, struct span page);

static const struct field fields[] = {
    FIELD_ALWAYS("object", "\"account_link\""),
    FIELD_CREATED,
    FIELD(struct account_link, expires_at, FIELD_INTEGER),
    FIELD(struct account_link, url, FIELD_STRING),
};
const struct shape account_link_shape = {
    .name = "account_link",
    .prefix = "",
    .path_param = "link",
    .size = sizeof(struct account_link),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

void account_links_create(struct call *call)
{
    struct sim *sim = call->sim;
    struct account *account = call_find_param(call, KIND_ACCOUNT, "account", 400);
    if (!account || !check_url(call, "refresh_url") || !check_url(call, "return_url")) {
        return;
    }
    if (span_is(form_value(&call->form, "type"), "account_update")) {
        call_refuse(call,
                    &(struct refusal){.param = "type"},
                    "You cannot create `account_update` type Account Links for this "
                    "account. Valid types for this account are: `account_onboarding`.");
        return;
    }
    struct account_link *link =
        store_new(&sim->store, KIND_ACCOUNT_LINK, NULL, store_id(&sim->store, "s"));
    struct span host = admit_header(call, "Host");
    link->account = account->object.id;
    link->expires_at = link->object.created + sim->link_life_s;
    link->refresh_url = call_string(call, "refresh_url");
    link->return_url = call_string(call, "return_url");
    link->url = store_format(&sim->store,
                             "http://%.*s" PREFIX "%s",
                             SPAN_ARGS(host),
                             link->object.id);
    call_answer(call, &link->object);
}

bool account_links_takes(struct evhttp_request *http)
{
    return strncmp(evhttp_request_get_uri(http), PREFIX, sizeof(PREFIX) - 1) == 0;
}

void account_links_handle(struct sim *sim, struct evhttp_request *http)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(http));
    struct span id = span_of(path + sizeof(PREFIX) - 1);
    struct account_link *link = store_find(&sim->store, KIND_ACCOUNT_LINK, NULL, id);
    struct account *account =
        link ? store_find(&sim->store, KIND_ACCOUNT, NULL, span_of(link->account)) : NULL;
    if (!account) {
        answer(http, 404, SPAN("<!doctype html><title>Page introuvable</title>"));
        return;
    }
    bool is_post = strcmp(server_method(http), "POST") == 0;
    bool is_open = is_post && link->state == LINK_OPENED;
    if (!is_open && !is_good(sim, link)) {
        redirect(http, link->refresh_url);
    } else if (is_post) {
        take_form(sim, http, link, account);
    } else {
        link->state = LINK_OPENED;
        show_page(http, account);
    }
}

static bool check_url(struct call *call, const char *name)
{
    struct span url = form_value(&call->form, name);
    if (call->sim->store.livemode && !span_starts(url, "https://")) {
        call_refuse(call,
                    &(struct refusal){.param = name},
                    "Livemode requests must always be redirected via HTTPS.");
        return false;
    }
    return true;
}

static bool is_good(const struct sim *sim, const struct account_link *link)
{
    return link->state == LINK_MADE &&
           clock_wall_ms(sim->clock) / 1000 < link->expires_at;
}

static void show_page(struct evhttp_request *http, const struct account *account)
{
    struct text page;
    text_init(&page, PAGE_CEILING_BYTES);
    onboarding_page_write(account, &page);
    answer(http, 200, text_span(&page));
    text_done(&page);
}

/* step=finish or step=later */
static void take_form(struct sim *sim,
                      struct evhttp_request *http,
                      struct account_link *link,
                      struct account *account)
{
    struct fault fault;
    struct arena arena;
    struct form form = {0};
    struct evbuffer *buffer = evhttp_request_get_input_buffer(http);
    size_t len = evbuffer_get_length(buffer);
    struct span body = {len ? (const char *)evbuffer_pullup(buffer, -1) : "", len};
    arena_init(&arena, ARENA_CEILING_BYTES);
    struct span step = {NULL, 0};
    if (form_decode(&form, body, &arena, &fault) == OUTCOME_DONE) {
        step = form_value(&form, "step");
    }
    if (span_is(step, "finish")) {
        link->state = LINK_USED;
        accounts_move(sim, account, ACCOUNT_ONBOARDED);
        redirect(http, link->return_url);
    } else if (span_is(step, "later")) {
        link->state = LINK_USED;
        if (!account->details_submitted) {
            accounts_move(sim, account, ACCOUNT_BEGUN);
        }
        redirect(http, link->return_url);
    } else {
        answer(http, 400, SPAN("<!doctype html><title>Formulaire incomplet</title>"));
    }
    arena_done(&arena);
}

static void redirect(struct evhttp_request *http, const char *url)
{
    evhttp_add_header(evhttp_request_get_output_headers(http), "Location", url);
    answer(http, 303, SPAN(""));
}

static void answer(struct evhttp_request *http, int status, struct span page)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
    struct evbuffer *buffer = evbuffer_new();
    evbuffer_add(buffer, page.at, page.len);
    evhttp_add_header(headers, "Content-Type", "text/html; charset=utf-8");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(http, status, NULL, buffer);
    evbuffer_free(buffer);
}
