/* SPDX-License-Identifier: MIT
 * What a loop remembers of sessions, for how long, and what ends do to it. */
#include "api/session_cache.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { NOW = 1000000, LATER = NOW + 1000000 };

static struct session_cache *cache;

static int set_up(void **state)
{
    (void)state;
    cache = session_cache_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    session_cache_close(cache);
    return 0;
}

static struct digest hash_of(uint64_t number)
{
    struct digest digest;
    digest_sha256((struct span){(const char *)&number, sizeof(number)}, &digest);
    return digest;
}

static struct stored_session session_of(int64_t user)
{
    return (struct stored_session){.user_id = user,
                                   .role = ROLE_POMPIER,
                                   .expires_ms = LATER,
                                   .read_ms = NOW};
}

static void put(uint64_t number, int64_t user)
{
    struct digest hash = hash_of(number);
    struct stored_session session = session_of(user);
    session_cache_put(cache, &hash, &session);
}

static int64_t user_of(uint64_t number, int64_t now_ms)
{
    struct digest hash = hash_of(number);
    const struct stored_session *found = session_cache_find(cache, &hash, now_ms);
    return found ? found->user_id : 0;
}

static void what_was_put_is_found_for_a_minute(void **state)
{
    (void)state;
    put(1, 11);
    assert_int_equal(user_of(1, NOW), 11);
    assert_int_equal(user_of(1, NOW + SESSION_BELIEVED_MS - 1), 11);
    assert_int_equal(user_of(1, NOW + SESSION_BELIEVED_MS), 0);
    assert_int_equal(user_of(2, NOW), 0);
}

static void what_is_put_again_is_believed_anew(void **state)
{
    (void)state;
    put(1, 11);
    struct digest hash = hash_of(1);
    struct stored_session session = session_of(12);
    session.read_ms = NOW + 50000;
    session_cache_put(cache, &hash, &session);
    assert_int_equal(user_of(1, NOW + 50000 + SESSION_BELIEVED_MS - 1), 12);
}

static void a_session_that_has_expired_is_asked_for_anew(void **state)
{
    (void)state;
    struct digest hash = hash_of(1);
    struct stored_session session = session_of(11);
    session.expires_ms = NOW + 10;
    session_cache_put(cache, &hash, &session);
    assert_int_equal(user_of(1, NOW + 9), 11);
    assert_int_equal(user_of(1, NOW + 10), 0);
    assert_false(session_cache_believes(cache, &hash, &session, 0, NOW + 10));
}

static void what_was_read_in_the_future_is_not_believed(void **state)
{
    (void)state;
    struct digest hash = hash_of(1);
    struct stored_session session = session_of(11);
    session.read_ms = NOW + SESSION_CLOCKS_MS;
    assert_true(session_cache_believes(cache, &hash, &session, SESSION_CLOCKS_MS, NOW));
    session.read_ms++;
    assert_false(session_cache_believes(cache, &hash, &session, SESSION_CLOCKS_MS, NOW));
}

static void an_end_takes_the_one_session(void **state)
{
    (void)state;
    put(1, 11);
    put(2, 11);
    struct digest hash = hash_of(1);
    session_cache_end(cache, &hash, NOW);
    assert_int_equal(user_of(1, NOW), 0);
    assert_int_equal(user_of(2, NOW), 11);
}

static void the_end_of_a_user_takes_all_of_theirs(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        put(i, (int64_t)(1 + i % 3));
    }
    session_cache_end_user(cache, 2, NOW);
    for (uint64_t i = 0; i < 100; i++) {
        int64_t user = (int64_t)(1 + i % 3);
        assert_int_equal(user_of(i, NOW), user == 2 ? 0 : user);
    }
}

