/* SPDX-License-Identifier: MIT
 * Login, logout, and who a session is.
 *
 * A login's answers must not tell whether the account exists. What a refusal says is always
 * the same, and when it leaves is a whole number of half seconds after the request came:
 * neither the sort of hash nor its absence shows. */
#include "api/session.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "api/asking.h"
#include "api/door.h"
#include "api/fields.h"
#include "api/floods.h"
#include "api/limits.h"
#include "api/loop.h"
#include "api/request.h"
#include "api/session_token.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/model/answer.h"
#include "common/model/pii.h"

enum {
    STEP_US = 500 * 1000,
    PASSWORD_BYTES = 500,
    BODY_BYTES = 8 * 1024,
    ACCOUNT_CHARACTERS = 32, /* of a fingerprint: more than enough to keep apart */
};

/* A login on its way; in the request's arena. */
struct login {
    struct span email; /* canonical */
    struct span password;
    struct span address; /* whom LIMIT_LOGIN_ADDRESS charges */
    struct span account; /* whom LIMIT_LOGIN_ACCOUNT charges */
    char token[SESSION_TOKEN_BYTES];
    struct digest token_hash;
    int64_t moment_us; /* when a refusal leaves */
    struct event *timer; /* of a refusal that waits for its moment */
    struct answer refusal;
};

static struct span canonical(struct request *request, struct span email);
static struct span account_of(struct request *request, const struct login *login);
static void on_account_charged(struct request *request,
                               const struct limit_state *state,
                               void *context);
static void on_address_charged(struct request *request,
                               const struct limit_state *state,
                               void *context);
static void ask_login(struct request *request, struct login *login);
static void on_login(struct request *request, const struct answer *answer);
static void give_back(struct request *request, const struct login *login);
static void let_in(struct request *request,
                   struct login *login,
                   const struct answer *answer);
static void refuse_later(struct request *request,
                         struct login *login,
                         const struct answer *answer);
static void wait_for_moment(struct request *request, struct login *login);
static void on_moment(evutil_socket_t fd, short what, void *context);
static void on_left(struct request *request, void *context);
static void on_logout(struct request *request, const struct answer *answer);
static struct span cookie(struct request *request, const char *token, const char *more);

void session_login(struct request *request)
{
    static const struct field_rule rules[] = {
        {.name = "email", .type = FIELD_IS_EMAIL, .required = true, .most = 254},
        {.name = "password",
         .type = FIELD_IS_TEXT,
         .required = true,
         .least = 1,
         .most = PASSWORD_BYTES},
    };
    struct field_value values[2];
    request->arena.secret = true;
    if (session_is_cross_site(request)) {
        request_problem(request, PROBLEM_CROSS_SITE);
        return;
    }
    if (!fields_read(request, rules, 2, values)) {
        return;
    }
    struct login *login = ARENA_NEW(&request->arena, struct login);
    login->email = canonical(request, values[0].text);
    login->password = values[1].text;
    login->address = limits_address(request);
    login->account = account_of(request, login);
    request->context = login;
    request_keep(request);
    limits_charge(request,
                  LIMIT_LOGIN_ACCOUNT,
                  login->account,
                  on_account_charged,
                  login);
}

static struct span canonical(struct request *request, struct span email)
{
    struct text text;
    text_init(&text, PII_ADDRESS_BYTES + 1);
    pii_canonical_address(email, &text);
    struct span kept = arena_span(&request->arena, text_span(&text));
    text_wipe(&text);
    return kept;
}

/* A fingerprint, since keys of Redis are not sealed; and the address, since nobody may lock
 * somebody else out from afar. */
static struct span account_of(struct request *request, const struct login *login)
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    seal_fingerprint(request->loop->door->ring, SPAN("limit"), login->email, &digest);
    digest_hex(&digest, hex);
    return span_of(arena_format(&request->arena,
                                "%.*s:%.*s",
                                ACCOUNT_CHARACTERS,
                                hex,
                                SPAN_ARGS(login->address)));
}

static void on_account_charged(struct request *request,
                               const struct limit_state *state,
                               void *context)
{
    struct login *login = context;
    if (!state->allowed) {
        limits_refuse(request, LIMIT_LOGIN_ACCOUNT, state);
        return;
    }
    request->lines = limits_headers(request, LIMIT_LOGIN_ACCOUNT, state);
    limits_charge(request,
                  LIMIT_LOGIN_ADDRESS,
                  login->address,
                  on_address_charged,
                  login);
}

static void on_address_charged(struct request *request,
                               const struct limit_state *state,
                               void *context)
{
    struct login *login = context;
    if (!state->allowed) {
        limits_give_back(request, LIMIT_LOGIN_ACCOUNT, login->account);
        limits_refuse(request, LIMIT_LOGIN_ADDRESS, state);
        return;
    }
    ask_login(request, login);
}

