/* SPDX-License-Identifier: MIT
 * Stripe-Signature headers, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/digest.h"
#include "common/model/signature.h"

enum { NOW_S = 1732269900, TOLERANCE_S = 300 };

static const char body[] = "{\"id\":\"evt_1\"}";
static const struct span secrets[] = {
    {"whsec_old", 9},
    {"whsec_new", 9},
    {"whsec_connect", 13},
};

/* The hex of a v1 for a time and a secret. */
static const char *v1(const char *time, const char *secret)
{
    static char hex[4][DIGEST_HEX_BYTES];
    static int turn;
    struct digest digest;
    struct span parts[] = {span_of(time), SPAN("."), span_of(body)};
    digest_hmac(span_of(secret), parts, 3, &digest);
    turn = (turn + 1) % 4;
    digest_hex(&digest, hex[turn]);
    return hex[turn];
}

static enum signature_verdict check(const char *header, size_t *out_which)
{
    return signature_check(span_of(header),
                           span_of(body),
                           secrets,
                           3,
                           NOW_S,
                           TOLERANCE_S,
                           out_which);
}

static enum signature_verdict check_parts(const char *format,
                                          const char *a,
                                          const char *b)
{
    char header[512];
    size_t which = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(header, sizeof(header), format, a, b);
#pragma GCC diagnostic pop
    return check(header, &which);
}

static void a_signature_of_the_official_library_is_good(void **state)
{
    (void)state;
    /* Made with python3-stripe's WebhookSignature._compute_signature. */
    size_t which = 99;
    assert_int_equal(check("t=1732269900,v1=d2a35251f7d57b9d81fd561cb0d4d2ba"
                           "e99eade4737ac7f4af66789df277a07b",
                           &which),
                     SIGNATURE_GOOD);
    assert_int_equal(which, 1);
}

static void any_secret_fits_and_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char header[256];
        size_t which = 99;
        snprintf(header,
                 sizeof(header),
                 "t=1732269900,v1=%s",
                 v1("1732269900", secrets[i].at));
        assert_int_equal(check(header, &which), SIGNATURE_GOOD);
        assert_int_equal(which, i);
    }
}

static void any_of_several_v1_is_enough(void **state)
{
    (void)state;
    assert_int_equal(check_parts("t=1732269900,v1=%s,v1=%s",
                                 v1("1732269900", "whsec_other"),
                                 v1("1732269900", "whsec_new")),
                     SIGNATURE_GOOD);
}

static void other_schemes_are_passed_over(void **state)
{
    (void)state;
    const char *good = v1("1732269900", "whsec_new");
    assert_int_equal(check_parts("t=1732269900,v0=abc,v1=%s,v9=x%s", good, ""),
                     SIGNATURE_GOOD);
    assert_int_equal(check_parts("v1=%s,t=1732269900%s", good, ""), SIGNATURE_GOOD);
    /* A good value under v0 counts for nothing. */
    assert_int_equal(check_parts("t=1732269900,v0=%s,v1=00%s", good, ""),
                     SIGNATURE_WRONG);
    assert_int_equal(check_parts("t=1732269900,v0=%s%s", good, ""), SIGNATURE_MALFORMED);
}

static void headers_that_cannot_be_read_are_malformed(void **state)
{
    (void)state;
    const char *good = v1("1732269900", "whsec_new");
    static const char *const bad[] = {
        "v1=%s%s",
        "t=,v1=%s%s",
        "t=17322699x0,v1=%s%s",
        "t=-1732269900,v1=%s%s",
        "t=1732269900,t=1732269900,v1=%s%s",
        "t=17322699001732269900,v1=%s%s",
        "t=1732269900,junk,v1=%s%s",
        "t=1732269900,,v1=%s%s",
        " t=1732269900,v1=%s%s",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (check_parts(bad[i], good, "") != SIGNATURE_MALFORMED) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    size_t which;
    assert_int_equal(check("t=1732269900", &which), SIGNATURE_MALFORMED);
    assert_int_equal(check("hello", &which), SIGNATURE_MALFORMED);
    assert_int_equal(check("", &which), SIGNATURE_MISSING);
}

static void a_changed_digit_or_another_case_is_wrong(void **state)
{
    (void)state;
    char changed[DIGEST_HEX_BYTES];
    memcpy(changed, v1("1732269900", "whsec_new"), sizeof(changed));
    for (size_t i = 0; i < 64; i++) {
        char was = changed[i];
        changed[i] = was == '0' ? '1' : '0';
        assert_int_equal(check_parts("t=1732269900,v1=%s%s", changed, ""),
                         SIGNATURE_WRONG);
        changed[i] = was;
    }
    for (size_t i = 0; i < 64; i++) {
        changed[i] = changed[i] >= 'a' ? (char)(changed[i] - 32) : changed[i];
    }
    assert_int_equal(check_parts("t=1732269900,v1=%s%s", changed, ""), SIGNATURE_WRONG);
}

static void the_tolerance_holds_in_both_directions(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        enum signature_verdict verdict;
    } cases[] = {
        {"1732269599", SIGNATURE_OLD},
        {"1732269600", SIGNATURE_GOOD},
        {"1732270200", SIGNATURE_GOOD},
        {"1732270201", SIGNATURE_FUTURE},
        {"0", SIGNATURE_OLD},
        {"999999999999", SIGNATURE_FUTURE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            check_parts("t=%s,v1=%s", cases[i].time, v1(cases[i].time, "whsec_new")),
            cases[i].verdict);
    }
}

static void the_time_is_signed_as_it_was_written(void **state)
{
    (void)state;
    assert_int_equal(
        check_parts("t=%s,v1=%s", "01732269900", v1("1732269900", "whsec_new")),
        SIGNATURE_WRONG);
    assert_int_equal(
        check_parts("t=%s,v1=%s", "01732269900", v1("01732269900", "whsec_new")),
        SIGNATURE_GOOD);
}

static void without_secrets_nothing_fits(void **state)
{
    (void)state;
    char header[256];
    size_t which;
    snprintf(header, sizeof(header), "t=1732269900,v1=%s", v1("1732269900", ""));
    assert_int_equal(signature_check(span_of(header),
                                     span_of(body),
                                     NULL,
                                     0,
                                     NOW_S,
                                     TOLERANCE_S,
                                     &which),
                     SIGNATURE_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_of_the_official_library_is_good),
        cmocka_unit_test(any_secret_fits_and_is_named),
        cmocka_unit_test(any_of_several_v1_is_enough),
        cmocka_unit_test(other_schemes_are_passed_over),
        cmocka_unit_test(headers_that_cannot_be_read_are_malformed),
        cmocka_unit_test(a_changed_digit_or_another_case_is_wrong),
        cmocka_unit_test(the_tolerance_holds_in_both_directions),
        cmocka_unit_test(the_time_is_signed_as_it_was_written),
        cmocka_unit_test(without_secrets_nothing_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
