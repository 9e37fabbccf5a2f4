/* SPDX-License-Identifier: MIT
 * The pure parts of the Stripe client: forms, headers, what an answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/link/stripe_answer.h"
#include "common/link/stripe_form.h"

static void values_are_percent_encoded_and_names_are_not(void **state)
{
    (void)state;
    const struct {
        const char *name, *value, *form;
    } cases[] = {
        {"amount", "1000", "amount=1000"},
        {"metadata[nom]", "Zo\xc3\xa9 & Cie", "metadata[nom]=Zo%C3%A9%20%26%20Cie"},
        {"a[0]", "-._~", "a[0]=-._~"},
        {"plus", "1+1=2", "plus=1%2B1%3D2"},
        {"empty", "", "empty="},
        {"line", "a\r\nb", "line=a%0D%0Ab"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text text;
        text_init(&text, 1000);
        struct stripe_param param = {cases[i].name, span_of(cases[i].value)};
        stripe_form_encode(&param, 1, &text);
        assert_string_equal(text.at, cases[i].form);
        text_done(&text);
    }
}

static void a_nul_in_a_value_is_encoded(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, 100);
    struct stripe_param param = {"a", {"x\0y", 3}};
    stripe_form_encode(&param, 1, &text);
    assert_string_equal(text.at, "a=x%00y");
    text_done(&text);
}

static void parameters_are_joined_and_none_give_nothing(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, 100);
    stripe_form_encode(NULL, 0, &text);
    assert_int_equal(text.len, 0);
    struct stripe_param params[] = {{"a", SPAN("1")}, {"b", SPAN("2")}};
    stripe_form_encode(params, 2, &text);
    assert_string_equal(text.at, "a=1&b=2");
    text_done(&text);
}

static void headers_are_read_whatever_their_case(void **state)
{
    (void)state;
    struct stripe_try attempt = {0};
    stripe_answer_header(&attempt, SPAN("request-id: req_1\r\n"));
    stripe_answer_header(&attempt, SPAN("RETRY-AFTER:  3 \r\n"));
    stripe_answer_header(&attempt, SPAN("Stripe-Should-Retry: true\r\n"));
    assert_string_equal(attempt.request_id, "req_1");
    assert_int_equal(attempt.retry_after_ms, 3000);
    assert_int_equal(attempt.wish, STRIPE_WISH_RETRY);
}

static void odd_headers_change_nothing(void **state)
{
    (void)state;
    const char *lines[] = {"",
                           "\r\n",
                           "Retry-After",
                           "Retry-After: soon\r\n",
                           "Retry-After: -5\r\n",
                           "Retry-After: Sun, 22 Nov 2026 10:00:00 GMT\r\n",
                           "Stripe-Should-Retry: perhaps\r\n",
                           "X-Request-Id: other\r\n"};
    struct stripe_try attempt = {0};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        stripe_answer_header(&attempt, span_of(lines[i]));
    }
    assert_int_equal(attempt.retry_after_ms, 0);
    assert_int_equal(attempt.wish, STRIPE_WISH_NONE);
    assert_string_equal(attempt.request_id, "");
}

static void a_long_request_id_and_a_long_wait_are_cut(void **state)
{
    (void)state;
    char line[400] = "Request-Id: ";
    memset(line + strlen(line), 'x', 300);
    struct stripe_try attempt = {0};
    stripe_answer_header(&attempt, span_of(line));
    assert_int_equal(strlen(attempt.request_id), STRIPE_REQUEST_ID_BYTES - 1);
    stripe_answer_header(&attempt, SPAN("Retry-After: 99999999"));
    assert_int_equal(attempt.retry_after_ms, 3600 * 1000);
}

static void a_request_is_repeated_only_when_that_can_help(void **state)
{
    (void)state;
    const struct {
        long status;
        enum stripe_wish wish;
        enum stripe_method method;
        int tries;
        bool repeats;
    } cases[] = {
        {200, STRIPE_WISH_NONE, STRIPE_READ, 1, false},
        {0, STRIPE_WISH_NONE, STRIPE_WRITE, 1, true},
        {0, STRIPE_WISH_NONE, STRIPE_WRITE, 2, true},
        {0, STRIPE_WISH_NONE, STRIPE_WRITE, 3, false},
        {409, STRIPE_WISH_NONE, STRIPE_WRITE, 1, true},
        {429, STRIPE_WISH_NONE, STRIPE_WRITE, 1, true},
        {500, STRIPE_WISH_NONE, STRIPE_READ, 1, true},
        {500, STRIPE_WISH_NONE, STRIPE_WRITE, 1, false},
        {500, STRIPE_WISH_RETRY, STRIPE_WRITE, 1, true},
        {503, STRIPE_WISH_NONE, STRIPE_WRITE, 1, true},
        {503, STRIPE_WISH_NO_RETRY, STRIPE_WRITE, 1, false},
        {400, STRIPE_WISH_NONE, STRIPE_READ, 1, false},
        {400, STRIPE_WISH_RETRY, STRIPE_READ, 1, true},
        {404, STRIPE_WISH_NONE, STRIPE_READ, 1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stripe_try attempt = {.status = cases[i].status, .wish = cases[i].wish};
        assert_int_equal(stripe_answer_repeats(&attempt, cases[i].method, cases[i].tries),
                         cases[i].repeats);
    }
}

static void the_wait_doubles_is_spread_and_heeds_retry_after(void **state)
{
    (void)state;
    struct stripe_try attempt = {0};
    for (uint32_t random = 0; random < 2000; random++) {
        int64_t first = stripe_answer_wait_ms(&attempt, 1, random);
        int64_t second = stripe_answer_wait_ms(&attempt, 2, random);
        assert_in_range(first, 250, 500);
        assert_in_range(second, 500, 1000);
    }
    attempt.retry_after_ms = 7000;
    assert_int_equal(stripe_answer_wait_ms(&attempt, 1, 0), 7000);
}

static void each_end_of_a_call_has_its_outcome(void **state)
{
    (void)state;
    const struct {
        struct stripe_try attempt;
        enum stripe_method method;
        enum outcome outcome;
        const char *neighbour;
        int code;
    } cases[] = {
        {{.status = 200, .sent = true}, STRIPE_WRITE, OUTCOME_DONE, NULL, 0},
        {{.sent = false}, STRIPE_WRITE, OUTCOME_LATER, "stripe", STRIPE_UNREACHABLE},
        {{.sent = true}, STRIPE_WRITE, OUTCOME_UNSURE, NULL, STRIPE_LOST_ANSWER},
        {{.sent = true}, STRIPE_READ, OUTCOME_LATER, "stripe", STRIPE_LOST_ANSWER},
        {{.status = 200, .sent = true, .garbled = true},
         STRIPE_WRITE,
         OUTCOME_UNSURE,
         NULL,
         STRIPE_BAD_ANSWER},
        {{.status = 200, .sent = true, .garbled = true},
         STRIPE_READ,
         OUTCOME_LATER,
         NULL,
         STRIPE_BAD_ANSWER},
        {{.status = 302, .sent = true},
         STRIPE_WRITE,
         OUTCOME_LATER,
         NULL,
         STRIPE_BAD_ANSWER},
        {{.status = 400, .sent = true}, STRIPE_WRITE, OUTCOME_NEVER, NULL, 400},
        {{.status = 401, .sent = true}, STRIPE_WRITE, OUTCOME_LATER, "stripe", 401},
        {{.status = 402, .sent = true}, STRIPE_WRITE, OUTCOME_NEVER, NULL, 402},
        {{.status = 409, .sent = true}, STRIPE_WRITE, OUTCOME_LATER, NULL, 409},
        {{.status = 429, .sent = true}, STRIPE_WRITE, OUTCOME_LATER, NULL, 429},
        {{.status = 400, .sent = true, .wish = STRIPE_WISH_RETRY},
         STRIPE_WRITE,
         OUTCOME_LATER,
         NULL,
         400},
        {{.status = 500, .sent = true}, STRIPE_WRITE, OUTCOME_UNSURE, NULL, 500},
        {{.status = 503, .sent = true}, STRIPE_WRITE, OUTCOME_UNSURE, NULL, 503},
        {{.status = 500, .sent = true}, STRIPE_READ, OUTCOME_LATER, "stripe", 500},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stripe_answer answer = {0};
        struct fault fault = {0};
        enum outcome outcome =
            stripe_answer_judge(&cases[i].attempt, cases[i].method, &answer, &fault);
        assert_int_equal(outcome, cases[i].outcome);
        assert_int_equal(fault.code, cases[i].code);
        if (cases[i].neighbour) {
            assert_string_equal(fault.neighbour, cases[i].neighbour);
        } else {
            assert_null(fault.neighbour);
        }
    }
}

static void the_wish_to_wait_reaches_the_fault(void **state)
{
    (void)state;
    struct stripe_try attempt = {.status = 429, .sent = true, .retry_after_ms = 2000};
    struct stripe_answer answer = {0};
    struct fault fault = {0};
    assert_int_equal(stripe_answer_judge(&attempt, STRIPE_READ, &answer, &fault),
                     OUTCOME_LATER);
    assert_int_equal(fault.retry_after_ms, 2000);
}

static void an_error_object_is_taken_apart(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct cJSON *document = NULL;
    struct fault fault;
    assert_int_equal(json_parse(SPAN("{\"error\":{\"type\":\"card_error\",\"code\":"
                                     "\"card_declined\",\"decline_code\":\"lost_card\","
                                     "\"param\":\"source\",\"message\":\"Non.\"}}"),
                                &document,
                                &fault),
                     OUTCOME_DONE);
    struct stripe_answer answer = {0};
    stripe_answer_error(document, &arena, &answer);
    json_free(document);
    assert_true(span_is(answer.error_type, "card_error"));
    assert_true(span_is(answer.error_code, "card_declined"));
    assert_true(span_is(answer.decline_code, "lost_card"));
    assert_true(span_is(answer.error_param, "source"));
    assert_true(span_is(answer.error_message, "Non."));
    stripe_answer_error(NULL, &arena, &answer);
    assert_int_equal(answer.error_type.len, 0);
    arena_done(&arena);
}

static void a_locked_object_is_no_rate_limit(void **state)
{
    (void)state;
    struct stripe_try attempt = {.status = 429};
    struct stripe_answer answer = {.error_code = SPAN("lock_timeout")};
    assert_false(stripe_answer_is_rate_limit(&attempt, &answer));
    answer.error_code = SPAN("rate_limit");
    assert_true(stripe_answer_is_rate_limit(&attempt, &answer));
    attempt.status = 400;
    assert_false(stripe_answer_is_rate_limit(&attempt, &answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_percent_encoded_and_names_are_not),
        cmocka_unit_test(a_nul_in_a_value_is_encoded),
        cmocka_unit_test(parameters_are_joined_and_none_give_nothing),
        cmocka_unit_test(headers_are_read_whatever_their_case),
        cmocka_unit_test(odd_headers_change_nothing),
        cmocka_unit_test(a_long_request_id_and_a_long_wait_are_cut),
        cmocka_unit_test(a_request_is_repeated_only_when_that_can_help),
        cmocka_unit_test(the_wait_doubles_is_spread_and_heeds_retry_after),
        cmocka_unit_test(each_end_of_a_call_has_its_outcome),
        cmocka_unit_test(the_wish_to_wait_reaches_the_fault),
        cmocka_unit_test(an_error_object_is_taken_apart),
        cmocka_unit_test(a_locked_object_is_no_rate_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
