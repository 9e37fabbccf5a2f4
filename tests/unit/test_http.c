/* SPDX-License-Identifier: MIT
 * The HTTP reader: what it takes, what it refuses, and that cuts make no difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz/http_feed.h"

static const struct http_limits limits = {1024, 256, 64};

/* Feeds whole, byte by byte, cut at every position, and in random pieces; all must agree.
 */
static struct text feed(struct span bytes)
{
    struct text whole;
    text_init(&whole, 1 << 20);
    http_feed(bytes, &limits, http_feed_all, NULL, &whole);
    for (size_t i = 0; i < bytes.len + 20; i++) {
        struct text other;
        size_t first = i;
        unsigned seed = (unsigned)i;
        text_init(&other, 1 << 20);
        if (i == 0) {
            http_feed(bytes, &limits, http_feed_one, NULL, &other);
        } else if (i < bytes.len) {
            http_feed(bytes, &limits, http_feed_cut, &first, &other);
        } else {
            http_feed(bytes, &limits, http_feed_random, &seed, &other);
        }
        assert_string_equal(whole.at, other.at);
        text_done(&other);
    }
    return whole;
}

static void gives(const char *bytes, const char *expected)
{
    struct text dump = feed(span_of(bytes));
    if (strcmp(dump.at, expected) != 0) {
        fail_msg("of:\n%s\nit made:\n%s\nnot:\n%s", bytes, dump.at, expected);
    }
    text_done(&dump);
}

static void refuses_bytes(struct span bytes, int status)
{
    struct text dump = feed(bytes);
    char expected[32];
    snprintf(expected, sizeof(expected), "refused %d ", status);
    if (strncmp(dump.at, expected, strlen(expected)) != 0) {
        fail_msg("of:\n%.*s\nit made:\n%s\nnot: %s", SPAN_ARGS(bytes), dump.at, expected);
    }
    text_done(&dump);
}

#define H "Host: a\r\n"

static void a_get_without_a_body_is_whole_at_its_empty_line(void **state)
{
    (void)state;
    gives(
        "GET /a/b?c=d&e HTTP/1.1\r\nHost: x.example:8080\r\nX-Thing: \t a  b \t\r\n\r\n",
        "GET 1.1 keep=1 expects=0 path=/a/b query=c=d&e\n  host=x.example:8080\n"
        "  x-thing=a  b\nbody=\nend\n");
}

static void a_body_with_a_length_is_taken(void **state)
{
    (void)state;
    gives("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe\r\nlo",
          "POST 1.1 keep=1 expects=0 path=/ query=\n  host=a\n  content-length=5\n"
          "body=he\r\nl\nunfinished\n");
}

static void requests_follow_one_another(void **state)
{
    (void)state;
    gives("POST /1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
          "GET /2 HTTP/1.1\r\n" H "\r\n\r\n"
          "POST /3 HTTP/1.1\r\n" H
          "Transfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n"
          "GET /4 HTTP/1.1\r\n" H "\r\nGET /5",
          "POST 1.1 keep=1 expects=0 path=/1 query=\n  host=a\n  "
          "content-length=3\nbody=abc\n"
          "GET 1.1 keep=1 expects=0 path=/2 query=\n  host=a\nbody=\n"
          "POST 1.1 keep=1 expects=0 path=/3 query=\n  host=a\n  "
          "transfer-encoding=chunked\n"
          "body=xy\n"
          "GET 1.1 keep=1 expects=0 path=/4 query=\n  host=a\nbody=\nunfinished\n");
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    gives(
        "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
        "4;a=\"b\"\r\nwiki\r\n00A\r\npedia in\r\n\r\n1\r\n.\r\n0;last\r\nX-Trailer: "
        "yes\r\n\r\n",
        "POST 1.1 keep=1 expects=0 path=/ query=\n  host=a\n  transfer-encoding=Chunked\n"
        "body=wikipedia in\r\n.\nend\n");
}

