/* SPDX-License-Identifier: MIT
 * The types that endpoints are registered for are those that the worker handles. */
#include <string.h>

#include "common/model/event_types.h"
#include "tests/unit/cmocka_all.h"
#include "worker/events.h"

static void every_handled_type_is_registered_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < event_types_count; i++) {
        bool found = false;
        for (size_t j = 0; j < event_types_handled_count; j++) {
            found =
                found || strcmp(event_types[i].type, event_types_handled[j].type) == 0;
        }
        if (!found) {
            fail_msg("%s is handled and not registered for", event_types[i].type);
        }
    }
}

static void every_type_registered_for_is_handled(void **state)
{
    (void)state;
    for (size_t i = 0; i < event_types_handled_count; i++) {
        const struct event_types_row *row = &event_types_handled[i];
        if (!event_type_find(span_of(row->type))) {
            fail_msg("%s is registered for and not handled", row->type);
        }
        assert_true(row->platform || row->connect);
    }
}

static void no_type_is_there_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < event_types_handled_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(event_types_handled[i].type,
                                    event_types_handled[j].type);
        }
    }
}

static void a_walk_lists_no_more_types_than_stripe_takes(void **state)
{
    (void)state;
    for (int walk = 0; walk < EVENT_WALK_COUNT; walk++) {
        size_t platform = 0;
        size_t connect = 0;
        for (size_t i = 0; i < event_types_handled_count; i++) {
            const struct event_types_row *row = &event_types_handled[i];
            if (row->walk == (enum event_walk)walk) {
                platform += row->platform;
                connect += row->connect;
            }
        }
        assert_true(platform <= EVENT_WALK_TYPES);
        assert_true(connect <= EVENT_WALK_TYPES);
        assert_true(platform + connect > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_handled_type_is_registered_for),
        cmocka_unit_test(every_type_registered_for_is_handled),
        cmocka_unit_test(no_type_is_there_twice),
        cmocka_unit_test(a_walk_lists_no_more_types_than_stripe_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
