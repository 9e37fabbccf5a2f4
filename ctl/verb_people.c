/* SPDX-License-Identifier: MIT
 * amicale add, amicale account and user add - who uses Tocsin. Each deed and its row in
 * the audit log are one transaction. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/pii.h"
#include "ctl/ctl.h"
#include "ctl/password.h"
#include "ctl/verbs.h"

enum { NAME_BYTES = 200, ID_MOST = 1 << 30 };

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
static int insert_user(struct ctl *ctl, const struct new_user *user, int64_t *out_id);
static bool is_account(struct span account);
static int attach_account(struct ctl *ctl, int64_t amicale, struct span account);
static int finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct span what,
                  struct span why);
static enum outcome write_audit(struct ctl *ctl,
                                const char *verb,
                                struct span what,
                                struct span why);
static bool read_address(struct ctl *ctl, const char *given, struct span *out_address);
static struct sql_value sealed(struct ctl *ctl, const char *column, struct span plain);
static struct sql_value optional_id(int64_t id);
static bool is_name(struct span name);
static int report(struct ctl *ctl, const char *what, int64_t id);

int verb_amicale_add(struct ctl *ctl)
{
    struct span name = span_trim(span_of(ctl_option(ctl, "--name")));
    struct span address = {0};
    int64_t id = 0;
    if (!is_name(name) || !read_address(ctl, ctl_option(ctl, "--email"), &address)) {
        return ctl_say(CTL_USAGE, "amicale add wants --name NAME and --email ADDRESS");
    }
    if (!ctl_number(ctl, "--id", 0, 1, ID_MOST, &id)) {
        return CTL_USAGE;
    }
    static const char *const texts[] = {"--adresse1",
                                        "--adresse2",
                                        "--code-postal",
                                        "--ville"};
    struct sql_value values[4];
    for (size_t i = 0; i < 4; i++) {
        const char *given = ctl_option(ctl, texts[i]);
        values[i] = SQL_STRING(given ? given : "");
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "INSERT INTO amicales (id, encrypted_name, encrypted_email,"
                    " adresse1, adresse2, code_postal, ville)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    SQL_VALUES(optional_id(id),
                               sealed(ctl, "amicales.encrypted_name", name),
                               sealed(ctl, "amicales.encrypted_email", address),
                               values[0],
                               values[1],
                               values[2],
                               values[3]),
                    &ctl->arena,
                    &rows,
                    &ctl->fault);
    int code = CTL_OK;
    if (outcome == OUTCOME_DONE) {
        id = id ? id : rows.insert_id;
    } else if (mariadb_is_duplicate(&ctl->fault)) {
        code =
            ctl_say(CTL_WRONG_STATE, "there is an amicale %lld already", (long long)id);
    } else {
        code = ctl_failed(ctl);
    }
    struct span what = span_of(arena_format(&ctl->arena, "amicale %lld", (long long)id));
    code = finish(ctl, code, "amicale add", what, SPAN(""));
    return code == CTL_OK ? report(ctl, "amicale", id) : code;
}

/* acct_ and what Stripe puts behind it. */
static bool is_account(struct span account)
{
    const size_t prefix = sizeof("acct_") - 1;
    bool good =
        span_starts(account, "acct_") && account.len > prefix && account.len <= 255;
    for (size_t i = prefix; i < account.len && good; i++) {
        good = isalnum((unsigned char)account.at[i]);
    }
    return good;
}

