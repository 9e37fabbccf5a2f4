/* SPDX-License-Identifier: MIT
 * Hashes, and what is done with their bytes. */
#include "common/base/digest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static void xor_pad(unsigned char pad[SHA256_CBLOCK],
                    struct span key,
                    unsigned char with);
static int hex_value(char digit);

void digest_sha256(struct span data, struct digest *out_digest)
{
    unsigned int len = 0;
    if (EVP_Digest(data.at, data.len, out_digest->bytes, &len, EVP_sha256(), NULL) != 1) {
        abort();
    }
}

/* HMAC as RFC 2104 defines it, over one EVP digest context: libcrypto 3's HMAC interface
 * fetches its algorithm at every call, which costs more than hashing 3 KB. */
void digest_hmac(struct span key,
                 const struct span *parts,
                 size_t count,
                 struct digest *out_digest)
{
    unsigned char pad[SHA256_CBLOCK];
    struct digest inner;
    unsigned int len = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL;
    xor_pad(pad, key, 0x36);
    good = good && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(context, pad, sizeof(pad)) == 1;
    for (size_t i = 0; i < count && good; i++) {
        good = EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1;
    }
    good = good && EVP_DigestFinal_ex(context, inner.bytes, &len) == 1;
    xor_pad(pad, key, 0x5c);
    good = good && EVP_DigestInit_ex(context, NULL, NULL) == 1 &&
           EVP_DigestUpdate(context, pad, sizeof(pad)) == 1 &&
           EVP_DigestUpdate(context, inner.bytes, sizeof(inner.bytes)) == 1 &&
           EVP_DigestFinal_ex(context, out_digest->bytes, &len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_cleanse(pad, sizeof(pad));
    if (!good) {
        abort();
    }
}

void digest_hex(const struct digest *digest, char out[DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[2 * DIGEST_BYTES] = '\0';
}

bool digest_from_hex(struct span hex, struct digest *out_digest)
{
    if (hex.len != (size_t)2 * DIGEST_BYTES) {
        return false;
    }
    struct digest digest;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_value(hex.at[2 * i]);
        int low = hex_value(hex.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        digest.bytes[i] = (unsigned char)(high << 4 | low);
    }
    *out_digest = digest;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

bool digest_from_base64(struct span text,
                        unsigned char *out,
                        size_t room,
                        size_t *out_len)
{
    if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > room) {
        return false;
    }
    int len = EVP_DecodeBlock(out, (const unsigned char *)text.at, (int)text.len);
    if (len < 0) {
        return false;
    }
    size_t padding = text.at[text.len - 1] != '='   ? 0
                     : text.at[text.len - 2] != '=' ? 1
                                                    : 2;
    *out_len = (size_t)len - padding;
    return true;
}

void digest_random(void *out, size_t bytes)
{
    unsigned char *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got <= 0) {
            continue; /* interrupted by a signal; nothing else can happen without flags */
        }
        at += got;
        bytes -= (size_t)got;
    }
}

/* The key (hashed first when it is longer than a block), XORed with one byte. */
static void xor_pad(unsigned char pad[SHA256_CBLOCK], struct span key, unsigned char with)
{
    memset(pad, 0, SHA256_CBLOCK);
    if (key.len > SHA256_CBLOCK) {
        struct digest hashed;
        digest_sha256(key, &hashed);
        memcpy(pad, hashed.bytes, sizeof(hashed.bytes));
        OPENSSL_cleanse(&hashed, sizeof(hashed));
    } else if (key.len > 0) {
        memcpy(pad, key.at, key.len);
    }
    for (size_t i = 0; i < SHA256_CBLOCK; i++) {
        pad[i] ^= with;
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return -1;
}
