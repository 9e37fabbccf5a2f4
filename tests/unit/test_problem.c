/* SPDX-License-Identifier: MIT
 * Problems: their JSON, and the language that they are told in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/problem.h"
#include "common/base/json.h"

static struct cJSON *written(enum problem problem,
                             bool english,
                             const struct problem_field *fields,
                             size_t count)
{
    struct text text;
    struct cJSON *document = NULL;
    struct fault fault;
    text_init(&text, 1 << 16);
    problem_write(&text,
                  problem,
                  SPAN("req_1"),
                  english,
                  fields,
                  count,
                  SPAN("{\"rest\":7}"));
    assert_int_equal(json_parse(text_span(&text), &document, &fault), OUTCOME_DONE);
    text_done(&text);
    return document;
}

static void every_problem_is_told_whole_in_both_languages(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        enum problem problem = (enum problem)i;
        struct cJSON *french = written(problem, false, NULL, 0);
        struct cJSON *english = written(problem, true, NULL, 0);
        int64_t status = 0;
        assert_true(json_integer(french, "status", &status));
        assert_int_equal(status, problem_status(problem));
        assert_in_range(status, 400, 599);
        assert_true(span_is(json_string(french, "code"), problem_code(problem)));
        assert_true(span_is(json_string(french, "request_id"), "req_1"));
        assert_true(span_starts(json_string(french, "type"), "urn:tocsin:problem:"));
        assert_true(json_string(french, "title").len > 0);
        assert_true(json_string(english, "detail").len > 0);
        assert_false(
            span_equal(json_string(french, "detail"), json_string(english, "detail")));
        assert_false(json_has(french, "errors"));
        json_free(french);
        json_free(english);
    }
}

static void codes_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(problem_code((enum problem)i),
                                    problem_code((enum problem)k));
        }
    }
}

static void a_type_is_a_name_without_underscores(void **state)
{
    (void)state;
    struct cJSON *document = written(PROBLEM_BAD_SIGNATURE, false, NULL, 0);
    assert_true(
        span_is(json_string(document, "type"), "urn:tocsin:problem:bad-signature"));
    json_free(document);
}

static void wrong_fields_are_named(void **state)
{
    (void)state;
    const struct problem_field fields[] = {
        {SPAN("amount"), FIELD_TOO_SMALL, SPAN("au moins \"1\" euro")},
        {SPAN("a[0].b"), FIELD_MISSING, SPAN("")},
    };
    struct cJSON *document = written(PROBLEM_BAD_REQUEST, false, fields, 2);
    const struct cJSON *first = json_first(document, "errors");
    const struct cJSON *second = json_next(first);
    assert_true(span_is(json_string(first, "field"), "amount"));
    assert_true(span_is(json_string(first, "detail"), "au moins \"1\" euro"));
    assert_true(span_is(json_string(second, "code"), "missing"));
    assert_true(json_string(second, "detail").len > 0);
    int64_t rest = 0;
    assert_true(json_integer(document, "about.rest", &rest));
    assert_int_equal(rest, 7);
    assert_null(json_next(second));
    json_free(document);
}

static void refusals_of_the_reader_have_their_problem(void **state)
{
    (void)state;
    static const int statuses[] = {400, 408, 413, 414, 417, 431, 501, 505};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        assert_int_equal(problem_status(problem_of_status(statuses[i])), statuses[i]);
    }
    assert_int_equal(problem_of_status(400), PROBLEM_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_is_told_whole_in_both_languages),
        cmocka_unit_test(codes_are_unique),
        cmocka_unit_test(a_type_is_a_name_without_underscores),
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(refusals_of_the_reader_have_their_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
