/* SPDX-License-Identifier: MIT
 * Balance transactions as Stripe shows them, and the rows that are made of them. */
#include "tests/unit/cmocka_all.h"

#include "common/base/json.h"
#include "worker/books_transaction.h"

#define MOVED(type, amount, source)                                                      \
    "{\"id\":\"txn_1\",\"object\":\"balance_transaction\",\"amount\":" amount            \
    ",\"available_on\":1764000000,\"created\":1763999999,\"currency\":\"eur\","          \
    "\"fee\":47,\"net\":1453,\"reporting_category\":\"x\",\"status\":\"pending\","       \
    "\"type\":\"" type "\",\"source\":" source "}"

static struct cJSON *document;

static struct books_transaction read(const char *text)
{
    struct books_transaction row;
    struct fault fault;
    json_free(document);
    assert_int_equal(json_parse(span_of(text), &document, &fault), OUTCOME_DONE);
    assert_int_equal(books_transaction_read(document, &row, &fault), OUTCOME_DONE);
    return row;
}

static void a_charge_says_what_was_taken_and_whose_it_is(void **state)
{
    (void)state;
    struct books_transaction row = read(
        MOVED("charge",
              "1500",
              "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":1500,"
              "\"amount_captured\":1500,\"amount_refunded\":500,\"currency\":\"chf\","
              "\"status\":\"succeeded\",\"payment_intent\":\"pi_1\","
              "\"transfer_data\":{\"amount\":null,\"destination\":\"acct_1\"}}"));
    assert_span(row.id, "txn_1");
    assert_int_equal(row.amount, 1500);
    assert_int_equal(row.fee, 47);
    assert_int_equal(row.created_s, 1763999999);
    assert_span(row.source, "ch_1");
    assert_span(row.charge, "ch_1");
    assert_span(row.payment_intent, "pi_1");
    assert_span(row.destination, "acct_1");
    assert_span(row.currency, "eur");
    assert_span(row.source_currency, "chf");
    assert_int_equal(row.taken, 1500);
    assert_int_equal(row.back, 500);
}

static void what_a_partial_capture_released_was_not_given_back(void **state)
{
    (void)state;
    struct books_transaction row =
        read(MOVED("charge",
                   "1500",
                   "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":1500,"
                   "\"amount_captured\":1000,\"amount_refunded\":700,"
                   "\"payment_intent\":{\"id\":\"pi_1\"}}"));
    assert_int_equal(row.source_amount, 1500);
    assert_int_equal(row.taken, 1000);
    assert_int_equal(row.back, 200);
    assert_span(row.payment_intent, "pi_1");
    assert_span(row.destination, "");
}

static void parts_name_what_they_are_of(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        const char *of;
        const char *charge;
        const char *destination;
    } parts[] = {
        {MOVED("refund",
               "-500",
               "{\"id\":\"re_1\",\"object\":\"refund\",\"amount\":500,"
               "\"charge\":\"ch_1\",\"payment_intent\":\"pi_1\",\"status\":\"failed\"}"),
         "",
         "ch_1",
         ""},
        {MOVED("transfer",
               "-1500",
               "{\"id\":\"tr_1\",\"object\":\"transfer\",\"amount\":1500,"
               "\"destination\":\"acct_1\",\"source_transaction\":\"ch_1\"}"),
         "",
         "ch_1",
         "acct_1"},
        {MOVED("transfer_refund",
               "500",
               "{\"id\":\"trr_1\",\"object\":\"transfer_reversal\",\"amount\":500,"
               "\"source_refund\":\"re_1\",\"transfer\":\"tr_1\"}"),
         "re_1",
         "",
         ""},
        {MOVED("transfer_refund",
               "500",
               "{\"id\":\"trr_1\",\"object\":\"transfer_reversal\",\"amount\":500,"
               "\"source_refund\":null,\"transfer\":\"tr_1\"}"),
         "tr_1",
         "",
         ""},
        {MOVED("application_fee",
               "75",
               "{\"id\":\"fee_1\",\"object\":\"application_fee\",\"amount\":75,"
               "\"account\":\"acct_1\",\"charge\":\"ch_1\",\"amount_refunded\":25}"),
         "",
         "ch_1",
         "acct_1"},
        {MOVED("application_fee",
               "75",
               "{\"id\":\"fee_1\",\"object\":\"application_fee\",\"amount\":75,"
               "\"account\":\"acct_1\",\"charge\":\"py_1\","
               "\"originating_transaction\":\"ch_1\",\"amount_refunded\":25}"),
         "",
         "ch_1",
         "acct_1"},
        {MOVED("application_fee_refund",
               "-25",
               "{\"id\":\"fr_1\",\"object\":\"fee_refund\",\"amount\":25,"
               "\"fee\":\"fee_1\"}"),
         "fee_1",
         "",
         ""},
        {MOVED("adjustment",
               "-1500",
               "{\"id\":\"dp_1\",\"object\":\"dispute\",\"amount\":1500,"
               "\"charge\":\"ch_1\",\"payment_intent\":\"pi_1\",\"status\":\"lost\"}"),
         "",
         "ch_1",
         ""},
        {MOVED("payout",
               "-9000",
               "{\"id\":\"po_1\",\"object\":\"payout\",\"amount\":9000,"
               "\"status\":\"paid\",\"destination\":\"ba_1\"}"),
         "",
         "",
         ""},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct books_transaction row = read(parts[i].source);
        assert_true(span_is(row.of, parts[i].of));
        assert_true(span_is(row.charge, parts[i].charge));
        assert_true(span_is(row.destination, parts[i].destination));
        assert_true(row.has_amount);
    }
}

