/* SPDX-License-Identifier: MIT
 * Places of addresses, and tokens that are known. */
#include "api/floods.h"

#include <stdio.h>

#include "api/networks.h"
#include "common/base/digest.h"
#include "tests/unit/cmocka_all.h"

enum { MOST = 3, MANY = 4 * FLOODS_CELLS, SESSIONS = FLOODS_KNOWN / 8 };

static struct floods *floods;

static int set_up(void **state)
{
    (void)state;
    floods = floods_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    floods_close(floods);
    return 0;
}

static struct address address_of(const char *text)
{
    struct address address;
    bool is_v4 = false;
    assert_true(address_parse(span_of(text), &address, &is_v4));
    return address;
}

static bool enters(enum flood flood, const char *text)
{
    struct address address = address_of(text);
    return floods_enter(floods, flood, &address, MOST);
}

static void leaves(enum flood flood, const char *text)
{
    struct address address = address_of(text);
    floods_leave(floods, flood, &address);
}

static void fill(enum flood flood, const char *text)
{
    for (int i = 0; i < MOST; i++) {
        assert_true(enters(flood, text));
    }
    assert_false(enters(flood, text));
}

static struct digest hash_of(uint64_t number)
{
    struct digest digest;
    digest_sha256((struct span){(const char *)&number, sizeof(number)}, &digest);
    return digest;
}

static bool knows(uint64_t number)
{
    struct digest hash = hash_of(number);
    return floods_knows(floods, &hash);
}

static void know(uint64_t number)
{
    struct digest hash = hash_of(number);
    floods_know(floods, &hash);
}

static void an_address_has_so_many_places_and_gets_back_those_that_it_leaves(void **state)
{
    (void)state;
    fill(FLOOD_CONNECTIONS, "192.0.2.1");
    leaves(FLOOD_CONNECTIONS, "192.0.2.1");
    assert_true(enters(FLOOD_CONNECTIONS, "192.0.2.1"));
    assert_false(enters(FLOOD_CONNECTIONS, "192.0.2.1"));
}

static void places_of_one_sort_are_not_those_of_the_other(void **state)
{
    (void)state;
    fill(FLOOD_TOKENS, "192.0.2.1");
    fill(FLOOD_CONNECTIONS, "192.0.2.1");
}

/* By chance two of them share a cell: once in 16,384 runs for one pair. */
static void another_address_has_places_of_its_own(void **state)
{
    static const char *const others[] = {"192.0.2.2",
                                         "192.1.2.1",
                                         "2001:db8:0:1::1",
                                         "::1"};
    int entered = 0;
    (void)state;
    fill(FLOOD_TOKENS, "192.0.2.1");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        entered += enters(FLOOD_TOKENS, others[i]);
    }
    assert_true(entered >= 3);
}

static void the_addresses_of_an_ipv6_network_are_one(void **state)
{
    (void)state;
    assert_true(enters(FLOOD_TOKENS, "2001:db8:0:1::1"));
    assert_true(enters(FLOOD_TOKENS, "2001:db8:0:1:ffff::"));
    assert_true(enters(FLOOD_TOKENS, "2001:db8:0:1:1:2:3:4"));
    assert_false(enters(FLOOD_TOKENS, "2001:db8:0:1::5"));
}

/* More addresses than there are cells take no more memory; what they leave is free again. */
static void any_number_of_addresses_finds_room_and_leaves_nothing_behind(void **state)
{
    char text[32];
    (void)state;
    for (int round = 0; round < 2; round++) {
        int entered = 0;
        for (int i = 0; i < MANY; i++) {
            snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
            struct address address = address_of(text);
            entered += floods_enter(floods, FLOOD_TOKENS, &address, MANY);
        }
        assert_int_equal(entered, MANY);
        for (int i = 0; i < MANY; i++) {
            snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
            leaves(FLOOD_TOKENS, text);
        }
    }
    fill(FLOOD_TOKENS, "10.0.0.1");
}

static void a_token_is_known_from_when_it_was_let_in_until_it_is_forgotten(void **state)
{
    struct digest hash = hash_of(1);
    (void)state;
    assert_false(knows(1));
    floods_forget(floods, &hash);
    know(1);
    know(1);
    know(2);
    assert_true(knows(1));
    assert_true(knows(2));
    floods_forget(floods, &hash);
    assert_false(knows(1));
    assert_true(knows(2));
}

static void a_town_of_sessions_is_known_all_together(void **state)
{
    int known = 0;
    (void)state;
    for (uint64_t i = 0; i < SESSIONS; i++) {
        know(i);
    }
    for (uint64_t i = 0; i < SESSIONS; i++) {
        known += knows(i);
    }
    assert_true(known > SESSIONS * 99 / 100);
}

static void a_token_in_use_stays_known_while_others_come_and_go(void **state)
{
    int known = 0;
    (void)state;
    know(1);
    for (uint64_t i = 2; i < 4 * FLOODS_KNOWN; i++) {
        know(i);
        if (i % 1024 == 0) {
            know(1);
        }
    }
    for (uint64_t i = 2; i < 4 * FLOODS_KNOWN; i++) {
        known += knows(i);
    }
    assert_true(knows(1));
    assert_true(known > FLOODS_KNOWN / 2 && known < FLOODS_KNOWN);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_address_has_so_many_places_and_gets_back_those_that_it_leaves),
        EACH(places_of_one_sort_are_not_those_of_the_other),
        EACH(another_address_has_places_of_its_own),
        EACH(the_addresses_of_an_ipv6_network_are_one),
        EACH(any_number_of_addresses_finds_room_and_leaves_nothing_behind),
        EACH(a_token_is_known_from_when_it_was_let_in_until_it_is_forgotten),
        EACH(a_town_of_sessions_is_known_all_together),
        EACH(a_token_in_use_stays_known_while_others_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
