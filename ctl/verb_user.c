/* SPDX-License-Identifier: MIT
 * user add - who may sign in. The deed and its row in the audit log are one transaction.
 */
#include "common/base/password.h"
#include "common/link/mariadb.h"
#include "ctl/ctl.h"
#include "ctl/password.h"
#include "ctl/people.h"
#include "ctl/user_file.h"
#include "ctl/verbs.h"

/* A person as they go into the table. */
struct new_user {
    const char *role;
    int64_t id; /* 0: the next one */
    int64_t amicale; /* 0: none */
    struct span name;
    struct span address; /* canonical */
    char password_hash[PASSWORD_HASH_BYTES];
};

static int read_user(struct ctl *ctl, struct new_user *out_user);
static int read_password(struct ctl *ctl, char out_hash[PASSWORD_HASH_BYTES]);
static int insert_user(struct ctl *ctl, const struct new_user *user, int64_t *out_id);

int verb_user_add(struct ctl *ctl)
{
    struct new_user user = {0};
    int64_t id = 0;
    int code = read_user(ctl, &user);
    if (code != CTL_OK) {
        return code;
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    code = insert_user(ctl, &user, &id);
    struct span what = span_of(arena_format(&ctl->arena, "user %lld", (long long)id));
    code = people_finish(ctl, code, "user add", what, span_of(user.role));
    return code == CTL_OK ? people_report(ctl, "user", id) : code;
}

static int read_user(struct ctl *ctl, struct new_user *out_user)
{
    struct new_user user = {.name = span_trim(span_of(ctl_option(ctl, "--name")))};
    bool has_amicale = false;
    user.role = user_role(span_of(ctl_option(ctl, "--role")), &has_amicale);
    if (!user.role) {
        return ctl_say(CTL_USAGE, "--role is pompier, admin, viewer or operator");
    }
    if (!people_is_name(user.name, PEOPLE_NAME_BYTES) ||
        !people_address(ctl, span_of(ctl_option(ctl, "--email")), &user.address)) {
        return ctl_say(CTL_USAGE, "user add wants --name NAME and --email ADDRESS");
    }
    if (!ctl_number(ctl, "--amicale", 0, 1, PEOPLE_ID_MOST, &user.amicale) ||
        !ctl_number(ctl, "--id", 0, 1, PEOPLE_ID_MOST, &user.id)) {
        return CTL_USAGE;
    }
    if (has_amicale != (user.amicale > 0)) {
        return ctl_say(CTL_USAGE,
                       has_amicale ? "a %s wants --amicale N"
                                   : "a %s belongs to no amicale",
                       user.role);
    }
    int code = read_password(ctl, user.password_hash);
    if (code == CTL_OK) {
        *out_user = user;
    }
    return code;
}

static int read_password(struct ctl *ctl, char out_hash[PASSWORD_HASH_BYTES])
{
    const char *file = ctl_option(ctl, "--password-file");
    const char *hash_file = ctl_option(ctl, "--password-hash-file");
    struct text password;
    if (file && hash_file) {
        return ctl_say(CTL_USAGE,
                       "--password-file and --password-hash-file exclude each other");
    }
    enum outcome outcome = hash_file
                               ? password_hash_read(hash_file, out_hash, &ctl->fault)
                               : password_read(file, &password, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    if (hash_file) {
        return CTL_OK;
    }
    outcome = password_hash(text_span(&password), out_hash, &ctl->fault);
    text_wipe(&password);
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

static int insert_user(struct ctl *ctl, const struct new_user *user, int64_t *out_id)
{
    struct sql_rows rows;
    if (user->amicale > 0) {
        enum outcome outcome =
            mariadb_run(ctl->db,
                        "SELECT id FROM amicales WHERE id = ? LOCK IN SHARE MODE",
                        SQL_VALUES(SQL_I64(user->amicale)),
                        &ctl->arena,
                        &rows,
                        &ctl->fault);
        if (outcome != OUTCOME_DONE) {
            return ctl_failed(ctl);
        }
        if (rows.count == 0) {
            return ctl_say(CTL_NOT_FOUND,
                           "there is no amicale %lld",
                           (long long)user->amicale);
        }
    }
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "INSERT INTO users (id, amicale_id, role, encrypted_name,"
                    " encrypted_email, email_lookup, password_hash)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    SQL_VALUES(people_optional_id(user->id),
                               people_optional_id(user->amicale),
                               SQL_STRING(user->role),
                               people_sealed(ctl, "users.encrypted_name", user->name),
                               people_sealed(ctl, "users.encrypted_email", user->address),
                               SQL_SPAN(people_lookup(ctl, user->address)),
                               SQL_STRING(user->password_hash)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    if (outcome == OUTCOME_DONE) {
        *out_id = user->id ? user->id : rows.insert_id;
        return CTL_OK;
    }
    return mariadb_is_duplicate(&ctl->fault)
               ? ctl_say(CTL_WRONG_STATE,
                         "there is a user with this address or number already")
               : ctl_failed(ctl);
}
