/* SPDX-License-Identifier: MIT
 * Passwords and libcrypt. */
#include "common/base/password.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <crypt.h>

static_assert(PASSWORD_HASH_BYTES >= CRYPT_OUTPUT_SIZE, "a hash must fit");
static_assert(PASSWORD_MOST_BYTES < CRYPT_MAX_PASSPHRASE_SIZE, "a password must fit");

#define BEST "$y$"
#define LETTERS "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* bcrypt: $2y$10$, 22 letters of salt, 31 of hash. yescrypt: $y$j9T$, salt, $, 43 of hash.
 * The most that one may cost takes about a second, or 64 MiB. */
enum {
    BCRYPT_FRONT = 7,
    BCRYPT_SALT = 22,
    BCRYPT_HASH = 31,
    BCRYPT_LEAST_COST = 4,
    BCRYPT_MOST_COST = 14,
    YESCRYPT_FRONT = 7,
    YESCRYPT_MOST_SALT = 86,
    YESCRYPT_HASH = 43,
    YESCRYPT_MOST_COST = 7,
};

static bool make_setting(char out[PASSWORD_HASH_BYTES]);
static bool hash_with(struct span password,
                      const char *setting,
                      char out[PASSWORD_HASH_BYTES]);
static bool is_ours(struct span hash);
static bool is_bcrypt(struct span hash);
static bool is_whole_bcrypt(struct span hash);
static bool is_whole_yescrypt(struct span hash);
static bool has_known_cost(struct span hash);
static bool are_letters(struct span text);
static bool same_bytes(struct span a, struct span b);

enum outcome password_hash(struct span password,
                           char out[PASSWORD_HASH_BYTES],
                           struct fault *fault)
{
    char setting[PASSWORD_HASH_BYTES];
    if (!make_setting(setting) || !hash_with(password, setting, out)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "password",
                         errno,
                         "libcrypt cannot hash with yescrypt");
    }
    return OUTCOME_DONE;
}

bool password_is_right(struct span password, struct span hash)
{
    char setting[PASSWORD_HASH_BYTES];
    char made[PASSWORD_HASH_BYTES];
    bool there = is_ours(hash);
    if (there) {
        memcpy(setting, hash.at, hash.len);
        setting[hash.len] = '\0';
    } else if (!make_setting(setting)) {
        return false;
    }
    bool good =
        hash_with(password, setting, made) && there && same_bytes(span_of(made), hash);
    explicit_bzero(made, sizeof(made));
    explicit_bzero(setting, sizeof(setting));
    return good;
}

/* What stands before the salt is the sort and its cost. */
bool password_needs_rehash(struct span hash)
{
    char best[PASSWORD_HASH_BYTES];
    if (!make_setting(best)) {
        return false;
    }
    size_t len = (size_t)(strrchr(best, '$') + 1 - best);
    return hash.len < len || memcmp(hash.at, best, len) != 0;
}

/* The best sort, at its default cost, with a random salt. */
static bool make_setting(char out[PASSWORD_HASH_BYTES])
{
    return crypt_gensalt_rn(BEST, 0, NULL, 0, out, PASSWORD_HASH_BYTES) != NULL;
}

static bool hash_with(struct span password,
                      const char *setting,
                      char out[PASSWORD_HASH_BYTES])
{
    char phrase[PASSWORD_MOST_BYTES + 1];
    if (password.len == 0 || password.len > PASSWORD_MOST_BYTES ||
        memchr(password.at, '\0', password.len)) {
        return false;
    }
    struct crypt_data *data = calloc(1, sizeof(*data));
    if (!data) {
        abort();
    }
    memcpy(phrase, password.at, password.len);
    phrase[password.len] = '\0';
    bool good = crypt_rn(phrase, setting, data, (int)sizeof(*data)) != NULL;
    if (good) {
        snprintf(out, PASSWORD_HASH_BYTES, "%s", data->output);
    }
    explicit_bzero(phrase, sizeof(phrase));
    explicit_bzero(data, sizeof(*data));
    free(data);
    return good;
}

