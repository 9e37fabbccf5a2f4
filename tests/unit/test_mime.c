/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/model/mime.h"

enum { CEILING = 64 * 1024 };

static struct text out;

static int begin(void **state)
{
    (void)state;
    text_init(&out, CEILING);
    return 0;
}

static int end(void **state)
{
    (void)state;
    text_done(&out);
    return 0;
}

/* Every line ends in CRLF, none is longer than `most`, and CR and LF stand nowhere else.
 */
static void assert_lines(size_t most)
{
    size_t len = 0;
    for (size_t i = 0; i < out.len; i++) {
        if (out.at[i] == '\r') {
            assert_int_equal(out.at[i + 1], '\n');
            assert_true(len <= most);
            len = 0;
            i++;
            continue;
        }
        assert_int_not_equal(out.at[i], '\n');
        len++;
    }
    assert_int_equal(len, 0);
}

static void plain_text_stands_as_it_is(void **state)
{
    (void)state;
    mime_add_text_field(&out, "Subject", SPAN("Recu no 1 - Amicale"));
    assert_string_equal(out.at, "Subject: Recu no 1 - Amicale\r\n");
}

static void other_text_becomes_encoded_words(void **state)
{
    (void)state;
    mime_add_text_field(&out, "Subject", SPAN("Reçu n° 1"));
    assert_string_equal(out.at, "Subject: =?UTF-8?Q?Re=C3=A7u_n=C2=B0_1?=\r\n");
}

static void what_looks_like_an_encoded_word_is_encoded(void **state)
{
    (void)state;
    mime_add_text_field(&out, "Subject", SPAN("=?UTF-8?Q?x?="));
    assert_string_equal(out.at, "Subject: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fx=3F=3D?=\r\n");
}

static void long_text_is_folded_between_characters(void **state)
{
    (void)state;
    struct text value;
    text_init(&value, CEILING);
    for (int i = 0; i < 200; i++) {
        text_add_string(&value, i % 3 ? "é" : "€");
    }
    mime_add_text_field(&out, "Subject", text_span(&value));
    text_done(&value);
    assert_lines(76);
    /* Each word holds whole characters: a lead byte is never the last of a word. */
    assert_null(strstr(out.at, "=C3?="));
    assert_null(strstr(out.at, "=E2?="));
    assert_null(strstr(out.at, "=E2=82?="));
    assert_non_null(strstr(out.at, "?=\r\n =?UTF-8?Q?"));
}

static void no_value_can_end_its_line(void **state)
{
    (void)state;
    mime_add_text_field(&out, "Subject", SPAN("a\r\nBcc: x@y.z\r\n\r\nbody\0\x7f"));
    assert_lines(76);
    assert_null(strstr(out.at, "\nBcc"));
    assert_int_equal(strstr(out.at, "\r\n") - out.at, (long)out.len - 2);
}

static void bytes_that_are_not_utf8_do_not_pass(void **state)
{
    (void)state;
    mime_add_text_field(&out, "Subject", SPAN("a\xff\xfe z"));
    assert_string_equal(out.at, "Subject: =?UTF-8?Q?a=3F=3F_z?=\r\n");
}

static void a_mailbox_has_a_name_and_an_address(void **state)
{
    (void)state;
    mime_add_mailbox_field(&out, "From", SPAN("Recus Tocsin"), SPAN("r@example.fr"));
    mime_add_mailbox_field(&out, "From", SPAN("Reçus"), SPAN("r@example.fr"));
    mime_add_mailbox_field(&out, "To", SPAN(""), SPAN("r@example.fr"));
    mime_add_mailbox_field(&out, "From", SPAN("A, B <x@y.z>"), SPAN("r@example.fr"));
    assert_string_equal(out.at,
                        "From: Recus Tocsin <r@example.fr>\r\n"
                        "From: =?UTF-8?Q?Re=C3=A7us?= <r@example.fr>\r\n"
                        "To: <r@example.fr>\r\n"
                        "From: =?UTF-8?Q?A=2C_B_=3Cx=40y=2Ez=3E?= <r@example.fr>\r\n");
}

static void a_date_is_written_in_english_and_utc(void **state)
{
    (void)state;
    mime_add_date_field(&out, INT64_C(1795341900000));
    assert_string_equal(out.at, "Date: Sun, 22 Nov 2026 10:05:00 +0000\r\n");
}

static void quoted_printable_keeps_lines_and_hides_the_rest(void **state)
{
    (void)state;
    mime_add_quoted_printable(&out, SPAN("Reçu =\nfin de ligne \n\nsans fin"));
    assert_string_equal(out.at, "Re=C3=A7u =3D\r\nfin de ligne=20\r\n\r\nsans fin\r\n");
}

static void quoted_printable_breaks_long_lines_softly(void **state)
{
    (void)state;
    struct text value;
    text_init(&value, CEILING);
    for (int i = 0; i < 500; i++) {
        text_add_string(&value, i % 7 ? "x" : "é");
    }
    mime_add_quoted_printable(&out, text_span(&value));
    text_done(&value);
    assert_lines(76);
    assert_non_null(strstr(out.at, "=\r\n"));
}

static void carriage_returns_do_not_make_lines_of_their_own(void **state)
{
    (void)state;
    mime_add_quoted_printable(&out, SPAN("a\rb"));
    assert_string_equal(out.at, "a=20b\r\n");
}

static void html_cannot_be_written_by_a_value(void **state)
{
    (void)state;
    mime_add_html(&out, SPAN("<b a=\"1\" c='2'>&\n"));
    assert_string_equal(out.at, "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_text_stands_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(other_text_becomes_encoded_words, begin, end),
        cmocka_unit_test_setup_teardown(what_looks_like_an_encoded_word_is_encoded,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(long_text_is_folded_between_characters,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_value_can_end_its_line, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_utf8_do_not_pass, begin, end),
        cmocka_unit_test_setup_teardown(a_mailbox_has_a_name_and_an_address, begin, end),
        cmocka_unit_test_setup_teardown(a_date_is_written_in_english_and_utc, begin, end),
        cmocka_unit_test_setup_teardown(quoted_printable_keeps_lines_and_hides_the_rest,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(quoted_printable_breaks_long_lines_softly,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(carriage_returns_do_not_make_lines_of_their_own,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(html_cannot_be_written_by_a_value, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
