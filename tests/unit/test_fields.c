/* SPDX-License-Identifier: MIT
 * Fields of bodies and queries against their tables. What a refusal would say is kept here
 * instead of being written to a connection. */
#include "api/fields.h"

#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "api/request.h"
#include "tests/unit/cmocka_all.h"

static struct request request;
static enum problem refused;
static int refusals;
static char complaints[1024]; /* "amount:missing email:bad_format " */

/* These stand in for api/request.c. */
void request_problem(struct request *of, enum problem problem)
{
    (void)of;
    refused = problem;
    refusals++;
}

void request_problem_with(struct request *of,
                          enum problem problem,
                          const struct problem_field *fields,
                          size_t field_count,
                          struct span about,
                          struct span headers)
{
    (void)about;
    (void)headers;
    request_problem(of, problem);
    size_t len = 0;
    complaints[0] = '\0';
    for (size_t i = 0; i < field_count; i++) {
        len += (size_t)snprintf(complaints + len,
                                sizeof(complaints) - len,
                                "%.*s:%s ",
                                SPAN_ARGS(fields[i].field),
                                field_code_name(fields[i].code));
    }
}

static int set_up(void **state)
{
    (void)state;
    request = (struct request){.loop = NULL};
    arena_init(&request.arena, 1 << 20);
    refusals = 0;
    complaints[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&request.arena);
    return 0;
}

enum { AMOUNT, EMAIL, LOCAL_ID, METHOD, LABEL, DAY, RULES };
static const struct field_rule rules[RULES] = {
    {.name = "amount",
     .type = FIELD_IS_INTEGER,
     .required = true,
     .least = 100,
     .most = 50000},
    {.name = "email", .type = FIELD_IS_EMAIL, .most = 254},
    {.name = "local_id", .type = FIELD_IS_NAME, .least = 1, .most = 8},
    {.name = "method", .type = FIELD_IS_CHOICE, .choices = "automatic manual"},
    {.name = "label", .type = FIELD_IS_TEXT, .least = 2, .most = 6},
    {.name = "day", .type = FIELD_IS_DAY},
};

static bool read_body(const char *body, struct field_value *values)
{
    request.body = span_of(body);
    return fields_read(&request, rules, RULES, values);
}

static bool read_query(const char *query, struct field_value *values)
{
    request.query = span_of(query);
    return fields_read_query(&request, rules, RULES, values);
}

static void a_body_that_fits_gives_its_values(void **state)
{
    (void)state;
    struct field_value values[RULES];
    assert_true(read_body("{\"amount\":1500,\"email\":\"a@b.example\","
                          "\"local_id\":\"s-1:2.3_\",\"method\":\"manual\","
                          "\"label\":\"h\\u00e9 ho\",\"day\":\"2028-02-29\"}",
                          values));
    assert_int_equal(refusals, 0);
    assert_int_equal(values[AMOUNT].integer, 1500);
    assert_span(values[EMAIL].text, "a@b.example");
    assert_span(values[LOCAL_ID].text, "s-1:2.3_");
    assert_span(values[METHOD].text, "manual");
    assert_span(values[LABEL].text, "h\xc3\xa9 ho");
    assert_span(values[DAY].text, "2028-02-29");
}

static void what_is_left_out_and_what_is_null_is_not_there(void **state)
{
    (void)state;
    struct field_value values[RULES];
    assert_true(read_body("{\"amount\":100,\"email\":null}", values));
    assert_true(values[AMOUNT].there);
    for (int i = EMAIL; i < RULES; i++) {
        assert_false(values[i].there);
        assert_int_equal(values[i].text.len, 0);
    }
}

