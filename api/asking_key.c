/* SPDX-License-Identifier: MIT
 * Names of jobs that callers ask for. */
#include "api/asking_key.h"

#include <assert.h>
#include <inttypes.h>

#include "api/door.h"
#include "api/http.h"
#include "api/loop.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/digest.h"
#include "common/base/seal.h"
#include "common/model/job.h"

#define HEADER "idempotency-key"

enum { NAME_HEX_BYTES = 32, MAC_TEXT_BYTES = 2 << 20 };

bool asking_key_read(struct request *request, struct span *out_key)
{
    size_t times = http_header_count(request->http, request->buffer, HEADER);
    struct span key = {NULL, 0};
    if (times > 0) {
        key = request_header(request, HEADER);
    }
    if (times > 1 || (times == 1 && !asking_key_is_valid(key))) {
        return false;
    }
    *out_key = arena_span(&request->arena, key);
    return true;
}

bool asking_key_is_valid(struct span key)
{
    bool good = key.len >= 1 && key.len <= ASKING_KEY_BYTES;
    for (size_t i = 0; good && i < key.len; i++) {
        good = key.at[i] > ' ' && key.at[i] <= '~';
    }
    return good;
}

struct span asking_key_name(struct request *request,
                            const struct kind *kind,
                            struct span key,
                            int round)
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    struct arena *arena = &request->arena;
    if (key.len > 0 && round == 0) {
        digest_sha256(key, &digest);
    } else if (key.len > 0) {
        /* No key has a line end in it. */
        const char *text = arena_format(arena, "%.*s\n%d", SPAN_ARGS(key), round);
        digest_sha256(span_of(text), &digest);
    } else {
        digest_random(&digest, sizeof(digest));
    }
    digest_hex(&digest, hex);
    const char *user = "-";
    if (request->session) {
        user = arena_format(arena, "%" PRId64, request->session->user_id);
    }
    return span_of(
        arena_format(arena, "%s:%s:%.*s", kind->name, user, NAME_HEX_BYTES, hex));
}

/* Each part with its length before it, so that no two requests make one text. */
struct span asking_key_mac(struct request *request, struct span body)
{
    struct text text;
    struct digest digest;
    text_init(&text, MAC_TEXT_BYTES);
    text_addf(&text, "%s\n", request->route->name);
    for (size_t i = 0; i < ROUTE_PARAMS; i++) {
        text_addf(&text, "%zu:", request->params[i].len);
        text_add(&text, request->params[i]);
        text_add_char(&text, '\n');
    }
    text_add(&text, body);
    assert(!text.full);
    seal_fingerprint(request->loop->door->ring, SPAN("ask"), text_span(&text), &digest);
    text_wipe(&text);
    char hex[DIGEST_HEX_BYTES];
    digest_hex(&digest, hex);
    return arena_span(&request->arena, span_of(hex));
}
