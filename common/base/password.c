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

static bool make_setting(char out[PASSWORD_HASH_BYTES]);
static bool hash_with(struct span password,
                      const char *setting,
                      char out[PASSWORD_HASH_BYTES]);
static bool is_ours(struct span hash);
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
           (span_starts(hash, "$y$") || span_starts(hash, "$2y$"));
}

static bool same_bytes(struct span a, struct span b)
{
    unsigned char differ = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        differ |= (unsigned char)(a.at[i] ^ b.at[i]);
    }
    return differ == 0;
}
