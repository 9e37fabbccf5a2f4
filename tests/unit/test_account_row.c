/* SPDX-License-Identifier: MIT
 * An account's row as callers are shown it. */
#include "tests/unit/cmocka_all.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/link/account_row.h"
#include "common/link/mariadb.h"

static void assert_status(const struct sql_value *values, const char *expected)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct sql_rows rows = {.values = values, .columns = 7, .count = 1};
    struct span status = account_row_status(&rows, &arena);
    assert_int_equal(status.len, strlen(expected));
    assert_memory_equal(status.at, expected, status.len);
    arena_done(&arena);
}

static void a_whole_row_is_shown_with_stripes_requirements_as_they_stand(void **state)
{
    (void)state;
    const struct sql_value values[] = {
        SQL_I64(7),
        SQL_STRING("acct_1"),
        SQL_I64(1),
        SQL_I64(0),
        SQL_I64(1),
        SQL_STRING("{\"currently_due\":[\"external_account\"]}"),
        SQL_STRING("2026-11-22 10:05:00.123"),
    };
    assert_status(values,
                  "{\"amicale_id\":7,\"stripe_account_id\":\"acct_1\","
                  "\"charges_enabled\":true,\"payouts_enabled\":false,"
                  "\"onboarding_completed\":true,"
                  "\"requirements\":{\"currently_due\":[\"external_account\"]},"
                  "\"synced_at\":\"2026-11-22T10:05:00.123Z\"}");
}

static void what_nobody_knows_is_null(void **state)
{
    (void)state;
    const struct sql_value values[] = {
        SQL_NOTHING,
        SQL_STRING("acct_1"),
        SQL_I64(0),
        SQL_I64(0),
        SQL_I64(0),
        SQL_NOTHING,
        SQL_NOTHING,
    };
    assert_status(values,
                  "{\"amicale_id\":null,\"stripe_account_id\":\"acct_1\","
                  "\"charges_enabled\":false,\"payouts_enabled\":false,"
                  "\"onboarding_completed\":false,\"requirements\":null,"
                  "\"synced_at\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_row_is_shown_with_stripes_requirements_as_they_stand),
        cmocka_unit_test(what_nobody_knows_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
