/* SPDX-License-Identifier: MIT
 * Tokens, cookies, and origins that are ours. */
#include "api/session_token.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

static void a_token_is_43_characters_of_base64url_and_never_the_same(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char last[SESSION_TOKEN_BYTES] = "";
    for (int i = 0; i < 100; i++) {
        char token[SESSION_TOKEN_BYTES];
        struct digest hash;
        struct digest again;
        session_token_make(token, &hash);
        assert_int_equal(strlen(token), 43);
        assert_int_equal(strspn(token, alphabet), 43);
        assert_string_not_equal(token, last);
        digest_sha256(span_of(token), &again);
        assert_true(digest_equal(&hash, &again));
        memcpy(last, token, sizeof(last));
    }
}

static void the_last_character_holds_no_bits_that_are_not_there(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char token[SESSION_TOKEN_BYTES];
        struct digest hash;
        session_token_make(token, &hash);
        assert_non_null(strchr("AEIMQUYcgkosw048", token[42])); /* 256 = 42 * 6 + 4 */
    }
}

static void our_cookie_is_found_among_others(void **state)
{
    (void)state;
    assert_span(session_cookie_find(SPAN("tocsin_session=abc")), "abc");
    assert_span(session_cookie_find(SPAN("a=b; tocsin_session=abc; c=d")), "abc");
    assert_span(session_cookie_find(SPAN("a=b;tocsin_session=abc")), "abc");
    assert_span(session_cookie_find(SPAN("tocsin_session=a=b")), "a=b");
    assert_span(session_cookie_find(SPAN("tocsin_session=one; tocsin_session=two")),
                "one");
    assert_int_equal(session_cookie_find(SPAN("")).len, 0);
    assert_int_equal(session_cookie_find(SPAN("tocsin_session")).len, 0);
    assert_int_equal(session_cookie_find(SPAN("xtocsin_session=abc")).len, 0);
    assert_int_equal(session_cookie_find(SPAN("tocsin_session_=abc; ; =")).len, 0);
}

static const struct {
    const char *origin;
    const char *host;
    bool secure;
    bool ours;
} origins[] = {
    {"https://t.example", "t.example", true, true},
    {"https://t.example:8443", "t.example:8443", true, true},
    {"https://T.example", "t.EXAMPLE", true, true},
    {"http://t.example", "t.example", true, false},
    {"http://t.example", "t.example", false, true},
    {"https://t.example", "t.example", false, true},
    {"https://t.example:8443", "t.example", true, false},
    {"https://x.t.example", "t.example", true, false},
    {"https://t.example.evil", "t.example", true, false},
    {"https://t.example/", "t.example", true, false},
    {"https://", "", true, false},
    {"null", "t.example", false, false},
    {"t.example", "t.example", false, false},
    {"https://admin.example", "t.example", true, false},
};

static void an_origin_is_our_own_by_its_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        assert_int_equal(session_is_own_origin(span_of(origins[i].origin),
                                               span_of(origins[i].host),
                                               origins[i].secure),
                         origins[i].ours);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_43_characters_of_base64url_and_never_the_same),
        cmocka_unit_test(the_last_character_holds_no_bits_that_are_not_there),
        cmocka_unit_test(our_cookie_is_found_among_others),
        cmocka_unit_test(an_origin_is_our_own_by_its_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
