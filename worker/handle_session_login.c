/* SPDX-License-Identifier: MIT
 * session.login: a password is checked, and a session's row written. Whoever is refused
 * learns no more than that, and it takes the same road whether the address is known, the
 * user disabled, or the password wrong. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/password.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/session_end.h"
#include "common/model/answer.h"
#include "common/model/pii.h"
#include "common/model/role.h"
#include "worker/asks.h"
#include "worker/handlers.h"

enum { SESSIONS_MOST = 20, BODY_BYTES = 512 };

/* Who has the address. */
struct person {
    int64_t id; /* 0: nobody, or disabled */
    enum role role;
    int64_t amicale_id;
    struct span hash;
    char new_hash[PASSWORD_HASH_BYTES]; /* empty: the hash is good as it is */
};

static enum outcome find_person(struct asked *asked,
                                struct person *out_person,
                                struct fault *fault);
static enum outcome open_session(struct asked *asked,
                                 const struct person *person,
                                 bool *out_opened,
                                 int64_t *out_expires_ms,
                                 struct sql_rows *out_surplus,
                                 struct fault *fault);
static enum outcome is_as_found(struct asked *asked,
                                const struct person *person,
                                bool *out_same,
                                struct fault *fault);
static enum outcome write_session(struct asked *asked,
                                  const struct person *person,
                                  int64_t *out_expires_ms,
                                  struct fault *fault);
static enum outcome drop_surplus(struct asked *asked,
                                 int64_t user_id,
                                 struct sql_rows *out_surplus,
                                 struct fault *fault);
static void tell_surplus(struct asked *asked, const struct sql_rows *surplus);
static void say(struct asked *asked,
                const struct person *person,
                int64_t expires_ms,
                struct answer *answer);

enum outcome handle_session_login(struct asked *asked,
                                  struct answer *out_answer,
                                  struct handled *out_handled,
                                  struct fault *fault)
{
    (void)out_handled; /* nothing follows */
    struct person person = {.id = 0};
    struct sql_rows surplus = {.count = 0};
    struct span password = json_string(asked->body, "password");
    asked->handling->arena->secret = true;
    int64_t expires_ms = 0;
    bool opened = false;
    enum outcome outcome = find_person(asked, &person, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    asked->handling->answered |= NEIGHBOUR_MARIADB;
    if (!password_is_right(password, person.id > 0 ? person.hash : SPAN(""))) {
        answer_refuse(out_answer, PROBLEM_WRONG_CREDENTIALS, SPAN(""));
        return OUTCOME_DONE;
    }
    if (password_needs_rehash(person.hash)) {
        outcome = password_hash(password, person.new_hash, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = open_session(asked, &person, &opened, &expires_ms, &surplus, fault);
    }
    explicit_bzero(person.new_hash, sizeof(person.new_hash));
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    tell_surplus(asked, &surplus);
    if (opened) {
        say(asked, &person, expires_ms, out_answer);
    } else {
        answer_refuse(out_answer, PROBLEM_WRONG_CREDENTIALS, SPAN(""));
    }
    return OUTCOME_DONE;
}

static enum outcome find_person(struct asked *asked,
                                struct person *out_person,
                                struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct digest lookup;
    char lookup_hex[DIGEST_HEX_BYTES];
    struct sql_rows rows;
    seal_fingerprint(handling->pii,
                     SPAN(PII_EMAIL_PURPOSE),
                     json_string(asked->body, "email"),
                     &lookup);
    digest_hex(&lookup, lookup_hex);
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT id, role, amicale_id, password_hash FROM users"
                    " WHERE email_lookup = ? AND disabled_at IS NULL",
                    SQL_VALUES(SQL_STRING(lookup_hex)),
                    handling->arena,
                    &rows,
                    fault);
    if (outcome == OUTCOME_DONE && rows.count == 1 &&
        role_find(sql_text(&rows, 0, 1), &out_person->role)) {
        out_person->id = sql_i64(&rows, 0, 0);
        out_person->amicale_id = sql_i64(&rows, 0, 2);
        out_person->hash = sql_text(&rows, 0, 3);
    }
    return outcome;
}

/* The user's row is locked: whoever disables them, or changes the password, deletes this
 * session too, or is seen here. */
static enum outcome open_session(struct asked *asked,
                                 const struct person *person,
                                 bool *out_opened,
                                 int64_t *out_expires_ms,
                                 struct sql_rows *out_surplus,
                                 struct fault *fault)
{
    struct handling *handling = asked->handling;
    bool same = false;
    enum outcome outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = is_as_found(asked, person, &same, fault);
    }
    if (outcome == OUTCOME_DONE && same) {
        outcome = write_session(asked, person, out_expires_ms, fault);
    }
    if (outcome == OUTCOME_DONE && same) {
        outcome = drop_surplus(asked, person->id, out_surplus, fault);
    }
    if (outcome == OUTCOME_DONE && same && person->new_hash[0] != '\0') {
        outcome =
            mariadb_run(handling->db,
                        "UPDATE users SET password_hash = ? WHERE id = ?",
                        SQL_VALUES(SQL_STRING(person->new_hash), SQL_I64(person->id)),
                        handling->arena,
                        NULL,
                        fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
        return outcome;
    }
    *out_opened = same;
    return outcome;
}

static enum outcome is_as_found(struct asked *asked,
                                const struct person *person,
                                bool *out_same,
                                struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        asked->handling->db,
        "SELECT 1 FROM users WHERE id = ? AND disabled_at IS NULL"
        " AND password_hash = ? AND role = ? AND amicale_id <=> ? FOR UPDATE",
        SQL_VALUES(SQL_I64(person->id),
                   SQL_SPAN(person->hash),
                   SQL_STRING(role_name(person->role)),
                   person->amicale_id > 0 ? SQL_I64(person->amicale_id) : SQL_NOTHING),
        asked->handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_same = rows.count == 1;
    }
    return outcome;
}

