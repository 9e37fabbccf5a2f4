/* SPDX-License-Identifier: MIT
 *
 * account_links - links to the onboarding page of a connected account, and that page.
 *
 * Owns:    nothing; links live in the store
 * Callers: the route table, server.c
 * Blocks:  never
 *
 *     made -> opened -> used        a link is opened once, within its life; the page's
 *       \________________^          form is sent once
 *
 * Any other visit is sent to the link's refresh_url, as Stripe does.
 */
#ifndef TESTS_STRIPESIM_ACCOUNT_LINKS_H
#define TESTS_STRIPESIM_ACCOUNT_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"

struct call;
struct evhttp_request;
struct sim;

enum link_state { LINK_MADE, LINK_OPENED, LINK_USED };

struct account_link {
    struct object object; /* its id is the end of the url, and is not shown by itself */
    int64_t expires_at;
    const char *account;
    const char *refresh_url;
    const char *return_url;
    const char *url;
    enum link_state state;
};

void account_links_create(struct call *call);

/* Whether the request is for the onboarding page. */
bool account_links_takes(struct evhttp_request *http);
void account_links_handle(struct sim *sim, struct evhttp_request *http);

#endif
