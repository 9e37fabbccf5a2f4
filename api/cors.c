/* SPDX-License-Identifier: MIT
 * Checks origins, and makes the lines for each. */
#include "api/cors.h"

#include <string.h>

#include "api/routes.h"

enum { ARENA_BYTES = 64 * 1024 };

/* Answers differ by Origin even where the page is not let in. */
#define VARY "Vary: Origin\r\n"

static const char *why_not(struct span origin);
static bool is_host(struct span host);
static bool is_made_of(struct span text, const char *bytes);

enum outcome cors_open(struct span words, struct cors *out_cors, struct fault *fault)
{
    struct cors cors = {.count = 0};
    arena_init(&cors.arena, ARENA_BYTES);
    while (words.len > 0) {
        struct span origin = span_cut(words, ' ', &words);
        if (origin.len == 0) {
            continue;
        }
        const char *why =
            cors.count == CORS_ORIGINS_MOST ? "is one too many" : why_not(origin);
        if (why) {
            cors_close(&cors);
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "cors",
                             0,
                             "\"%.*s\" %s",
                             SPAN_ARGS(origin),
                             why);
        }
        char *lines =
            arena_format(&cors.arena,
                         "Access-Control-Allow-Origin: %.*s\r\n"
                         "Access-Control-Allow-Credentials: true\r\n"
                         "Access-Control-Expose-Headers: Location, Retry-After, "
                         "Idempotent-Replayed, Preference-Applied, RateLimit, "
                         "RateLimit-Policy, Link, ETag, Request-Id, "
                         "X-Request-Id\r\n" VARY,
                         SPAN_ARGS(origin));
        cors.lines[cors.count] = span_of(lines);
        cors.origins[cors.count++] = arena_span(&cors.arena, origin);
    }
    *out_cors = cors;
    return OUTCOME_DONE;
}

void cors_close(struct cors *cors)
{
    arena_done(&cors->arena);
    cors->count = 0;
}

bool cors_allows(const struct cors *cors, struct span origin)
{
    for (size_t i = 0; i < cors->count; i++) {
        if (span_equal(cors->origins[i], origin)) {
            return true;
        }
    }
    return false;
}

struct span cors_lines(const struct cors *cors, struct span origin)
{
    for (size_t i = 0; i < cors->count; i++) {
        if (span_equal(cors->origins[i], origin)) {
            return cors->lines[i];
        }
    }
    return SPAN(VARY);
}

void cors_write_preflight(struct text *out, unsigned methods)
{
    text_add_string(out, "Access-Control-Allow-Methods: ");
    routes_write_allowed(out, methods);
    text_add_string(out,
                    "\r\nAccess-Control-Allow-Headers: Authorization, Content-Type, "
                    "Idempotency-Key, Prefer, Accept-Language\r\n"
                    "Access-Control-Max-Age: 7200\r\n");
}

/* NULL when it is an origin as a browser would send it, so that comparing bytes is
 * comparing origins. */
static const char *why_not(struct span origin)
{
    struct span rest = origin;
    const char *default_port = NULL;
    if (span_is(origin, "*") || span_is(origin, "null")) {
        return "stands for pages that nobody knows, and calls carry a session: name the "
               "origins";
    }
    if (span_starts(origin, "https://")) {
        rest = (struct span){origin.at + 8, origin.len - 8};
        default_port = "443";
    } else if (span_starts(origin, "http://")) {
        rest = (struct span){origin.at + 7, origin.len - 7};
        default_port = "80";
    } else {
        return "does not begin with https:// or http://";
    }
    size_t host_len = rest.len;
    for (size_t i = rest.len; i > 0 && rest.at[i - 1] != ']'; i--) {
        host_len = rest.at[i - 1] == ':' ? i - 1 : host_len;
    }
    if (!is_host((struct span){rest.at, host_len})) {
        return "has no host in lower case, or something behind it: a browser sends "
               "scheme://host or scheme://host:port";
    }
    if (host_len < rest.len) {
        struct span port = {rest.at + host_len + 1, rest.len - host_len - 1};
        int64_t number = 0;
        if (!is_made_of(port, "0123456789") || port.at[0] == '0' ||
            !span_to_i64(port, &number) || number > 65535) {
            return "has no good port";
        }
        if (span_is(port, default_port)) {
            return "names the port that its scheme has anyway, which a browser leaves "
                   "out";
        }
    }
    return NULL;
}

static bool is_host(struct span host)
{
    if (span_starts(host, "[")) {
        return host.len > 2 && host.at[host.len - 1] == ']' &&
               is_made_of((struct span){host.at + 1, host.len - 2}, "0123456789abcdef:.");
    }
    return is_made_of(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
}

static bool is_made_of(struct span text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\0' || !strchr(bytes, text.at[i])) {
            return false;
        }
    }
    return text.len > 0;
}