/* Run again after a crash, it finds its row. */
static enum outcome write_session(struct asked *asked,
                                  const struct person *person,
                                  int64_t *out_expires_ms,
                                  struct fault *fault)
{
    struct handling *handling = asked->handling;
    const struct settings *settings = handling->settings;
    struct sql_rows rows;
    int64_t now_ms = clock_wall_ms(handling->clock);
    int64_t keep_s = settings->session.idle_s < settings->session.most_s
                         ? settings->session.idle_s
                         : settings->session.most_s;
    struct span token_hash = json_string(asked->body, "token_hash");
    struct sql_value now = sql_moment(handling->arena, now_ms);
    enum outcome outcome =
        mariadb_run(handling->db,
                    "INSERT INTO sessions (token_hash, user_id, created_at,"
                    " last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?)"
                    " ON DUPLICATE KEY UPDATE token_hash = token_hash",
                    SQL_VALUES(SQL_SPAN(token_hash),
                               SQL_I64(person->id),
                               now,
                               now,
                               sql_moment(handling->arena, now_ms + keep_s * 1000)),
                    handling->arena,
                    NULL,
                    fault);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            handling->db,
            "SELECT CAST(UNIX_TIMESTAMP(expires_at) * 1000 AS SIGNED) FROM sessions"
            " WHERE token_hash = ? AND user_id = ?",
            SQL_VALUES(SQL_SPAN(token_hash), SQL_I64(person->id)),
            handling->arena,
            &rows,
            fault);
    }
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "session",
                         0,
                         "the token is somebody else's session");
    }
    if (outcome == OUTCOME_DONE) {
        *out_expires_ms = sql_i64(&rows, 0, 0);
    }
    return outcome;
}

/* The ones that were longest without use go; the new one stays. */
static enum outcome drop_surplus(struct asked *asked,
                                 int64_t user_id,
                                 struct sql_rows *out_surplus,
                                 struct fault *fault)
{
    struct handling *handling = asked->handling;
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT token_hash FROM sessions WHERE user_id = ?"
                    " ORDER BY token_hash = ? DESC, last_seen_at DESC, created_at DESC"
                    " LIMIT 1000 OFFSET ?",
                    SQL_VALUES(SQL_I64(user_id),
                               SQL_SPAN(json_string(asked->body, "token_hash")),
                               SQL_I64(SESSIONS_MOST)),
                    handling->arena,
                    &rows,
                    fault);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < rows.count; i++) {
        outcome = mariadb_run(handling->db,
                              "DELETE FROM sessions WHERE token_hash = ?",
                              SQL_VALUES(SQL_SPAN(sql_text(&rows, i, 0))),
                              handling->arena,
                              NULL,
                              fault);
    }
    if (outcome == OUTCOME_DONE) {
        *out_surplus = rows;
    }
    return outcome;
}

/* The rows are gone. Who is not told believes them for a minute at most. */
static void tell_surplus(struct asked *asked, const struct sql_rows *surplus)
{
    struct handling *handling = asked->handling;
    for (size_t i = 0; i < surplus->count; i++) {
        struct fault fault;
        if (session_end_tell_token(handling->redis,
                                   sql_text(surplus, i, 0),
                                   handling->arena,
                                   &fault) != OUTCOME_DONE) {
            log_debug("the end of a session is not told", LOG_FAULT(&fault));
        }
    }
}

static void say(struct asked *asked,
                const struct person *person,
                int64_t expires_ms,
                struct answer *answer)
{
    char stamp[CLOCK_STAMP_BYTES];
    struct text text;
    text_init(&text, BODY_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "expires_at", span_of(clock_stamp(expires_ms, stamp)));
    json_open(&json, "user", '{');
    json_put_integer(&json, "id", person->id);
    json_put_string(&json, "role", span_of(role_name(person->role)));
    if (person->amicale_id > 0) {
        json_put_integer(&json, "amicale_id", person->amicale_id);
    } else {
        json_put_null(&json, "amicale_id");
    }
    json_close(&json, '}');
    json_close(&json, '}');
    answer_say(answer, 200, arena_span(asked->handling->arena, text_span(&text)));
    text_done(&text);
}
