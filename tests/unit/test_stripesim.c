/* SPDX-License-Identifier: MIT
 * The simulator's own tools: forms, the map, the layout of its JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/stripesim/form.h"
#include "tests/stripesim/map.h"
#include "tests/stripesim/pretty.h"

enum { CEILING_BYTES = 4 * 1024 * 1024 };

struct fixture {
    struct arena arena;
    struct form form;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    arena_init(&fixture.arena, CEILING_BYTES);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    arena_done(&((struct fixture *)*state)->arena);
    return 0;
}

static enum outcome decode(struct fixture *fixture, const char *text)
{
    struct fault fault;
    return form_decode(&fixture->form, span_of(text), &fixture->arena, &fault);
}

static void assert_value(const struct fixture *fixture,
                         const char *name,
                         const char *value)
{
    const struct form_entry *entry = form_find(&fixture->form, name);
    assert_non_null(entry);
    assert_true(span_is(entry->value, value));
}

static void names_keep_their_brackets(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(decode(fixture, "amount=100&a[b]=c&a%5Bd%5D[e]=f&list[0]=x"),
                     OUTCOME_DONE);
    assert_int_equal(fixture->form.count, 4);
    assert_value(fixture, "amount", "100");
    assert_value(fixture, "a[b]", "c");
    assert_value(fixture, "a[d][e]", "f");
    assert_value(fixture, "list[0]", "x");
    assert_null(form_find(&fixture->form, "a"));
}

static void escapes_and_plus_become_bytes(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(decode(fixture, "nom=Zo%C3%A9+du+%e2%82%AC%26%3D%2B"), OUTCOME_DONE);
    assert_value(fixture, "nom", "Zo\xC3\xA9 du \xE2\x82\xAC&=+");
}

static void a_missing_value_is_empty_and_empty_pairs_are_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(decode(fixture, "&a&b=&&c=1=2&"), OUTCOME_DONE);
    assert_int_equal(fixture->form.count, 3);
    assert_value(fixture, "a", "");
    assert_value(fixture, "b", "");
    assert_value(fixture, "c", "1=2");
}

static void the_last_of_equal_names_wins_but_pushes_add_up(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(decode(fixture, "a=1&list[]=x&a=2&list[]=y&list[]=x"), OUTCOME_DONE);
    assert_int_equal(fixture->form.count, 4);
    assert_value(fixture, "a", "2");
    size_t at = 0;
    struct span key;
    const char *const expected[] = {"x", "y", "x"};
    for (size_t i = 0; i < 3; i++) {
        const struct form_entry *entry = form_element(&fixture->form, "list", &at, &key);
        assert_non_null(entry);
        assert_true(span_is(entry->value, expected[i]));
        assert_int_equal(key.len, 0);
    }
    assert_null(form_element(&fixture->form, "list", &at, &key));
}

static void elements_tell_their_keys_and_only_their_own(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        decode(fixture, "metadata[a]=1&metadatax[b]=2&metadata[c]=3&metadata="),
        OUTCOME_DONE);
    size_t at = 0;
    struct span key;
    assert_non_null(form_element(&fixture->form, "metadata", &at, &key));
    assert_true(span_is(key, "a"));
    assert_non_null(form_element(&fixture->form, "metadata", &at, &key));
    assert_true(span_is(key, "c"));
    assert_null(form_element(&fixture->form, "metadata", &at, &key));
}

static void a_body_adds_to_the_query(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(decode(fixture, "a=1&b=1"), OUTCOME_DONE);
    assert_int_equal(decode(fixture, "b=2&c=2"), OUTCOME_DONE);
    assert_value(fixture, "a", "1");
    assert_value(fixture, "b", "2");
    assert_value(fixture, "c", "2");
}

static void what_is_no_form_is_refused(void **state)
{
    static const char *const bad[] = {
        "a=%",
        "a=%4",
        "a=%zz",
        "a=%00",
        "%00=a",
        "a=%C3",
        "a=%ED%A0%80",
        "=1",
        "[a]=1",
        "a[=1",
        "a]=1",
        "a[b=1",
        "a[b]c=1",
        "a[[b]]=1",
        "a[b][c][d][e][f][g][h][i][j]=1",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fixture->form = (struct form){0};
        if (decode(fixture, bad[i]) != OUTCOME_NEVER) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void more_parameters_than_the_bound_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct text text;
    text_init(&text, CEILING_BYTES);
    for (int i = 0; i < FORM_MOST_ENTRIES; i++) {
        text_addf(&text, "a%d=1&", i);
    }
    assert_int_equal(decode(fixture, text.at), OUTCOME_DONE);
    assert_int_equal(decode(fixture, "one_more=1"), OUTCOME_NEVER);
    text_done(&text);
}

static void patterns_fit_one_segment_or_many(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *pattern;
        bool fits;
    } cases[] = {
        {"amount", "amount", true},
        {"amounts", "amount", false},
        {"amount[a]", "amount", false},
        {"expand[]", "expand[*]", true},
        {"expand[0]", "expand[*]", true},
        {"expand[0][a]", "expand[*]", false},
        {"expand", "expand[*]", false},
        {"expanded[0]", "expand[*]", false},
        {"shipping[a]", "shipping[**]", true},
        {"shipping[a][b]", "shipping[**]", true},
        {"shipping", "shipping[**]", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (form_fits(span_of(cases[i].name), cases[i].pattern) != cases[i].fits) {
            fail_msg("%s and %s", cases[i].name, cases[i].pattern);
        }
    }
}

static void a_map_finds_what_was_put_and_not_what_was_dropped(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static char names[COUNT][16];
    struct map map;
    map_init(&map);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof(names[i]), "name_%d", i);
        map_put(&map, span_of(names[i]), names[i]);
    }
    for (int i = 0; i < COUNT; i += 3) {
        map_drop(&map, span_of(names[i]));
    }
    map_drop(&map, SPAN("name_of_nobody"));
    for (int i = 0; i < COUNT; i++) {
        void *expected = i % 3 == 0 ? NULL : names[i];
        assert_ptr_equal(map_find(&map, span_of(names[i])), expected);
    }
    map_done(&map);
}

static void json_is_laid_out_with_two_spaces(void **state)
{
    (void)state;
    struct text text;
    text_init(&text, 4096);
    pretty_add(
        &text,
        SPAN("{\"a\":[1,{\"b\":null}],\"c\":{},\"d\":[],\"e\":\"x,:{\\\"}\",\"f\":-1}"));
    assert_string_equal(text.at,
                        "{\n"
                        "  \"a\": [\n"
                        "    1,\n"
                        "    {\n"
                        "      \"b\": null\n"
                        "    }\n"
                        "  ],\n"
                        "  \"c\": {},\n"
                        "  \"d\": [],\n"
                        "  \"e\": \"x,:{\\\"}\",\n"
                        "  \"f\": -1\n"
                        "}");
    text_done(&text);
}

#define FORM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORM_TEST(names_keep_their_brackets),
        FORM_TEST(escapes_and_plus_become_bytes),
        FORM_TEST(a_missing_value_is_empty_and_empty_pairs_are_nothing),
        FORM_TEST(the_last_of_equal_names_wins_but_pushes_add_up),
        FORM_TEST(elements_tell_their_keys_and_only_their_own),
        FORM_TEST(a_body_adds_to_the_query),
        FORM_TEST(what_is_no_form_is_refused),
        FORM_TEST(more_parameters_than_the_bound_are_refused),
        FORM_TEST(patterns_fit_one_segment_or_many),
        cmocka_unit_test(a_map_finds_what_was_put_and_not_what_was_dropped),
        cmocka_unit_test(json_is_laid_out_with_two_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
