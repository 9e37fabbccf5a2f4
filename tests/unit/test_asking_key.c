/* SPDX-License-Identifier: MIT
 * Which keys are good, and which requests are the same under one. */
#include "api/asking_key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/request.h"
#include "api/session.h"
#include "common/base/seal.h"
#include "common/model/ask.h"
#include "common/model/job.h"
#include "tests/unit/cmocka_all.h"

static struct door door;
static struct loop loop = {.door = &door};
static struct session session = {.user_id = 7};
static const struct route refund = {.name = "payment_refund"};
static const struct route capture = {.name = "payment_capture"};
static struct request request;

static int set_up(void **state)
{
    (void)state;
    static const char keys[] = "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
                               "index ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n";
    char path[] = "/tmp/tocsin-ring-XXXXXX";
    struct fault fault;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, keys, sizeof(keys) - 1), sizeof(keys) - 1);
    close(fd);
    assert_int_equal(seal_open(path, &door.ring, &fault), OUTCOME_DONE);
    unlink(path);
    request = (struct request){.loop = &loop, .route = &refund, .session = &session};
    arena_init(&request.arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&request.arena);
    seal_close(door.ring);
    return 0;
}

static struct span name_of(const char *kind, const char *key, int round)
{
    return asking_key_name(&request, kind_find(span_of(kind)), span_of(key), round);
}

static struct span mac_of(const struct route *route,
                          const char *first,
                          const char *second,
                          const char *body)
{
    request.route = route;
    request.params[0] = span_of(first);
    request.params[1] = span_of(second);
    return asking_key_mac(&request, span_of(body));
}

static void keys_are_visible_ascii_of_bounded_length(void **state)
{
    (void)state;
    char longest[ASKING_KEY_BYTES + 2];
    memset(longest, 'x', sizeof(longest));
    assert_true(asking_key_is_valid((struct span){longest, ASKING_KEY_BYTES}));
    assert_false(asking_key_is_valid((struct span){longest, ASKING_KEY_BYTES + 1}));
    static const char *const good[] = {"a", "!", "~", "\"quoted\"", "a-b_c.d:e/f|g"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(asking_key_is_valid(span_of(good[i])));
    }
    static const char *const bad[] =
        {"", " ", "a b", "a\tb", "a\x7f", "\xc3\xa9", "\x1f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(asking_key_is_valid(span_of(bad[i])));
    }
    assert_false(asking_key_is_valid((struct span){"a\0b", 3}));
}

static void one_key_of_one_user_and_kind_is_one_name(void **state)
{
    (void)state;
    struct span name = name_of("payment.refund", "k", 0);
    assert_true(job_id_is_valid(name));
    assert_true(span_starts(name, "payment.refund:7:"));
    assert_int_equal(name.len, strlen("payment.refund:7:") + 32);
    assert_int_equal(ask_owner(name), 7);
    assert_true(span_equal(name, name_of("payment.refund", "k", 0)));
    assert_false(span_equal(name, name_of("payment.refund", "K", 0)));
    assert_false(span_equal(name, name_of("payment.void", "k", 0)));
    assert_false(span_equal(name, name_of("payment.refund", "k", 1)));
    assert_false(
        span_equal(name_of("payment.refund", "k", 2), name_of("payment.refund", "k", 1)));
    session.user_id = 8;
    assert_false(span_equal(name, name_of("payment.refund", "k", 0)));
    session.user_id = 7;
}

static void without_a_key_every_request_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_false(
        span_equal(name_of("payment.refund", "", 0), name_of("payment.refund", "", 0)));
    request.session = NULL;
    struct span nobody = name_of("session.login", "", 0);
    assert_true(span_starts(nobody, "session.login:-:"));
    assert_int_equal(ask_owner(nobody), 0);
}

static void the_mac_is_of_the_route_its_parameters_and_the_body(void **state)
{
    (void)state;
    struct span mac = mac_of(&refund, "pi_1", "", "{}");
    assert_int_equal(mac.len, 64);
    assert_true(span_equal(mac, mac_of(&refund, "pi_1", "", "{}")));
    assert_false(span_equal(mac, mac_of(&capture, "pi_1", "", "{}")));
    assert_false(span_equal(mac, mac_of(&refund, "pi_2", "", "{}")));
    assert_false(span_equal(mac, mac_of(&refund, "pi_1", "", "{ }")));
    /* What one part loses another does not gain. */
    assert_false(span_equal(mac, mac_of(&refund, "pi_", "1", "{}")));
    assert_false(span_equal(mac, mac_of(&refund, "", "pi_1", "{}")));
    assert_false(span_equal(mac, mac_of(&refund, "pi_1\n0:", "", "{}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_visible_ascii_of_bounded_length,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_key_of_one_user_and_kind_is_one_name,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_key_every_request_has_a_name_of_its_own,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_mac_is_of_the_route_its_parameters_and_the_body,
            set_up,
            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