static void ask_login(struct request *request, struct login *login)
{
    char hash_hex[DIGEST_HEX_BYTES];
    struct text body;
    session_token_make(login->token, &login->token_hash);
    digest_hex(&login->token_hash, hash_hex);
    text_init(&body, BODY_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_put_string(&json, "email", login->email);
    json_put_string(&json, "password", login->password);
    json_put_string(&json, "token_hash", span_of(hash_hex));
    json_close(&json, '}');
    assert(!body.full);
    const struct asking asking = {.kind = "session.login",
                                  .body = arena_span(&request->arena, text_span(&body)),
                                  .perishable = true,
                                  .keyless = true,
                                  .answered = on_login};
    text_wipe(&body);
    ask(request, &asking);
}

static void on_login(struct request *request, const struct answer *answer)
{
    struct login *login = request->context;
    if (answer->status != 0) {
        let_in(request, login, answer);
    } else if (answer->problem == PROBLEM_WRONG_CREDENTIALS) {
        refuse_later(request, login, answer);
    } else { /* nobody looked at the password */
        give_back(request, login);
        asking_answer(request, answer, (struct span){NULL, 0});
    }
}

static void give_back(struct request *request, const struct login *login)
{
    limits_give_back(request, LIMIT_LOGIN_ACCOUNT, login->account);
    limits_give_back(request, LIMIT_LOGIN_ADDRESS, login->address);
}

/* What the job answered, with the token that it never saw. */
static void let_in(struct request *request,
                   struct login *login,
                   const struct answer *answer)
{
    struct answer full = *answer;
    assert(answer->body.len > 1 && answer->body.at[0] == '{');
    full.body = span_of(arena_format(&request->arena,
                                     "{\"token\":\"%s\",%.*s",
                                     login->token,
                                     (int)answer->body.len - 1,
                                     answer->body.at + 1));
    give_back(request, login);
    floods_know(request->loop->door->floods, &login->token_hash);
    asking_answer(request, &full, cookie(request, login->token, ""));
}

static void refuse_later(struct request *request,
                         struct login *login,
                         const struct answer *answer)
{
    int64_t took_us = loop_mono_us(request->loop) - request->began_us;
    login->moment_us = request->began_us + (took_us / STEP_US + 1) * STEP_US;
    login->refusal = *answer; /* a problem without texts: nothing in it is borrowed */
    login->timer = evtimer_new(request->loop->base, on_moment, request);
    if (!login->timer) {
        abort();
    }
    wait_for_moment(request, login);
    request->left = on_left;
    request->left_context = login;
    if (!request->connection) {
        on_left(request, login);
    }
}

/* libevent counts from the beginning of the loop's turn, so it may be too early. */
static void wait_for_moment(struct request *request, struct login *login)
{
    int64_t wait_us = login->moment_us - loop_mono_us(request->loop);
    wait_us = wait_us > 0 ? wait_us : 0;
    const struct timeval wait = {.tv_sec = wait_us / 1000000,
                                 .tv_usec = wait_us % 1000000};
    evtimer_add(login->timer, &wait);
}

static void on_moment(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct request *request = context;
    struct login *login = request->context;
    struct answer refusal = login->refusal;
    if (loop_mono_us(request->loop) < login->moment_us) {
        wait_for_moment(request, login);
        return;
    }
    event_free(login->timer);
    request->left = NULL;
    asking_answer(request, &refusal, SPAN("WWW-Authenticate: Bearer\r\n"));
}

static void on_left(struct request *request, void *context)
{
    struct login *login = context;
    event_free(login->timer);
    request_drop(request);
}

void session_logout(struct request *request)
{
    const char *hash = request->session->token_hash;
    const struct asking asking = {
        .kind = "session.logout",
        .body = span_of(arena_format(&request->arena, "{\"token_hash\":\"%s\"}", hash)),
        .keyless = true,
        .answered = on_logout};
    session_forget(request->loop, span_of(hash));
    ask(request, &asking);
}

/* What others read of it in the meantime is forgotten here before they tell us. */
static void on_logout(struct request *request, const struct answer *answer)
{
    session_forget(request->loop, span_of(request->session->token_hash));
    asking_answer(request,
                  answer,
                  answer->status != 0 ? cookie(request, "", "; Max-Age=0")
                                      : (struct span){NULL, 0});
}

void session_show(struct request *request)
{
    const struct session *session = request->session;
    char stamp[CLOCK_STAMP_BYTES];
    struct text body;
    text_init(&body, BODY_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_open(&json, "user", '{');
    json_put_integer(&json, "id", session->user_id);
    json_put_string(&json, "role", span_of(role_name(session->role)));
    if (session->amicale_id > 0) {
        json_put_integer(&json, "amicale_id", session->amicale_id);
    } else {
        json_put_null(&json, "amicale_id");
    }
    json_close(&json, '}');
    json_put_string(&json,
                    "expires_at",
                    span_of(clock_stamp(session->expires_ms, stamp)));
    json_close(&json, '}');
    request_answer_json(request, 200, text_span(&body));
    text_done(&body);
}

/* A page's scripts cannot read it, and no page of somebody else's gets it sent along. */
static struct span cookie(struct request *request, const char *token, const char *more)
{
    return span_of(arena_format(
        &request->arena,
        "Set-Cookie: tocsin_session=%s; Path=/; HttpOnly; SameSite=Strict%s%s\r\n",
        token,
        request->secure ? "; Secure" : "",
        more));
}
