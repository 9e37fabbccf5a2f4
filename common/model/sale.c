/* SPDX-License-Identifier: MIT
 * Payloads and names of offline sales. */
#include "common/model/sale.h"

#include <assert.h>

#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"

enum { SALE_BYTES = 8 * 1024, CONTENT_HEX = 16 };

static const char *const method_names[SALE_METHODS] = {
    [SALE_CARD] = "card",
    [SALE_CASH] = "cash",
    [SALE_CHEQUE] = "cheque",
};

const char *sale_method_name(enum sale_method method)
{
    assert((int)method >= 0 && (int)method < SALE_METHODS);
    return method_names[method];
}

bool sale_method_find(struct span name, enum sale_method *out_method)
{
    for (int i = 0; i < SALE_METHODS; i++) {
        if (span_is(name, method_names[i])) {
            *out_method = (enum sale_method)i;
            return true;
        }
    }
    return false;
}

struct span sale_encode(const struct sale *sale, struct arena *arena)
{
    struct text text;
    text_init(&text, SALE_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_integer(&json, "pompier_id", sale->pompier_id);
    json_put_integer(&json, "amicale_id", sale->amicale_id);
    json_put_string(&json, "local_id", sale->local_id);
    json_put_integer(&json, "amount", sale->amount_minor);
    json_put_string(&json, "method", span_of(sale_method_name(sale->method)));
    if (sale->intent.len > 0) {
        json_put_string(&json, "intent", sale->intent);
    }
    if (sale->receipt_email.len > 0) {
        json_put_string(&json, "receipt_email", sale->receipt_email);
    }
    json_put_integer(&json, "sold_ms", sale->sold_ms);
    json_put_integer(&json, "received_ms", sale->received_ms);
    if (sale->device_id.len > 0) {
        json_put_string(&json, "device_id", sale->device_id);
    }
    json_put_string(&json, "batch_id", sale->batch_id);
    if (sale->is_conflict) {
        json_put_bool(&json, "is_conflict", true);
    }
    json_close(&json, '}');
    struct span encoded = arena_span(arena, text_span(&text));
    text_wipe(&text);
    return encoded;
}

enum outcome sale_decode(struct span payload,
                         struct arena *arena,
                         struct sale *out_sale,
                         struct fault *fault)
{
    struct cJSON *document = NULL;
    enum outcome outcome = json_parse(payload, &document, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct sale sale = {
        .local_id = arena_span(arena, json_string(document, "local_id")),
        .intent = arena_span(arena, json_string(document, "intent")),
        .receipt_email = arena_span(arena, json_string(document, "receipt_email")),
        .device_id = arena_span(arena, json_string(document, "device_id")),
        .batch_id = arena_span(arena, json_string(document, "batch_id")),
        .is_conflict = json_has(document, "is_conflict"),
    };
    bool good = json_integer(document, "pompier_id", &sale.pompier_id) &&
                json_integer(document, "amicale_id", &sale.amicale_id) &&
                json_integer(document, "amount", &sale.amount_minor) &&
                sale_method_find(json_string(document, "method"), &sale.method) &&
                json_integer(document, "sold_ms", &sale.sold_ms) &&
                json_integer(document, "received_ms", &sale.received_ms) &&
                sale.local_id.len > 0 && sale.local_id.len <= SALE_LOCAL_ID_BYTES;
    json_free(document);
    if (!good) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "sale",
                         SALE_UNREADABLE,
                         "the payload is not what the front door writes");
    }
    *out_sale = sale;
    return OUTCOME_DONE;
}

struct span sale_canonical(const struct sale *sale, struct arena *arena)
{
    return span_of(arena_format(arena,
                                "%lld|%s",
                                (long long)sale->amount_minor,
                                sale_method_name(sale->method)));
}

struct span sale_fingerprint(const struct sale *sale,
                             const struct seal_ring *ring,
                             struct arena *arena)
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    seal_fingerprint(ring, SPAN("job|sync.sale"), sale_canonical(sale, arena), &digest);
    digest_hex(&digest, hex);
    return arena_span(arena, span_of(hex));
}

struct span sale_job_id(const struct sale *sale, struct arena *arena)
{
    return span_of(arena_format(arena,
                                "sync:%lld:%.*s",
                                (long long)sale->pompier_id,
                                SPAN_ARGS(sale->local_id)));
}

struct span sale_intent_job_id(const struct sale *sale, struct arena *arena)
{
    struct span name = sale_job_id(sale, arena);
    return span_of(
        arena_format(arena, "%.*s/%.*s", SPAN_ARGS(name), SPAN_ARGS(sale->intent)));
}

struct span sale_content_job_id(const struct sale *sale,
                                struct span fingerprint,
                                struct arena *arena)
{
    struct span name = sale_job_id(sale, arena);
    assert(fingerprint.len >= CONTENT_HEX);
    return span_of(
        arena_format(arena, "%.*s/%.*s", SPAN_ARGS(name), CONTENT_HEX, fingerprint.at));
}
