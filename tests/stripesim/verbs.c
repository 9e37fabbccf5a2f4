/* SPDX-License-Identifier: MIT
 * The verbs of the control endpoint that change something. */
#include "tests/stripesim/verbs.h"

#include <string.h>

#include "tests/stripesim/accounts.h"
#include "tests/stripesim/disputes.h"
#include "tests/stripesim/payments.h"
#include "tests/stripesim/readers.h"
#include "tests/stripesim/refunds.h"
#include "tests/stripesim/server.h"
#include "tests/stripesim/sim.h"

enum { MOST_AVAILABLE_DAYS = 365, MOST_EVENT_LIFE_S = 30 * 86400 };

static void verb_tap(struct order *order);
static void verb_dispute(struct order *order);
static void verb_fail_refund(struct order *order);
static void verb_settle_refund(struct order *order);
static void verb_answer_dispute(struct order *order);
static void verb_close_dispute(struct order *order);
static void verb_account(struct order *order);
static void verb_account_stage(struct order *order);
static void verb_authorize(struct order *order);
static void verb_deauthorize(struct order *order);
static void verb_reader(struct order *order);
static void verb_reader_status(struct order *order);
static void verb_send_event(struct order *order);
static void verb_faults(struct order *order);
static void verb_add_fault(struct order *order);
static void verb_clear_faults(struct order *order);
static void verb_webhooks(struct order *order);
static void verb_set_webhooks(struct order *order);
static void verb_release(struct order *order);
static void verb_settings(struct order *order);
static void verb_reset(struct order *order);
static void show(struct order *order, const struct object *object);
static bool read_stage(struct order *order, enum account_stage *out_stage);

const struct verb verbs_table[] = {
    {"GET", "summary", verbs_summary},
    {"GET", "events", verbs_events},
    {"POST", "events/{id}/send", verb_send_event},
    {"POST", "play", verbs_play},
    {"POST", "payment_intents/{id}/tap", verb_tap},
    {"POST", "payment_intents/{id}/dispute", verb_dispute},
    {"POST", "refunds/{id}/fail", verb_fail_refund},
    {"POST", "refunds/{id}/settle", verb_settle_refund},
    {"POST", "disputes/{id}/answer", verb_answer_dispute},
    {"POST", "disputes/{id}/close", verb_close_dispute},
    {"POST", "accounts", verb_account},
    {"POST", "accounts/{id}/stage", verb_account_stage},
    {"POST", "accounts/{id}/authorize", verb_authorize},
    {"POST", "accounts/{id}/deauthorize", verb_deauthorize},
    {"POST", "accounts/{id}/payout", verbs_payout},
    {"POST", "payouts", verbs_payouts},
    {"POST", "payouts/{id}/send", verbs_payout_send},
    {"POST", "payouts/{id}/pay", verbs_payout_pay},
    {"POST", "payouts/{id}/fail", verbs_payout_fail},
    {"POST", "payouts/{id}/cancel", verbs_payout_cancel},
    {"GET", "balances", verbs_balances},
    {"POST", "readers", verb_reader},
    {"POST", "readers/{id}/status", verb_reader_status},
    {"GET", "faults", verb_faults},
    {"POST", "faults", verb_add_fault},
    {"DELETE", "faults", verb_clear_faults},
    {"GET", "webhooks", verb_webhooks},
    {"POST", "webhooks", verb_set_webhooks},
    {"POST", "release", verb_release},
    {"POST", "settings", verb_settings},
    {"POST", "reset", verb_reset},
    {NULL, NULL, NULL},
};

const char *verbs_string(struct order *order, const char *name, const char *otherwise)
{
    struct span value = json_string(order->body, name);
    return value.len > 0 ? store_copy(&order->sim->store, value) : otherwise;
}

int64_t verbs_integer(struct order *order, const char *name, int64_t otherwise)
{
    int64_t value;
    return json_integer(order->body, name, &value) ? value : otherwise;
}

void *verbs_object(struct order *order, enum kind kind)
{
    struct object *object = store_find_any(&order->sim->store, order->id);
    if (!object || object->kind != kind) {
        order->refused = "there is no such object";
        return NULL;
    }
    return object;
}

struct account *verbs_place_account(struct order *order, struct span id)
{
    struct store *store = &order->sim->store;
    struct object *known = id.len > 0 ? store_find_any(store, id) : NULL;
    if (known && known->kind != KIND_ACCOUNT) {
        order->refused = "the id is of something else";
        return NULL;
    }
    if (known) {
        return (struct account *)(void *)known;
    }
    struct account *account = accounts_new(order->sim, store_copy(store, id));
    accounts_place(account, ACCOUNT_ONBOARDED);
    return account;
}

