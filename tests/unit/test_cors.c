/* SPDX-License-Identifier: MIT
 * Which origins may be named, and which pages are let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/cors.h"
#include "api/http.h"

static void only_origins_as_a_browser_writes_them_can_be_named(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        const char *why; /* NULL: good */
    } rows[] = {
        {"", NULL},
        {"https://admin.example.org", NULL},
        {"https://admin.example.org:8443  http://localhost:3000", NULL},
        {"http://127.0.0.1:5173", NULL},
        {"https://[2001:db8::1]", NULL},
        {"https://[2001:db8::1]:8443", NULL},
        {"*", "name the origins"},
        {"null", "name the origins"},
        {"https://*.example.org", "no host in lower case"},
        {"https://admin.example.org/", "something behind it"},
        {"https://admin.example.org/path", "something behind it"},
        {"https://Admin.example.org", "no host in lower case"},
        {"https://", "no host"},
        {"https://:8443", "no host"},
        {"https://user@example.org", "no host"},
        {"admin.example.org", "does not begin with https://"},
        {"HTTPS://admin.example.org", "does not begin with https://"},
        {"ftp://admin.example.org", "does not begin with https://"},
        {"https://admin.example.org:443", "leaves out"},
        {"http://admin.example.org:80", "leaves out"},
        {"https://admin.example.org:0443", "no good port"},
        {"https://admin.example.org:65536", "no good port"},
        {"https://admin.example.org:", "no good port"},
        {"https://admin.example.org:port", "no good port"},
        {"https://[2001:db8::1", "no host"},
        {"https://a.example\r\nX: y", "no host"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cors cors;
        struct fault fault = {.text = ""};
        enum outcome outcome = cors_open(span_of(rows[i].words), &cors, &fault);
        if (outcome != (rows[i].why ? OUTCOME_NEVER : OUTCOME_DONE) ||
            (rows[i].why && !strstr(fault.text, rows[i].why))) {
            fail_msg("%s: %s", rows[i].words, fault.text);
        }
        if (outcome == OUTCOME_DONE) {
            cors_close(&cors);
        }
    }
}

static void an_origin_must_be_the_same_to_the_last_byte(void **state)
{
    (void)state;
    struct cors cors;
    struct fault fault;
    assert_int_equal(
        cors_open(SPAN("https://a.example http://b.example:3000"), &cors, &fault),
        OUTCOME_DONE);
    assert_true(cors_allows(&cors, SPAN("https://a.example")));
    assert_true(cors_allows(&cors, SPAN("http://b.example:3000")));
    static const char *const others[] = {"",
                                         "null",
                                         "http://a.example",
                                         "https://a.example:8443",
                                         "https://a.example.evil.example",
                                         "https://evil-a.example",
                                         "https://A.example",
                                         "http://b.example"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(cors_allows(&cors, span_of(others[i])));
        assert_true(span_is(cors_lines(&cors, span_of(others[i])), "Vary: Origin\r\n"));
    }
    struct span lines = cors_lines(&cors, SPAN("http://b.example:3000"));
    assert_true(span_starts(
        lines,
        "Access-Control-Allow-Origin: http://b.example:3000\r\nAccess-Control-"));
    assert_true(memmem(lines.at, lines.len, "\r\nVary: Origin\r\n", 16) != NULL);
    cors_close(&cors);
    cors_close(&cors);
}

static void a_preflight_names_methods_and_headers(void **state)
{
    (void)state;
    struct text out;
    text_init(&out, 1024);
    cors_write_preflight(&out, 1u << HTTP_GET | 1u << HTTP_POST);
    assert_true(
        span_starts(text_span(&out), "Access-Control-Allow-Methods: GET, POST\r\n"));
    assert_non_null(strstr(out.at, "Idempotency-Key"));
    assert_non_null(strstr(out.at, "Access-Control-Max-Age: 7200\r\n"));
    text_done(&out);
}

static void more_origins_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    struct cors cors;
    struct fault fault;
    struct text words;
    text_init(&words, 4096);
    for (int i = 0; i <= CORS_ORIGINS_MOST; i++) {
        text_addf(&words, "https://host%d.example ", i);
    }
    assert_int_equal(cors_open(text_span(&words), &cors, &fault), OUTCOME_NEVER);
    text_done(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_origins_as_a_browser_writes_them_can_be_named),
        cmocka_unit_test(an_origin_must_be_the_same_to_the_last_byte),
        cmocka_unit_test(a_preflight_names_methods_and_headers),
        cmocka_unit_test(more_origins_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
