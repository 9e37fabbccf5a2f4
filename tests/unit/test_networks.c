/* SPDX-License-Identifier: MIT
 * Lists of networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/networks.h"

static bool has(const char *words, const char *text)
{
    struct networks networks;
    struct address address;
    struct fault fault;
    bool is_v4;
    assert_int_equal(networks_parse(span_of(words), &networks, &fault), OUTCOME_DONE);
    assert_true(address_parse(span_of(text), &address, &is_v4));
    return networks_have(&networks, &address);
}

static void networks_have_their_addresses(void **state)
{
    (void)state;
    assert_true(has("127.0.0.0/8 ::1", "127.9.8.7"));
    assert_true(has("127.0.0.0/8 ::1", "::1"));
    assert_true(has("127.0.0.0/8", "::ffff:127.0.0.1"));
    assert_false(has("127.0.0.0/8 ::1", "128.0.0.1"));
    assert_false(has("127.0.0.0/8 ::1", "::2"));
    assert_true(has("10.1.2.128/25", "10.1.2.200"));
    assert_false(has("10.1.2.128/25", "10.1.2.100"));
    assert_true(has("  192.0.2.7  ", "192.0.2.7"));
    assert_false(has("192.0.2.7", "192.0.2.6"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("0.0.0.0/0", "8.8.8.8"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "8.8.8.8"));
    assert_false(has("", "127.0.0.1"));
}

static void a_unix_socket_is_always_let_in(void **state)
{
    (void)state;
    struct networks none = {.count = 0};
    struct address local = {.is_local = true};
    assert_true(networks_have(&none, &local));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost",
                                      "127.0.0.1/33",
                                      "::1/129",
                                      "127.0.0.1/",
                                      "127.0.0.1/-1",
                                      "127.0.0.1/8/8",
                                      "127.0.0.1,::1",
                                      "1.2.3",
                                      "/8"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct networks networks;
        struct fault fault;
        assert_int_equal(networks_parse(span_of(bad[i]), &networks, &fault),
                         OUTCOME_NEVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(a_unix_socket_is_always_let_in),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
