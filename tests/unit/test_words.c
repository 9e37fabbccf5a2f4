/* SPDX-License-Identifier: MIT
 * The command line taken apart. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "ctl/verbs.h"
#include "ctl/words.h"

enum { MOST = 16 };

/* The words after the program's name, separated by spaces. */
static bool read(const char *line, struct words *words, struct text *wrong)
{
    static char copy[512];
    char *argv[MOST] = {copy};
    int argc = 1;
    assert_true(strlen(line) < sizeof(copy));
    memcpy(copy, line, strlen(line) + 1);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < MOST);
        argv[argc++] = word;
    }
    text_init(wrong, 256);
    return words_read(words, argc, argv, wrong);
}

static void words_for_all_verbs_may_stand_anywhere(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--config F --json --set a.b=c job evt_1",
        "job --config F evt_1 --json --set a.b=c",
        "job evt_1 --json --config F --set a.b=c",
    };
    for (size_t i = 0; i < 3; i++) {
        struct words words;
        struct text wrong;
        assert_true(read(lines[i], &words, &wrong));
        assert_string_equal(words.verb->name, "job");
        assert_int_equal(words.own_count, 1);
        assert_string_equal(words.own[0], "evt_1");
        assert_string_equal(words.options.config, "F");
        assert_int_equal(words.options.set_count, 1);
        assert_string_equal(words.options.sets[0], "a.b=c");
        assert_true(words.json);
        text_done(&wrong);
    }
}

static void a_verb_may_stand_alone_and_before_another_word(void **state)
{
    (void)state;
    struct words words;
    struct text wrong;
    assert_true(read("findings --all", &words, &wrong));
    assert_string_equal(words.verb->name, "findings");
    text_done(&wrong);
    assert_true(read("findings close 3 --why x", &words, &wrong));
    assert_string_equal(words.verb->name, "findings close");
    assert_int_equal(words.own_count, 1);
    assert_string_equal(words.own[0], "3");
    text_done(&wrong);
    assert_false(read("findings 3", &words, &wrong));
    assert_string_equal(wrong.at, "findings wants no words");
    text_done(&wrong);
}

static void a_verb_of_two_words_is_one_verb(void **state)
{
    (void)state;
    struct words words;
    struct text wrong;
    assert_true(read("user add --role admin --amicale 7", &words, &wrong));
    assert_string_equal(words.verb->name, "user add");
    assert_int_equal(words.own_count, 0);
    for (size_t i = 0; words.verb->options[i].name; i++) {
        const char *name = words.verb->options[i].name;
        const char *expected = strcmp(name, "--role") == 0      ? "admin"
                               : strcmp(name, "--amicale") == 0 ? "7"
                                                                : NULL;
        if (expected) {
            assert_string_equal(words.given[i], expected);
        } else {
            assert_null(words.given[i]);
        }
    }
    text_done(&wrong);
}

static void words_that_make_no_sense_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *wrong;
    } cases[] = {
        {"fly", "there is no verb fly"},
        {"user", "user wants one of: add, import, list, disable, enable, password"},
        {"webhooks fly", "webhooks wants one of: setup, check"},
        {"job", "job wants ID"},
        {"job a b", "job wants ID"},
        {"lanes a", "lanes wants no words"},
        {"jobs --stat ready", "jobs has no option --stat"},
        {"jobs --state", "--state wants a value"},
        {"job evt_1 --config", "--config wants a value"},
        {"--frobnicate", "tocsin has no option --frobnicate"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct words words;
        struct text wrong;
        assert_false(read(cases[i].line, &words, &wrong));
        assert_string_equal(wrong.at, cases[i].wrong);
        text_done(&wrong);
    }
}

static void after_two_dashes_nothing_is_an_option(void **state)
{
    (void)state;
    struct words words;
    struct text wrong;
    assert_true(read("job -- --json", &words, &wrong));
    assert_string_equal(words.own[0], "--json");
    assert_false(words.json);
    text_done(&wrong);
}

static void help_is_of_the_verb_that_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *verb;
    } cases[] = {
        {"--help", NULL},
        {"help", NULL},
        {"help job", "job"},
        {"job --help", "job"},
        {"--help user add", "user add"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct words words;
        struct text wrong;
        assert_true(read(cases[i].line, &words, &wrong));
        assert_true(words.help);
        assert_int_equal(words.verb == NULL, cases[i].verb == NULL);
        if (words.verb) {
            assert_string_equal(words.verb->name, cases[i].verb);
        }
        text_done(&wrong);
    }
}

static void a_group_without_a_verb_lists_its_verbs(void **state)
{
    (void)state;
    static const char *const lines[] = {"help devices", "devices --help"};
    for (size_t i = 0; i < 2; i++) {
        struct words words;
        struct text wrong;
        struct text page;
        text_init(&page, 1 << 16);
        assert_true(read(lines[i], &words, &wrong));
        assert_null(words.verb);
        assert_string_equal(words.group, "devices");
        verbs_describe(words.group, &page);
        assert_non_null(strstr(page.at, "\n  devices add "));
        assert_null(strstr(page.at, "user add"));
        text_done(&page);
        text_done(&wrong);
    }
}

static void the_columns_of_help_line_up(void **state)
{
    (void)state;
    struct text page;
    size_t name_words;
    text_init(&page, 1 << 16);
    const struct verb *verb =
        verb_find((const char *const[]){"webhooks", "setup"}, 2, &name_words);
    verb_describe(verb, &page);
    assert_non_null(strstr(page.at, "  --platform-secret-file FILE where "));
    assert_non_null(strstr(page.at, "  --connect-secret-file FILE  where "));
    assert_non_null(strstr(page.at, "  --json                      answer "));
    text_done(&page);
}

static void help_fits_a_narrow_terminal(void **state)
{
    (void)state;
    struct text page;
    text_init(&page, 1 << 16);
    verbs_describe(NULL, &page);
    for (size_t i = 0; i < verbs_count; i++) {
        verb_describe(&verbs[i], &page);
        size_t options = 0;
        while (verbs[i].options[options].name) {
            options++;
        }
        assert_true(options <= CTL_MOST_OPTIONS);
    }
    struct span rest = text_span(&page);
    while (rest.len > 0) {
        assert_true(span_cut(rest, '\n', &rest).len <= CTL_COLUMNS);
    }
    text_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_for_all_verbs_may_stand_anywhere),
        cmocka_unit_test(a_verb_may_stand_alone_and_before_another_word),
        cmocka_unit_test(a_verb_of_two_words_is_one_verb),
        cmocka_unit_test(words_that_make_no_sense_are_told_apart),
        cmocka_unit_test(after_two_dashes_nothing_is_an_option),
        cmocka_unit_test(help_is_of_the_verb_that_is_named),
        cmocka_unit_test(a_group_without_a_verb_lists_its_verbs),
        cmocka_unit_test(the_columns_of_help_line_up),
        cmocka_unit_test(help_fits_a_narrow_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
