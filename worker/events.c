/* SPDX-License-Identifier: MIT
 * The table of event types, and what the appliers share. */
#include "worker/events.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "worker/finding.h"
#include "worker/handlers.h"

enum { ID_BYTES = 200 };

/* Beyond the year 9999 a DATETIME ends. */
static const int64_t most_seconds = INT64_C(253402300800);

static enum outcome read_first_line(struct event_work *work,
                                    struct span payload,
                                    struct fault *fault);
static bool same_wish(const struct event_object *a, const struct event_object *b);
static enum outcome refused(const struct stripe_answer *answer,
                            bool *out_missing,
                            struct fault *fault);

const struct event_type event_types[] = {
    {"payment_intent.created", event_payment_apply, event_payment_follow},
    {"payment_intent.processing", event_payment_apply, event_payment_follow},
    {"payment_intent.requires_action", event_payment_apply, event_payment_follow},
    {"payment_intent.amount_capturable_updated",
     event_payment_apply,
     event_payment_follow},
    {"payment_intent.succeeded", event_payment_apply, event_payment_follow},
    {"payment_intent.payment_failed", event_payment_apply, event_payment_follow},
    {"payment_intent.canceled", event_payment_apply, event_payment_follow},
    {"charge.succeeded", event_charge_succeeded, event_payment_follow},
    {"charge.refunded", event_charge_refunded, event_refund_follow},
    {"charge.refund.updated", event_refund_apply, event_refund_follow},
    {"refund.created", event_refund_apply, event_refund_follow},
    {"refund.updated", event_refund_apply, event_refund_follow},
    {"charge.dispute.created", event_dispute_apply, event_dispute_follow},
    {"charge.dispute.updated", event_dispute_apply, event_dispute_follow},
    {"charge.dispute.closed", event_dispute_apply, NULL},
    {"application_fee.refunded", event_fee_refunded, NULL},
    {"account.updated", event_account_apply, NULL},
    {"account.application.authorized", event_account_apply, NULL},
    {"account.application.deauthorized", event_account_apply, NULL},
    {"capability.updated", event_account_apply, NULL},
    {"terminal.reader.action_succeeded", event_reader_apply, NULL},
    {"terminal.reader.action_failed", event_reader_apply, NULL},
    {"payout.paid", event_payout_apply, NULL},
    {"payout.failed", event_payout_apply, NULL},
};
const size_t event_types_count = sizeof(event_types) / sizeof(event_types[0]);

const struct event_type *event_type_find(struct span type)
{
    for (size_t i = 0; i < event_types_count; i++) {
        if (span_is(type, event_types[i].type)) {
            return &event_types[i];
        }
    }
    return NULL;
}

enum outcome event_work_init(struct event_work *work,
                             struct handling *handling,
                             struct fault *fault)
{
    *work = (struct event_work){.handling = handling, .result = "recorded"};
    enum outcome outcome = read_first_line(work, handling->payload, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = event_scan(work->body, &work->event, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = json_parse(work->body, &work->document, fault);
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (work->event.created_s < 0 || work->event.created_s >= most_seconds) {
        work->event.created_s = 0;
    }
    work->named = json_at(work->document, "data.object");
    if (span_is(work->event.api_version, STRIPE_VERSION)) {
        work->told = work->named;
    }
    return OUTCOME_DONE;
}

/* received_ms=1764000000000 endpoint=platform */
static enum outcome read_first_line(struct event_work *work,
                                    struct span payload,
                                    struct fault *fault)
{
    struct span rest = span_cut(payload, '\n', &work->body);
    while (rest.len > 0) {
        struct span value;
        struct span name = span_cut(span_cut(rest, ' ', &rest), '=', &value);
        if (span_is(name, "received_ms") && !span_to_i64(value, &work->received_ms)) {
            work->received_ms = 0;
        }
        if (span_is(name, "endpoint")) {
            work->endpoint = value;
        }
    }
    static const char *const endpoints[] = {"platform", "connect", "catchup"};
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (work->received_ms > 0 && span_is(work->endpoint, endpoints[i])) {
            return OUTCOME_DONE;
        }
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "events",
                     0,
                     "the payload's first line is not ours");
}

void event_work_done(struct event_work *work)
{
    for (size_t i = 0; i < work->object_count; i++) {
        json_free(work->objects[i].object);
    }
    work->object_count = 0;
    json_free(work->document);
    work->document = NULL;
}

bool event_retrieved(struct event_work *work,
                     const struct event_object *wish,
                     const struct cJSON **out_object)
{
    for (size_t i = 0; i < work->object_count; i++) {
        const struct event_object *object = &work->objects[i];
        if (object->revision == wish->revision && same_wish(object, wish)) {
            *out_object = object->object;
            return true;
        }
    }
    work->wanted = *wish;
    return false;
}

bool event_retrieved_id(struct event_work *work,
                        const char *collection,
                        struct span id,
                        int64_t revision,
                        const struct cJSON **out_object)
{
    struct event_object wish = {
        .path = arena_format(work->handling->arena, "%s/%.*s", collection, SPAN_ARGS(id)),
        .account = work->event.account,
        .revision = revision,
    };
    if (strcmp(collection, "/v1/accounts") == 0) {
        wish.account = SPAN(""); /* the platform asks about its accounts */
    }
    return event_retrieved(work, &wish, out_object);
}

static bool same_wish(const struct event_object *a, const struct event_object *b)
{
    if (strcmp(a->path, b->path) != 0 || a->query_count != b->query_count) {
        return false;
    }
    for (size_t i = 0; i < a->query_count; i++) {
        if (strcmp(a->query[i].name, b->query[i].name) != 0 ||
            !span_equal(a->query[i].value, b->query[i].value)) {
            return false;
        }
    }
    return true;
}

enum outcome event_fetch(struct event_work *work, struct fault *fault)
{
    struct handling *handling = work->handling;
    if (work->object_count == EVENT_MOST_OBJECTS) {
        return fault_set(fault,
                         OUTCOME_LATER,
                         "events",
                         0,
                         "the rows change faster than Stripe can be asked");
    }
    struct event_object wanted = work->wanted;
    work->wanted = (struct event_object){0};
    struct stripe_answer answer = {0};
    enum outcome outcome = stripe_get(handling->stripe,
                                      wanted.path,
                                      wanted.query,
                                      wanted.query_count,
                                      wanted.account,
                                      false,
                                      handling->arena,
                                      &answer,
                                      fault);
    bool missing = false;
    if (outcome == OUTCOME_NEVER) {
        outcome = refused(&answer, &missing, fault);
    }
    if (outcome == OUTCOME_DONE || missing) {
        handling->answered |= NEIGHBOUR_STRIPE;
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    wanted.object = missing ? NULL : answer.document;
    work->objects[work->object_count++] = wanted;
    return OUTCOME_DONE;
}

/* An object that is gone, or that belongs to an account that has left us, is an answer. A
 * key that Stripe refuses says nothing about the event. */
static enum outcome refused(const struct stripe_answer *answer,
                            bool *out_missing,
                            struct fault *fault)
{
    if (answer->status == 404 || span_is(answer->error_code, "resource_missing") ||
        span_is(answer->error_code, "account_invalid")) {
        *out_missing = true;
        return OUTCOME_DONE;
    }
    if (answer->status == 401) {
        fault->neighbour = "stripe";
        return OUTCOME_LATER;
    }
    return OUTCOME_NEVER;
}

bool event_is_id(struct span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char byte = id.at[i];
        if ((byte < 'a' || byte > 'z') && (byte < 'A' || byte > 'Z') &&
            (byte < '0' || byte > '9') && byte != '_') {
            return false;
        }
    }
    return id.len > 0 && id.len <= ID_BYTES;
}

struct span event_id_at(const struct cJSON *object, const char *path)
{
    struct span id = json_string(object, path);
    if (id.len == 0) {
        id = json_string(json_at(object, path), "id");
    }
    return event_is_id(id) ? id : (struct span){"", 0};
}

struct span event_charge_of_fee(const struct cJSON *fee)
{
    struct span charge = event_id_at(fee, "originating_transaction");
    return charge.len > 0 ? charge : event_id_at(fee, "charge");
}

enum outcome event_must_integer(const struct cJSON *object,
                                const char *path,
                                int64_t *out_number,
                                struct fault *fault)
{
    if (!json_integer(object, path, out_number)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "events",
                         0,
                         "the object has no whole number \"%s\"",
                         path);
    }
    return OUTCOME_DONE;
}

