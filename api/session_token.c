/* SPDX-License-Identifier: MIT
 * Tokens in headers and cookies, and where a request comes from. */
#include "api/session_token.h"

#include <string.h>
#include <strings.h>

#include "api/cors.h"
#include "api/door.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/request.h"

#define COOKIE "tocsin_session"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_bearer(struct span authorization, struct span *out_token);
static bool is_token(struct span token);

enum session_token session_token_find(const struct request *request,
                                      struct digest *out_hash,
                                      bool *out_from_cookie)
{
    struct span token;
    bool from_cookie = false;
    int count = (int)http_header_count(request->http, request->buffer, "authorization");
    if (count > 1) {
        return SESSION_TOKEN_BAD;
    }
    if (!is_bearer(request_header(request, "authorization"), &token)) {
        token = session_cookie_find(request_header(request, "cookie"));
        from_cookie = true;
        if (token.len == 0) {
            return SESSION_TOKEN_NONE;
        }
    }
    if (!is_token(token)) {
        return SESSION_TOKEN_BAD;
    }
    digest_sha256(token, out_hash);
    *out_from_cookie = from_cookie;
    return SESSION_TOKEN_THERE;
}

/* Browsers send Origin with every write, and those that know Sec-Fetch-Site that as well;
 * programs that are no browsers send neither. A page that may call is mostly another
 * site's, so its origin counts before the site does. */
bool session_is_cross_site(const struct request *request)
{
    struct span origin = request_header(request, "origin");
    if (request->method == HTTP_GET || request->method == HTTP_HEAD ||
        cors_allows(&request->loop->door->cors, origin)) {
        return false;
    }
    if (span_is(request_header(request, "sec-fetch-site"), "cross-site")) {
        return true;
    }
    return origin.len > 0 && !session_is_own_origin(origin,
                                                    request_header(request, "host"),
                                                    request->secure);
}

void session_token_make(char out[SESSION_TOKEN_BYTES], struct digest *out_hash)
{
    unsigned char random[32];
    digest_random(random, sizeof(random));
    unsigned held = 0;
    int bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < sizeof(random); i++) {
        held = held << 8 | random[i];
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            out[at++] = alphabet[held >> bits & 63];
        }
    }
    out[at++] = alphabet[held << (6 - bits) & 63];
    out[at] = '\0';
    explicit_bzero(random, sizeof(random));
    digest_sha256((struct span){out, at}, out_hash);
}

struct span session_cookie_find(struct span cookies)
{
    while (cookies.len > 0) {
        struct span value;
        struct span pair = span_trim(span_cut(cookies, ';', &cookies));
        if (span_is(span_cut(pair, '=', &value), COOKIE)) {
            return value;
        }
    }
    return (struct span){NULL, 0};
}

/* A page of ours has our own host in its origin. Whether it came over HTTPS is known only
 * when it came so to us, or to a proxy that we trust. */
bool session_is_own_origin(struct span origin, struct span host, bool secure)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (int i = 0; i < (secure ? 1 : 2); i++) {
        size_t len = strlen(schemes[i]);
        if (host.len > 0 && span_starts(origin, schemes[i]) &&
            origin.len - len == host.len &&
            strncasecmp(origin.at + len, host.at, host.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Another scheme (a proxy's own Basic) is none of ours. */
static bool is_bearer(struct span authorization, struct span *out_token)
{
    struct span token;
    struct span scheme = span_cut(authorization, ' ', &token);
    *out_token = span_trim(token);
    return span_is_any_case(scheme, "Bearer");
}

static bool is_token(struct span token)
{
    if (token.len != SESSION_TOKEN_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.at[i] == '\0' || !strchr(alphabet, token.at[i])) {
            return false;
        }
    }
    return true;
}
