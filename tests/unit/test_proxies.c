/* SPDX-License-Identifier: MIT
 * Whom a request is counted as coming from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/http.h"
#include "api/proxies.h"

#define TRUSTED "10.0.0.0/8 192.0.2.7 2001:db8:1::/48 unix"

static struct proxies parsed(const char *words)
{
    struct proxies proxies;
    struct fault fault;
    assert_int_equal(proxies_parse(span_of(words), &proxies, &fault), OUTCOME_DONE);
    return proxies;
}

static struct address address_of(const char *text)
{
    struct address address;
    bool is_v4;
    assert_true(address_parse(span_of(text), &address, &is_v4));
    return address;
}

static void the_client_is_the_last_address_that_is_not_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *value; /* of X-Forwarded-For, from the peer 10.0.0.1 */
        const char *client;
        bool all_trusted;
    } rows[] = {
        {"", "10.0.0.1", true},
        {"203.0.113.9", "203.0.113.9", false},
        {"203.0.113.9, 10.1.2.3", "203.0.113.9", false},
        {"203.0.113.9,10.1.2.3 ,\t192.0.2.7", "203.0.113.9", false},
        {"198.51.100.1, 203.0.113.9", "203.0.113.9", false},
        {"198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9", false},
        {"10.0.0.3, 10.0.0.2", "10.0.0.3", true},
        {"2001:db8:2::5", "2001:db8:2::5", false},
        {"2001:db8:2::5, 2001:db8:1::1", "2001:db8:2::5", false},
        {"[2001:db8:2::5]", "2001:db8:2::5", false},
        {"[2001:db8:2::5]:4711", "2001:db8:2::5", false},
        {"203.0.113.9:4711", "203.0.113.9", false},
        {"::ffff:203.0.113.9", "203.0.113.9", false},
        /* What is malformed ends the walk at the last good one. */
        {"203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", false},
        {"203.0.113.9, , 10.0.0.2", "10.0.0.2", false},
        {"203.0.113.9, 10.0.0.2,", "10.0.0.1", false},
        {"unknown", "10.0.0.1", false},
        {"203.0.113.999", "10.0.0.1", false},
        {"203.0.113.9 10.0.0.2", "10.0.0.1", false},
        {"unix:", "10.0.0.1", false},
        {"_hidden, 10.0.0.2", "10.0.0.2", false},
        {"203.0.113.9:", "10.0.0.1", false},
        {"203.0.113.9:port", "10.0.0.1", false},
        {"203.0.113.9:65536", "10.0.0.1", false},
        {"203.0.113.9:-1", "10.0.0.1", false},
        {"[203.0.113.9]", "10.0.0.1", false},
        {"[2001:db8:2::5", "10.0.0.1", false},
        {"[2001:db8:2::5]x", "10.0.0.1", false},
        {"[]", "10.0.0.1", false},
        {"for=203.0.113.9", "10.0.0.1", false},
    };
    struct proxies proxies = parsed(TRUSTED);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address client = address_of("10.0.0.1");
        struct address wanted = address_of(rows[i].client);
        bool all = proxies_walk(&proxies, span_of(rows[i].value), &client);
        if (all != rows[i].all_trusted ||
            memcmp(client.bytes, wanted.bytes, sizeof(client.bytes)) != 0) {
            fail_msg("\"%s\" is not %s", rows[i].value, rows[i].client);
        }
    }
}

static void only_those_named_are_trusted(void **state)
{
    (void)state;
    struct proxies proxies = parsed(TRUSTED);
    struct proxies without = parsed("10.0.0.0/8");
    struct proxies none = parsed("");
    struct address inside = address_of("10.255.0.1");
    struct address outside = address_of("11.0.0.1");
    struct address local = {.is_local = true};
    assert_true(proxies_trust(&proxies, &inside));
    assert_false(proxies_trust(&proxies, &outside));
    assert_true(proxies_trust(&proxies, &local));
    assert_false(proxies_trust(&without, &local));
    assert_false(proxies_trust(&none, &local));
    assert_false(proxies_trust(&none, &inside));
}

static void a_word_that_is_no_network_is_refused(void **state)
{
    (void)state;
    struct proxies proxies;
    struct fault fault;
    static const char *const wrong[] = {"nginx", "10.0.0.0/33", "unix:/run/x", "10.0.0"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(proxies_parse(span_of(wrong[i]), &proxies, &fault),
                         OUTCOME_NEVER);
        assert_non_null(strstr(fault.text, wrong[i]));
    }
}

/* The header lines of a request from 10.0.0.1, over HTTP. */
static void look(const char *lines, struct address *client, bool *secure)
{
    char buffer[1024];
    struct http_request http;
    static const struct http_limits limits = {1024, 1024, 1024};
    struct proxies proxies = parsed(TRUSTED);
    int written =
        snprintf(buffer, sizeof(buffer), "GET / HTTP/1.1\r\nHost: t\r\n%s\r\n", lines);
    size_t len = (size_t)written;
    http_begin(&http, &limits);
    while (http_read(&http, buffer, &len) == HTTP_HEADED) {
    }
    assert_int_equal(http.stage, HTTP_STAGE_WHOLE);
    *client = address_of("10.0.0.1");
    *secure = false;
    proxies_read(&proxies, &http, buffer, client, secure);
}

static void several_lines_count_as_one_list(void **state)
{
    (void)state;
    struct address client;
    struct address wanted = address_of("203.0.113.9");
    bool secure;
    look("X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 203.0.113.9, 10.0.0.3\r\n"
         "X-Forwarded-For: 10.0.0.2\r\n",
         &client,
         &secure);
    assert_memory_equal(client.bytes, wanted.bytes, sizeof(client.bytes));
    assert_false(secure);
    look("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: unknown\r\n",
         &client,
         &secure);
    wanted = address_of("10.0.0.1");
    assert_memory_equal(client.bytes, wanted.bytes, sizeof(client.bytes));
}

static void https_must_be_said_once_and_alone(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool secure;
    } rows[] = {
        {"X-Forwarded-Proto: https\r\n", true},
        {"X-Forwarded-Proto: HTTPS\r\n", true},
        {"X-Forwarded-Proto: http\r\n", false},
        {"X-Forwarded-Proto: https, http\r\n", false},
        {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", false},
        {"X-Forwarded-Proto:\r\n", false},
        {"Forwarded: for=203.0.113.9;proto=https\r\n", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address client;
        bool secure;
        look(rows[i].lines, &client, &secure);
        if (secure != rows[i].secure) {
            fail_msg("%s", rows[i].lines);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_last_address_that_is_not_trusted),
        cmocka_unit_test(only_those_named_are_trusted),
        cmocka_unit_test(a_word_that_is_no_network_is_refused),
        cmocka_unit_test(several_lines_count_as_one_list),
        cmocka_unit_test(https_must_be_said_once_and_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