int verb_amicale_account(struct ctl *ctl)
{
    int64_t amicale = 0;
    struct span account = span_of(ctl->words[1]);
    if (!span_to_i64(span_of(ctl->words[0]), &amicale) || amicale < 1) {
        return ctl_say(CTL_USAGE, "%s is no number of an amicale", ctl->words[0]);
    }
    if (!is_account(account)) {
        return ctl_say(CTL_USAGE, "%s is no Stripe account", ctl->words[1]);
    }
    if (mariadb_begin(ctl->db, &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    int code = attach_account(ctl, amicale, account);
    struct span why =
        span_of(arena_format(&ctl->arena, "amicale %lld", (long long)amicale));
    code = finish(ctl, code, "amicale account", account, why);
    return code == CTL_OK ? report(ctl, "amicale", amicale) : code;
}

/* The row may be there already: made by an event that came before anybody said whose
 * account it is. Its findings are settled by saying so. */
static int attach_account(struct ctl *ctl, int64_t amicale, struct span account)
{
    bool onboarded = ctl_option(ctl, "--onboarded") != NULL;
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(ctl->db,
                                       "SELECT id FROM amicales WHERE id = ? FOR UPDATE",
                                       SQL_VALUES(SQL_I64(amicale)),
                                       &ctl->arena,
                                       &rows,
                                       &ctl->fault);
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no amicale %lld", (long long)amicale);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(
            ctl->db,
            "INSERT INTO stripe_accounts (amicale_id, stripe_account_id,"
            " charges_enabled, payouts_enabled, onboarding_completed, livemode)"
            " VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE"
            " amicale_id = IF(stripe_account_id = VALUES(stripe_account_id),"
            " COALESCE(amicale_id, VALUES(amicale_id)), amicale_id),"
            " charges_enabled = charges_enabled OR VALUES(charges_enabled),"
            " payouts_enabled = payouts_enabled OR VALUES(payouts_enabled),"
            " onboarding_completed ="
            " onboarding_completed OR VALUES(onboarding_completed)",
            SQL_VALUES(SQL_I64(amicale),
                       SQL_SPAN(account),
                       SQL_I64(onboarded),
                       SQL_I64(onboarded),
                       SQL_I64(onboarded),
                       SQL_I64(ctl->settings->stripe.livemode)),
            &ctl->arena,
            NULL,
            &ctl->fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "SELECT amicale_id FROM stripe_accounts"
                              " WHERE stripe_account_id = ?",
                              SQL_VALUES(SQL_SPAN(account)),
                              &ctl->arena,
                              &rows,
                              &ctl->fault);
    }
    /* Another row kept one of the two: an account has one amicale, and an amicale one
     * account at a time. */
    if (outcome == OUTCOME_DONE && rows.count == 0) {
        return ctl_say(CTL_WRONG_STATE,
                       "amicale %lld has another account already",
                       (long long)amicale);
    }
    if (outcome == OUTCOME_DONE && sql_i64(&rows, 0, 0) != amicale) {
        return ctl_say(CTL_WRONG_STATE,
                       "%.*s belongs to amicale %lld",
                       SPAN_ARGS(account),
                       (long long)sql_i64(&rows, 0, 0));
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_run(ctl->db,
                              "UPDATE reconciliation_findings SET closed_at = NOW(3),"
                              " closed_by = ? WHERE kind = 'unknown_account'"
                              " AND subject = ? AND closed_at IS NULL",
                              SQL_VALUES(SQL_SPAN(ctl_who(ctl)), SQL_SPAN(account)),
                              &ctl->arena,
                              NULL,
                              &ctl->fault);
    }
    return outcome == OUTCOME_DONE ? CTL_OK : ctl_failed(ctl);
}

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
    code = finish(ctl, code, "user add", what, span_of(user.role));
    return code == CTL_OK ? report(ctl, "user", id) : code;
}

