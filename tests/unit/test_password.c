/* SPDX-License-Identifier: MIT
 * Passwords hashed, checked, and found to be worth a new hash. */
#include "common/base/password.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

/* bcrypt as PHP marks it. */
#define PHP_PASSWORD "rasmuslerdorf"
#define PHP_HASH "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"

static void what_was_hashed_is_right_and_nothing_else(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    struct fault fault;
    assert_int_equal(password_hash(SPAN("caserne de Vannes"), hash, &fault),
                     OUTCOME_DONE);
    assert_true(span_starts(span_of(hash), "$y$"));
    assert_true(password_is_right(SPAN("caserne de Vannes"), span_of(hash)));
    assert_false(password_is_right(SPAN("caserne de vannes"), span_of(hash)));
    assert_false(password_is_right(SPAN("caserne de Vannes "), span_of(hash)));
    assert_false(password_is_right(SPAN(""), span_of(hash)));
}

static void the_same_password_hashes_differently_each_time(void **state)
{
    (void)state;
    char first[PASSWORD_HASH_BYTES];
    char second[PASSWORD_HASH_BYTES];
    struct fault fault;
    assert_int_equal(password_hash(SPAN("calendrier"), first, &fault), OUTCOME_DONE);
    assert_int_equal(password_hash(SPAN("calendrier"), second, &fault), OUTCOME_DONE);
    assert_string_not_equal(first, second);
}

static void hashes_that_php_made_are_believed(void **state)
{
    (void)state;
    assert_true(password_is_right(SPAN(PHP_PASSWORD), SPAN(PHP_HASH)));
    assert_false(password_is_right(SPAN("rasmuslerdor"), SPAN(PHP_HASH)));
}

static void hashes_of_other_sorts_are_never_right(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "*0",
        "calendrier",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDugt.", /* MD5 of "password" */
        "rl0uE0e2WKBek", /* DES */
        "$y$",
        "$y$j9T$",
        "$2y$10$tooshort",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_false(password_is_right(SPAN("calendrier"), span_of(odd[i])));
        assert_false(password_is_right(SPAN("password"), span_of(odd[i])));
        assert_false(password_is_right(span_of(odd[i]), span_of(odd[i])));
    }
}

#define SALT "./ABCDEFGHIJKLMNOPQRSO"
#define BCRYPT_END SALT "VlQH0piJtjXl.0t1XkA8pw9dMXTTOOq"
#define YESCRYPT_END "saltsalt$VlQH0piJtjXl.0t1XkA8pw9dMXTTOOqVlQH0piJtjX1"

static void whole_hashes_are_told_from_those_that_can_never_be_right(void **state)
{
    (void)state;
    static const char *const good[] = {
        PHP_HASH,
        "$2y$10$" BCRYPT_END,
        "$2b$12$" BCRYPT_END,
        "$2a$04$" BCRYPT_END,
        "$2y$14$" BCRYPT_END,
        "$y$j9T$" YESCRYPT_END,
        "$y$j75$" YESCRYPT_END,
    };
    static const char *const bad[] = {
        "",
        "calendrier",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDugt.",
        "$2x$10$" BCRYPT_END,
        "$2y$15$" BCRYPT_END,
        "$2y$31$" BCRYPT_END,
        "$2y$03$" BCRYPT_END,
        "$2y$1a$" BCRYPT_END,
        "$2y$10." BCRYPT_END,
        "$2y$10$" BCRYPT_END "q",
        "$2y$10$" SALT,
        "$2y$10$./ABCDEFGHIJKLMNOPQRSPVlQH0piJtjXl.0t1XkA8pw9dMXTTOOq",
        "$2y$10$" SALT "VlQH0piJtjXl.0t1XkA8pw9dMXTTOOr",
        "$2y$10$" SALT "VlQH0piJtjXl 0t1XkA8pw9dMXTTOOq",
        "$y$",
        "$y$j9T$",
        "$y$jFT$" YESCRYPT_END,
        "$y$zzz$" YESCRYPT_END,
        "$y$j9T$" YESCRYPT_END "1",
        "$y$j9T$VlQH0piJtjXl.0t1XkA8pw9dMXTTOOqVlQH0piJtjX1",
        "$y$j9T$salt!alt$VlQH0piJtjXl.0t1XkA8pw9dMXTTOOqVlQH0piJtjX1",
    };
    char made[PASSWORD_HASH_BYTES];
    struct fault fault;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!password_hash_is_good(span_of(good[i]))) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (password_hash_is_good(span_of(bad[i]))) {
            fail_msg("%s is believed", bad[i]);
        }
    }
    assert_int_equal(password_hash(SPAN("calendrier"), made, &fault), OUTCOME_DONE);
    assert_true(password_hash_is_good(span_of(made)));
    assert_false(
        password_hash_is_good(SPAN("$2y$10$" SALT "VlQH0piJtj\0l.0t1XkA8pw9dMXTTOOq")));
}

static void hashes_of_the_other_bcrypts_are_believed(void **state)
{
    (void)state;
    static const char *const marks[] = {"$2b$", "$2a$"};
    for (size_t i = 0; i < 2; i++) {
        char hash[] = PHP_HASH;
        memcpy(hash, marks[i], 4);
        assert_true(password_hash_is_good(span_of(hash)));
        assert_true(password_is_right(SPAN(PHP_PASSWORD), span_of(hash)));
        assert_false(password_is_right(SPAN("rasmuslerdor"), span_of(hash)));
        assert_true(password_needs_rehash(span_of(hash)));
    }
}

static void a_password_that_is_too_long_or_has_a_nul_is_never_right(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    char most[PASSWORD_MOST_BYTES + 1];
    struct fault fault;
    memset(most, 'a', sizeof(most));
    assert_int_equal(
        password_hash((struct span){most, PASSWORD_MOST_BYTES}, hash, &fault),
        OUTCOME_DONE);
    assert_true(
        password_is_right((struct span){most, PASSWORD_MOST_BYTES}, span_of(hash)));
    assert_false(
        password_is_right((struct span){most, PASSWORD_MOST_BYTES - 1}, span_of(hash)));
    assert_false(
        password_is_right((struct span){most, PASSWORD_MOST_BYTES + 1}, span_of(hash)));
    assert_int_equal(password_hash(SPAN("calendrier"), hash, &fault), OUTCOME_DONE);
    assert_false(password_is_right(SPAN("calendrier\0x"), span_of(hash)));
}

static void hashes_of_bcrypt_and_cheaper_ones_are_worth_a_new_one(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    struct fault fault;
    assert_int_equal(password_hash(SPAN("calendrier"), hash, &fault), OUTCOME_DONE);
    assert_false(password_needs_rehash(span_of(hash)));
    assert_true(password_needs_rehash(SPAN(PHP_HASH)));
    assert_true(password_needs_rehash(SPAN("$y$j75$salt$hash")));
    assert_true(password_needs_rehash(SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_hashed_is_right_and_nothing_else),
        cmocka_unit_test(the_same_password_hashes_differently_each_time),
        cmocka_unit_test(hashes_that_php_made_are_believed),
        cmocka_unit_test(hashes_of_other_sorts_are_never_right),
        cmocka_unit_test(whole_hashes_are_told_from_those_that_can_never_be_right),
        cmocka_unit_test(hashes_of_the_other_bcrypts_are_believed),
        cmocka_unit_test(a_password_that_is_too_long_or_has_a_nul_is_never_right),
        cmocka_unit_test(hashes_of_bcrypt_and_cheaper_ones_are_worth_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
