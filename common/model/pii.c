/* SPDX-License-Identifier: MIT
 * What an address is and how it is masked. */
#include "common/model/pii.h"

#include <string.h>

static bool is_local_part(struct span local);
static bool is_domain(struct span domain);
static bool is_label(struct span label);
static bool is_letter_or_digit(char byte);
static bool is_atom_byte(char byte);
static bool ends_token(char byte);
static void mask_token(struct span token, struct text *out);

static const char *const personal_keys[] = {"receipt_email", "pompier_name"};

bool pii_is_address(struct span address)
{
    if (address.len > PII_ADDRESS_BYTES) {
        return false;
    }
    struct span domain;
    struct span local = span_cut(address, '@', &domain);
    return is_local_part(local) && is_domain(domain);
}

static bool is_local_part(struct span local)
{
    if (local.len == 0 || local.len > 64 || local.at[0] == '.' ||
        local.at[local.len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < local.len; i++) {
        bool dot = local.at[i] == '.';
        if ((!dot && !is_atom_byte(local.at[i])) || (dot && local.at[i - 1] == '.')) {
            return false;
        }
    }
    return true;
}

static bool is_domain(struct span domain)
{
    int labels = 0;
    struct span rest = domain;
    while (rest.len > 0) {
        bool more = memchr(rest.at, '.', rest.len) != NULL;
        struct span label = span_cut(rest, '.', &rest);
        if (!is_label(label) || (more && rest.len == 0)) {
            return false;
        }
        labels++;
    }
    return (labels >= 2 || span_is(domain, "localhost")) && domain.len <= 253;
}

static bool is_label(struct span label)
{
    if (label.len == 0 || label.len > 63 || label.at[0] == '-' ||
        label.at[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_letter_or_digit(label.at[i]) && label.at[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* RFC 5322, 3.2.3: atext. */
static bool is_atom_byte(char byte)
{
    return is_letter_or_digit(byte) ||
           (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

void pii_canonical_address(struct span address, struct text *out)
{
    address = span_trim(address);
    for (size_t i = 0; i < address.len; i++) {
        char byte = address.at[i];
        if (byte >= 'A' && byte <= 'Z') {
            byte = (char)(byte - 'A' + 'a');
        }
        text_add_char(out, byte);
    }
}

void pii_mask_address(struct span address, struct text *out)
{
    if (!pii_is_address(address)) {
        text_add_string(out, "***");
        return;
    }
    struct span domain;
    struct span local = span_cut(address, '@', &domain);
    const char *last_dot = memrchr(domain.at, '.', domain.len);
    text_add_char(out, local.at[0]);
    text_add_string(out, "***@");
    text_add_char(out, domain.at[0]);
    text_add_string(out, "***");
    if (last_dot) { /* "localhost" has none */
        size_t before = (size_t)(last_dot - domain.at);
        text_add(out, (struct span){last_dot, domain.len - before});
    }
}

void pii_mask_text(struct span text, struct text *out)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && !ends_token(text.at[i])) {
            continue;
        }
        mask_token((struct span){text.at + start, i - start}, out);
        if (i < text.len) {
            text_add_char(out, text.at[i]);
        }
        start = i + 1;
    }
}

/* What stands around an address in running text. */
static bool ends_token(char byte)
{
    return (unsigned char)byte <= ' ' || strchr("<>()[],;:\"\\", byte) != NULL;
}

static void mask_token(struct span token, struct text *out)
{
    struct span bare = token;
    while (bare.len > 0 && bare.at[bare.len - 1] == '.') {
        bare.len--; /* a sentence's end */
    }
    if (bare.len == 0 || memchr(bare.at, '@', bare.len) == NULL) {
        text_add(out, token);
        return;
    }
    pii_mask_address(bare, out);
    text_add(out, (struct span){token.at + bare.len, token.len - bare.len});
}

bool pii_is_personal_key(struct span metadata_key)
{
    for (size_t i = 0; i < sizeof(personal_keys) / sizeof(personal_keys[0]); i++) {
        if (span_is(metadata_key, personal_keys[i])) {
            return true;
        }
    }
    return false;
}