/* {outcome?: "succeeded", reader?: "tmr_..."} */
static void verb_tap(struct order *order)
{
    struct payment_intent *intent = verbs_object(order, KIND_PAYMENT_INTENT);
    const struct attempt *attempt =
        payments_attempt_named(span_of(verbs_string(order, "outcome", "succeeded")));
    if (!intent) {
        return;
    }
    struct span reader_id = json_string(order->body, "reader");
    struct reader *reader =
        store_find(&order->sim->store, KIND_READER, intent->object.account, reader_id);
    if (!attempt) {
        order->refused = "there is no such outcome";
        return;
    }
    if (reader_id.len > 0 && !reader) {
        order->refused = "there is no such reader";
        return;
    }
    if (!payments_may(MOVE_ATTEMPT, intent->status)) {
        order->refused = "its state does not allow it";
        return;
    }
    payments_attempt(order->sim, intent, attempt);
    if (reader) {
        readers_finish(order->sim, reader, intent);
    }
    show(order, &intent->object);
}

/* {reason?: "fraudulent"} */
static void verb_dispute(struct order *order)
{
    struct payment_intent *intent = verbs_object(order, KIND_PAYMENT_INTENT);
    struct charge *charge = intent ? payments_charge(order->sim, intent) : NULL;
    if (!intent) {
        return;
    }
    if (!charge || !disputes_may(charge)) {
        order->refused = "it has no charge that can be disputed";
        return;
    }
    const char *reason = verbs_string(order, "reason", "fraudulent");
    show(order, &disputes_open(order->sim, charge, reason)->object);
}

/* {reason?: "expired_or_canceled_card"} */
static void verb_fail_refund(struct order *order)
{
    struct refund *refund = verbs_object(order, KIND_REFUND);
    if (!refund) {
        return;
    }
    if (refund->status == REFUND_FAILED) {
        order->refused = "it has failed already";
        return;
    }
    refunds_fail(order->sim,
                 refund,
                 verbs_string(order, "reason", "expired_or_canceled_card"));
    show(order, &refund->object);
}

static void verb_settle_refund(struct order *order)
{
    struct refund *refund = verbs_object(order, KIND_REFUND);
    if (!refund) {
        return;
    }
    if (refund->status == REFUND_FAILED) {
        order->refused = "it has failed";
        return;
    }
    refunds_settle(order->sim, refund);
    show(order, &refund->object);
}

static void verb_answer_dispute(struct order *order)
{
    struct dispute *dispute = verbs_object(order, KIND_DISPUTE);
    if (!dispute) {
        return;
    }
    if (dispute->status != DISPUTE_NEEDS_RESPONSE) {
        order->refused = "it needs no response";
        return;
    }
    disputes_answer(order->sim, dispute);
    show(order, &dispute->object);
}

/* {won?: false} */
static void verb_close_dispute(struct order *order)
{
    struct dispute *dispute = verbs_object(order, KIND_DISPUTE);
    if (!dispute) {
        return;
    }
    if (!disputes_is_open(dispute)) {
        order->refused = "it is closed";
        return;
    }
    disputes_close(order->sim, dispute, json_is_true(order->body, "won"));
    show(order, &dispute->object);
}

/* {id?, stage?: "onboarded", email?, name?}: as if it had been there before the start. */
static void verb_account(struct order *order)
{
    enum account_stage stage;
    if (!read_stage(order, &stage)) {
        return;
    }
    struct account *account = verbs_place_account(order, json_string(order->body, "id"));
    if (account) {
        accounts_place(account, stage);
        account->email = verbs_string(order, "email", account->email);
        account->business_name = verbs_string(order, "name", account->business_name);
        show(order, &account->object);
    }
}

/* {stage: "new", "onboarded" or "restricted"}, told by events */
static void verb_account_stage(struct order *order)
{
    enum account_stage stage;
    struct account *account = verbs_object(order, KIND_ACCOUNT);
    if (account && read_stage(order, &stage)) {
        accounts_move(order->sim, account, stage);
        show(order, &account->object);
    }
}

static void verb_authorize(struct order *order)
{
    struct account *account = verbs_object(order, KIND_ACCOUNT);
    if (account) {
        accounts_authorized(order->sim, account);
    }
}

static void verb_deauthorize(struct order *order)
{
    struct account *account = verbs_object(order, KIND_ACCOUNT);
    if (account) {
        accounts_deauthorize(order->sim, account);
    }
}

/* {id?, account?, label?, location?, device_type?} */
static void verb_reader(struct order *order)
{
    struct span id = json_string(order->body, "id");
    if (id.len > 0 && store_find_any(&order->sim->store, id)) {
        order->refused = "the id is taken";
        return;
    }
    struct span account_id = json_string(order->body, "account");
    struct store *store = &order->sim->store;
    struct account *account = NULL;
    if (account_id.len > 0) {
        account = store_find(store, KIND_ACCOUNT, NULL, account_id);
        if (!account) {
            order->refused = "there is no such account";
            return;
        }
    }
    struct reader *reader = readers_new(order->sim,
                                        account ? account->object.id : NULL,
                                        store_copy(store, id));
    reader->label = verbs_string(order, "label", reader->label);
    reader->location = verbs_string(order, "location", NULL);
    reader->device_type = verbs_string(order, "device_type", reader->device_type);
    show(order, &reader->object);
}