static void margins_are_cut_off_words_and_addresses_alone(void **state)
{
    (void)state;
    static const struct field_rule margins[] = {
        {.name = "email", .type = FIELD_IS_EMAIL, .most = 254},
        {.name = "reason", .type = FIELD_IS_WORDS, .least = 1, .most = 20},
        {.name = "password", .type = FIELD_IS_TEXT, .least = 1, .most = 20},
    };
    struct field_value values[3];
    request.body = SPAN("{\"email\":\" a@b.fr \",\"reason\":\" twice \","
                        "\"password\":\" pw \"}");
    assert_true(fields_read(&request, margins, 3, values));
    assert_true(span_is(values[0].text, "a@b.fr"));
    assert_true(span_is(values[1].text, "twice"));
    assert_true(span_is(values[2].text, " pw "));
    request.body = SPAN("{\"reason\":\"   \"}");
    assert_false(fields_read(&request, margins, 3, values));
    assert_string_equal(complaints, "reason:missing ");
}

static void an_empty_body_is_an_object_without_members(void **state)
{
    (void)state;
    struct field_value values[RULES];
    assert_false(read_body("", values));
    assert_int_equal(refused, PROBLEM_INVALID_FIELDS);
    assert_string_equal(complaints, "amount:missing ");
    assert_true(fields_read(&request, rules + 1, RULES - 1, values));
}

static void what_is_no_object_is_bad_json(void **state)
{
    (void)state;
    static const char *const odd[] = {"[]",
                                      "7",
                                      "\"x\"",
                                      "null",
                                      "{",
                                      "{\"amount\":1,\"amount\":1}",
                                      "{\"amount\":1} x",
                                      "{\"label\":\"\\u0000\"}"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct field_value values[RULES];
        refusals = 0;
        assert_false(read_body(odd[i], values));
        assert_int_equal(refusals, 1);
        assert_int_equal(refused, PROBLEM_BAD_JSON);
    }
}

static const struct {
    const char *body;
    const char *complaints;
} wrong[] = {
    {"{\"amount\":99}", "amount:too_small "},
    {"{\"amount\":50001}", "amount:too_large "},
    {"{\"amount\":1.5}", "amount:wrong_type "},
    {"{\"amount\":\"1500\"}", "amount:wrong_type "},
    {"{\"amount\":true}", "amount:wrong_type "},
    {"{\"amount\":1e300}", "amount:wrong_type "},
    {"{\"amount\":null}", "amount:missing "},
    {"{\"amount\":100,\"email\":\"a@b\"}", "email:bad_format "},
    {"{\"amount\":100,\"email\":7}", "email:wrong_type "},
    {"{\"amount\":100,\"local_id\":\"\"}", "local_id:missing "},
    {"{\"amount\":100,\"local_id\":\"a b\"}", "local_id:bad_format "},
    {"{\"amount\":100,\"local_id\":\"123456789\"}", "local_id:too_long "},
    {"{\"amount\":100,\"method\":\"Manual\"}", "method:not_a_choice "},
    {"{\"amount\":100,\"method\":\"\"}", "method:not_a_choice "},
    {"{\"amount\":100,\"method\":\"automatic manual\"}", "method:not_a_choice "},
    {"{\"amount\":100,\"label\":\"x\"}", "label:too_small "},
    {"{\"amount\":100,\"label\":\"1234567\"}", "label:too_long "},
    {"{\"amount\":100,\"label\":\"a\\nb\"}", "label:bad_format "},
    {"{\"amount\":100,\"label\":\"a\\u007fb\"}", "label:bad_format "},
    {"{\"amount\":100,\"day\":\"2026-02-29\"}", "day:bad_format "},
    {"{\"amount\":100,\"day\":\"2026-13-01\"}", "day:bad_format "},
    {"{\"amount\":100,\"day\":\"2026-1-01\"}", "day:bad_format "},
    {"{\"amount\":100,\"day\":\"2026-01-00\"}", "day:bad_format "},
    {"{\"amount\":100,\"day\":\"2026-01-011\"}", "day:bad_format "},
    {"{\"amount\":100,\"day\":\"1900-02-29\"}", "day:bad_format "},
    {"{\"amount\":100,\"receipt_emial\":\"x\"}", "receipt_emial:unknown "},
    {"{\"Amount\":100}", "Amount:unknown amount:missing "},
};