static void keeping_alive_follows_the_version_and_the_header(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool keep;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" H "\r\n", true},
        {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" H "Connection: x, CLOSE ,y\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" H "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text dump = feed(span_of(cases[i].head));
        assert_non_null(strstr(dump.at, cases[i].keep ? "keep=1" : "keep=0"));
        text_done(&dump);
    }
}

static void an_expectation_counts_when_a_body_comes(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *expected;
    } cases[] = {
        {"POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
         "expects=1"},
        {"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", "expects=0"},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
         "expects=0"},
        {"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", "refused 417"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text dump = feed(span_of(cases[i].head));
        assert_non_null(strstr(dump.at, cases[i].expected));
        text_done(&dump);
    }
}

static void a_proxys_target_loses_its_host(void **state)
{
    (void)state;
    gives("GET http://b.example:1/p?q HTTP/1.1\r\n" H "\r\n",
          "GET 1.1 keep=1 expects=0 path=/p query=q\n  host=a\nbody=\nend\n");
    gives("OPTIONS * HTTP/1.1\r\n" H "\r\n",
          "OPTIONS 1.1 keep=1 expects=0 path=* query=\n  host=a\nbody=\nend\n");
    gives("BREW /pot HTTP/1.1\r\n" H "\r\n",
          " 1.1 keep=1 expects=0 path=/pot query=\n  host=a\nbody=\nend\n");
}

