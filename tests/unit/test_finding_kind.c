/* SPDX-License-Identifier: MIT
 * The kinds of findings. */
#include "tests/unit/cmocka_all.h"

#include "ctl/finding_kind.h"

static void each_kind_stands_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < finding_kinds_count; i++) {
        assert_ptr_equal(finding_kind_find(span_of(finding_kinds[i].name)),
                         &finding_kinds[i]);
    }
    assert_null(finding_kind_find(SPAN("payment")));
    assert_null(finding_kind_find(SPAN("")));
}

static void what_closes_itself_says_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < finding_kinds_count; i++) {
        assert_int_equal(finding_kinds[i].closer == FINDING_BY_HAND,
                         finding_kinds[i].when == NULL);
    }
}

static void closers_have_names(void **state)
{
    (void)state;
    assert_string_equal(finding_closer_name(FINDING_BY_HAND), "hand");
    assert_string_equal(finding_closer_name(FINDING_BY_RUN), "reconciliation");
    assert_string_equal(finding_closer_name(FINDING_BY_WORKER), "worker");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_stands_once),
        cmocka_unit_test(what_closes_itself_says_when),
        cmocka_unit_test(closers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
