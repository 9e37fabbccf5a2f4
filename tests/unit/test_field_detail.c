/* SPDX-License-Identifier: MIT
 * What is wrong with a field, told with the rule that it breaks. */
#include "api/field_detail.h"

#include "api/fields.h"
#include "tests/unit/cmocka_all.h"

static void the_rule_is_told_in_both_languages(void **state)
{
    (void)state;
    static const struct {
        struct field_rule rule;
        enum field_code code;
        const char *french, *english;
    } cases[] = {
        {{"amount", FIELD_IS_INTEGER, true, 100, 50000, NULL},
         FIELD_TOO_SMALL,
         "Au moins 100.",
         "At least 100."},
        {{"amount", FIELD_IS_INTEGER, true, 100, 50000, NULL},
         FIELD_TOO_LARGE,
         "Au plus 50000.",
         "At most 50000."},
        {{"amount", FIELD_IS_INTEGER, true, 100, 50000, NULL},
         FIELD_WRONG_TYPE,
         "Un nombre entier est attendu.",
         "A whole number is wanted."},
        {{"label", FIELD_IS_TEXT, false, 1, 64, NULL},
         FIELD_TOO_LONG,
         "Au plus 64 octets.",
         "At most 64 bytes."},
        {{"label", FIELD_IS_TEXT, false, 1, 64, NULL},
         FIELD_WRONG_TYPE,
         "Un texte est attendu.",
         "A text is wanted."},
        {{"capture_method", FIELD_IS_CHOICE, false, 0, 0, "automatic manual"},
         FIELD_NOT_A_CHOICE,
         "Au choix : automatic, manual.",
         "One of automatic, manual."},
        {{"from", FIELD_IS_DAY, false, 0, 0, NULL},
         FIELD_BAD_FORMAT,
         "Un jour qui existe, donné une seule fois, AAAA-MM-JJ.",
         "A day that exists, once, as YYYY-MM-DD."},
        {{"email", FIELD_IS_EMAIL, true, 0, 254, NULL},
         FIELD_BAD_FORMAT,
         "Une adresse e-mail est attendue.",
         "An e-mail address is wanted."},
        {{"email", FIELD_IS_EMAIL, true, 0, 254, NULL}, FIELD_MISSING, "", ""},
    };
    struct arena arena;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int english = 0; english < 2; english++) {
            struct span told =
                field_detail(&cases[i].rule, cases[i].code, english, &arena);
            const char *wanted = english ? cases[i].english : cases[i].french;
            if (!span_is(told, wanted)) {
                fail_msg("%.*s is not %s", SPAN_ARGS(told), wanted);
            }
        }
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_is_told_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
