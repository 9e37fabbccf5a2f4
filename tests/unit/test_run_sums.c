/* SPDX-License-Identifier: MIT
 * The sums of both sides, side by side. */
#include "tests/unit/cmocka_all.h"

#include "ctl/ctl.h"
#include "ctl/run_sums.h"

static void sums_stand_beside_each_other(void **state)
{
    (void)state;
    struct ctl ctl = {.json = false};
    struct run_sums sums;
    arena_init(&ctl.arena, 1 << 20);
    text_init(&ctl.out, 1 << 16);
    run_sums_init(&sums, &ctl);
    run_sums_add(&sums, 0, SPAN("{\"books\": {\"payments\": 0}, \"stripe\": {}}"));
    run_sums_add(&sums,
                 7,
                 SPAN("{\"books\": {\"payments\": 150000, \"refunds\": -500},"
                      " \"stripe\": {\"payments\": 148800, \"refunds\": -500}}"));
    run_sums_add(&sums, 8, SPAN("damaged"));
    run_sums_add(&sums, 9, SPAN(""));
    run_sums_print(&sums);
    assert_string_equal(ctl.out.at,
                        "AMICALE  SUM OF      BOOKS   STRIPE  DIFFERENCE\n"
                        "      7  payments  1500.00  1488.00      -12.00\n"
                        "      7  refunds     -5.00    -5.00           -\n"
                        "\n");
    text_done(&ctl.out);
    arena_done(&ctl.arena);
}

static void no_sums_are_no_table(void **state)
{
    (void)state;
    struct ctl ctl = {.json = false};
    struct run_sums sums;
    arena_init(&ctl.arena, 1 << 20);
    text_init(&ctl.out, 1 << 16);
    run_sums_init(&sums, &ctl);
    run_sums_print(&sums);
    assert_int_equal(ctl.out.len, 0);
    text_done(&ctl.out);
    arena_done(&ctl.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stand_beside_each_other),
        cmocka_unit_test(no_sums_are_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
