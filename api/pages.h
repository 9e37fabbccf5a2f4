/* SPDX-License-Identifier: MIT
 *
 * pages - what the front door shows as it is: small pages for people, and the description
 * of the API.
 *
 * Owns:    nothing; the bytes are embedded when it is built
 * Callers: routes, devices (the tag)
 * Blocks:  never
 *
 * An answer carries an ETag; If-None-Match with it gets 304 (RFC 9110, section 13.1.2).
 */
#ifndef API_PAGES_H
#define API_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

struct request;

/* One file of api/pages/, or api/openapi.yaml. */
struct page {
    const char *path;
    const char *type;
    const char *headers; /* ETag, Cache-Control and the like: whole lines */
    const char *etag; /* with its quotes */
    struct span body;
};
/* Written by embed_pages.cmake. */
extern const struct page pages[];
extern const size_t pages_count;

/* The page that the request's path names; its route must be one of a page. */
void pages_show(struct request *request);
/* Whether the value of If-None-Match names this tag; weak ones count. */
bool pages_etag_matches(struct span if_none_match, const char *etag);

#endif
