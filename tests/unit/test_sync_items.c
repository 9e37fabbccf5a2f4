/* SPDX-License-Identifier: MIT
 * One offline sale at a time: what is taken, and what is said of what is not. */
#include "api/sync_items.h"

#include <stdio.h>

#include "common/base/json.h"
#include "common/model/batch.h"
#include "common/model/sale.h"
#include "tests/unit/cmocka_all.h"

/* 2026-11-22T10:10:05Z */
static const struct sync_moments moments = {.now_ms = 1795342205000,
                                            .skew_most_ms = 300000,
                                            .oldest_ms = INT64_C(90) * 86400000};
static struct arena arena;
static struct batch_item item;
static struct sale sale;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    item = (struct batch_item){.error_count = 0};
    sale = (struct sale){.amount_minor = 0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void check(const char *text)
{
    struct cJSON *document = NULL;
    struct fault fault;
    assert_int_equal(json_parse(span_of(text), &document, &fault), OUTCOME_DONE);
    sync_items_check(document, &moments, &arena, &item, &sale);
    json_free(document);
}

#define GOOD                                                                             \
    "\"local_id\":\"a.b_c:D-9\",\"amount\":100,\"created_at\":\"2026-11-22T10:00:00Z\""

static void a_good_sale_is_read_whole(void **state)
{
    (void)state;
    check("{" GOOD ",\"payment_method\":\"card\",\"stripe_payment_intent_id\":\"pi_1_a\","
          "\"receipt_email\":\" a@b.fr \"}");
    assert_int_equal(item.verdict, BATCH_QUEUED);
    assert_int_equal(item.error_count, 0);
    assert_true(span_is(item.local_id, "a.b_c:D-9"));
    assert_true(span_is(sale.local_id, "a.b_c:D-9"));
    assert_int_equal(sale.amount_minor, 100);
    assert_int_equal(item.amount_minor, 100);
    assert_int_equal(sale.method, SALE_CARD);
    assert_int_equal(item.method, SALE_CARD);
    assert_true(span_is(sale.intent, "pi_1_a"));
    assert_true(span_is(item.intent, "pi_1_a"));
    assert_true(span_is(sale.receipt_email, "a@b.fr"));
    assert_int_equal(sale.sold_ms, 1795341600000);
}

static void moments_are_held_against_our_clock(void **state)
{
    (void)state;
    static const struct {
        const char *moment;
        int code; /* -1: good */
    } cases[] = {
        {"2026-11-22T10:15:05Z", -1},
        {"2026-11-22T10:15:05.001Z", FIELD_IN_FUTURE},
        {"2026-11-22T11:15:05+01:00", -1},
        {"2026-11-22T11:15:05+00:59", FIELD_IN_FUTURE},
        {"2026-11-22t10:10:05.5z", -1},
        {"2026-08-24T10:10:05Z", -1},
        {"2026-08-24T10:10:04.999Z", FIELD_TOO_OLD},
        {"2024-02-29T00:00:00Z", FIELD_TOO_OLD},
        {"2026-02-29T00:00:00Z", FIELD_BAD_FORMAT},
        {"2026-11-22T10:09:60Z", -1}, /* a leap second is the next one */
        {"2026-11-22T10:09:61Z", FIELD_BAD_FORMAT},
        {"2026-11-22T24:00:00Z", FIELD_BAD_FORMAT},
        {"2026-11-22 10:00:00Z", FIELD_BAD_FORMAT},
        {"2026-11-22T10:00:00", FIELD_BAD_FORMAT},
        {"2026-11-22T10:00:00,5Z", FIELD_BAD_FORMAT},
        {"2026-11-22T10:00Z", FIELD_BAD_FORMAT},
        {"", FIELD_BAD_FORMAT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(arena_format(&arena,
                           "{\"local_id\":\"a\",\"amount\":100,\"payment_method\":"
                           "\"cash\",\"created_at\":\"%s\"}",
                           cases[i].moment));
        bool good = cases[i].code < 0;
        assert_int_equal(item.error_count, good ? 0 : 1);
        assert_int_equal(item.verdict, good ? BATCH_QUEUED : BATCH_REJECTED);
        if (!good) {
            assert_int_equal(item.errors[0].code, cases[i].code);
        }
    }
}

static void what_is_no_object_is_one_error(void **state)
{
    (void)state;
    static const char *const bad[] = {"1", "null", "[]", "\"a\"", "true"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(bad[i]);
        assert_int_equal(item.verdict, BATCH_REJECTED);
        assert_int_equal(item.error_count, 1);
        assert_int_equal(item.errors[0].code, FIELD_WRONG_TYPE);
        assert_int_equal(item.local_id.len, 0);
        assert_true(span_is(sync_items_detail(&item, 0, 90, true, &arena),
                            "An object is wanted."));
    }
}

static void a_few_errors_tell_enough(void **state)
{
    (void)state;
    check("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"\":1}");
    assert_int_equal(item.error_count, BATCH_ITEM_ERRORS);
    for (size_t i = 0; i < item.error_count; i++) {
        assert_int_equal(item.errors[i].code, FIELD_MISSING); /* what it lacks first */
    }
    check("{" GOOD ",\"payment_method\":\"cash\",\"\":1}");
    assert_int_equal(item.errors[0].code, FIELD_UNKNOWN);
    check("{" GOOD ",\"payment_method\":\"cash\",\"\\b\\t" /* 47 a, then 2 bytes */
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u00e9bc\":1}");
    assert_true(
        span_is(item.errors[0].field, "??aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void only_cards_have_an_intent(void **state)
{
    (void)state;
    check("{" GOOD ",\"payment_method\":\"cash\",\"stripe_payment_intent_id\":\"pi_1\"}");
    assert_int_equal(item.error_count, 1);
    assert_true(span_is(item.errors[0].field, "stripe_payment_intent_id"));
    assert_true(span_is(sync_items_detail(&item, 0, 90, false, &arena),
                        "Seulement pour une vente par carte."));
    check("{" GOOD ",\"payment_method\":\"gold\",\"stripe_payment_intent_id\":\"pi_1\"}");
    assert_int_equal(item.error_count, 1); /* the method is what is wrong */
    assert_int_equal(item.errors[0].code, FIELD_NOT_A_CHOICE);
    assert_true(span_is(item.errors[0].field, "payment_method"));
}

static void how_far_a_clock_is_off_is_said_in_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *french;
        const char *english;
    } cases[] = {
        {45000, "45 s", "45 s"},
        {301000, "5 min 1 s", "5 min 1 s"},
        {600000, "10 min", "10 min"},
        {7530000, "2 h 5 min", "2 h 5 min"},
        {86400000, "1 j", "1 d"},
        {273600000, "3 j 4 h", "3 d 4 h"},
    };
    const struct batch_item ahead = {
        .verdict = BATCH_REJECTED,
        .errors = {{{"created_at", 10}, FIELD_IN_FUTURE}},
        .error_count = 1,
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct batch_item one = ahead;
        char text[128];
        one.off_ms = cases[i].ms;
        snprintf(text,
                 sizeof(text),
                 "L'horloge du téléphone semble avancer de %s.",
                 cases[i].french);
        assert_true(span_is(sync_items_detail(&one, 0, 90, false, &arena), text));
        snprintf(text,
                 sizeof(text),
                 "The phone's clock seems to be ahead by %s.",
                 cases[i].english);
        assert_true(span_is(sync_items_detail(&one, 0, 90, true, &arena), text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_sale_is_read_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moments_are_held_against_our_clock,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_object_is_one_error,
                                        set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_few_errors_tell_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_cards_have_an_intent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(how_far_a_clock_is_off_is_said_in_two_units,
                                        set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