static void a_source_that_was_not_expanded_or_is_none_is_told_by_its_name(void **state)
{
    (void)state;
    struct books_transaction row = read(MOVED("payment", "1500", "\"py_1\""));
    assert_span(row.source, "py_1");
    assert_span(row.object, "");
    assert_false(row.has_amount);
    row = read(MOVED("stripe_fee", "-100", "null"));
    assert_span(row.source, "");
}

static void one_that_lacks_what_each_has_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{}",
        "{\"id\":\"txn_1\",\"type\":\"charge\",\"currency\":\"eur\",\"amount\":1}",
        "{\"id\":\"../x\",\"type\":\"charge\",\"currency\":\"eur\",\"amount\":1,"
        "\"fee\":0,\"net\":1,\"created\":1}",
        "{\"id\":\"txn_1\",\"type\":\"charge\",\"currency\":\"euro\",\"amount\":1,"
        "\"fee\":0,\"net\":1,\"created\":1}",
        "{\"id\":\"txn_1\",\"type\":\"charge\",\"currency\":\"eur\",\"amount\":1.5,"
        "\"fee\":0,\"net\":1,\"created\":1}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct books_transaction row;
        struct fault fault;
        json_free(document);
        assert_int_equal(json_parse(span_of(wrong[i]), &document, &fault), OUTCOME_DONE);
        assert_int_equal(books_transaction_read(document, &row, &fault), OUTCOME_NEVER);
    }
}

static void a_row_is_written_with_nulls_for_what_is_not_there(void **state)
{
    (void)state;
    struct books_transaction row = read(MOVED("payment", "1500", "\"py_1\""));
    struct text text;
    text_init(&text, 4096);
    struct json_writer json = json_writer(&text);
    row.account = SPAN("acct_1");
    books_transaction_write(&row, &json);
    assert_string_equal(
        text.at,
        "{\"id\":\"txn_1\",\"account\":\"acct_1\",\"type\":\"payment\",\"category\":"
        "\"x\",\"currency\":\"eur\","
        "\"amount\":1500,\"fee\":47,\"net\":1453,\"created\":1763999999,"
        "\"source_id\":\"py_1\",\"source_object\":null,\"source_status\":null,"
        "\"source_currency\":null,"
        "\"source_amount\":null,\"source_taken\":null,\"source_back\":null,"
        "\"source_of_id\":null,\"charge\":null,\"payment_intent\":null,"
        "\"destination\":null}");
    text_done(&text);
}

static int forget(void **state)
{
    (void)state;
    json_free(document);
    document = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_charge_says_what_was_taken_and_whose_it_is, forget),
        cmocka_unit_test_teardown(what_a_partial_capture_released_was_not_given_back,
                                  forget),
        cmocka_unit_test_teardown(parts_name_what_they_are_of, forget),
        cmocka_unit_test_teardown(
            a_source_that_was_not_expanded_or_is_none_is_told_by_its_name,
            forget),
        cmocka_unit_test_teardown(one_that_lacks_what_each_has_is_refused, forget),
        cmocka_unit_test_teardown(a_row_is_written_with_nulls_for_what_is_not_there,
                                  forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
