/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/model/money.h"

static void amounts_are_written_as_the_french_write_them(void **state)
{
    (void)state;
    static const struct {
        int64_t minor;
        const char *currency;
        const char *text;
    } cases[] = {
        {1234, "eur", "12,34 €"},
        {100, "eur", "1,00 €"},
        {5, "eur", "0,05 €"},
        {0, "eur", "0,00 €"},
        {-1234, "eur", "-12,34 €"},
        {123456, "eur", "1 234,56 €"},
        {123456789012, "eur", "1 234 567 890,12 €"},
        {99999, "eur", "999,99 €"},
        {1234, "chf", "12,34 CHF"},
        {1234, "jpy", "1 234 JPY"},
        {1234567, "tnd", "1 234,567 TND"},
        {1234, "e\r\nx", "12,34"},
        {1234, "EU\n", "12,34"},
        {1234, "", "12,34"},
        {INT64_MAX, "eur", "92 233 720 368 547 758,07 €"},
        {INT64_MIN, "eur", "-92 233 720 368 547 758,08 €"},
        {INT64_MIN, "jpy", "-9 223 372 036 854 775 808 JPY"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[MONEY_TEXT_BYTES];
        assert_string_equal(money_text(cases[i].minor, span_of(cases[i].currency), text),
                            cases[i].text);
    }
}

static void the_fee_is_the_larger_of_minimum_and_rounded_percentage(void **state)
{
    (void)state;
    static const struct {
        int64_t amount, bp, minimum, fee;
    } cases[] = {
        {50000, 0, 0, 0},
        {1000, 150, 0, 15},
        {1033, 150, 0, 15}, /* 15.495 */
        {1034, 150, 0, 16}, /* 15.51 */
        {100, 50, 0, 1}, /* 0.5 goes up */
        {99, 50, 0, 0}, /* 0.495 */
        {1000, 150, 50, 50}, /* the minimum */
        {10000, 150, 50, 150},
        {1000, 0, 25, 25},
        {100, 0, 500, 100}, /* never more than the amount */
        {0, 150, 50, 0},
        {INT64_MAX, 10000, 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(money_fee_minor(cases[i].amount, cases[i].bp, cases[i].minimum),
                         cases[i].fee);
    }
}

static void what_is_left_may_be_negative_but_never_overflows(void **state)
{
    (void)state;
    int64_t net = 7;
    assert_true(money_net_minor(1500, 500, 20, &net));
    assert_int_equal(net, 980);
    assert_true(money_net_minor(1500, 1500, 20, &net));
    assert_int_equal(net, -20);
    assert_false(money_net_minor(INT64_MIN, 1, 0, &net));
    assert_false(money_net_minor(INT64_MIN, 0, 1, &net));
    assert_int_equal(net, -20);
}

static void a_sum_that_does_not_fit_leaves_the_total_alone(void **state)
{
    (void)state;
    int64_t total = INT64_MAX - 1;
    assert_true(money_add(&total, 1));
    assert_false(money_add(&total, 1));
    assert_int_equal(total, INT64_MAX);
}

static void a_sale_is_from_one_to_500_euros(void **state)
{
    (void)state;
    assert_false(money_is_sale(99));
    assert_true(money_is_sale(100));
    assert_true(money_is_sale(50000));
    assert_false(money_is_sale(50001));
    assert_false(money_is_sale(-100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_written_as_the_french_write_them),
        cmocka_unit_test(the_fee_is_the_larger_of_minimum_and_rounded_percentage),
        cmocka_unit_test(what_is_left_may_be_negative_but_never_overflows),
        cmocka_unit_test(a_sum_that_does_not_fit_leaves_the_total_alone),
        cmocka_unit_test(a_sale_is_from_one_to_500_euros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
