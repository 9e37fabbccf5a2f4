/* SPDX-License-Identifier: MIT
 * Settings from each source, and what is refused with file and line. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/settings.h"

static char path[64];

static enum outcome load(const char *file,
                         const char *set,
                         struct settings *settings,
                         struct fault *fault)
{
    snprintf(path, sizeof(path), "/tmp/tocsin-test-settings-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, strlen(file)), strlen(file));
    close(fd);
    const struct settings_options options = {.config = path,
                                             .sets = &set,
                                             .set_count = set ? 1 : 0};
    enum outcome outcome = settings_load(settings, SETTINGS_WORKER, &options, fault);
    unlink(path);
    return outcome;
}

#define KEYS "[seal]\nkeys_file = /dev/null\npii_keys_file = /dev/null\n"

static void later_sources_win(void **state)
{
    (void)state;
    struct settings settings;
    struct fault fault = {0};
    assert_int_equal(load(KEYS "[worker]\nslots = 8\n", NULL, &settings, &fault),
                     OUTCOME_DONE);
    assert_int_equal(settings.worker.slots, 8);
    assert_int_equal(settings.worker.beat_ms, 2000);
    assert_string_equal(settings.mail.tls, "none");
    settings_done(&settings);
    setenv("TOCSIN__WORKER__SLOTS", "16", 1);
    setenv("TOCSIN__MAIL__TLS", "starttls", 1);
    assert_int_equal(load(KEYS "[worker]\nslots = 8\n", NULL, &settings, &fault),
                     OUTCOME_DONE);
    assert_int_equal(settings.worker.slots, 16);
    assert_string_equal(settings.mail.tls, "starttls");
    settings_done(&settings);
    assert_int_equal(load(KEYS, "worker.slots=24", &settings, &fault), OUTCOME_DONE);
    assert_int_equal(settings.worker.slots, 24);
    settings_done(&settings);
    unsetenv("TOCSIN__WORKER__SLOTS");
    unsetenv("TOCSIN__MAIL__TLS");
}

static void what_is_wrong_is_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int line;
        const char *says;
    } cases[] = {
        {KEYS "[worker]\nslosts = 8\n", 5, "no setting slosts in [worker]"},
        {KEYS "[wrker]\nslots = 8\n", 5, "no setting slots in [wrker]"},
        {KEYS "[worker]\nslots = 0\n", 5, "whole number from 4 to 512"},
        {KEYS "[worker]\nslots = many\n", 5, "whole number from 4 to 512"},
        {KEYS "[mail]\n\n# comment\ntls = maybe\n", 7, "one of: none starttls implicit"},
        {KEYS "[stripe]\nlivemode = perhaps\n", 5, "true or false"},
        {KEYS "[stripe]\nsecret_key_file = /no/such\n", 5, "a readable file"},
        {KEYS "[worker]\nslots\n", 5, "neither"},
        {KEYS "[mail]\nhost = a\n  port = 26\n", 6, "begins without spaces"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings settings;
        struct fault fault = {0};
        char where[100];
        assert_int_equal(load(cases[i].file, NULL, &settings, &fault), OUTCOME_NEVER);
        snprintf(where, sizeof(where), "%s:%d: ", path, cases[i].line);
        assert_non_null(strstr(fault.text, where));
        assert_non_null(strstr(fault.text, cases[i].says));
    }
    struct settings settings;
    struct fault fault = {0};
    char long_line[400];
    snprintf(long_line, sizeof(long_line), KEYS "[mail]\nhost = %0300d\n", 1);
    assert_int_equal(load(long_line, NULL, &settings, &fault), OUTCOME_NEVER);
    assert_non_null(strstr(fault.text, "too long"));
    assert_int_equal(load(KEYS, "worker.slots", &settings, &fault), OUTCOME_NEVER);
    assert_int_equal(load(KEYS, "worker.nothing=1", &settings, &fault), OUTCOME_NEVER);
}

static void the_environment_may_not_name_what_is_no_setting(void **state)
{
    (void)state;
    struct settings settings;
    struct fault fault = {0};
    setenv("TOCSIN__WORKER__SLOTZ", "8", 1);
    assert_int_equal(load(KEYS, NULL, &settings, &fault), OUTCOME_NEVER);
    assert_non_null(strstr(fault.text, "TOCSIN__WORKER__SLOTZ"));
    unsetenv("TOCSIN__WORKER__SLOTZ");
}

static void a_value_of_any_length_is_refused_or_kept(void **state)
{
    (void)state;
    struct settings settings;
    struct fault fault = {0};
    static char value[100 * 1000];
    memset(value, 'x', sizeof(value) - 1);
    setenv("TOCSIN__MAIL__FROM_NAME", value, 1);
    assert_int_equal(load(KEYS, NULL, &settings, &fault), OUTCOME_NEVER);
    assert_non_null(strstr(fault.text, "mail.from_name is longer"));
    value[1000] = '\0';
    setenv("TOCSIN__MAIL__FROM_NAME", value, 1);
    assert_int_equal(load(KEYS, NULL, &settings, &fault), OUTCOME_DONE);
    assert_string_equal(settings.mail.from_name, value);
    settings_done(&settings);
    unsetenv("TOCSIN__MAIL__FROM_NAME");
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *said;
    } cases[] = {
        {KEYS "[worker]\nbeat_ms = 2000\ndead_after_ms = 3999\n",
         ":6: worker.dead_after"},
        {KEYS "[worker]\nlease_ms = 5000\nbeat_ms = 2501\n", ":5: worker.lease_ms"},
        {KEYS "[mail]\nusername = post\n", "mail.password_file"},
        {KEYS "[stripe]\ntotal_ms = 20000\n[worker]\nlease_ms = 20000\n",
         ":5: stripe.total_ms"},
        {KEYS "[mail]\ntotal_ms = 60000\n", ":5: mail.total_ms"},
        {"[seal]\nkeys_file =\npii_keys_file = /dev/null\n", "seal.keys_file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings settings;
        struct fault fault = {0};
        assert_int_equal(load(cases[i].file, NULL, &settings, &fault), OUTCOME_NEVER);
        if (!strstr(fault.text, cases[i].said)) {
            fail_msg("%s does not say %s", fault.text, cases[i].said);
        }
    }
}

static void a_file_of_another_program_need_not_be_readable(void **state)
{
    (void)state;
    struct settings settings;
    struct fault fault = {0};
    assert_int_equal(
        load(KEYS "[stripe]\nwebhook_secrets_file = /no/such\n", NULL, &settings, &fault),
        OUTCOME_DONE);
    settings_done(&settings);
}

static void the_described_file_says_the_defaults(void **state)
{
    (void)state;
    struct settings described;
    struct settings bare;
    struct fault fault = {0};
    struct text text;
    struct text plain;
    text_init(&text, 1 << 16);
    text_init(&plain, 1 << 16);
    settings_describe(&text);
    assert_false(text.full);
    /* With the comment marks of the settings taken off, it must load. */
    for (size_t i = 0; i < text.len; i++) {
        bool setting = text.at[i] == '#' && (i == 0 || text.at[i - 1] == '\n') &&
                       text.at[i + 1] != ' ';
        if (!setting) {
            text_add_char(&plain, text.at[i]);
        }
    }
    const char *keys = "seal.keys_file=/dev/null";
    setenv("TOCSIN__SEAL__PII_KEYS_FILE", "/dev/null", 1);
    assert_int_equal(load(plain.at, keys, &described, &fault), OUTCOME_DONE);
    assert_int_equal(load("", keys, &bare, &fault), OUTCOME_DONE);
    for (size_t i = 0; i < settings_table_count; i++) {
        struct text left;
        struct text right;
        text_init(&left, 1000);
        text_init(&right, 1000);
        settings_show(&described, &settings_table[i], &left);
        settings_show(&bare, &settings_table[i], &right);
        assert_true(span_equal(text_span(&left), text_span(&right)));
        text_done(&left);
        text_done(&right);
    }
    unsetenv("TOCSIN__SEAL__PII_KEYS_FILE");
    settings_done(&described);
    settings_done(&bare);
    text_done(&text);
    text_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(what_is_wrong_is_named_with_file_and_line),
        cmocka_unit_test(the_environment_may_not_name_what_is_no_setting),
        cmocka_unit_test(a_value_of_any_length_is_refused_or_kept),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_file_of_another_program_need_not_be_readable),
        cmocka_unit_test(the_described_file_says_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
