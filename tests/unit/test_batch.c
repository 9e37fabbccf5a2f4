/* SPDX-License-Identifier: MIT
 * Batches as they are kept, read back as they were. */
#include "common/model/batch.h"

#include <string.h>

#include "common/model/job.h"
#include "tests/unit/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 32 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct batch one_of_each(struct batch_item items[5])
{
    static const struct batch_item made[5] = {
        {.local_id = {"a", 1},
         .verdict = BATCH_QUEUED,
         .amount_minor = 1000,
         .method = SALE_CASH},
        {.local_id = {"b", 1},
         .verdict = BATCH_DUPLICATE,
         .amount_minor = 2000,
         .method = SALE_CARD,
         .intent = {"pi_1", 4},
         .was_shown = true},
        {.local_id = {"c", 1},
         .verdict = BATCH_CONFLICT,
         .amount_minor = 300,
         .method = SALE_CHEQUE,
         .conflict = {"other_amount", 12},
         .known_minor = 400,
         .known_method = {"cheque", 6}},
        {.verdict = BATCH_REJECTED,
         .errors = {{{"created_at", 10}, FIELD_IN_FUTURE}, {{"", 0}, FIELD_UNKNOWN}},
         .error_count = 2,
         .off_ms = 7500000},
        {.local_id = {"a", 1},
         .verdict = BATCH_DUPLICATE,
         .amount_minor = 1000,
         .method = SALE_CASH,
         .repeats = true},
    };
    memcpy(items, made, sizeof(made));
    return (struct batch){.id = SPAN("bat_0123456789abcdefABCDEF-_"),
                          .pompier_id = 11,
                          .amicale_id = 7,
                          .device_id = SPAN("phone-1"),
                          .received_ms = 1795342205123,
                          .has_skew = true,
                          .skew_ms = -124,
                          .items = items,
                          .count = 5};
}

static void check_items(const struct batch_item *got, const struct batch_item *made)
{
    for (size_t i = 0; i < 5; i++) {
        assert_true(span_equal(got[i].local_id, made[i].local_id));
        assert_int_equal(got[i].verdict, made[i].verdict);
        assert_int_equal(got[i].amount_minor, made[i].amount_minor);
        assert_int_equal(got[i].method, made[i].method);
        assert_true(span_equal(got[i].intent, made[i].intent));
        assert_int_equal(got[i].repeats, made[i].repeats);
        assert_int_equal(got[i].was_shown, made[i].was_shown);
        assert_true(span_equal(got[i].conflict, made[i].conflict));
        assert_int_equal(got[i].known_minor, made[i].known_minor);
        assert_true(span_equal(got[i].known_method, made[i].known_method));
        assert_int_equal(got[i].off_ms, made[i].off_ms);
        assert_int_equal(got[i].error_count, made[i].error_count);
        for (size_t k = 0; k < made[i].error_count; k++) {
            assert_true(span_equal(got[i].errors[k].field, made[i].errors[k].field));
            assert_int_equal(got[i].errors[k].code, made[i].errors[k].code);
        }
    }
}

static void a_batch_comes_back_as_it_was(void **state)
{
    (void)state;
    struct batch_item items[5];
    struct batch batch = one_of_each(items);
    struct batch got;
    struct fault fault;
    struct span payload = batch_encode(&batch, &arena);
    assert_int_equal(batch_decode(payload, &arena, &got, &fault), OUTCOME_DONE);
    assert_true(span_equal(got.id, batch.id));
    assert_int_equal(got.pompier_id, 11);
    assert_int_equal(got.amicale_id, 7);
    assert_true(span_is(got.device_id, "phone-1"));
    assert_int_equal(got.request_mac.len, 0);
    assert_int_equal(got.received_ms, batch.received_ms);
    assert_true(got.has_skew);
    assert_int_equal(got.skew_ms, -124);
    assert_int_equal(got.count, 5);
    check_items(got.items, items);
}

static void its_items_come_back_alone(void **state)
{
    (void)state;
    struct batch_item items[5];
    struct batch batch = one_of_each(items);
    struct batch_item *got = NULL;
    size_t count = 0;
    struct fault fault;
    struct span text = batch_encode_items(&batch, &arena);
    assert_int_equal(batch_decode_items(text, &arena, &got, &count, &fault),
                     OUTCOME_DONE);
    assert_int_equal(count, 5);
    check_items(got, items);
}

