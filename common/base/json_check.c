/* SPDX-License-Identifier: MIT
 * Whether a text is one strict JSON value (RFC 8259): one pass, nothing allocated. */
#include "common/base/json.h"

#include <pthread.h>
#include <string.h>

#include "common/base/digest.h"

/* The keys of the objects that are open now, as they stand in the text, one object's
 * behind its parent's. Two keys are compared only when their hashes are equal, which
 * nobody outside can bring about: each process has a seed of its own. */
struct seen_key {
    uint64_t hash;
    struct span raw; /* between the quotes, escapes and all */
};

struct check {
    const char *at;
    const char *end;
    const char *start;
    int depth;
    size_t key_count; /* over all open objects */
    struct seen_key keys[JSON_MOST_KEYS];
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed; /* of hash_key */

/* Reads a raw key as the bytes that it means. */
struct key_reader {
    struct span raw;
    size_t at; /* in raw */
    char bytes[4]; /* of the character read last */
    size_t len;
    size_t given;
};

static bool check_value(struct check *check, struct fault *fault);
static bool check_object(struct check *check, struct fault *fault);
static bool check_array(struct check *check, struct fault *fault);
static bool remember_key(struct check *check,
                         size_t first,
                         struct span raw,
                         struct fault *);
static bool check_string(struct check *check, struct span *out_raw, struct fault *fault);
static bool check_number(struct check *check, struct fault *fault);
static bool check_word(struct check *check, const char *word, struct fault *fault);
static int read_hex4(const char *at, const char *end);
static bool same_key(struct span a, struct span b);
static int next_byte(struct key_reader *reader);
static size_t unescape(struct span raw, size_t from, char out[4], size_t *out_len);
static uint64_t hash_key(struct span raw);
static void make_seed(void);
static bool is_plain_word(const char *at);
static void skip_space(struct check *check);
static bool refuse(const struct check *check,
                   enum json_fault code,
                   const char *what,
                   struct fault *fault);

enum outcome json_check(struct span text, struct fault *fault)
{
    struct check check; /* 12 KB of keys that need no zeroing */
    check.at = text.at;
    check.start = text.at;
    check.end = text.at + text.len;
    check.depth = 0;
    check.key_count = 0;
    if (text.len > 0 && memchr(text.at, '\0', text.len)) {
        check.at = memchr(text.at, '\0', text.len);
        (void)refuse(&check, JSON_HAS_NUL, "a NUL byte", fault);
        return OUTCOME_NEVER;
    }
    if (!span_is_utf8(text)) {
        (void)refuse(&check, JSON_NOT_UTF8, "not valid UTF-8", fault);
        return OUTCOME_NEVER;
    }
    skip_space(&check);
    if (!check_value(&check, fault)) {
        return OUTCOME_NEVER;
    }
    skip_space(&check);
    if (check.at < check.end) {
        (void)refuse(&check, JSON_SYNTAX, "something behind the value", fault);
        return OUTCOME_NEVER;
    }
    return OUTCOME_DONE;
}

static bool check_value(struct check *check, struct fault *fault)
{
    struct span ignored;
    if (check->at == check->end) {
        return refuse(check, JSON_SYNTAX, "the text ends too early", fault);
    }
    switch (*check->at) {
    case '{':
        return check_object(check, fault);
    case '[':
        return check_array(check, fault);
    case '"':
        return check_string(check, &ignored, fault);
    case 't':
        return check_word(check, "true", fault);
    case 'f':
        return check_word(check, "false", fault);
    case 'n':
        return check_word(check, "null", fault);
    default:
        return check_number(check, fault);
    }
}

static bool check_object(struct check *check, struct fault *fault)
{
    size_t first_key = check->key_count;
    if (++check->depth > JSON_MOST_DEPTH) {
        return refuse(check, JSON_TOO_DEEP, "more than 32 levels", fault);
    }
    check->at++;
    skip_space(check);
    bool more = check->at == check->end || *check->at != '}';
    while (more) {
        struct span key;
        if (check->at == check->end || *check->at != '"') {
            return refuse(check, JSON_SYNTAX, "a key in quotes is missing", fault);
        }
        if (!check_string(check, &key, fault) ||
            !remember_key(check, first_key, key, fault)) {
            return false;
        }
        skip_space(check);
        if (check->at == check->end || *check->at != ':') {
            return refuse(check, JSON_SYNTAX, "a colon is missing", fault);
        }
        check->at++;
        skip_space(check);
        if (!check_value(check, fault)) {
            return false;
        }
        skip_space(check);
        more = check->at < check->end && *check->at == ',';
        if (more) {
            check->at++;
            skip_space(check);
        }
    }
    if (check->at == check->end || *check->at != '}') {
        return refuse(check, JSON_SYNTAX, "a comma or } is missing", fault);
    }
    check->at++;
    check->depth--;
    check->key_count = first_key;
    return true;
}

static bool check_array(struct check *check, struct fault *fault)
{
    if (++check->depth > JSON_MOST_DEPTH) {
        return refuse(check, JSON_TOO_DEEP, "more than 32 levels", fault);
    }
    check->at++;
    skip_space(check);
    bool more = check->at == check->end || *check->at != ']';
    while (more) {
        if (!check_value(check, fault)) {
            return false;
        }
        skip_space(check);
        more = check->at < check->end && *check->at == ',';
        if (more) {
            check->at++;
            skip_space(check);
        }
    }
    if (check->at == check->end || *check->at != ']') {
        return refuse(check, JSON_SYNTAX, "a comma or ] is missing", fault);
    }
    check->at++;
    check->depth--;
    return true;
}

static bool remember_key(struct check *check,
                         size_t first,
                         struct span raw,
                         struct fault *fault)
{
    uint64_t hash = hash_key(raw);
    for (size_t i = first; i < check->key_count; i++) {
        if (check->keys[i].hash == hash && same_key(check->keys[i].raw, raw)) {
            return refuse(check, JSON_DUPLICATE_KEY, "a key stands twice", fault);
        }
    }
    if (check->key_count == JSON_MOST_KEYS) {
        return refuse(check, JSON_TOO_MANY_KEYS, "more than 512 keys", fault);
    }
    check->keys[check->key_count++] = (struct seen_key){hash, raw};
    return true;
}

static bool check_string(struct check *check, struct span *out_raw, struct fault *fault)
{
    const char *start = ++check->at;
    while (check->at < check->end && *check->at != '"') {
        if (check->end - check->at >= 8 && is_plain_word(check->at)) {
            check->at += 8;
            continue;
        }
        unsigned char byte = (unsigned char)*check->at;
        if (byte < 0x20) {
            return refuse(check, JSON_SYNTAX, "a control character in a string", fault);
        }
        if (byte != '\\') {
            check->at++;
            continue;
        }
        check->at++;
        if (check->at == check->end || !strchr("\"\\/bfnrtu", *check->at)) {
            return refuse(check, JSON_SYNTAX, "an unknown escape", fault);
        }
        if (*check->at++ != 'u') {
            continue;
        }
        int unit = read_hex4(check->at, check->end);
        if (unit == 0) {
            return refuse(check, JSON_HAS_NUL, "a \\u0000", fault);
        }
        bool lone = unit >= 0xDC00 && unit <= 0xDFFF;
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            bool escape = check->end - check->at >= 10 && check->at[4] == '\\' &&
                          check->at[5] == 'u';
            int low = escape ? read_hex4(check->at + 6, check->end) : -1;
            lone = low < 0xDC00 || low > 0xDFFF;
            check->at += lone ? 0 : 6;
        }
        if (unit < 0 || lone) {
            return refuse(check, JSON_SYNTAX, "a \\u escape that is no character", fault);
        }
        check->at += 4;
    }
    if (check->at == check->end) {
        return refuse(check, JSON_SYNTAX, "a string does not end", fault);
    }
    *out_raw = (struct span){start, (size_t)(check->at - start)};
    check->at++;
    return true;
}

