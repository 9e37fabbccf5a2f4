/* SPDX-License-Identifier: MIT
 * Shows what is embedded. */
#include "api/pages.h"

#include <assert.h>

#include "api/request.h"

static const struct page *find(struct span path);

void pages_show(struct request *request)
{
    const struct page *page = find(request->path);
    bool known = pages_etag_matches(request_header(request, "if-none-match"), page->etag);
    request_answer(request,
                   known ? 304 : 200,
                   known ? NULL : page->type,
                   known ? (struct span){NULL, 0} : page->body,
                   span_of(page->headers));
}

static const struct page *find(struct span path)
{
    const struct page *found = NULL;
    for (size_t i = 0; i < pages_count; i++) {
        found = span_is(path, pages[i].path) ? &pages[i] : found;
    }
    assert(found); /* the table of routes names no other */
    return found;
}

bool pages_etag_matches(struct span if_none_match, const char *etag)
{
    while (if_none_match.len > 0) {
        struct span one = span_trim(span_cut(if_none_match, ',', &if_none_match));
        if (span_starts(one, "W/")) {
            one = (struct span){one.at + 2, one.len - 2};
        }
        if (span_is(one, etag) || span_is(one, "*")) {
            return true;
        }
    }
    return false;
}
