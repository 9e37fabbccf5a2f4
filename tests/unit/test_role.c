/* SPDX-License-Identifier: MIT
 * The four roles by their names, and which belong to an amicale. */
#include "common/model/role.h"

#include "tests/unit/cmocka_all.h"

static void each_role_is_found_by_its_name(void **state)
{
    (void)state;
    static const enum role roles[ROLE_COUNT] = {ROLE_POMPIER,
                                                ROLE_ADMIN,
                                                ROLE_VIEWER,
                                                ROLE_OPERATOR};
    unsigned set = 0;
    for (int i = 0; i < ROLE_COUNT; i++) {
        enum role found = ROLE_POMPIER;
        assert_true(role_find(span_of(role_name(roles[i])), &found));
        assert_int_equal(found, roles[i]);
        assert_int_equal(set & roles[i], 0); /* one bit each */
        set |= roles[i];
    }
}

static void other_names_are_no_role(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "Admin", "admin ", "pompiers", "root"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        enum role found = ROLE_VIEWER;
        assert_false(role_find(span_of(odd[i]), &found));
        assert_int_equal(found, ROLE_VIEWER);
    }
}

static void sellers_and_their_admins_belong_to_an_amicale(void **state)
{
    (void)state;
    assert_true(role_has_amicale(ROLE_POMPIER));
    assert_true(role_has_amicale(ROLE_ADMIN));
    assert_false(role_has_amicale(ROLE_VIEWER));
    assert_false(role_has_amicale(ROLE_OPERATOR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_is_found_by_its_name),
        cmocka_unit_test(other_names_are_no_role),
        cmocka_unit_test(sellers_and_their_admins_belong_to_an_amicale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