static bool check_number(struct check *check, struct fault *fault)
{
    const char *at = check->at;
    const char *end = check->end;
    bool good = true;
    if (at < end && *at == '-') {
        at++;
    }
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    good = at > digits && (digits[0] != '0' || at - digits == 1);
    if (good && at < end && *at == '.') {
        digits = ++at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        good = at > digits;
    }
    if (good && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) {
            at++;
        }
        digits = at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        good = at > digits;
    }
    if (!good) {
        return refuse(check, JSON_SYNTAX, "a value is missing or is no JSON", fault);
    }
    check->at = at;
    return true;
}

static bool check_word(struct check *check, const char *word, struct fault *fault)
{
    size_t len = strlen(word);
    if ((size_t)(check->end - check->at) < len || memcmp(check->at, word, len) != 0) {
        return refuse(check, JSON_SYNTAX, "an unknown word", fault);
    }
    check->at += len;
    return true;
}

static int read_hex4(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    int number = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        number = number * 16 + digit;
    }
    return number;
}

/* Whether two keys are the same text, however each is escaped: the same character may be
 * one escape here and two plain bytes there, so bytes are compared one by one. */
static bool same_key(struct span a, struct span b)
{
    struct key_reader left = {.raw = a};
    struct key_reader right = {.raw = b};
    int byte;
    do {
        byte = next_byte(&left);
        if (byte != next_byte(&right)) {
            return false;
        }
    } while (byte >= 0);
    return true;
}

