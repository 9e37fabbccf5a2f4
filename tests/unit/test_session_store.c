/* SPDX-License-Identifier: MIT
 * Sessions to Redis and back, and the messages about their ends. */
#include "common/link/session_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/seal.h"
#include "tests/unit/cmocka_all.h"

#define HASH "a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5"
#define OTHER "b3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5a3f5"

static struct arena arena;
static struct seal_ring *ring;

static int set_up(void **state)
{
    (void)state;
    char path[] = "/tmp/tocsin-ring-XXXXXX";
    struct fault fault;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "1 MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"
            "index ODEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n");
    close(fd);
    assert_int_equal(seal_open(path, &ring, &fault), OUTCOME_DONE);
    unlink(path);
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    seal_close(ring);
    arena_done(&arena);
    return 0;
}

static struct span argument(const struct command *command, int at)
{
    assert_true(at < command->count);
    return (struct span){command->args[at], command->lens[at]};
}

static const struct stored_session keen = {.user_id = 7,
                                           .role = ROLE_ADMIN,
                                           .amicale_id = 3,
                                           .expires_ms = 1763800000123,
                                           .read_ms = 1763700000456};

static void what_is_put_is_read_again(void **state)
{
    (void)state;
    struct command put = session_store_put(&arena, ring, SPAN(HASH), &keen, 60000);
    assert_int_equal(put.count, 5);
    assert_span(argument(&put, 0), "SET");
    assert_span(argument(&put, 1), "{tocsin}:session:" HASH);
    assert_span(argument(&put, 3), "PX");
    assert_span(argument(&put, 4), "60000");
    const struct reply reply = {.type = REPLY_TEXT, .text = argument(&put, 2)};
    struct stored_session got;
    struct fault fault;
    bool found = false;
    assert_int_equal(
        session_store_read(&reply, ring, SPAN(HASH), &arena, &found, &got, &fault),
        OUTCOME_DONE);
    assert_true(found);
    assert_int_equal(got.user_id, 7);
    assert_int_equal(got.role, ROLE_ADMIN);
    assert_int_equal(got.amicale_id, 3);
    assert_int_equal(got.expires_ms, 1763800000123);
    assert_int_equal(got.read_ms, 1763700000456);
}

static void what_is_put_is_sealed(void **state)
{
    (void)state;
    struct command put = session_store_put(&arena, ring, SPAN(HASH), &keen, 60000);
    struct span value = argument(&put, 2);
    assert_null(memmem(value.at, value.len, "user_id", 7));
    assert_null(memmem(value.at, value.len, "admin", 5));
}

static void one_session_cannot_be_put_in_the_place_of_another(void **state)
{
    (void)state;
    struct command put = session_store_put(&arena, ring, SPAN(HASH), &keen, 60000);
    const struct reply reply = {.type = REPLY_TEXT, .text = argument(&put, 2)};
    struct stored_session got = {.user_id = 0};
    struct fault fault;
    bool found = false;
    assert_int_equal(
        session_store_read(&reply, ring, SPAN(OTHER), &arena, &found, &got, &fault),
        OUTCOME_NEVER);
    assert_false(found);
    assert_int_equal(got.user_id, 0);
}

static void no_key_is_none_and_another_type_is_refused(void **state)
{
    (void)state;
    struct stored_session got;
    struct fault fault;
    bool found = true;
    struct reply reply = {.type = REPLY_NONE};
    assert_int_equal(
        session_store_read(&reply, ring, SPAN(HASH), &arena, &found, &got, &fault),
        OUTCOME_DONE);
    assert_false(found);
    reply = (struct reply){.type = REPLY_INTEGER, .integer = 1};
    assert_int_equal(
        session_store_read(&reply, ring, SPAN(HASH), &arena, &found, &got, &fault),
        OUTCOME_NEVER);
    assert_int_equal(fault.code, SESSION_STORE_UNREADABLE);
}

static void json_that_is_no_session_is_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "[]",
        "{}",
        "{\"user_id\":0,\"role\":\"admin\",\"amicale_id\":1,\"expires_ms\":1,"
        "\"read_ms\":1}",
        "{\"user_id\":1,\"role\":\"chief\",\"amicale_id\":1,\"expires_ms\":1,"
        "\"read_ms\":1}",
        "{\"user_id\":1,\"role\":\"admin\",\"amicale_id\":1,\"expires_ms\":1}",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct stored_session got;
        struct fault fault;
        bool found = false;
        const struct reply reply = {
            .type = REPLY_TEXT,
            .text = seal_seal(ring, SPAN("session|" HASH), span_of(odd[i]), &arena)};
        assert_int_equal(
            session_store_read(&reply, ring, SPAN(HASH), &arena, &found, &got, &fault),
            OUTCOME_NEVER);
    }
}

static void keys_of_several_go_in_one_command(void **state)
{
    (void)state;
    const struct span hashes[] = {SPAN(HASH), SPAN(OTHER)};
    struct command command = session_store_delete(&arena, hashes, 2);
    assert_int_equal(command.count, 3);
    assert_span(argument(&command, 0), "DEL");
    assert_span(argument(&command, 1), "{tocsin}:session:" HASH);
    assert_span(argument(&command, 2), "{tocsin}:session:" OTHER);
    command = session_store_get(&arena, SPAN(HASH));
    assert_int_equal(command.count, 2);
    assert_span(argument(&command, 1), "{tocsin}:session:" HASH);
}

static void what_is_told_is_heard(void **state)
{
    (void)state;
    struct session_ended ended;
    struct command tell = session_store_tell_token(&arena, SPAN(HASH));
    assert_span(argument(&tell, 0), "PUBLISH");
    assert_span(argument(&tell, 1), SESSION_STORE_ENDED);
    assert_true(session_store_hear(argument(&tell, 2), &ended));
    assert_span(ended.token_hash, HASH);
    tell = session_store_tell_user(&arena, 41);
    assert_true(session_store_hear(argument(&tell, 2), &ended));
    assert_int_equal(ended.token_hash.len, 0);
    assert_int_equal(ended.user_id, 41);
}

static void other_messages_are_none_of_ours(void **state)
{
    (void)state;
    static const char *const odd[] = {"",
                                      "token",
                                      "token ",
                                      "token xyz",
                                      "user",
                                      "user 0",
                                      "user -3",
                                      "user 1x",
                                      "all 1"};
    struct session_ended ended;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_false(session_store_hear(span_of(odd[i]), &ended));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read_again),
        cmocka_unit_test(what_is_put_is_sealed),
        cmocka_unit_test(one_session_cannot_be_put_in_the_place_of_another),
        cmocka_unit_test(no_key_is_none_and_another_type_is_refused),
        cmocka_unit_test(json_that_is_no_session_is_refused),
        cmocka_unit_test(keys_of_several_go_in_one_command),
        cmocka_unit_test(what_is_told_is_heard),
        cmocka_unit_test(other_messages_are_none_of_ours),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
