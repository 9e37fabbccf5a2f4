/* SPDX-License-Identifier: MIT
 * user disable, enable and password. Each deed and its row in the audit log are one
 * transaction; so is the end of the sessions, which Redis and the front doors are told of
 * once it is committed. */
#include <string.h>

#include "common/base/json.h"
#include "common/base/password.h"
#include "common/link/mariadb.h"
#include "common/link/session_end.h"
#include "ctl/ctl.h"
#include "ctl/password.h"
#include "ctl/people.h"
#include "ctl/verbs.h"

/* Whom it is about, as they are in the table. */
struct known_user {
    int64_t id;
    bool disabled;
};

static int find_user(struct ctl *ctl, struct known_user *out_user);
static int set_disabled(struct ctl *ctl, const struct known_user *user, bool disabled);
static int set_password(struct ctl *ctl,
                        const struct known_user *user,
                        const char *password_hash);
static int end_sessions(struct ctl *ctl, int64_t user_id, struct session_ends *out_ends);
static int finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct known_user user,
                  const struct session_ends *ends,
                  struct span why);
static void report(struct ctl *ctl, struct known_user user, size_t sessions_ended);

int verb_user_disable(struct ctl *ctl)
{
    struct known_user user = {.id = 0};
    struct session_ends ends = {.count = 0};
    struct span why;
    if (!ctl_why(ctl, true, &why)) {
        return CTL_USAGE;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = find_user(ctl, &user);
    if (code == CTL_OK) {
        code = set_disabled(ctl, &user, true);
    }
    if (code == CTL_OK) {
        code = end_sessions(ctl, user.id, &ends);
    }
    user.disabled = true;
    return finish(ctl, code, "user disable", user, &ends, why);
}

int verb_user_enable(struct ctl *ctl)
{
    struct known_user user = {.id = 0};
    struct span why;
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = find_user(ctl, &user);
    if (code == CTL_OK) {
        code = set_disabled(ctl, &user, false);
    }
    user.disabled = false;
    return finish(ctl, code, "user enable", user, NULL, why);
}

/* Nobody types a password for a user that is not there. */
int verb_user_password(struct ctl *ctl)
{
    struct known_user user = {.id = 0};
    struct session_ends ends = {.count = 0};
    struct span why;
    struct text password;
    char hash[PASSWORD_HASH_BYTES];
    if (!ctl_why(ctl, false, &why)) {
        return CTL_USAGE;
    }
    int code = find_user(ctl, &user);
    if (code != CTL_OK) {
        return code;
    }
    if (password_read(ctl_option(ctl, "--password-file"), &password, &ctl->fault) !=
        OUTCOME_DONE) {
        return ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    enum outcome outcome = password_hash(text_span(&password), hash, &ctl->fault);
    text_wipe(&password);
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_begin(ctl->db, &ctl->fault);
    }
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = find_user(ctl, &user);
    if (code == CTL_OK) {
        code = set_password(ctl, &user, hash);
    }
    if (code == CTL_OK) {
        code = end_sessions(ctl, user.id, &ends);
    }
    return finish(ctl, code, "user password", user, &ends, why);
}

/* By number or by address; locked until the transaction ends. */
static int find_user(struct ctl *ctl, struct known_user *out_user)
{
    struct span word = span_of(ctl->words[0]);
    struct span address = {NULL, 0};
    struct sql_rows rows;
    int64_t id = 0;
    bool by_number = span_to_i64(word, &id);
    if (!by_number && !people_address(ctl, word, &address)) {
        return ctl_say(CTL_USAGE,
                       "%s is no number of a user and no address",
                       ctl->words[0]);
    }
    const char *sql =
        by_number ? "SELECT id, disabled_at FROM users WHERE id = ? FOR UPDATE"
                  : "SELECT id, disabled_at FROM users WHERE email_lookup = ? FOR UPDATE";
    struct sql_value key =
        by_number ? SQL_I64(id) : SQL_SPAN(people_lookup(ctl, address));
    if (mariadb_run(ctl->db, sql, &key, 1, &ctl->arena, &rows, &ctl->fault) !=
        OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no user %s", ctl->words[0]);
    }
    *out_user = (struct known_user){.id = sql_i64(&rows, 0, 0),
                                    .disabled = !sql_is_null(&rows, 0, 1)};
    return CTL_OK;
}

static int set_disabled(struct ctl *ctl, const struct known_user *user, bool disabled)
{
    if (user->disabled == disabled) {
        return ctl_say(CTL_WRONG_STATE,
                       "user %lld is %s",
                       (long long)user->id,
                       disabled ? "disabled already" : "not disabled");
    }
    return mariadb_run(ctl->db,
                       "UPDATE users SET disabled_at = IF(?, NOW(3), NULL) WHERE id = ?",
                       SQL_VALUES(SQL_I64(disabled), SQL_I64(user->id)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault) == OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

static int set_password(struct ctl *ctl,
                        const struct known_user *user,
                        const char *password_hash)
{
    return mariadb_run(ctl->db,
                       "UPDATE users SET password_hash = ? WHERE id = ?",
                       SQL_VALUES(SQL_STRING(password_hash), SQL_I64(user->id)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault) == OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

static int end_sessions(struct ctl *ctl, int64_t user_id, struct session_ends *out_ends)
{
    return session_end_rows(ctl->db, user_id, &ctl->arena, out_ends, &ctl->fault) ==
                   OUTCOME_DONE
               ? CTL_OK
               : ctl_failed(ctl);
}

/* `ends` is NULL when no session ends. What Redis is not told ends all the same: no front
 * door believes for longer than a minute what it has read. */
static int finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct known_user user,
                  const struct session_ends *ends,
                  struct span why)
{
    struct span what =
        span_of(arena_format(&ctl->arena, "user %lld", (long long)user.id));
    code = people_finish(ctl, code, verb, what, why);
    if (code != CTL_OK) {
        return code;
    }
    report(ctl, user, ends ? ends->count : 0);
    if (ends &&
        session_end_tell(ctl->redis, ends, &ctl->arena, &ctl->fault) != OUTCOME_DONE) {
        (void)ctl_say(CTL_OK,
                      "it is done, but the front doors cannot be told: who is signed in "
                      "stays so for up to a minute");
        code = ctl_failed(ctl);
    }
    return code;
}

static void report(struct ctl *ctl, struct known_user user, size_t sessions_ended)
{
    const char *state = user.disabled ? "disabled" : "enabled";
    if (!ctl->json) {
        text_addf(&ctl->out,
                  "user %lld is %s; sessions ended: %zu\n",
                  (long long)user.id,
                  state,
                  sessions_ended);
        return;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "user", user.id);
    json_put_string(&json, "state", span_of(state));
    json_put_integer(&json, "sessions_ended", (int64_t)sessions_ended);
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}