static void a_field_that_is_wrong_is_named_with_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct field_value values[RULES];
        refusals = 0;
        assert_false(read_body(wrong[i].body, values));
        assert_int_equal(refusals, 1);
        assert_int_equal(refused, PROBLEM_INVALID_FIELDS);
        assert_string_equal(complaints, wrong[i].complaints);
    }
}

static void everything_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    struct field_value values[RULES];
    assert_false(
        read_body("{\"x\":1,\"email\":\"\",\"method\":\"a\",\"day\":\"b\"}", values));
    assert_int_equal(refusals, 1);
    assert_string_equal(complaints,
                        "x:unknown email:bad_format method:not_a_choice day:bad_format "
                        "amount:missing ");
}

/* Sixteen names of a megabyte would not fit into an answer. */
static void a_long_name_is_told_by_its_beginning(void **state)
{
    (void)state;
    char body[512] = "{\"";
    char told[128] = "";
    struct field_value values[RULES];
    for (int i = 0; i < 99; i++) {
        strcat(body, "x");
    }
    strcat(told, body + 2);
    strcat(told, ":unknown amount:missing ");
    for (int i = 0; i < 50; i++) {
        strcat(body, "\xc3\xa9");
    }
    strcat(body, "\":1}");
    assert_false(read_body(body, values));
    assert_string_equal(complaints, told);
}

static void more_complaints_than_anybody_reads_are_cut(void **state)
{
    (void)state;
    char body[512] = "{";
    struct field_value values[RULES];
    for (int i = 0; i < 40; i++) {
        char member[16];
        snprintf(member, sizeof(member), "%s\"x%d\":1", i ? "," : "", i);
        strcat(body, member);
    }
    strcat(body, "}");
    assert_false(read_body(body, values));
    int count = 0;
    for (const char *at = complaints; (at = strchr(at, ' ')) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, FIELDS_MOST);
}

static void a_query_gives_its_values_decoded(void **state)
{
    (void)state;
    struct field_value values[RULES];
    assert_true(read_query("amount=150&label=h%C3%A9+a&&email=a%40b.example", values));
    assert_int_equal(values[AMOUNT].integer, 150);
    assert_span(values[LABEL].text, "h\xc3\xa9 a");
    assert_span(values[EMAIL].text, "a@b.example");
    assert_true(read_query("amount=150&local_id=%2D%2d", values));
    assert_span(values[LOCAL_ID].text, "--");
}

static void a_query_that_is_wrong_is_told_field_by_field(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *complaints;
    } odd[] = {
        {"", "amount:missing "},
        {"amount=", "amount:wrong_type "},
        {"amount=12x", "amount:wrong_type "},
        {"amount=99", "amount:too_small "},
        {"amount=100&amount=100", "amount:bad_format "},
        {"amount=100&label=%C3", "label:bad_format "},
        {"amount=100&label=%0", "label:bad_format "},
        {"amount=100&label=%zz", "label:bad_format "},
        {"amount=100&label=a%00b", "label:bad_format "},
        {"amount=100&x=1", "x:unknown "},
        {"amount=100&label", "label:missing "},
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct field_value values[RULES];
        assert_false(read_query(odd[i].query, values));
        assert_string_equal(complaints, odd[i].complaints);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_that_fits_gives_its_values,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_out_and_what_is_null_is_not_there,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(margins_are_cut_off_words_and_addresses_alone,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_body_is_an_object_without_members,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_object_is_bad_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_that_is_wrong_is_named_with_why,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(everything_that_is_wrong_is_told_at_once,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_name_is_told_by_its_beginning,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_complaints_than_anybody_reads_are_cut,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_query_gives_its_values_decoded,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_query_that_is_wrong_is_told_field_by_field,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
