/* SPDX-License-Identifier: MIT
 * Payloads of asked jobs there and back, and whose a job is by its name. */
#include "common/model/ask.h"

#include "tests/unit/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void what_somebody_asks_is_read_again(void **state)
{
    (void)state;
    const struct ask ask = {.user_id = 34,
                            .role = ROLE_ADMIN,
                            .amicale_id = 12,
                            .request_id = SPAN("req_0123456789abcdef"),
                            .idempotency_key = SPAN("sale \"17\" \xc3\xa9"),
                            .mac = SPAN("00ff"),
                            .at_ms = 1763800000123,
                            .until_ms = 1763800010123,
                            .body = SPAN("{\"amount\":1500,\"note\":\"h\xc3\xa9\"}")};
    struct ask got;
    struct fault fault;
    struct span payload = ask_encode(&ask, &arena);
    assert_int_equal(ask_decode(payload, &arena, &got, &fault), OUTCOME_DONE);
    assert_int_equal(got.user_id, 34);
    assert_int_equal(got.role, ROLE_ADMIN);
    assert_int_equal(got.amicale_id, 12);
    assert_span(got.request_id, "req_0123456789abcdef");
    assert_span(got.idempotency_key, "sale \"17\" \xc3\xa9");
    assert_span(got.mac, "00ff");
    assert_int_equal(got.at_ms, 1763800000123);
    assert_int_equal(got.until_ms, 1763800010123);
    assert_span(got.body, "{\"amount\":1500,\"note\":\"h\xc3\xa9\"}");
}

static void what_nobody_known_asks_has_no_user(void **state)
{
    (void)state;
    const struct ask ask = {.at_ms = 5, .body = SPAN("{}")};
    struct ask got = {.user_id = 9, .role = ROLE_ADMIN, .amicale_id = 9};
    struct fault fault;
    struct span payload = ask_encode(&ask, &arena);
    assert_int_equal(ask_decode(payload, &arena, &got, &fault), OUTCOME_DONE);
    assert_int_equal(got.user_id, 0);
    assert_int_equal(got.amicale_id, 0);
    assert_int_equal(got.until_ms, 0);
    assert_int_equal(got.idempotency_key.len, 0);
    assert_int_equal(got.mac.len, 0);
    assert_span(got.body, "{}");
}

static void a_payload_of_another_shape_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"at_ms\":1,\"until_ms\":0}",
        "{\"at_ms\":1,\"body\":{}}",
        "{\"until_ms\":1,\"body\":{}}",
        "{\"at_ms\":\"1\",\"until_ms\":0,\"body\":{}}",
        "{\"user_id\":1,\"at_ms\":1,\"until_ms\":0,\"body\":{}}",
        "{\"user_id\":1,\"role\":\"chief\",\"amicale_id\":1,\"at_ms\":1,\"until_ms\":0,"
        "\"body\":{}}",
        "{\"user_id\":\"1\",\"role\":\"admin\",\"amicale_id\":1,\"at_ms\":1,"
        "\"until_ms\":0,\"body\":{}}",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct ask got = {.user_id = 77};
        struct fault fault;
        assert_int_equal(ask_decode(span_of(odd[i]), &arena, &got, &fault),
                         OUTCOME_NEVER);
        assert_int_equal(got.user_id, 77);
    }
}

static void a_jobs_name_says_whose_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        int64_t owner;
    } names[] = {
        {"payment.create:34:00112233445566778899aabbccddeeff", 34},
        {"session.extend:7:a3f5a3f5a3f5a3f5-489945", 7},
        {"session.login:-:00112233445566778899aabbccddeeff", 0},
        {"payment.create:34:", 0},
        {"payment.create:34", 0},
        {"payment.create", 0},
        {"payment.create:0:x", 0},
        {"payment.create:-34:x", 0},
        {"payment.create:+34:x", 0},
        {"payment.create:34a:x", 0},
        {"payment.create::x", 0},
        {"payment.create:99999999999999999999:x", 0},
        {"receipt:pi_34:x", 0},
        {"evt_1", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(ask_owner(span_of(names[i].id)), names[i].owner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_asks_is_read_again),
        cmocka_unit_test(what_nobody_known_asks_has_no_user),
        cmocka_unit_test(a_payload_of_another_shape_is_refused_and_writes_nothing),
        cmocka_unit_test(a_jobs_name_says_whose_it_is),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
