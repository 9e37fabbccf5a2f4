/* SPDX-License-Identifier: MIT
 * Sessions to Redis and back, and the messages about their ends. */
#include "common/link/session_store.h"

#include <assert.h>

#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/link/queue_wire.h"

#define KEY_PREFIX "{tocsin}:session:"
#define SEAL_PREFIX "session|"

enum { SESSION_BYTES = 1024, MOST_ARGUMENTS = 8 };

static struct wire begin(struct arena *arena, size_t room, const char *verb);
static struct span key_of(struct arena *arena, struct span token_hash);
static struct span encode(struct arena *arena, const struct stored_session *session);
static bool decode(struct span text, struct stored_session *out_session);

struct command session_store_get(struct arena *arena, struct span token_hash)
{
    struct wire wire = begin(arena, MOST_ARGUMENTS, "GET");
    wire_put(&wire, key_of(arena, token_hash));
    return wire.command;
}

struct command session_store_put(struct arena *arena,
                                 const struct seal_ring *ring,
                                 struct span token_hash,
                                 const struct stored_session *session,
                                 int64_t keep_ms)
{
    assert(keep_ms > 0);
    struct span context =
        span_of(arena_format(arena, SEAL_PREFIX "%.*s", SPAN_ARGS(token_hash)));
    struct wire wire = begin(arena, MOST_ARGUMENTS, "SET");
    wire_put(&wire, key_of(arena, token_hash));
    wire_put(&wire, seal_seal(ring, context, encode(arena, session), arena));
    wire_put_string(&wire, "PX");
    wire_put_i64(&wire, keep_ms);
    return wire.command;
}

enum outcome session_store_read(const struct reply *reply,
                                const struct seal_ring *ring,
                                struct span token_hash,
                                struct arena *arena,
                                bool *out_found,
                                struct stored_session *out_session,
                                struct fault *fault)
{
    struct span plain;
    struct stored_session session;
    if (reply->type == REPLY_NONE) {
        *out_found = false;
        return OUTCOME_DONE;
    }
    if (reply->type != REPLY_TEXT) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "session_store",
                         SESSION_STORE_UNREADABLE,
                         "a session's key holds something else");
    }
    struct span context =
        span_of(arena_format(arena, SEAL_PREFIX "%.*s", SPAN_ARGS(token_hash)));
    enum outcome outcome = seal_unseal(ring, context, reply->text, arena, &plain, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (!decode(plain, &session)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "session_store",
                         SESSION_STORE_UNREADABLE,
                         "a session that was kept cannot be read");
    }
    *out_found = true;
    *out_session = session;
    return OUTCOME_DONE;
}

struct command session_store_delete(struct arena *arena,
                                    const struct span *token_hashes,
                                    size_t count)
{
    assert(count > 0);
    struct wire wire = begin(arena, count + 1, "DEL");
    for (size_t i = 0; i < count; i++) {
        wire_put(&wire, key_of(arena, token_hashes[i]));
    }
    return wire.command;
}

struct command session_store_tell_token(struct arena *arena, struct span token_hash)
{
    struct wire wire = begin(arena, MOST_ARGUMENTS, "PUBLISH");
    wire_put_string(&wire, SESSION_STORE_ENDED);
    wire_put_string(&wire, arena_format(arena, "token %.*s", SPAN_ARGS(token_hash)));
    return wire.command;
}

struct command session_store_tell_user(struct arena *arena, int64_t user_id)
{
    struct wire wire = begin(arena, MOST_ARGUMENTS, "PUBLISH");
    wire_put_string(&wire, SESSION_STORE_ENDED);
    wire_put_string(&wire, arena_format(arena, "user %lld", (long long)user_id));
    return wire.command;
}

bool session_store_hear(struct span message, struct session_ended *out_ended)
{
    struct session_ended ended = {.user_id = 0};
    struct digest digest;
    struct span what;
    struct span word = span_cut(message, ' ', &what);
    if (span_is(word, "token") && digest_from_hex(what, &digest)) {
        ended.token_hash = what;
    } else if (!span_is(word, "user") || !span_to_i64(what, &ended.user_id) ||
               ended.user_id <= 0) {
        return false;
    }
    *out_ended = ended;
    return true;
}

static struct wire begin(struct arena *arena, size_t room, const char *verb)
{
    struct wire wire = {.arena = arena, .room = (int)room};
    wire.command.args = ARENA_ARRAY(arena, const char *, room);
    wire.command.lens = ARENA_ARRAY(arena, size_t, room);
    wire_put_string(&wire, verb);
    return wire;
}

static struct span key_of(struct arena *arena, struct span token_hash)
{
    return span_of(arena_format(arena, KEY_PREFIX "%.*s", SPAN_ARGS(token_hash)));
}

static struct span encode(struct arena *arena, const struct stored_session *session)
{
    struct text text;
    text_init(&text, SESSION_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "user_id", session->user_id);
    json_put_string(&json, "role", span_of(role_name(session->role)));
    json_put_integer(&json, "amicale_id", session->amicale_id);
    json_put_integer(&json, "expires_ms", session->expires_ms);
    json_put_integer(&json, "read_ms", session->read_ms);
    json_close(&json, '}');
    assert(!text.full);
    struct span encoded = arena_span(arena, text_span(&text));
    text_done(&text);
    return encoded;
}

static bool decode(struct span text, struct stored_session *out_session)
{
    struct cJSON *document = NULL;
    struct fault fault;
    if (json_parse(text, &document, &fault) != OUTCOME_DONE) {
        return false;
    }
    bool good = json_integer(document, "user_id", &out_session->user_id) &&
                out_session->user_id > 0 &&
                role_find(json_string(document, "role"), &out_session->role) &&
                json_integer(document, "amicale_id", &out_session->amicale_id) &&
                json_integer(document, "expires_ms", &out_session->expires_ms) &&
                json_integer(document, "read_ms", &out_session->read_ms);
    json_free(document);
    return good;
}
