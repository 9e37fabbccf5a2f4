/* SPDX-License-Identifier: MIT
 * What JSON is let in, how it is looked into, and what is written. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/json.h"

static void what_is_no_strict_json_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code; /* 0: good */
    } cases[] = {
        {"{}", 0},
        {" [1, -0.5e+3, \"a\\u00e9\\ud83d\\ude00\", null, true, false] ", 0},
        {"{\"a\":{\"a\":1},\"b\":{\"a\":2}}", 0},
        {"\"only a string\"", 0},
        {"", JSON_SYNTAX},
        {"{} {}", JSON_SYNTAX},
        {"{\"a\":1,}", JSON_SYNTAX},
        {"[1,]", JSON_SYNTAX},
        {"{a:1}", JSON_SYNTAX},
        {"[01]", JSON_SYNTAX},
        {"[1.]", JSON_SYNTAX},
        {"[+1]", JSON_SYNTAX},
        {"[NaN]", JSON_SYNTAX},
        {"[tru]", JSON_SYNTAX},
        {"\"abc", JSON_SYNTAX},
        {"\"a\nb\"", JSON_SYNTAX},
        {"\"\\x\"", JSON_SYNTAX},
        {"\"\\ud800\"", JSON_SYNTAX},
        {"\"\\ud800\\u0041\"", JSON_SYNTAX},
        {"\"\\udc00\"", JSON_SYNTAX},
        {"\"\\u12\"", JSON_SYNTAX},
        {"\"a\\u0000b\"", JSON_HAS_NUL},
        {"\"\xC3\"", JSON_NOT_UTF8},
        {"{\"a\":1,\"a\":2}", JSON_DUPLICATE_KEY},
        {"{\"a\":1,\"\\u0061\":2}", JSON_DUPLICATE_KEY},
        {"{\"\xC3\xA9\":1,\"\\u00E9\":2}", JSON_DUPLICATE_KEY},
        {"{\"x\":[{\"k\":1,\"k\":2}]}", JSON_DUPLICATE_KEY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fault fault = {0};
        enum outcome outcome = json_check(span_of(cases[i].text), &fault);
        assert_int_equal(outcome, cases[i].code ? OUTCOME_NEVER : OUTCOME_DONE);
        assert_int_equal(fault.code, cases[i].code);
    }
    struct fault fault = {0};
    assert_int_equal(json_check((struct span){"\"a\0\"", 4}, &fault), OUTCOME_NEVER);
    assert_int_equal(fault.code, JSON_HAS_NUL);
}

static void every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,2.5e3,\"\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":null,\"d\":true}}";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        struct fault fault = {0};
        assert_int_equal(json_check((struct span){text, len}, &fault), OUTCOME_NEVER);
    }
    struct fault fault = {0};
    assert_int_equal(json_check(span_of(text), &fault), OUTCOME_DONE);
}

static void depth_and_keys_are_bounded(void **state)
{
    (void)state;
    char deep[2 * (JSON_MOST_DEPTH + 1) + 1] = "";
    struct fault fault = {0};
    memset(deep, '[', JSON_MOST_DEPTH);
    memset(deep + JSON_MOST_DEPTH, ']', JSON_MOST_DEPTH);
    assert_int_equal(json_check(span_of(deep), &fault), OUTCOME_DONE);
    memset(deep, '[', JSON_MOST_DEPTH + 1);
    memset(deep + JSON_MOST_DEPTH + 1, ']', JSON_MOST_DEPTH + 1);
    assert_int_equal(json_check(span_of(deep), &fault), OUTCOME_NEVER);
    assert_int_equal(fault.code, JSON_TOO_DEEP);

    struct text text;
    text_init(&text, 100000);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    for (int i = 0; i <= JSON_MOST_KEYS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        json_put_integer(&json, key, i);
    }
    json_close(&json, '}');
    assert_int_equal(json_check(text_span(&text), &fault), OUTCOME_NEVER);
    assert_int_equal(fault.code, JSON_TOO_MANY_KEYS);
    text_done(&text);
}

enum { BLOCKS = 9, BLOCK_BYTES = 8, PREFIX_BYTES = 1900, TABLE = 1 << 19 };

static uint32_t plain_hash(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return hash;
}

