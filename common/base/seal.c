/* SPDX-License-Identifier: MIT
 * AES-256-GCM with a ring of keys. */
#include "common/base/seal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, MOST_KEYS = 16, FORMAT = 1 };

struct seal_ring {
    size_t count;
    unsigned char ids[MOST_KEYS];
    unsigned char keys[MOST_KEYS][KEY_BYTES];
    bool has_index;
    unsigned char index_key[KEY_BYTES];
};

static const char *read_line(struct seal_ring *ring, struct span line);
static const unsigned char *find_key(const struct seal_ring *ring, unsigned char id);
static bool encrypt(const unsigned char *key,
                    struct span context,
                    struct span plain,
                    unsigned char *nonce);
static bool decrypt(const unsigned char *key,
                    struct span context,
                    const unsigned char *nonce,
                    size_t plain_len,
                    unsigned char *out_plain);

enum outcome seal_open(const char *path, struct seal_ring **out_ring, struct fault *fault)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "seal",
                         SEAL_BAD_FILE,
                         "cannot read the key file %s: %s",
                         path,
                         strerror(errno));
    }
    struct seal_ring *ring = calloc(1, sizeof(*ring));
    if (!ring) {
        abort();
    }
    char line[256];
    int number = 0;
    setvbuf(file, NULL, _IONBF, 0); /* no copy stays behind */
    const char *wrong = NULL;
    while (!wrong && fgets(line, sizeof(line), file)) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        wrong = read_line(ring, span_trim(span_of(line)));
    }
    explicit_bzero(line, sizeof(line));
    fclose(file);
    if (!wrong && ring->count == 0) {
        wrong = "it holds no key";
    }
    if (!wrong && !ring->has_index) {
        wrong = "it holds no index key";
    }
    if (wrong) {
        seal_close(ring);
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "seal",
                         SEAL_BAD_FILE,
                         "%s:%d: %s",
                         path,
                         number,
                         wrong);
    }
    *out_ring = ring;
    return OUTCOME_DONE;
}

void seal_close(struct seal_ring *ring)
{
    if (ring) {
        OPENSSL_cleanse(ring, sizeof(*ring));
        free(ring);
    }
}

struct span seal_seal(const struct seal_ring *ring,
                      struct span context,
                      struct span plain,
                      struct arena *arena)
{
    size_t len = plain.len + SEAL_OVERHEAD_BYTES;
    unsigned char *out = arena_take(arena, len);
    out[0] = FORMAT;
    out[1] = ring->ids[0];
    digest_random(out + 2, NONCE_BYTES);
    if (!encrypt(ring->keys[0], context, plain, out + 2)) {
        abort();
    }
    return (struct span){(const char *)out, len};
}

enum outcome seal_unseal(const struct seal_ring *ring,
                         struct span context,
                         struct span sealed,
                         struct arena *arena,
                         struct span *out_plain,
                         struct fault *fault)
{
    const unsigned char *in = (const unsigned char *)sealed.at;
    if (sealed.len < SEAL_OVERHEAD_BYTES || in[0] != FORMAT) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "seal",
                         SEAL_DAMAGED,
                         "these are no sealed bytes");
    }
    const unsigned char *key = find_key(ring, in[1]);
    if (!key) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "seal",
                         SEAL_UNKNOWN_KEY,
                         "sealed with key %d, which the key file lacks",
                         in[1]);
    }
    size_t len = sealed.len - SEAL_OVERHEAD_BYTES;
    unsigned char *plain = arena_take(arena, len + 1);
    if (!decrypt(key, context, in + 2, len, plain)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "seal",
                         SEAL_DAMAGED,
                         "the sealed bytes were changed or belong elsewhere");
    }
    *out_plain = (struct span){(const char *)plain, len};
    return OUTCOME_DONE;
}

void seal_fingerprint(const struct seal_ring *ring,
                      struct span purpose,
                      struct span plain,
                      struct digest *out_digest)
{
    const struct span parts[] = {purpose, {"\0", 1}, plain};
    digest_hmac((struct span){(const char *)ring->index_key, KEY_BYTES},
                parts,
                3,
                out_digest);
}

/* What is wrong with the line; NULL when it was taken. */
static const char *read_line(struct seal_ring *ring, struct span line)
{
    if (line.len == 0 || line.at[0] == '#') {
        return NULL;
    }
    struct span value;
    struct span name = span_cut(line, ' ', &value);
    unsigned char key[KEY_BYTES + 3];
    size_t key_len = 0;
    const char *wrong = NULL;
    int64_t id = 0;
    if (!digest_from_base64(span_trim(value), key, sizeof(key), &key_len) ||
        key_len != KEY_BYTES) {
        wrong = "a key is 32 bytes in base64 (openssl rand -base64 32)";
    } else if (span_is(name, "index")) {
        memcpy(ring->index_key, key, KEY_BYTES);
        wrong = ring->has_index ? "there is a second index key" : NULL;
        ring->has_index = true;
    } else if (!span_to_i64(name, &id) || id < 1 || id > 255) {
        wrong = "a key's id is a number from 1 to 255, or the word index";
    } else if (find_key(ring, (unsigned char)id)) {
        wrong = "this id was given before";
    } else if (ring->count == MOST_KEYS) {
        wrong = "there are more than 16 keys";
    } else {
        ring->ids[ring->count] = (unsigned char)id;
        memcpy(ring->keys[ring->count], key, KEY_BYTES);
        ring->count++;
    }
    OPENSSL_cleanse(key, sizeof(key));
    return wrong;
}

static const unsigned char *find_key(const struct seal_ring *ring, unsigned char id)
{
    for (size_t i = 0; i < ring->count; i++) {
        if (ring->ids[i] == id) {
            return ring->keys[i];
        }
    }
    return NULL;
}

/* Writes the ciphertext and the tag behind the nonce. */
static bool encrypt(const unsigned char *key,
                    struct span context,
                    struct span plain,
                    unsigned char *nonce)
{
    unsigned char *out = nonce + NONCE_BYTES;
    int len = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    bool good =
        cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
        EVP_EncryptUpdate(cipher,
                          NULL,
                          &len,
                          (const unsigned char *)context.at,
                          (int)context.len) == 1 &&
        EVP_EncryptUpdate(cipher,
                          out,
                          &len,
                          (const unsigned char *)plain.at,
                          (int)plain.len) == 1 &&
        EVP_EncryptFinal_ex(cipher, out + plain.len, &len) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + plain.len) ==
            1;
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

static bool decrypt(const unsigned char *key,
                    struct span context,
                    const unsigned char *nonce,
                    size_t plain_len,
                    unsigned char *out_plain)
{
    const unsigned char *in = nonce + NONCE_BYTES;
    unsigned char tag[TAG_BYTES];
    memcpy(tag, in + plain_len, TAG_BYTES);
    int len = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    bool good = cipher &&
                EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
                EVP_DecryptUpdate(cipher,
                                  NULL,
                                  &len,
                                  (const unsigned char *)context.at,
                                  (int)context.len) == 1 &&
                EVP_DecryptUpdate(cipher, out_plain, &len, in, (int)plain_len) == 1 &&
                EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
                EVP_DecryptFinal_ex(cipher, out_plain + plain_len, &len) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return good;
}
