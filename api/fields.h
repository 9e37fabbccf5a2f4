/* SPDX-License-Identifier: MIT
 *
 * fields - what a request says in its JSON body or its query, checked against a table.
 *
 * Owns:    nothing; the values live in the request's arena
 * Callers: handlers; threads of readers (fields_read_member)
 * Blocks:  never
 *
 * Everything that is wrong is told at once: a request that does not fit is answered here
 * (400 when it is not JSON, 422 with one error a field), and the handler just returns.
 * Fields that no rule names are refused: a misspelt receipt_email would cost a receipt.
 */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/model/problem.h"

struct cJSON;
struct request;

enum field_type {
    FIELD_IS_INTEGER, /* least to most */
    FIELD_IS_TEXT, /* least to most bytes, UTF-8, without control characters */
    FIELD_IS_WORDS, /* the same, and not blank; without the spaces around it */
    FIELD_IS_NAME, /* a text of A-Z a-z 0-9 . _ : - */
    FIELD_IS_EMAIL, /* at most `most` bytes, without the spaces around it */
    FIELD_IS_CHOICE, /* one of `choices` */
    FIELD_IS_DAY, /* YYYY-MM-DD, a day that exists */
    FIELD_IS_MOMENT, /* RFC 3339 with its offset; milliseconds in `integer` */
    FIELD_IS_INTENT, /* pi_ and A-Z a-z 0-9 _, at most `most` bytes */
};

struct field_rule {
    const char *name;
    enum field_type type;
    bool required;
    int64_t least;
    int64_t most;
    const char *choices; /* "automatic manual" */
};

struct field_value {
    bool there; /* a null is not there */
    int64_t integer;
    struct span text; /* of every type but integers and moments */
};

enum { FIELDS_MOST = 16 };

/* out_values[i] is what rules[i] names. False: the request was answered. An empty body is
 * an object without members. */
bool fields_read(struct request *request,
                 const struct field_rule *rules,
                 size_t count,
                 struct field_value *out_values);
/* The same with "name=value&..." behind the path; values are percent-decoded. */
bool fields_read_query(struct request *request,
                       const struct field_rule *rules,
                       size_t count,
                       struct field_value *out_values);
/* One member of an object, for what is more than a flat object: false, and the rule that it
 * breaks. Absent and null are good, and not there. The text is borrowed from the document. */
bool fields_read_member(const struct field_rule *rule,
                        const struct cJSON *object,
                        struct field_value *out_value,
                        enum field_code *out_code);
/* What of the name of an unknown field is told: at most `most` bytes, whole characters. */
struct span fields_cut_name(struct span name, size_t most);
/* 422 for one field, where only the handler can tell. `detail` is in the reader's
 * language; empty: the code's own text. */
void fields_refuse(struct request *request,
                   const char *field,
                   enum field_code code,
                   struct span detail);

#endif