/* {status: "online" or "offline"} */
static void verb_reader_status(struct order *order)
{
    struct reader *reader = verbs_object(order, KIND_READER);
    struct span status = json_string(order->body, "status");
    if (reader && !span_is(status, "online") && !span_is(status, "offline")) {
        order->refused = "a reader is online or offline";
    } else if (reader) {
        reader->status = span_is(status, "online") ? "online" : "offline";
        show(order, &reader->object);
    }
}

static void verb_send_event(struct order *order)
{
    struct stripe_event *event = verbs_object(order, KIND_EVENT);
    if (event) {
        webhooks_resend(order->sim->webhooks, event);
    }
}

static void verb_faults(struct order *order)
{
    faults_write(&order->sim->faults, order->answer);
}

/* {kind, method?, path?: "*", skip?, times?, percent?: 100, ms?, retry_after?,
 * should_retry?} */
static void verb_add_fault(struct order *order)
{
    struct fault_rule rule = {
        .action = faults_action(json_string(order->body, "kind")),
        .skip = verbs_integer(order, "skip", 0),
        .times = verbs_integer(order, "times", FAULT_ALWAYS),
        .percent = verbs_integer(order, "percent", 100),
        .retry_after_s = verbs_integer(order, "retry_after", 0),
    };
    struct span method = json_string(order->body, "method");
    struct span path = json_string(order->body, "path");
    if (rule.skip < 0) {
        order->refused = "skip is less than nought";
        return;
    }
    if (!rule.action) {
        order->refused = "there is no such kind of fault";
        return;
    }
    path = path.len > 0 ? path : SPAN("*");
    if (method.len >= sizeof(rule.method) || path.len >= sizeof(rule.path)) {
        order->refused = "method or path is too long";
        return;
    }
    if (method.len > 0) {
        memcpy(rule.method, method.at, method.len);
    }
    memcpy(rule.path, path.at, path.len);
    rule.ms = verbs_integer(order, "ms", rule.action->default_ms);
    if (json_has(order->body, "should_retry")) {
        rule.should_retry = json_is_true(order->body, "should_retry") ? "true" : "false";
    }
    json_put_integer(order->answer,
                     "fault",
                     (int64_t)faults_add(&order->sim->faults, &rule));
}

static void verb_clear_faults(struct order *order)
{
    faults_clear(&order->sim->faults);
}

static void verb_webhooks(struct order *order)
{
    webhooks_write_settings(order->sim->webhooks, order->answer);
    webhooks_write_counts(order->sim->webhooks, order->answer);
}

/* {setting: number, ...} */
static void verb_set_webhooks(struct order *order)
{
    for (struct cJSON *at = json_first(order->body, ""); at; at = json_next(at)) {
        int64_t value;
        if (!json_integer(at, "", &value) ||
            !webhooks_set(order->sim->webhooks, json_key(at), value)) {
            order->refused = "a setting is unknown or out of range";
            return;
        }
    }
    verb_webhooks(order);
}

static void verb_release(struct order *order)
{
    json_put_integer(order->answer, "released", webhooks_release(order->sim->webhooks));
}

/* {api_version?, link_life_s?, available_days?, event_life_s?, refunds_wait?}: of what is
 * made from now on; of events, of all */
static void verb_settings(struct order *order)
{
    struct sim *sim = order->sim;
    const struct {
        const char *name;
        int64_t *value;
        int64_t most;
    } numbers[] = {
        {"link_life_s", &sim->link_life_s, INT64_MAX},
        {"available_days", &sim->available_days, MOST_AVAILABLE_DAYS},
        {"event_life_s", &sim->event_life_s, MOST_EVENT_LIFE_S},
    };
    for (size_t i = 0; i < FIELD_COUNT(numbers); i++) {
        int64_t value = verbs_integer(order, numbers[i].name, *numbers[i].value);
        if (value < 0 || value > numbers[i].most) {
            order->refused = "a number is out of range";
            return;
        }
        *numbers[i].value = value;
        json_put_integer(order->answer, numbers[i].name, value);
    }
    if (json_has(order->body, "refunds_wait")) {
        sim->refunds_wait = json_is_true(order->body, "refunds_wait");
    }
    json_put_bool(order->answer, "refunds_wait", sim->refunds_wait);
    sim->api_version = verbs_string(order, "api_version", sim->api_version);
    json_put_string(order->answer, "api_version", span_of(sim->api_version));
}

/* {seed?} */
static void verb_reset(struct order *order)
{
    int64_t seed = verbs_integer(order, "seed", (int64_t)order->sim->seed);
    server_drop_held(order->sim);
    sim_reset(order->sim, (uint64_t)seed);
}

static void show(struct order *order, const struct object *object)
{
    object_write(object, order->answer, "object", NULL);
}

static bool read_stage(struct order *order, enum account_stage *out_stage)
{
    struct span word = json_string(order->body, "stage");
    if (!accounts_stage(word.len > 0 ? word : SPAN("onboarded"), out_stage)) {
        order->refused = "there is no such stage";
        return false;
    }
    return true;
}