/* Two blocks that lead from a state of FNV-1a to the same next one. */
static uint32_t find_twins(uint32_t hash, char out[2][BLOCK_BYTES + 1])
{
    uint32_t *numbers = calloc(TABLE, sizeof(uint32_t));
    assert_non_null(numbers);
    for (uint32_t i = 1;; i++) {
        uint32_t number = i * 2654435761U; /* so that all its digits differ */
        snprintf(out[1], BLOCK_BYTES + 1, "%08x", number);
        uint32_t next = plain_hash(hash, out[1]);
        uint32_t at = next * 2654435761U >> 13; /* the low bits are no hash */
        while (numbers[at] != 0) {
            snprintf(out[0], BLOCK_BYTES + 1, "%08x", numbers[at]);
            if (plain_hash(hash, out[0]) == next) {
                free(numbers);
                return next;
            }
            at = (at + 1) % TABLE;
        }
        numbers[at] = number;
    }
}

/* Of such blocks in a row anybody makes hundreds of long keys with one hash, when the hash
 * is known: comparing them all would stop a loop for a second. */
static void keys_that_were_made_to_collide_cost_no_more_than_others(void **state)
{
    (void)state;
    char prefix[PREFIX_BYTES + 1] = "";
    char blocks[BLOCKS][2][BLOCK_BYTES + 1];
    struct text text;
    struct fault fault;
    memset(prefix, 'a', PREFIX_BYTES);
    uint32_t hash = plain_hash(2166136261U, prefix);
    for (int i = 0; i < BLOCKS; i++) {
        hash = find_twins(hash, blocks[i]);
    }
    text_init(&text, 2 << 20);
    for (int key = 0; key < JSON_MOST_KEYS; key++) {
        text_addf(&text, "%c\"%s", key == 0 ? '{' : ',', prefix);
        for (int i = 0; i < BLOCKS; i++) {
            text_add_string(&text, blocks[i][key >> i & 1]);
        }
        text_add_string(&text, "\":0");
    }
    text_add_char(&text, '}');
    clock_t began = clock();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(json_check(text_span(&text), &fault), OUTCOME_DONE);
    }
    assert_in_range((clock() - began) / CLOCKS_PER_SEC, 0, 9);
    text_done(&text);
}

static void values_are_found_by_path_and_type(void **state)
{
    (void)state;
    struct cJSON *document = NULL;
    struct fault fault = {0};
    int64_t number = 7;
    assert_int_equal(
        json_parse(SPAN("{\"a\":{\"b\":\"x\",\"n\":12,\"half\":0.5,\"nothing\":null,"
                        "\"yes\":true},\"list\":[{\"id\":\"1\"},{\"id\":\"2\"}],"
                        "\"big\":9007199254740994}"),
                   &document,
                   &fault),
        OUTCOME_DONE);
    assert_span(json_string(document, "a.b"), "x");
    assert_span(json_string(document, "A.b"), "");
    assert_span(json_string(document, "a.b.c"), "");
    assert_true(json_integer(document, "a.n", &number));
    assert_int_equal(number, 12);
    assert_false(json_integer(document, "a.half", &number));
    assert_false(json_integer(document, "a.b", &number));
    assert_false(json_integer(document, "big", &number));
    assert_int_equal(number, 12);
    assert_false(json_has(document, "a.nothing"));
    assert_true(json_is_true(document, "a.yes"));
    struct cJSON *element = json_first(document, "list");
    assert_span(json_string(element, "id"), "1");
    element = json_next(element);
    assert_span(json_string(element, "id"), "2");
    assert_null(json_next(element));
    assert_null(json_first(NULL, "list"));
    json_free(document);
}

static void what_is_written_can_be_read_again(void **state)
{
    (void)state;
    struct text text;
    struct fault fault = {0};
    text_init(&text, 1000);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "a", SPAN("quote \" back \\ line \n bad \xFF end \xC3\xA9"));
    json_open(&json, "list", '[');
    json_put_integer(&json, NULL, -5);
    json_put_bool(&json, NULL, true);
    json_put_null(&json, NULL);
    json_close(&json, ']');
    json_put_optional(&json, "none", SPAN(""));
    json_put_raw(&json, "raw", SPAN("{\"x\":1}"));
    json_close(&json, '}');
    assert_span(
        text_span(&text),
        "{\"a\":\"quote \\\" back \\\\ line \\u000a bad \xEF\xBF\xBD end \xC3\xA9\","
        "\"list\":[-5,true,null],\"none\":null,\"raw\":{\"x\":1}}");
    assert_int_equal(json_check(text_span(&text), &fault), OUTCOME_DONE);
    text_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_strict_json_is_refused_with_its_reason),
        cmocka_unit_test(every_prefix_of_a_document_is_refused),
        cmocka_unit_test(depth_and_keys_are_bounded),
        cmocka_unit_test(keys_that_were_made_to_collide_cost_no_more_than_others),
        cmocka_unit_test(values_are_found_by_path_and_type),
        cmocka_unit_test(what_is_written_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
