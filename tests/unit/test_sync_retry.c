/* SPDX-License-Identifier: MIT
 * When phones that are refused come back. */
#include "api/sync_retry.h"

#include "tests/unit/cmocka_all.h"

static void every_second_of_the_span_is_as_likely(void **state)
{
    (void)state;
    int seen[121] = {0};
    for (uint64_t random = 0; random < 81 * 5; random++) {
        int64_t wait_s = sync_retry_at(40, 1001, 1000, random);
        assert_in_range(wait_s, 40, 120);
        seen[wait_s]++;
    }
    for (int i = 40; i <= 120; i++) {
        assert_int_equal(seen[i], 5);
    }
}

static void a_longer_backlog_takes_longer(void **state)
{
    (void)state;
    static const struct {
        int64_t backlog;
        int64_t least_s;
        int64_t most_s;
    } cases[] = {{0, 30, 90},
                 {999, 30, 90},
                 {1999, 30, 90},
                 {2000, 60, 180},
                 {3500, 90, 270},
                 {4000, 120, 360},
                 {1000000, 120, 360}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t least_s = INT64_MAX;
        int64_t most_s = 0;
        for (uint64_t random = 0; random < 1000; random++) {
            int64_t wait_s = sync_retry_at(30, cases[i].backlog, 1000, random);
            least_s = wait_s < least_s ? wait_s : least_s;
            most_s = wait_s > most_s ? wait_s : most_s;
        }
        assert_int_equal(least_s, cases[i].least_s);
        assert_int_equal(most_s, cases[i].most_s);
    }
}

static void two_hundred_phones_come_back_apart(void **state)
{
    (void)state;
    int seen[91] = {0};
    int most = 0;
    for (int phone = 0; phone < 200; phone++) {
        int64_t wait_s = sync_retry_s(30, 0, 0);
        assert_in_range(wait_s, 30, 90);
        seen[wait_s]++;
        most = seen[wait_s] > most ? seen[wait_s] : most;
    }
    assert_true(most < 20); /* 3.3 a second; 20 is once in a billion runs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_of_the_span_is_as_likely),
        cmocka_unit_test(a_longer_backlog_takes_longer),
        cmocka_unit_test(two_hundred_phones_come_back_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
