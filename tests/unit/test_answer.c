/* SPDX-License-Identifier: MIT
 * Answers of asked jobs, there and back. */
#include "common/model/answer.h"

#include "tests/unit/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct answer there_and_back(const struct answer *answer)
{
    struct answer got = {.status = -1};
    struct fault fault;
    struct span text = answer_encode(answer, &arena);
    assert_int_equal(answer_decode(text, &arena, &got, &fault), OUTCOME_DONE);
    return got;
}

static void what_is_said_comes_with_its_status_and_body(void **state)
{
    (void)state;
    struct answer answer;
    answer_say(&answer, 201, SPAN("{\"id\":1,\"label\":\"\xc3\xa9\"}"));
    assert_span(answer_encode(&answer, &arena),
                "{\"status\":201,\"body\":{\"id\":1,\"label\":\"\xc3\xa9\"}}");
    struct answer got = there_and_back(&answer);
    assert_int_equal(got.status, 201);
    assert_span(got.body, "{\"id\":1,\"label\":\"\xc3\xa9\"}");
    assert_false(got.replayed);
}

static void an_answer_without_a_body_stays_without(void **state)
{
    (void)state;
    struct answer answer;
    answer_say(&answer, 204, (struct span){NULL, 0});
    struct answer got = there_and_back(&answer);
    assert_int_equal(got.status, 204);
    assert_int_equal(got.body.len, 0);
}

static void a_refusal_names_its_problem_and_what_it_is_about(void **state)
{
    (void)state;
    struct answer answer;
    answer_refuse(&answer, PROBLEM_WRONG_STATE, SPAN("{\"status\":\"canceled\"}"));
    struct answer got = there_and_back(&answer);
    assert_int_equal(got.status, 0);
    assert_int_equal(got.problem, PROBLEM_WRONG_STATE);
    assert_int_equal(got.field_count, 0);
    assert_span(got.about, "{\"status\":\"canceled\"}");
    answer_refuse(&answer, PROBLEM_BAD_REQUEST, SPAN("")); /* the first of the list */
    got = there_and_back(&answer);
    assert_int_equal(got.problem, PROBLEM_BAD_REQUEST);
    assert_int_equal(got.about.len, 0);
}

static void refused_fields_come_each_with_its_code(void **state)
{
    (void)state;
    struct answer answer = {.status = 200};
    answer_refuse_field(&answer, SPAN("amount"), FIELD_ABOVE_REST);
    answer_refuse_field(&answer, SPAN("reason"), FIELD_NOT_A_CHOICE);
    struct answer got = there_and_back(&answer);
    assert_int_equal(got.status, 0);
    assert_int_equal(got.problem, PROBLEM_INVALID_FIELDS);
    assert_int_equal(got.field_count, 2);
    assert_span(got.fields[0].name, "amount");
    assert_int_equal(got.fields[0].code, FIELD_ABOVE_REST);
    assert_span(got.fields[1].name, "reason");
    assert_int_equal(got.fields[1].code, FIELD_NOT_A_CHOICE);
}

static void an_answer_that_is_given_again_says_so(void **state)
{
    (void)state;
    struct answer answer;
    answer_say(&answer, 200, SPAN("{}"));
    answer.replayed = true;
    assert_true(there_and_back(&answer).replayed);
}

static void every_problem_and_every_field_code_comes_back(void **state)
{
    (void)state;
    for (int problem = 0; problem < PROBLEM_COUNT; problem++) {
        struct answer answer;
        answer_refuse(&answer, (enum problem)problem, SPAN(""));
        assert_int_equal(there_and_back(&answer).problem, problem);
    }
    for (int code = 0; code < FIELD_CODES; code++) {
        struct answer answer = {.status = 0};
        answer_refuse_field(&answer, SPAN("f"), (enum field_code)code);
        assert_int_equal(there_and_back(&answer).fields[0].code, code);
    }
}

static void a_text_of_another_shape_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"status\":100}",
        "{\"status\":404,\"body\":{}}",
        "{\"status\":\"200\"}",
        "{\"problem\":\"nobody_knows\"}",
        "{\"problem\":\"invalid_fields\",\"fields\":[{\"field\":\"a\",\"code\":\"odd\"}]"
        "}",
        "{\"problem\":\"invalid_fields\",\"fields\":[{\"field\":\"a\"}]}",
        "{\"problem\":\"invalid_fields\",\"fields\":["
        "{\"field\":\"a\",\"code\":\"missing\"},{\"field\":\"a\",\"code\":\"missing\"},"
        "{\"field\":\"a\",\"code\":\"missing\"},{\"field\":\"a\",\"code\":\"missing\"},"
        "{\"field\":\"a\",\"code\":\"missing\"},{\"field\":\"a\",\"code\":\"missing\"},"
        "{\"field\":\"a\",\"code\":\"missing\"},{\"field\":\"a\",\"code\":\"missing\"},"
        "{\"field\":\"a\",\"code\":\"missing\"}]}",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct answer got = {.status = 77};
        struct fault fault;
        assert_int_equal(answer_decode(span_of(odd[i]), &arena, &got, &fault),
                         OUTCOME_NEVER);
        assert_int_equal(got.status, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_comes_with_its_status_and_body),
        cmocka_unit_test(an_answer_without_a_body_stays_without),
        cmocka_unit_test(a_refusal_names_its_problem_and_what_it_is_about),
        cmocka_unit_test(refused_fields_come_each_with_its_code),
        cmocka_unit_test(an_answer_that_is_given_again_says_so),
        cmocka_unit_test(every_problem_and_every_field_code_comes_back),
        cmocka_unit_test(a_text_of_another_shape_is_refused_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
