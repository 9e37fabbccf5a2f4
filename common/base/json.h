/* SPDX-License-Identifier: MIT
 *
 * json - JSON from outside is checked before cJSON sees it; JSON of ours is written in
 * order.
 *
 * Owns:    a parsed document, from json_parse to json_free
 * Callers: every room
 * Blocks:  never
 * Faults:  NEVER when the text is not strict JSON or passes a limit (the text says where)
 *
 * cJSON takes what RFC 8259 does not (trailing bytes, raw control characters, "\u0000"
 * that ends a string early) and keeps the last of two equal keys out of sight, so
 * json_check goes first, in one pass, without allocating.
 */
#ifndef COMMON_BASE_JSON_H
#define COMMON_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;

enum { JSON_MOST_DEPTH = 32, JSON_MOST_KEYS = 512 };

enum json_fault {
    JSON_NOT_UTF8 = 1,
    JSON_HAS_NUL,
    JSON_TOO_DEEP,
    JSON_DUPLICATE_KEY,
    JSON_TOO_MANY_KEYS, /* more than JSON_MOST_KEYS in the objects open at once */
    JSON_SYNTAX,
};

/* Whether the text is one strict JSON value with nothing behind it, depth <= 32, no
 * duplicate keys, no NUL. */
MUST_USE enum outcome json_check(struct span text, struct fault *fault);

/* json_check, then cJSON. The document is the caller's until json_free. */
MUST_USE enum outcome json_parse(struct span text,
                                 struct cJSON **out_document,
                                 struct fault *fault);
void json_free(struct cJSON *document); /* NULL does nothing */

/* Looking things up. `path` is keys joined by dots, "data.object.id"; a document that is
 * NULL, a missing key and a null are all "not there". Keys are case-sensitive. What is
 * returned is borrowed from the document. */
struct cJSON *json_at(const struct cJSON *document, const char *path);
struct span json_string(const struct cJSON *document,
                        const char *path); /* empty: not there */
bool json_has(const struct cJSON *document, const char *path);
/* False when it is not there, not a whole number, or beyond 2^53. */
bool json_integer(const struct cJSON *document, const char *path, int64_t *out_number);
bool json_is_true(const struct cJSON *document, const char *path);
bool json_is_string(const struct cJSON *document, const char *path);
bool json_is_object(const struct cJSON *document);
bool json_is_array(const struct cJSON *document, const char *path);
/* First element of an array or member of an object at path, and the next one after it. */
struct cJSON *json_first(const struct cJSON *document, const char *path);
struct cJSON *json_next(const struct cJSON *element);
/* The key of a member. */
struct span json_key(const struct cJSON *element);
/* Printed without spaces, in the arena. */
struct span json_print(const struct cJSON *document, struct arena *arena);

/* Writing: members go straight into a text, commas are looked after.
 *
 *   struct json_writer json = json_writer(&text);
 *   json_open(&json, NULL, '{');
 *   json_put_string(&json, "id", job->id);
 *   json_close(&json, '}');
 *
 * `key` is NULL inside arrays and for the outermost value. Invalid UTF-8 in a string is
 * written as U+FFFD. */
struct json_writer {
    struct text *text;
    bool comma; /* the next member needs one before it */
};

struct json_writer json_writer(struct text *text);
void json_open(struct json_writer *json, const char *key, char bracket);
void json_close(struct json_writer *json, char bracket);
void json_put_string(struct json_writer *json, const char *key, struct span value);
void json_put_integer(struct json_writer *json, const char *key, int64_t value);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_null(struct json_writer *json, const char *key);
/* A value that is JSON already. */
void json_put_raw(struct json_writer *json, const char *key, struct span value);
/* As json_put_string, or null when the value is empty. */
void json_put_optional(struct json_writer *json, const char *key, struct span value);

#endif