enum outcome event_must_string(const struct cJSON *object,
                               const char *path,
                               size_t most,
                               struct span *out_string,
                               struct fault *fault)
{
    struct span string = json_string(object, path);
    if (string.len == 0 || string.len > most) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "events",
                         0,
                         "the object's \"%s\" is not there or too long",
                         path);
    }
    *out_string = string;
    return OUTCOME_DONE;
}

enum outcome event_must_money(const struct cJSON *object,
                              struct sql_value *facts,
                              struct fault *fault)
{
    struct span status = {0};
    struct span currency = {0};
    int64_t amount = 0;
    enum outcome outcome = event_must_string(object, "status", 32, &status, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = event_must_string(object, "currency", 3, &currency, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = event_must_integer(object, "amount", &amount, fault);
    }
    if (outcome == OUTCOME_DONE) {
        facts[0] = SQL_SPAN(status);
        facts[1] = SQL_I64(amount);
        facts[2] = SQL_SPAN(currency);
    }
    return outcome;
}

struct span event_cut(struct span text, size_t most)
{
    if (text.len <= most) {
        return text;
    }
    text.len = most;
    while (text.len > 0 && ((unsigned char)text.at[text.len] & 0xc0) == 0x80) {
        text.len--;
    }
    return text;
}

int64_t event_moment_ms(const struct cJSON *object, const char *path)
{
    int64_t seconds = 0;
    bool there = json_integer(object, path, &seconds);
    return there && seconds > 0 && seconds < most_seconds ? seconds * 1000 : 0;
}

enum outcome event_finding(struct event_work *work,
                           const char *kind,
                           struct span subject,
                           int64_t amount_minor,
                           struct span currency,
                           const char *reason,
                           struct fault *fault)
{
    const struct finding finding = {
        .kind = kind,
        .subject = subject,
        .amicale_id = work->amicale_id,
        .amount_minor = amount_minor,
        .currency = currency,
        .reason = reason,
    };
    return finding_open(work->handling->db, &finding, work->handling->arena, fault);
}

enum outcome event_find_account(struct event_work *work, struct fault *fault)
{
    if (work->event.account.len == 0) {
        return OUTCOME_DONE;
    }
    struct sql_rows rows;
    enum outcome outcome =
        mariadb_run(work->handling->db,
                    "SELECT amicale_id FROM stripe_accounts WHERE stripe_account_id = ?",
                    SQL_VALUES(SQL_SPAN(work->event.account)),
                    work->handling->arena,
                    &rows,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (rows.count > 0 && !sql_is_null(&rows, 0, 0)) {
        work->amicale_id = sql_i64(&rows, 0, 0);
        return OUTCOME_DONE;
    }
    return event_finding(work,
                         "unknown_account",
                         work->event.account,
                         0,
                         SPAN(""),
                         "an event of an account that belongs to no amicale",
                         fault);
}