static void what_was_read_before_an_end_is_not_believed_after_it(void **state)
{
    (void)state;
    struct digest hash = hash_of(1);
    struct digest other = hash_of(2);
    struct stored_session session = session_of(11);
    session_cache_end(cache, &hash, NOW);
    assert_false(session_cache_believes(cache, &hash, &session, 0, NOW));
    assert_true(session_cache_believes(cache, &other, &session, 0, NOW));
    session.read_ms = NOW + 1;
    assert_true(session_cache_believes(cache, &hash, &session, 0, NOW + 1));
    assert_false(
        session_cache_believes(cache, &hash, &session, SESSION_CLOCKS_MS, NOW + 1));
    session = session_of(12);
    session_cache_end_user(cache, 12, NOW);
    assert_false(session_cache_believes(cache, &other, &session, 0, NOW));
    session.user_id = 13;
    assert_true(session_cache_believes(cache, &other, &session, 0, NOW));
    session_cache_end_all(cache, NOW);
    assert_false(session_cache_believes(cache, &other, &session, 0, NOW));
    session.read_ms = NOW + 1;
    assert_true(session_cache_believes(cache, &other, &session, 0, NOW + 1));
}

static void an_end_counts_however_many_come_behind_it(void **state)
{
    (void)state;
    struct digest hash = hash_of(1);
    struct stored_session session = session_of(11);
    session_cache_end(cache, &hash, NOW);
    for (uint64_t i = 2; i < 2000; i++) {
        struct digest other = hash_of(i);
        session_cache_end(cache, &other, NOW + 1);
    }
    assert_false(session_cache_believes(cache, &hash, &session, 0, NOW + 1));
    session.read_ms = NOW + 2;
    assert_true(session_cache_believes(cache, &hash, &session, 0, NOW + 2));
}

static void the_end_of_all_leaves_none(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        put(i, 1);
    }
    session_cache_end_all(cache, NOW);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(user_of(i, NOW), 0);
    }
    put(1, 11);
    assert_int_equal(user_of(1, NOW), 11);
}

static void when_it_is_full_the_one_longest_without_use_goes(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SESSION_CACHED; i++) {
        put(i, (int64_t)i + 1);
    }
    assert_int_equal(user_of(0, NOW), 1); /* used: 1 is the oldest now */
    put(SESSION_CACHED, 7);
    assert_int_equal(user_of(1, NOW), 0);
    assert_int_equal(user_of(0, NOW), 1);
    assert_int_equal(user_of(2, NOW), 3);
    for (uint64_t i = 0; i < 3 * SESSION_CACHED; i++) {
        put(100000 + i, (int64_t)i + 1);
    }
    assert_int_equal(user_of(0, NOW), 0);
    for (uint64_t i = 2 * SESSION_CACHED; i < 3 * SESSION_CACHED; i++) {
        assert_int_equal(user_of(100000 + i, NOW), (int64_t)i + 1);
    }
}

static void ended_places_are_used_again(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t i = 0; i < SESSION_CACHED; i++) {
            put(round * SESSION_CACHED + i, 1);
        }
        session_cache_end_user(cache, 1, NOW);
    }
    put(1, 11);
    put(2, 12);
    assert_int_equal(user_of(1, NOW), 11);
    assert_int_equal(user_of(2, NOW), 12);
}

static void only_the_first_of_a_period_is_told_so(void **state)
{
    (void)state;
    struct digest hash = hash_of(1);
    assert_false(session_cache_is_first(cache, &hash, 5)); /* not remembered at all */
    put(1, 11);
    assert_true(session_cache_is_first(cache, &hash, 5));
    assert_false(session_cache_is_first(cache, &hash, 5));
    put(1, 11); /* read anew */
    assert_false(session_cache_is_first(cache, &hash, 5));
    assert_true(session_cache_is_first(cache, &hash, 6));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_was_put_is_found_for_a_minute),
        EACH(what_is_put_again_is_believed_anew),
        EACH(a_session_that_has_expired_is_asked_for_anew),
        EACH(what_was_read_in_the_future_is_not_believed),
        EACH(an_end_takes_the_one_session),
        EACH(the_end_of_a_user_takes_all_of_theirs),
        EACH(what_was_read_before_an_end_is_not_believed_after_it),
        EACH(an_end_counts_however_many_come_behind_it),
        EACH(the_end_of_all_leaves_none),
        EACH(when_it_is_full_the_one_longest_without_use_goes),
        EACH(ended_places_are_used_again),
        EACH(only_the_first_of_a_period_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
