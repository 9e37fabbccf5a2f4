/* SPDX-License-Identifier: MIT
 * The kinds of the tests, one row each. */
#include "tests/worker/test_kinds.h"

#include <assert.h>

enum { SECOND = 1000, TEN_SECONDS = 10000, MINUTE = 60000 };

/* clang-format off: one row, one kind */
static const struct kind test_kinds[] = {
    {"test.noop", LANE_WEBHOOK, 5, 100, SECOND, TEN_SECONDS, 1, 0, "done at once"},
    {"test.sleep", LANE_WEBHOOK, 5, 100, SECOND, 300, 1, 0, "sleeps beyond its limit"},
    {"test.nap", LANE_WEBHOOK, 5, 100, SECOND, MINUTE, 1, 0, "sleeps within its limit"},
    {"test.fail", LANE_SYNC, 5, 100, 500, TEN_SECONDS, 1, 0, "ends as it is told to"},
    {"test.crash", LANE_WEBHOOK, 9, 100, 500, TEN_SECONDS, 1, 0, "kills the worker"},
    {"test.row", LANE_WEBHOOK, 9, 100, 500, TEN_SECONDS, 1, NEIGHBOUR_MARIADB, "one row"},
    {"test.group",
     LANE_SYNC,
     5,
     100,
     500,
     TEN_SECONDS,
     50,
     NEIGHBOUR_MARIADB,
     "a row each"},
    {"test.neighbour",
     LANE_MAIL,
     3,
     100,
     500,
     TEN_SECONDS,
     1,
     NEIGHBOUR_SMTP,
     "needs one"},
    {"test.live", LANE_LIVE, 5, 100, 500, MINUTE, 1, 0, "somebody waits for it"},
    {"test.answer", LANE_LIVE, 5, 100, 500, MINUTE, 1, 0, "answers as asked jobs do"},
};
/* clang-format on */

void test_kinds_fill(struct test_tables *tables)
{
    size_t more = sizeof(test_kinds) / sizeof(test_kinds[0]);
    assert(kinds_count + more <= TEST_KINDS_MOST);
    tables->kind_count = 0;
    for (size_t i = 0; i < kinds_count; i++) {
        tables->kinds[tables->kind_count++] = kinds[i];
    }
    for (size_t i = 0; i < more; i++) {
        tables->kinds[tables->kind_count++] = test_kinds[i];
    }
}
