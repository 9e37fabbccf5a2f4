/* SPDX-License-Identifier: MIT
 * Answers as they go over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/http_write.h"

#define DATE "Sun, 22 Nov 2026 10:05:00 GMT"

static struct text written(struct http_answer answer)
{
    struct text out;
    text_init(&out, 1 << 16);
    answer.request_id = SPAN("req_1");
    http_write(&out, &answer, DATE);
    return out;
}

static void an_answer_has_its_length_and_its_headers(void **state)
{
    (void)state;
    struct text out = written((struct http_answer){.status = 200,
                                                   .type = "text/plain",
                                                   .body = SPAN("hello"),
                                                   .headers = SPAN("A: b\r\n")});
    assert_true(span_starts(text_span(&out), "HTTP/1.1 200 OK\r\nDate: " DATE "\r\n"));
    assert_non_null(strstr(out.at, "\r\nContent-Length: 5\r\n"));
    assert_non_null(strstr(out.at, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(out.at, "\r\nX-Request-Id: req_1\r\n"));
    assert_non_null(strstr(out.at, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_string_equal(strstr(out.at, "A: b\r\n"), "A: b\r\n\r\nhello");
    assert_null(strstr(out.at, "Connection"));
    text_done(&out);
}

static void an_answer_is_kept_by_nobody_unless_it_says_how_long(void **state)
{
    (void)state;
    struct text out = written((struct http_answer){.status = 200});
    assert_non_null(strstr(out.at, "\r\nCache-Control: no-store\r\n"));
    text_done(&out);
    out = written((struct http_answer){
        .status = 200,
        .headers = SPAN("ETag: \"1\"\r\nCache-Control: max-age=60\r\n")});
    assert_null(strstr(out.at, "no-store"));
    assert_non_null(strstr(out.at, "\r\nCache-Control: max-age=60\r\n"));
    text_done(&out);
}

static void the_last_answer_says_so(void **state)
{
    (void)state;
    struct text out = written((struct http_answer){.status = 400, .close = true});
    assert_non_null(strstr(out.at, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(out.at, "\r\nContent-Length: 0\r\n"));
    text_done(&out);
}

static void a_client_of_http_1_0_is_told_that_the_connection_stays(void **state)
{
    (void)state;
    struct text out = written((struct http_answer){.status = 200, .keep = true});
    assert_non_null(strstr(out.at, "\r\nConnection: keep-alive\r\n"));
    text_done(&out);
}

static void a_head_has_the_length_without_the_body(void **state)
{
    (void)state;
    struct text out = written(
        (struct http_answer){.status = 200, .body = SPAN("hello"), .without_body = true});
    assert_non_null(strstr(out.at, "\r\nContent-Length: 5\r\n"));
    assert_string_equal(out.at + out.len - 4, "\r\n\r\n");
    text_done(&out);
}

static void a_204_has_neither(void **state)
{
    (void)state;
    struct text out = written(
        (struct http_answer){.status = 204, .type = "application/json; charset=utf-8"});
    assert_null(strstr(out.at, "Content-Length"));
    assert_null(strstr(out.at, "\r\nContent-Type"));
    text_done(&out);
}

static void what_goes_in_pieces_has_no_length(void **state)
{
    (void)state;
    struct text out = written((struct http_answer){.status = 200,
                                                   .type = "text/event-stream",
                                                   .in_pieces = true,
                                                   .chunked = true});
    assert_null(strstr(out.at, "Content-Length"));
    assert_non_null(strstr(out.at, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_string_equal(out.at + out.len - 4, "\r\n\r\n");
    text_clear(&out);
    http_write_chunk(&out, SPAN("event: a\n\nevent: b\n\n"));
    http_write_chunk(&out, SPAN(""));
    assert_string_equal(out.at, "14\r\nevent: a\n\nevent: b\n\n\r\n0\r\n\r\n");
    text_done(&out);
    out = written((struct http_answer){.status = 200, .in_pieces = true, .close = true});
    assert_null(strstr(out.at, "Content-Length"));
    assert_null(strstr(out.at, "Transfer-Encoding"));
    assert_non_null(strstr(out.at, "\r\nConnection: close\r\n"));
    text_done(&out);
}

static void dates_are_written_as_http_wants_them(void **state)
{
    (void)state;
    char date[HTTP_DATE_BYTES];
    http_date(1795341900000, date);
    assert_string_equal(date, DATE);
    http_date(0, date);
    assert_string_equal(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date(784111777000, date);
    assert_string_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_its_length_and_its_headers),
        cmocka_unit_test(an_answer_is_kept_by_nobody_unless_it_says_how_long),
        cmocka_unit_test(the_last_answer_says_so),
        cmocka_unit_test(a_client_of_http_1_0_is_told_that_the_connection_stays),
        cmocka_unit_test(a_head_has_the_length_without_the_body),
        cmocka_unit_test(a_204_has_neither),
        cmocka_unit_test(what_goes_in_pieces_has_no_length),
        cmocka_unit_test(dates_are_written_as_http_wants_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
