/* SPDX-License-Identifier: MIT
 * Names of offline sales in order, and when two sales of one name differ. */
#include "tests/unit/cmocka_all.h"

#include "common/model/sale.h"
#include "worker/sync_conflict.h"
#include "worker/sync_rows.h"

static void names_are_ordered_by_pompier_then_by_local_id(void **state)
{
    (void)state;
    static const struct sale ordered[] = {
        {.pompier_id = 2, .local_id = {"b", 1}},
        {.pompier_id = 11, .local_id = {"A", 1}},
        {.pompier_id = 11, .local_id = {"a", 1}},
        {.pompier_id = 11, .local_id = {"a-1", 3}},
        {.pompier_id = 11, .local_id = {"a-10", 4}},
        {.pompier_id = 11, .local_id = {"a-2", 3}},
        {.pompier_id = 12, .local_id = {"0", 1}},
    };
    int count = sizeof(ordered) / sizeof(ordered[0]);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            int order = sync_rows_order(&ordered[i], &ordered[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

static void a_sale_differs_by_method_then_currency_then_amount(void **state)
{
    (void)state;
    static const struct {
        enum sale_method method;
        int64_t amount_minor;
        struct sync_row row;
        const char *kind; /* NULL: the same sale */
    } cases[] = {
        {SALE_CASH, 1000, {.amount_minor = 1000, .method = {"cash", 4}}, NULL},
        {SALE_CARD, 1000, {.amount_minor = 1000, .method = {"card", 4}}, NULL},
        {SALE_CASH, 1001, {.amount_minor = 1000, .method = {"cash", 4}}, "other_amount"},
        {SALE_CASH, 1000, {.amount_minor = 1000, .method = {"card", 4}}, "other_method"},
        {SALE_CASH, 999, {.amount_minor = 1000, .method = {"cheque", 6}}, "other_method"},
        {SALE_CARD,
         999,
         {.amount_minor = 1000, .method = {"card", 4}, .currency = {"usd", 3}},
         "other_currency"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sale sale = {.method = cases[i].method,
                            .amount_minor = cases[i].amount_minor};
        struct sync_row row = cases[i].row;
        row.currency = row.currency.len > 0 ? row.currency : SPAN("eur");
        const char *kind = sync_conflict_kind(&sale, &row);
        assert_int_equal(kind == NULL, cases[i].kind == NULL);
        if (kind) {
            assert_string_equal(kind, cases[i].kind);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_ordered_by_pompier_then_by_local_id),
        cmocka_unit_test(a_sale_differs_by_method_then_currency_then_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