/* libcrypt knows older sorts, which nobody here ever wrote. */
static bool is_ours(struct span hash)
{
    return hash.len > 0 && hash.len < PASSWORD_HASH_BYTES &&
           !memchr(hash.at, '\0', hash.len) &&
           (span_starts(hash, BEST) || is_bcrypt(hash));
}

static bool is_bcrypt(struct span hash)
{
    return span_starts(hash, "$2y$") || span_starts(hash, "$2b$") ||
           span_starts(hash, "$2a$");
}

/* libcrypt is asked at the least cost of the sort, which stands in the front: what it may
 * still refuse is the salt. */
bool password_hash_is_good(struct span hash)
{
    char setting[PASSWORD_HASH_BYTES];
    char made[PASSWORD_HASH_BYTES];
    bool bcrypt = is_bcrypt(hash);
    if (!is_ours(hash) || !(bcrypt ? is_whole_bcrypt(hash) : is_whole_yescrypt(hash))) {
        return false;
    }
    size_t salt_end = hash.len - (size_t)(bcrypt ? BCRYPT_HASH : YESCRYPT_HASH);
    memcpy(setting, hash.at, hash.len);
    setting[hash.len] = '\0';
    memcpy(setting, bcrypt ? "$2y$04$" : "$y$j75$", BCRYPT_FRONT);
    bool good = hash_with(SPAN("password"), setting, made) &&
                same_bytes((struct span){made, strnlen(made, salt_end)},
                           (struct span){setting, salt_end});
    explicit_bzero(setting, sizeof(setting));
    return good;
}

/* The last letters of the salt and of the hash hold fewer bits than others: with another
 * letter there, no password is right. */
static bool is_whole_bcrypt(struct span hash)
{
    if (hash.len != BCRYPT_FRONT + BCRYPT_SALT + BCRYPT_HASH) {
        return false;
    }
    char tens = hash.at[4];
    char ones = hash.at[5];
    int cost = (tens - '0') * 10 + (ones - '0');
    return tens >= '0' && tens <= '9' && ones >= '0' && ones <= '9' &&
           hash.at[6] == '$' && cost >= BCRYPT_LEAST_COST && cost <= BCRYPT_MOST_COST &&
           are_letters(
               (struct span){hash.at + BCRYPT_FRONT, BCRYPT_SALT + BCRYPT_HASH}) &&
           strchr(".Oeu", hash.at[BCRYPT_FRONT + BCRYPT_SALT - 1]) != NULL &&
           strchr(".CGKOSWaeimquy26", hash.at[hash.len - 1]) != NULL;
}

static bool is_whole_yescrypt(struct span hash)
{
    size_t around = YESCRYPT_FRONT + 1 + YESCRYPT_HASH;
    if (hash.len <= around || hash.len > around + YESCRYPT_MOST_SALT) {
        return false;
    }
    size_t salt_len = hash.len - around;
    const char *behind = hash.at + YESCRYPT_FRONT + salt_len;
    return has_known_cost(hash) && *behind == '$' &&
           are_letters((struct span){hash.at + YESCRYPT_FRONT, salt_len}) &&
           are_letters((struct span){behind + 1, YESCRYPT_HASH});
}

/* One of those that libcrypt itself gives. */
static bool has_known_cost(struct span hash)
{
    char setting[PASSWORD_HASH_BYTES];
    bool known = false;
    for (unsigned long cost = 1; cost <= YESCRYPT_MOST_COST && !known; cost++) {
        known = crypt_gensalt_rn(BEST, cost, NULL, 0, setting, sizeof(setting)) &&
                memcmp(hash.at, setting, YESCRYPT_FRONT) == 0;
    }
    return known;
}

static bool are_letters(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\0' || !strchr(LETTERS, text.at[i])) {
            return false;
        }
    }
    return true;
}

static bool same_bytes(struct span a, struct span b)
{
    unsigned char differ = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        differ |= (unsigned char)(a.at[i] ^ b.at[i]);
    }
    return differ == 0;
}
