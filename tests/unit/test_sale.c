/* SPDX-License-Identifier: MIT
 * Payloads of offline sales there and back, and what makes two of them the same. */
#include "common/model/sale.h"

#include "common/model/job.h"
#include "tests/unit/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct sale a_sale(void)
{
    return (struct sale){.pompier_id = 11,
                         .amicale_id = 2,
                         .local_id = SPAN("phone-1:42"),
                         .amount_minor = 1500,
                         .method = SALE_CHEQUE,
                         .receipt_email = SPAN("b@example.com"),
                         .sold_ms = 1763800000123,
                         .received_ms = 1763800900456,
                         .device_id = SPAN("phone-1"),
                         .batch_id = SPAN("bat_1")};
}

static void a_sale_is_read_again(void **state)
{
    (void)state;
    const struct sale sale = a_sale();
    struct sale got;
    struct fault fault;
    assert_int_equal(sale_decode(sale_encode(&sale, &arena), &arena, &got, &fault),
                     OUTCOME_DONE);
    assert_int_equal(got.pompier_id, 11);
    assert_int_equal(got.amicale_id, 2);
    assert_span(got.local_id, "phone-1:42");
    assert_int_equal(got.amount_minor, 1500);
    assert_int_equal(got.method, SALE_CHEQUE);
    assert_span(got.intent, "");
    assert_span(got.receipt_email, "b@example.com");
    assert_int_equal(got.sold_ms, 1763800000123);
    assert_int_equal(got.received_ms, 1763800900456);
    assert_span(got.device_id, "phone-1");
    assert_span(got.batch_id, "bat_1");
    assert_false(got.is_conflict);
}

static void a_conflict_and_a_payment_intent_are_kept(void **state)
{
    (void)state;
    struct sale sale = a_sale();
    struct sale got;
    struct fault fault;
    sale.method = SALE_CARD;
    sale.intent = SPAN("pi_1");
    sale.is_conflict = true;
    assert_int_equal(sale_decode(sale_encode(&sale, &arena), &arena, &got, &fault),
                     OUTCOME_DONE);
    assert_int_equal(got.method, SALE_CARD);
    assert_span(got.intent, "pi_1");
    assert_true(got.is_conflict);
}

static void what_is_no_sale_is_never_read(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"pompier_id\":1,\"amicale_id\":1,\"amount\":100,\"method\":\"gold\","
        "\"sold_ms\":1,\"received_ms\":1,\"local_id\":\"a\"}",
        "{\"pompier_id\":1,\"amicale_id\":1,\"amount\":100,\"method\":\"cash\","
        "\"sold_ms\":1,\"received_ms\":1}",
        "{\"pompier_id\":1,\"amicale_id\":1,\"amount\":1.5,\"method\":\"cash\","
        "\"sold_ms\":1,\"received_ms\":1,\"local_id\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sale got;
        struct fault fault;
        assert_int_equal(sale_decode(span_of(bad[i]), &arena, &got, &fault),
                         OUTCOME_NEVER);
    }
}

static void amount_and_method_make_it_the_same_sale(void **state)
{
    (void)state;
    struct sale sale = a_sale();
    assert_span(sale_canonical(&sale, &arena), "1500|cheque");
    sale.receipt_email = SPAN("");
    sale.sold_ms++;
    sale.device_id = SPAN("phone-2");
    assert_span(sale_canonical(&sale, &arena), "1500|cheque");
    sale.method = SALE_CASH;
    assert_span(sale_canonical(&sale, &arena), "1500|cash");
}

static void its_job_is_named_by_user_and_local_id(void **state)
{
    (void)state;
    const struct sale sale = a_sale();
    struct span id = sale_job_id(&sale, &arena);
    assert_span(id, "sync:11:phone-1:42");
    assert_true(job_id_is_valid(id));
}

static void what_is_new_under_a_name_has_a_job_of_its_own(void **state)
{
    (void)state;
    struct sale sale = a_sale();
    sale.intent = SPAN("pi_1");
    assert_span(sale_intent_job_id(&sale, &arena), "sync:11:phone-1:42/pi_1");
    assert_span(sale_content_job_id(&sale, SPAN("0123456789abcdef0123"), &arena),
                "sync:11:phone-1:42/0123456789abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sale_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_conflict_and_a_payment_intent_are_kept,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_sale_is_never_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(amount_and_method_make_it_the_same_sale,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(its_job_is_named_by_user_and_local_id,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_new_under_a_name_has_a_job_of_its_own,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
