/* SPDX-License-Identifier: MIT
 * How far something has come, as a bar. */
#include "tests/unit/cmocka_all.h"

#include "ctl/progress.h"

static void a_bar_fills_as_parts_are_done(void **state)
{
    (void)state;
    static const struct {
        int64_t done, total;
        const char *bar;
    } cases[] = {
        {0, 0, "[........................................]  0 of 0 parts"},
        {0, 3, "[........................................]  0 of 3 parts"},
        {1, 2, "[####################....................]  1 of 2 parts"},
        {2, 3, "[##########################..............]  2 of 3 parts"},
        {999, 1000, "[#######################################.]  999 of 1000 parts"},
        {3, 3, "[########################################]  3 of 3 parts"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text bar;
        text_init(&bar, 200);
        progress_bar("parts", cases[i].done, cases[i].total, &bar);
        assert_string_equal(bar.at, cases[i].bar);
        text_done(&bar);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_fills_as_parts_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
