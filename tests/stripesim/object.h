/* SPDX-License-Identifier: MIT
 *
 * object - how a Stripe object is laid out: a struct, and a table of its fields as JSON.
 *
 * Owns:    nothing
 * Callers: the simulator
 * Blocks:  never
 *
 * Every kind of object is a plain struct that begins with a struct object; the strings
 * that it points to never change and live as long as the store. So the snapshot that an
 * event keeps is a copy of the struct, and what changed between two snapshots (an event's
 * previous_attributes) is found by going through the table.
 */
#ifndef TESTS_STRIPESIM_OBJECT_H
#define TESTS_STRIPESIM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json.h"
#include "common/base/text.h"

struct store;

enum kind {
    KIND_PAYMENT_INTENT,
    KIND_CHARGE,
    KIND_REFUND,
    KIND_DISPUTE,
    KIND_ACCOUNT,
    KIND_CAPABILITY,
    KIND_APPLICATION,
    KIND_LOCATION,
    KIND_READER,
    KIND_CONNECTION_TOKEN,
    KIND_ACCOUNT_LINK,
    KIND_WEBHOOK_ENDPOINT,
    KIND_TRANSFER,
    KIND_TRANSFER_REVERSAL,
    KIND_APPLICATION_FEE,
    KIND_FEE_REFUND,
    KIND_PAYOUT,
    KIND_BALANCE_TRANSACTION,
    KIND_EVENT,
    KIND_COUNT
};

/* The head of every object. */
struct object {
    enum kind kind;
    const char *id;
    const char
        *account; /* the connected account that it belongs to; NULL: the platform */
    const char *idempotency_key; /* of the call that made it, or NULL */
    int64_t created; /* seconds since 1970 */
    size_t position; /* in the order of creation of its kind */
    bool livemode;
    bool is_deleted;
};

enum field_kind {
    FIELD_STRING, /* const char *; NULL is null */
    FIELD_INTEGER, /* int64_t */
    FIELD_OPTIONAL, /* int64_t; OBJECT_NONE is null */
    FIELD_BOOL, /* bool */
    FIELD_CHOICE, /* unsigned int, an index into `names`; a NULL name is null */
    FIELD_JSON, /* const char *, JSON text; NULL is null */
    FIELD_LINK, /* const char *, another object's id, expandable; NULL is null */
    FIELD_FIXED, /* the table's own JSON text */
    FIELD_WRITTEN, /* a function writes it */
};

enum { OBJECT_NONE = -1 };

struct field {
    const char *name;
    enum field_kind kind;
    bool omit_null; /* a null is left out */
    size_t offset;
    const char *fixed;
    const char *const *names;
    void (*write)(struct json_writer *json, const char *name, const void *object);
};

struct shape {
    const char *name; /* "payment_intent" */
    const char *spoken; /* in "No such ...", where that is not the name; else NULL */
    const char *prefix; /* of its ids: "pi_3" */
    const char *path_param; /* how Stripe names the id in an error */
    size_t size;
    const struct field *fields;
    size_t field_count;
};

/* Defined beside each kind's functions, gathered in object.c. */
extern const struct shape payment_intent_shape, charge_shape, refund_shape, dispute_shape,
    account_shape, capability_shape, application_shape, location_shape, reader_shape,
    connection_token_shape, account_link_shape, webhook_endpoint_shape, transfer_shape,
    transfer_reversal_shape, application_fee_shape, fee_refund_shape, payout_shape,
    balance_transaction_shape, event_shape;

const struct shape *object_shape(enum kind kind);

/* What a caller asked to see whole instead of by id. */
struct expansion {
    const struct store *store;
    const struct span *paths; /* "latest_charge", "latest_charge.payment_intent" */
    size_t count;
};

/* As one JSON object, without spaces. `expansion` may be NULL. */
void object_write(const struct object *object,
                  struct json_writer *json,
                  const char *key,
                  const struct expansion *expansion);
/* The members of `before` that differ in `after`, as JSON text. */
void object_differences(const struct object *before,
                        const struct object *after,
                        struct text *out);
/* Whether the path begins with a link of this kind of object, and goes on with links of
 * any. */
bool object_can_expand(enum kind kind, struct span path);

/* Rows of field tables. */
#define FIELD(type, member, as)                                                          \
    {                                                                                    \
        .name = #member, .kind = (as), .offset = offsetof(type, member)                  \
    }
#define FIELD_ALWAYS(key, json)                                                          \
    {                                                                                    \
        .name = (key), .kind = FIELD_FIXED, .fixed = (json)                              \
    }
#define FIELD_NULL(key) FIELD_ALWAYS(key, "null")
#define FIELD_NAMED(type, member, choices)                                               \
    {                                                                                    \
        .name = #member, .kind = FIELD_CHOICE, .offset = offsetof(type, member),         \
        .names = (choices)                                                               \
    }
#define FIELD_BY(key, function)                                                          \
    {                                                                                    \
        .name = (key), .kind = FIELD_WRITTEN, .write = (function)                        \
    }
#define FIELD_HEAD(object_name)                                                          \
    {.name = "id", .kind = FIELD_STRING, .offset = offsetof(struct object, id)},         \
        FIELD_ALWAYS("object", "\"" object_name "\"")
#define FIELD_CREATED                                                                    \
    {                                                                                    \
        .name = "created", .kind = FIELD_INTEGER,                                        \
        .offset = offsetof(struct object, created)                                       \
    }
#define FIELD_LIVEMODE                                                                   \
    {                                                                                    \
        .name = "livemode", .kind = FIELD_BOOL,                                          \
        .offset = offsetof(struct object, livemode)                                      \
    }
#define FIELD_COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
