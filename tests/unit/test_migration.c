/* SPDX-License-Identifier: MIT
 * Migration files taken apart, and the files that this program carries. */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "ctl/migration.h"

static struct migration file_of(const char *sql)
{
    return (struct migration){1, "0001_test", sql, strlen(sql)};
}

static void statements_end_at_semicolons_outside_quotes_and_comments(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int count;
        const char *statements[3];
    } cases[] = {
        {"", 0, {0}},
        {" \n -- nothing\n# here\n/* at; all */", 0, {0}},
        {"A", 1, {"A"}},
        {"A;", 1, {"A"}},
        {"A;B", 2, {"A", "B"}},
        {"-- one; two\nA;\n/* ; */ B ;", 2, {"A", "B "}},
        {"S 'a;b'; T", 2, {"S 'a;b'", "T"}},
        {"S 'it''s;'; T", 2, {"S 'it''s;'", "T"}},
        {"S 'a\\';b'; T", 2, {"S 'a\\';b'", "T"}},
        {"S \"x;\\\"\"; T", 2, {"S \"x;\\\"\"", "T"}},
        {"S `a;\\`; T", 2, {"S `a;\\`", "T"}},
        {"S -- why; so\n 1; T", 2, {"S -- why; so\n 1", "T"}},
        {"S 1--2; T", 2, {"S 1--2", "T"}},
        {"S /* ; */ 1; T # x;\n; U", 3, {"S /* ; */ 1", "T # x;\n", "U"}},
        {"S 'never closed; T", 1, {"S 'never closed; T"}},
        {"S /* never closed; T", 1, {"S /* never closed; T"}},
        {";;A", 3, {"", "", "A"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct migration file = file_of(cases[i].sql);
        assert_int_equal(migration_statements(&file), cases[i].count);
        for (int n = 0; n < cases[i].count; n++) {
            struct span statement = migration_statement(&file, n + 1);
            assert_true(span_is(statement, cases[i].statements[n]));
        }
    }
}

static void only_statements_that_change_rows_can_share_a_transaction(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool rows;
    } cases[] = {
        {"INSERT INTO t VALUES (1)", true},
        {"update t set a = 1", true},
        {"DELETE\nFROM t", true},
        {"REPLACE INTO t VALUES (1)", true},
        {"CREATE TABLE inserts (a INT)", false},
        {"ALTER TABLE t ADD b INT", false},
        {"INSERTED", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(migration_is_rows(span_of(cases[i].sql)), cases[i].rows);
    }
}

static void what_is_done_of_a_file_has_a_checksum_of_its_own(void **state)
{
    (void)state;
    struct migration before = file_of("CREATE a; CREATE b; CREATE c;");
    struct migration mended = file_of("CREATE a; -- note\nCREATE b2; CREATE c;");
    char one[DIGEST_HEX_BYTES];
    char two[DIGEST_HEX_BYTES];
    for (int n = 0; n <= 3; n++) {
        migration_done_checksum(&before, n, one);
        migration_done_checksum(&mended, n, two);
        assert_int_equal(strcmp(one, two) == 0, n < 2);
    }
    migration_checksum(&before, one);
    migration_checksum(&mended, two);
    assert_string_not_equal(one, two);
}

static void the_files_are_numbered_without_gaps(void **state)
{
    (void)state;
    assert_true(migrations_count > 0);
    for (size_t i = 0; i < migrations_count; i++) {
        assert_int_equal(migrations[i].version, i + 1);
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "%04zu_", i + 1);
        assert_true(span_starts(span_of(migrations[i].name), prefix));
        assert_true(migration_statements(&migrations[i]) > 0);
        assert_int_equal(strlen(migrations[i].sql), migrations[i].sql_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_semicolons_outside_quotes_and_comments),
        cmocka_unit_test(only_statements_that_change_rows_can_share_a_transaction),
        cmocka_unit_test(what_is_done_of_a_file_has_a_checksum_of_its_own),
        cmocka_unit_test(the_files_are_numbered_without_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