static int read_user(struct ctl *ctl, struct new_user *out_user)
{
    static const char *const roles[] = {"pompier", "admin", "viewer", "operator"};
    struct new_user user = {.name = span_trim(span_of(ctl_option(ctl, "--name")))};
    const char *role = ctl_option(ctl, "--role");
    bool has_amicale = false;
    for (size_t i = 0; role && i < 4; i++) {
        if (strcmp(role, roles[i]) == 0) {
            user.role = roles[i];
            has_amicale = i < 2;
        }
    }
    if (!user.role) {
        return ctl_say(CTL_USAGE, "--role is pompier, admin, viewer or operator");
    }
    if (!is_name(user.name) ||
        !read_address(ctl, ctl_option(ctl, "--email"), &user.address)) {
        return ctl_say(CTL_USAGE, "user add wants --name NAME and --email ADDRESS");
    }
    if (!ctl_number(ctl, "--amicale", 0, 1, ID_MOST, &user.amicale) ||
        !ctl_number(ctl, "--id", 0, 1, ID_MOST, &user.id)) {
        return CTL_USAGE;
    }
    if (has_amicale != (user.amicale > 0)) {
        return ctl_say(CTL_USAGE,
                       has_amicale ? "a %s wants --amicale N"
                                   : "a %s belongs to no amicale",
                       user.role);
    }
    struct text password;
    enum outcome outcome =
        password_read(ctl_option(ctl, "--password-file"), &password, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    outcome = password_hash(text_span(&password), user.password_hash, &ctl->fault);
    text_wipe(&password);
    if (outcome != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    *out_user = user;
    return CTL_OK;
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
    struct digest lookup;
    char lookup_hex[DIGEST_HEX_BYTES];
    seal_fingerprint(ctl->pii_ring, SPAN(PII_EMAIL_PURPOSE), user->address, &lookup);
    digest_hex(&lookup, lookup_hex);
    enum outcome outcome =
        mariadb_run(ctl->db,
                    "INSERT INTO users (id, amicale_id, role, encrypted_name,"
                    " encrypted_email, email_lookup, password_hash)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    SQL_VALUES(optional_id(user->id),
                               optional_id(user->amicale),
                               SQL_STRING(user->role),
                               sealed(ctl, "users.encrypted_name", user->name),
                               sealed(ctl, "users.encrypted_email", user->address),
                               SQL_STRING(lookup_hex),
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

/* Writes the audit row and commits; a deed that failed is rolled back. */
static int finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct span what,
                  struct span why)
{
    if (code == CTL_OK && (write_audit(ctl, verb, what, why) != OUTCOME_DONE ||
                           mariadb_commit(ctl->db, &ctl->fault) != OUTCOME_DONE)) {
        code = ctl_failed(ctl);
    }
    if (code != CTL_OK) {
        mariadb_rollback(ctl->db);
    }
    return code;
}

static enum outcome write_audit(struct ctl *ctl,
                                const char *verb,
                                struct span what,
                                struct span why)
{
    unsigned char random[16];
    char id[sizeof("audit:") + 2 * sizeof(random)] = "audit:";
    digest_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(id + sizeof("audit:") - 1 + 2 * i, 3, "%02x", random[i]);
    }
    int64_t now_ms = clock_wall_ms(&clock_system);
    return mariadb_run(ctl->db,
                       "INSERT INTO audit_log (job_id, who, verb, what, why, at)"
                       " VALUES (?, ?, ?, ?, ?, ?)",
                       SQL_VALUES(SQL_STRING(id),
                                  SQL_SPAN(ctl_who(ctl)),
                                  SQL_STRING(verb),
                                  SQL_SPAN(what),
                                  SQL_SPAN(why),
                                  sql_moment(&ctl->arena, now_ms)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault);
}

static bool read_address(struct ctl *ctl, const char *given, struct span *out_address)
{
    struct text canonical;
    text_init(&canonical, 1024);
    pii_canonical_address(span_of(given), &canonical);
    *out_address = arena_span(&ctl->arena, text_span(&canonical));
    text_wipe(&canonical);
    return pii_is_address(*out_address);
}

static struct sql_value sealed(struct ctl *ctl, const char *column, struct span plain)
{
    return SQL_SPAN(seal_seal(ctl->pii_ring, span_of(column), plain, &ctl->arena));
}

/* NULL lets AUTO_INCREMENT give the next number. */
static struct sql_value optional_id(int64_t id)
{
    return id > 0 ? SQL_I64(id) : SQL_NOTHING;
}

static bool is_name(struct span name)
{
    return name.len > 0 && name.len <= NAME_BYTES && span_is_utf8(name);
}

static int report(struct ctl *ctl, const char *what, int64_t id)
{
    if (!ctl->json) {
        text_addf(&ctl->out, "%s %lld\n", what, (long long)id);
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_integer(&json, what, id);
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}