static void one_empty_line_before_a_request_is_passed_over(void **state)
{
    (void)state;
    gives("\r\nGET / HTTP/1.1\r\n" H "\r\n",
          "GET 1.1 keep=1 expects=0 path=/ query=\n  host=a\nbody=\nend\n");
    refuses_bytes(SPAN("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400);
}

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
#define POST_ "POST / HTTP/1.1\r\n" H
#define CHUNKED POST_ "Transfer-Encoding: chunked\r\n\r\n"
    static const struct {
        struct span bytes;
        int status;
    } cases[] = {
        {SPAN(POST_ "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         400},
        {SPAN(POST_ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
         400},
        {SPAN(POST_ "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"), 400},
        {SPAN(POST_ "Content-Length: 1, 1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: +1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: -1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: 0x1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: 1 1\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length:\r\n\r\nx"), 400},
        {SPAN(POST_ "Content-Length: 99999999999999999999\r\n\r\nx"), 400},
        {SPAN(POST_ "Transfer-Encoding: gzip\r\n\r\n"), 501},
        {SPAN(POST_ "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
        {SPAN(POST_ "Transfer-Encoding: chunked, chunked\r\n\r\n"), 501},
        {SPAN(POST_ "Transfer-Encoding: identity\r\n\r\n"), 501},
        {SPAN(POST_ "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n"),
         400},
        {SPAN(POST_ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
         400},
        {SPAN("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H H "\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\n" H "\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n A: b\r\n" H "\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A : b\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A\t: b\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H ": b\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A(b): c\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\x01"
              "c\r\n\r\n"),
         400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n"), 400},
        {SPAN("GET / HTTP/1.1\r\n" H "A\0: b\r\n\r\n"), 400},
        {SPAN(CHUNKED "5\r\nhello0\r\n\r\n"), 400},
        {SPAN(CHUNKED "\r\nhello\r\n0\r\n\r\n"), 400},
        {SPAN(CHUNKED "g\r\n"), 400},
        {SPAN(CHUNKED "0x5\r\nhello\r\n"), 400},
        {SPAN(CHUNKED "-1\r\n"), 400},
        {SPAN(CHUNKED "+1\r\nx\r\n"), 400},
        {SPAN(CHUNKED "5 \r\nhello\r\n"), 400},
        {SPAN(CHUNKED " 5\r\nhello\r\n"), 400},
        {SPAN(CHUNKED "5\nhello\r\n"), 400},
        {SPAN(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400},
        {SPAN(CHUNKED "000000005\r\nhello\r\n"), 400},
        {SPAN(CHUNKED "1;a\rb\r\nx\r\n0\r\n\r\n"), 400},
        {SPAN(CHUNKED "0\r\nbad trailer\r\n\r\n"), 400},
        {SPAN(CHUNKED "0\r\n folded: x\r\n\r\n"), 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuses_bytes(cases[i].bytes, cases[i].status);
    }
}

static void request_lines_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct span line;
        int status;
    } cases[] = {
        {SPAN("GET /"), 400},
        {SPAN("GET  / HTTP/1.1"), 400},
        {SPAN("GET /  HTTP/1.1"), 400},
        {SPAN(" GET / HTTP/1.1"), 400},
        {SPAN("GET\t/\tHTTP/1.1"), 400},
        {SPAN("GET / HTTP/1.1 "), 400},
        {SPAN("GET / http/1.1"), 400},
        {SPAN("GET / HTTP/1.10"), 400},
        {SPAN("GET / HTTP/1"), 400},
        {SPAN("GET / HTTP/2.0"), 505},
        {SPAN("GET / HTTP/1.2"), 505},
        {SPAN("GET / HTTP/0.9"), 505},
        {SPAN("G@T / HTTP/1.1"), 400},
        {SPAN("GET a HTTP/1.1"), 400},
        {SPAN("GET * HTTP/1.1"), 400},
        {SPAN("GET /a\x80 HTTP/1.1"), 400},
        {SPAN("GET /a\0b HTTP/1.1"), 400},
        {SPAN("GET /%00 HTTP/1.1"), 400},
        {SPAN("GET /%4 HTTP/1.1"), 400},
        {SPAN("GET /%zz HTTP/1.1"), 400},
        {SPAN("GET /#f HTTP/1.1"), 400},
        {SPAN("GET http:///x HTTP/1.1"), 400},
        {SPAN("GET http://u@h/x HTTP/1.1"), 400},
        {SPAN("CONNECT a:443 HTTP/1.1"), 400},
        {SPAN("\x16\x03\x01\x02"), 400},
        {SPAN(""), 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char bytes[512];
        size_t len = cases[i].line.len;
        memcpy(bytes, cases[i].line.at, len);
        memcpy(bytes + len, "\r\n" H "\r\n", 13);
        if (len == 0) {
            memcpy(bytes, "\r\n\r\n", 4);
        }
        refuses_bytes((struct span){bytes, len == 0 ? 4 : len + 13}, cases[i].status);
    }
}

static void limits_hold_to_the_byte(void **state)
{
    (void)state;
    char bytes[4096];
    static const char end[] = "\r\n\r\n";
    /* The request line: 256 bytes with its CRLF. */
    for (size_t extra = 0; extra < 2; extra++) {
        memset(bytes, 'a', sizeof(bytes));
        memcpy(bytes, "GET /", 5);
        size_t line = 256 + extra;
        memcpy(bytes + line - 11, " HTTP/1.1\r\n", 11);
        memcpy(bytes + line, H "\r\n", 11);
        struct text dump = feed((struct span){bytes, line + 11});
        assert_int_equal(strncmp(dump.at, "refused 414", 11) == 0, extra == 1);
        text_done(&dump);
    }
    /* The whole head: 1,024 bytes. */
    for (size_t extra = 0; extra < 2; extra++) {
        memset(bytes, 'a', sizeof(bytes));
        memcpy(bytes, "GET / HTTP/1.1\r\n" H "A: ", 28);
        memcpy(bytes + 1020 + extra, end, 4);
        struct text dump = feed((struct span){bytes, 1024 + extra});
        assert_int_equal(strncmp(dump.at, "refused 431", 11) == 0, extra == 1);
        text_done(&dump);
    }
    /* Endless lines are refused without their end. */
    memset(bytes, 'a', sizeof(bytes));
    refuses_bytes((struct span){bytes, 300}, 414);
    /* The number of headers. */
    for (size_t count = HTTP_MOST_HEADERS; count <= HTTP_MOST_HEADERS + 1; count++) {
        size_t len = (size_t)snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\n" H);
        for (size_t i = 1; i < count; i++) {
            len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "a:b\r\n");
        }
        memcpy(bytes + len, "\r\n", 2);
        struct text dump = feed((struct span){bytes, len + 2});
        assert_int_equal(strncmp(dump.at, "refused 431", 11) == 0,
                         count > HTTP_MOST_HEADERS);
        text_done(&dump);
    }
}

static void a_body_over_the_limit_is_refused_before_it_comes(void **state)
{
    (void)state;
    refuses_bytes(SPAN(POST_ "Content-Length: 65\r\n\r\n"), 413);
    refuses_bytes(SPAN(POST_ "Content-Length: 9223372036854775807\r\n\r\n"), 413);
    refuses_bytes(SPAN(CHUNKED "41\r\n"), 413);
    refuses_bytes(SPAN(CHUNKED "ffffffff\r\n"), 413);
    refuses_bytes(SPAN(CHUNKED
                       "3f\r\n"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                       "\r\n2\r\n"),
                  413);
}

static void chunk_framing_is_bounded_and_does_not_grow_the_buffer(void **state)
{
    (void)state;
    char bytes[8192];
    size_t len = (size_t)snprintf(bytes, sizeof(bytes), CHUNKED);
    for (int i = 0; i < 60; i++) {
        len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "1;%025d\r\nx\r\n", i);
    }
    refuses_bytes((struct span){bytes, len}, 400); /* 60 * 26 bytes of extensions */

    struct http_request request;
    char buffer[512];
    size_t held = (size_t)snprintf(buffer, sizeof(buffer), CHUNKED);
    size_t head = held;
    http_begin(&request, &limits);
    assert_int_equal(http_read(&request, buffer, &held), HTTP_HEADED);
    for (size_t i = 1; i <= 64; i++) {
        memcpy(buffer + held, "1\r\nx\r\n", 6);
        held += 6;
        assert_int_equal(http_read(&request, buffer, &held), HTTP_MORE);
        assert_int_equal(held, head + i);
    }
}

static void what_is_missing_of_a_body_is_told(void **state)
{
    (void)state;
    struct http_request request;
    char buffer[128];
    size_t len =
        (size_t)snprintf(buffer, sizeof(buffer), POST_ "Content-Length: 10\r\n\r\nabc");
    http_begin(&request, &limits);
    assert_int_equal(http_missing(&request, len), 0);
    assert_int_equal(http_read(&request, buffer, &len), HTTP_HEADED);
    assert_int_equal(http_read(&request, buffer, &len), HTTP_MORE);
    assert_int_equal(http_missing(&request, len), 7);
}

static void headers_are_found_by_name(void **state)
{
    (void)state;
    struct http_request request;
    char buffer[256];
    size_t len =
        (size_t)snprintf(buffer,
                         sizeof(buffer),
                         "GET / HTTP/1.1\r\n" H "X-A: 1\r\nx-a: 2\r\nEmpty:\r\n\r\n");
    http_begin(&request, &limits);
    assert_int_equal(http_read(&request, buffer, &len), HTTP_HEADED);
    assert_true(span_is(http_header(&request, buffer, "x-a"), "1"));
    assert_int_equal(http_header_count(&request, buffer, "x-a"), 2);
    assert_int_equal(http_header(&request, buffer, "empty").len, 0);
    assert_int_equal(http_header_count(&request, buffer, "empty"), 1);
    assert_null(http_header(&request, buffer, "x-b").at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_without_a_body_is_whole_at_its_empty_line),
        cmocka_unit_test(a_body_with_a_length_is_taken),
        cmocka_unit_test(requests_follow_one_another),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(keeping_alive_follows_the_version_and_the_header),
        cmocka_unit_test(an_expectation_counts_when_a_body_comes),
        cmocka_unit_test(a_proxys_target_loses_its_host),
        cmocka_unit_test(one_empty_line_before_a_request_is_passed_over),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(request_lines_that_are_none_are_refused),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(a_body_over_the_limit_is_refused_before_it_comes),
        cmocka_unit_test(chunk_framing_is_bounded_and_does_not_grow_the_buffer),
        cmocka_unit_test(what_is_missing_of_a_body_is_told),
        cmocka_unit_test(headers_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