/* The next byte of the unescaped key; -1 at its end. */
static int next_byte(struct key_reader *reader)
{
    if (reader->given == reader->len) {
        if (reader->at == reader->raw.len) {
            return -1;
        }
        reader->at = unescape(reader->raw, reader->at, reader->bytes, &reader->len);
        reader->given = 0;
    }
    return (unsigned char)reader->bytes[reader->given++];
}

/* One byte of the string, or the UTF-8 of one escape; returns where the next one begins.
 * The string was checked before. */
static size_t unescape(struct span raw, size_t from, char out[4], size_t *out_len)
{
    *out_len = 1;
    if (raw.at[from] != '\\') {
        out[0] = raw.at[from];
        return from + 1;
    }
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    const char *name = strchr(names, raw.at[from + 1]);
    if (name) {
        out[0] = bytes[name - names];
        return from + 2;
    }
    unsigned point = (unsigned)read_hex4(raw.at + from + 2, raw.at + raw.len);
    from += 6;
    if (point >= 0xD800 && point <= 0xDBFF) {
        unsigned low = (unsigned)read_hex4(raw.at + from + 2, raw.at + raw.len);
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        from += 6;
    }
    if (point < 0x80) {
        out[0] = (char)point;
    } else if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        *out_len = 2;
    } else if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        *out_len = 3;
    } else {
        out[0] = (char)(0xF0 | point >> 18);
        out[1] = (char)(0x80 | (point >> 12 & 0x3F));
        out[2] = (char)(0x80 | (point >> 6 & 0x3F));
        out[3] = (char)(0x80 | (point & 0x3F));
        *out_len = 4;
    }
    return from;
}

/* FNV-1a over the unescaped key, from the seed. */
static uint64_t hash_key(struct span raw)
{
    const uint64_t prime = 0x100000001b3U;
    (void)pthread_once(&seed_once, make_seed);
    uint64_t hash = seed;
    size_t i = 0;
    while (i < raw.len) {
        if (raw.at[i] != '\\') {
            hash = (hash ^ (unsigned char)raw.at[i++]) * prime;
            continue;
        }
        char bytes[4];
        size_t len;
        i = unescape(raw, i, bytes, &len);
        for (size_t k = 0; k < len; k++) {
            hash = (hash ^ (unsigned char)bytes[k]) * prime;
        }
    }
    return hash;
}

static void make_seed(void)
{
    digest_random(&seed, sizeof(seed));
}

/* Whether none of eight bytes ends a string or needs a look: a quote, a backslash, a
 * control character. The usual trick with borrows; it may call a byte above 0x7f
 * suspicious, never a suspicious one plain. */
static bool is_plain_word(const char *at)
{
    const uint64_t ones = 0x0101010101010101U;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t suspicious =
        (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
    return (suspicious & (ones * 0x80)) == 0;
}

static void skip_space(struct check *check)
{
    while (check->at < check->end && (*check->at == ' ' || *check->at == '\n' ||
                                      *check->at == '\r' || *check->at == '\t')) {
        check->at++;
    }
}

static bool refuse(const struct check *check,
                   enum json_fault code,
                   const char *what,
                   struct fault *fault)
{
    (void)fault_set(fault,
                    OUTCOME_NEVER,
                    "json",
                    (int)code,
                    "at byte %zu: %s",
                    (size_t)(check->at - check->start),
                    what);
    return false;
}