static void a_clock_that_was_not_told_stays_untold(void **state)
{
    (void)state;
    struct batch_item items[5];
    struct batch batch = one_of_each(items);
    struct batch got;
    struct fault fault;
    batch.has_skew = false;
    batch.skew_ms = 0;
    batch.device_id = SPAN("");
    assert_int_equal(batch_decode(batch_encode(&batch, &arena), &arena, &got, &fault),
                     OUTCOME_DONE);
    assert_false(got.has_skew);
    assert_int_equal(got.device_id.len, 0);
}

static void a_sale_that_stands_twice_is_summed_once(void **state)
{
    (void)state;
    struct batch_item items[5];
    struct batch batch = one_of_each(items);
    struct batch_counts counts = batch_count(&batch);
    assert_int_equal(counts.of[BATCH_QUEUED], 1);
    assert_int_equal(counts.of[BATCH_DUPLICATE], 2);
    assert_int_equal(counts.of[BATCH_CONFLICT], 1);
    assert_int_equal(counts.of[BATCH_REJECTED], 1);
    assert_int_equal(counts.amount_minor, 3300);
}

/* A thousand items that say as much as they may. */
static void the_largest_batch_fits_into_a_payload(void **state)
{
    (void)state;
    char worst[BATCH_FIELD_BYTES];
    memset(worst, '"', sizeof(worst)); /* two bytes each, once escaped */
    struct batch_item *items = ARENA_ARRAY(&arena, struct batch_item, BATCH_MOST_ITEMS);
    for (size_t i = 0; i < BATCH_MOST_ITEMS; i++) {
        items[i] = (struct batch_item){.verdict = BATCH_REJECTED,
                                       .error_count = BATCH_ITEM_ERRORS,
                                       .off_ms = INT64_C(9007199254740992)};
        for (size_t k = 0; k < BATCH_ITEM_ERRORS; k++) {
            items[i].errors[k] =
                (struct batch_error){{worst, sizeof(worst)}, FIELD_NOT_A_CHOICE};
        }
    }
    const struct batch batch = {.id = SPAN("bat_0123456789abcdefABCDEF-_"),
                                .items = items,
                                .count = BATCH_MOST_ITEMS};
    assert_true(batch_encode(&batch, &arena).len < JOB_PAYLOAD_BYTES);
}

static void what_is_no_batch_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"id\":\"bat_0123456789abcdefABCDEF-_\",\"pompier_id\":1,\"amicale_id\":1,"
        "\"received_ms\":1,\"items\":[]}",
        "{\"id\":\"bat_short\",\"pompier_id\":1,\"amicale_id\":1,\"received_ms\":1,"
        "\"items\":[{\"local_id\":\"a\",\"status\":\"queued\",\"amount\":1,"
        "\"method\":\"cash\"}]}",
    };
    static const char *const bad_items[] = {
        "[]",
        "[1]",
        "[{\"local_id\":\"a\",\"status\":\"lost\",\"amount\":1,\"method\":\"cash\"}]",
        "[{\"local_id\":\"a\",\"status\":\"queued\",\"amount\":1,\"method\":\"gold\"}]",
        "[{\"local_id\":\"\",\"status\":\"queued\",\"amount\":1,\"method\":\"cash\"}]",
        "[{\"local_id\":null,\"status\":\"rejected\",\"errors\":[]}]",
        "[{\"status\":\"rejected\",\"errors\":[{\"field\":\"a\",\"code\":\"odd\"}]}]",
    };
    struct batch batch;
    struct batch_item *items = NULL;
    size_t count = 0;
    struct fault fault;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(batch_decode(span_of(bad[i]), &arena, &batch, &fault),
                         OUTCOME_NEVER);
    }
    for (size_t i = 0; i < sizeof(bad_items) / sizeof(bad_items[0]); i++) {
        struct span text = span_of(bad_items[i]);
        assert_int_equal(batch_decode_items(text, &arena, &items, &count, &fault),
                         OUTCOME_NEVER);
    }
}

static void names_are_told_apart_from_what_is_none(void **state)
{
    (void)state;
    assert_true(batch_id_is_valid(SPAN("bat_0123456789abcdefABCDEF-_")));
    static const char *const bad[] = {"",
                                      "bat_",
                                      "bat_0123456789abcdefABCDEF-",
                                      "bat_0123456789abcdefABCDEF-_0",
                                      "bot_0123456789abcdefABCDEF-_",
                                      "bat_0123456789abcdefABCDEF-/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(batch_id_is_valid(span_of(bad[i])));
    }
    struct span name = batch_job_id(11, SPAN("bat_x"), &arena);
    assert_true(span_is(name, "sync.batch:11:bat_x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_batch_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_items_come_back_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_was_not_told_stays_untold,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_sale_that_stands_twice_is_summed_once,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_largest_batch_fits_into_a_payload,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_batch_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_told_apart_from_what_is_none,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
