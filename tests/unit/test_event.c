/* SPDX-License-Identifier: MIT
 * Stripe's events, as they are, as they may be, and as they must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/model/event.h"

static enum outcome scan(const char *body,
                         struct event *out_event,
                         struct fault *out_fault)
{
    return event_scan(span_of(body), out_event, out_fault);
}

static struct event scan_good(const char *body)
{
    struct event event;
    struct fault fault;
    if (scan(body, &event, &fault) != OUTCOME_DONE) {
        fail_msg("refused: %s: %s", fault.text, body);
    }
    return event;
}

static void is(struct span span, const char *expected)
{
    if (!span_is(span, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARGS(span), expected);
    }
}

static void a_payment_event_is_read_whole(void **state)
{
    (void)state;
    struct event event = scan_good(
        "{ \"id\": \"evt_1\", \"object\": \"event\", \"api_version\": \"2024-06-20\",\n"
        "  \"created\": 1718000000, \"account\": \"acct_9\",\n"
        "  \"data\": {\"previous_attributes\": {\"id\": \"pi_no\"}, \"object\": {\n"
        "    \"id\": \"pi_1\", \"object\": \"payment_intent\", \"latest_charge\": "
        "\"ch_1\",\n"
        "    \"client_secret\": \"pi_1_secret_x\", \"note\": \"a \\\"pi_2\\\" b\",\n"
        "    \"metadata\": {\"amicale_id\": \"42\", \"charge\": \"ch_meta\"},\n"
        "    \"on_behalf_of\": null, \"transfer_data\": {\"destination\": "
        "\"acct_7\"}}},\n"
        "  \"livemode\": false, \"pending_webhooks\": 12,\n"
        "  \"request\": {\"id\": \"req_1\"}, \"type\": \"payment_intent.succeeded\" }");
    is(event.id, "evt_1");
    is(event.type, "payment_intent.succeeded");
    is(event.account, "acct_9");
    is(event.api_version, "2024-06-20");
    is(event.object_id, "pi_1");
    is(event.object_kind, "payment_intent");
    is(event.amicale_id, "42");
    is(event.destination, "acct_7");
    is(event.pending_webhooks, "12");
    assert_int_equal(event.created_s, 1718000000);
    assert_true(event.has_livemode);
    assert_false(event.livemode);
    assert_false(event.is_thin);
    assert_int_equal(event.data_object.at[0], '{');
    assert_int_equal(event.data_object.at[event.data_object.len - 1], '}');
    assert_true(span_starts(event.data_object, "{\n    \"id\": \"pi_1\""));
    static const char *const refs[] = {"evt_1", "pi_1", "ch_1", "acct_7", "acct_9"};
    assert_int_equal(event.ref_count, 5);
    for (size_t i = 0; i < 5; i++) {
        is(event.refs[i], refs[i]);
    }
}

static void a_thin_event_is_accepted(void **state)
{
    (void)state;
    struct event event = scan_good(
        "{\"id\":\"evt_test_65\",\"object\":\"v2.core.event\","
        "\"type\":\"v1.billing.meter.error_report_triggered\",\"livemode\":true,"
        "\"created\":\"2024-09-17T06:20:52.246Z\",\"related_object\":{\"id\":\"acct_5\","
        "\"type\":\"account\",\"url\":\"/v1/accounts/acct_5\"},\"reason\":null}");
    assert_true(event.is_thin);
    assert_true(event.livemode);
    assert_int_equal(event.created_s, 0);
    is(event.object_id, "acct_5");
    is(event.object_kind, "account");
    is(event.refs[1], "acct_5");
    assert_int_equal(event.data_object.len, 0);
}

static void nested_and_listed_references_are_found_once(void **state)
{
    (void)state;
    struct event event = scan_good(
        "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"t\",\"data\":{\"object\":{"
        "\"id\":\"ch_1\",\"payment_intent\":{\"id\":\"pi_1\",\"metadata\":{\"x\":\"re_"
        "9\"}},"
        "\"refunds\":{\"data\":[{\"id\":\"re_1\",\"charge\":\"ch_1\"},[\"re_2\"],7,true]}"
        ","
        "\"x\":\"pi_\",\"y\":\"pi_a b\",\"z\":\"\\u0070i_5\"}}}");
    static const char *const refs[] = {"evt_1", "ch_1", "pi_1", "re_1", "re_2"};
    assert_int_equal(event.ref_count, 5);
    for (size_t i = 0; i < 5; i++) {
        is(event.refs[i], refs[i]);
    }
}

static void the_account_keeps_its_place_among_many_references(void **state)
{
    (void)state;
    struct event event =
        scan_good("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"t\",\"data\":{"
                  "\"object\":{\"a\":["
                  "\"re_1\",\"re_2\",\"re_3\",\"re_4\",\"re_5\",\"re_6\",\"re_7\",\"re_"
                  "8\",\"re_9\","
                  "\"re_10\",\"re_11\",\"re_12\",\"re_13\"]}},\"account\":\"acct_1\"}");
    assert_int_equal(event.ref_count, JOB_REFS);
    is(event.refs[0], "evt_1");
    is(event.refs[JOB_REFS - 1], "acct_1");
}

static void keys_are_compared_as_they_are_meant(void **state)
{
    (void)state;
    struct event event = scan_good("{\"\\u0069d\":\"evt_1\",\"ob\\u006Aect\":\"event\","
                                   "\"\\u0054ype\":\"no\",\"typ\\u0065\":\"t\"}");
    is(event.id, "evt_1");
    is(event.type, "t");
}

static void a_destination_charge_names_the_account_that_it_pays(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        const char *destination;
    } cases[] = {
        {"\"transfer_data\":{\"amount\":1,\"destination\":\"acct_1\"},"
         "\"on_behalf_of\":\"acct_2\"",
         "acct_1"},
        {"\"on_behalf_of\":\"acct_2\",\"transfer_data\":{\"destination\":\"acct_1\"}",
         "acct_1"},
        {"\"on_behalf_of\":\"acct_2\",\"transfer_data\":null", "acct_2"},
        {"\"on_behalf_of\":null,\"transfer_data\":{\"destination\":null}", ""},
        {"\"transfer_data\":{\"destination\":{\"id\":\"acct_3\"}}", ""},
        {"\"transfer_data\":[\"acct_3\"],\"on_behalf_of\":7", ""},
        {"\"charge\":{\"on_behalf_of\":\"acct_3\"}", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[400];
        snprintf(body,
                 sizeof(body),
                 "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"t\","
                 "\"data\":{\"object\":{%s}}}",
                 cases[i].object);
        struct event event = scan_good(body);
        is(event.destination, cases[i].destination);
    }
}

static void an_amicale_must_be_a_decimal_number(void **state)
{
    (void)state;
    static const char *const values[] = {"\"\"",
                                         "\"7x\"",
                                         "7",
                                         "\"-7\"",
                                         "\"07\"",
                                         "\"1234567890123456789\"",
                                         "null",
                                         "{}",
                                         "[\"7\"]"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char body[256];
        snprintf(body,
                 sizeof(body),
                 "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"t\","
                 "\"data\":{\"object\":{\"metadata\":{\"amicale_id\":%s}}}}",
                 values[i]);
        struct event event = scan_good(body);
        is(event.amicale_id, "");
    }
}

static void odd_shapes_are_passed_over(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"data\":7}",
        "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"data\":{\"object\":[]}}",
        "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"data\":{\"object\":{}}}",
        "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"data\":{\"object\":{\"id\":{"
        "}}}}",
        "{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"account\":null,\"livemode\":"
        "1,"
        "\"created\":1.5e9,\"api_version\":null,\"related_object\":null}",
        " {\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"x\":[{\"a\":\"]}\\\\\"},[[]"
        "],{}]} ",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct event event = scan_good(bodies[i]);
        is(event.id, "e");
        assert_int_equal(event.ref_count, 1);
        assert_false(event.has_livemode);
        assert_int_equal(event.created_s, 0);
    }
}

static void what_is_no_event_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int code;
    } cases[] = {
        {"", EVENT_NOT_JSON},
        {"hello", EVENT_NOT_JSON},
        {"[]", EVENT_NOT_JSON},
        {"\"x\"", EVENT_NOT_JSON},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\"} x", EVENT_NOT_JSON},
        {"{\"id\":\"e\",\"id\":\"f\",\"object\":\"event\",\"type\":\"t\"}",
         EVENT_NOT_JSON},
        {"{\"id\":\"e\",\"\\u0069d\":\"f\",\"object\":\"event\",\"type\":\"t\"}",
         EVENT_NOT_JSON},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"x\":\"\xff\"}",
         EVENT_NOT_JSON},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"t\",\"x\":\"\\u0000\"}",
         EVENT_NOT_JSON},
        {"{\"object\":\"event\",\"type\":\"t\"}", EVENT_NO_ID},
        {"{\"id\":7,\"object\":\"event\",\"type\":\"t\"}", EVENT_NO_ID},
        {"{\"id\":\"\",\"object\":\"event\",\"type\":\"t\"}", EVENT_NO_ID},
        {"{\"id\":\"a b\",\"object\":\"event\",\"type\":\"t\"}", EVENT_NO_ID},
        {"{\"id\":\"\\u0061\",\"object\":\"event\",\"type\":\"t\"}", EVENT_NO_ID},
        {"{\"id\":\"e\",\"type\":\"t\"}", EVENT_NO_OBJECT},
        {"{\"id\":\"e\",\"object\":\"charge\",\"type\":\"t\"}", EVENT_NO_OBJECT},
        {"{\"id\":\"e\",\"object\":\"event\"}", EVENT_NO_TYPE},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":null}", EVENT_NO_TYPE},
        {"{\"id\":\"e\",\"object\":\"event\",\"type\":\"\"}", EVENT_NO_TYPE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event event;
        struct fault fault;
        if (scan(cases[i].body, &event, &fault) != OUTCOME_NEVER ||
            fault.code != cases[i].code) {
            fail_msg("case %zu: %s", i, cases[i].body);
        }
        assert_string_equal(fault.module, "event");
    }
}

static void every_shortened_body_is_refused(void **state)
{
    (void)state;
    static const char body[] =
        "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"t\",\"data\":{\"object\":"
        "{\"id\":\"pi_1\",\"metadata\":{\"amicale_id\":\"1\"},\"a\":[1,true,null]}}}";
    for (size_t len = 0; len < sizeof(body) - 1; len++) {
        struct event event;
        struct fault fault;
        char *exact = malloc(len + 1); /* so that a sanitizer sees a read behind it */
        memcpy(exact, body, len);
        assert_int_equal(event_scan((struct span){exact, len}, &event, &fault),
                         OUTCOME_NEVER);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payment_event_is_read_whole),
        cmocka_unit_test(a_thin_event_is_accepted),
        cmocka_unit_test(nested_and_listed_references_are_found_once),
        cmocka_unit_test(the_account_keeps_its_place_among_many_references),
        cmocka_unit_test(keys_are_compared_as_they_are_meant),
        cmocka_unit_test(a_destination_charge_names_the_account_that_it_pays),
        cmocka_unit_test(an_amicale_must_be_a_decimal_number),
        cmocka_unit_test(odd_shapes_are_passed_over),
        cmocka_unit_test(what_is_no_event_is_refused_with_its_reason),
        cmocka_unit_test(every_shortened_body_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
