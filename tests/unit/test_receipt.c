/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/model/receipt.h"
#include "common/model/receipt_dispute.h"

static const char details[] =
    "{\"type\":\"card_present\",\"card_present\":{\"brand\":\"visa\",\"last4\":\"4242\","
    "\"fingerprint\":\"secret\",\"receipt\":{\"account_type\":\"credit\","
    "\"application_cryptogram\":\"DCCF2D0BBC4E8B5F\","
    "\"application_preferred_name\":\"VISA CREDIT\",\"authorization_code\":\"123456\","
    "\"authorization_response_code\":\"3030\","
    "\"cardholder_verification_method\":\"online_pin\","
    "\"dedicated_file_name\":\"A0000000031010\","
    "\"terminal_verification_results\":\"0000008001\","
    "\"transaction_status_information\":\"E800\"}}}";

struct fixture {
    struct arena arena;
    struct receipt receipt;
    struct cJSON *document;
    struct text message; /* as composed */
    struct text body; /* with the quoted-printable undone */
};

/* The "=" of a boundary or of an encoded word stays as it is. */
static void unquote(struct span quoted, struct text *out)
{
    for (size_t i = 0; i < quoted.len; i++) {
        if (quoted.at[i] != '=' || i + 2 >= quoted.len ||
            !strchr("0123456789ABCDEF\r", quoted.at[i + 1])) {
            text_add_char(out, quoted.at[i]);
            continue;
        }
        if (quoted.at[i + 1] != '\r') {
            char hex[3] = {quoted.at[i + 1], quoted.at[i + 2], '\0'};
            text_add_char(out, (char)strtol(hex, NULL, 16));
        }
        i += 2;
    }
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    arena_init(&f->arena, 1 << 20);
    text_init(&f->message, RECEIPT_MESSAGE_BYTES);
    text_init(&f->body, RECEIPT_MESSAGE_BYTES);
    struct fault fault;
    assert_int_equal(json_parse(span_of(details), &f->document, &fault), OUTCOME_DONE);
    f->receipt = (struct receipt){
        .template = RECEIPT_PAYMENT,
        .number = SPAN("2026-000123"),
        .message_id = SPAN("receipt.pi_1@tocsin.example"),
        .from = SPAN("recus@tocsin.example"),
        .from_name = SPAN("Reçus"),
        .to = SPAN("jean@example.fr"),
        .amicale = SPAN("Amicale de Pléneuf"),
        .written_ms = INT64_C(1795341900000),
        .currency = SPAN("eur"),
        .amount_minor = 1234,
        .paid_ms = INT64_C(1795341900000),
        .method = SPAN("card"),
        .payment = SPAN("pi_1"),
        .refund_minor = 500,
        .refunded_ms = INT64_C(1795341900000) + 86400000,
        .refund = SPAN("re_1"),
    };
    receipt_card_read(f->document, &f->receipt.card);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    json_free(f->document);
    text_done(&f->message);
    text_done(&f->body);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void compose(struct fixture *f)
{
    struct fault fault;
    text_clear(&f->message);
    text_clear(&f->body);
    assert_int_equal(receipt_compose(&f->receipt, &f->message, &fault), OUTCOME_DONE);
    unquote(text_span(&f->message), &f->body);
}

/* In the text and in the HTML. */
static void assert_says_twice(struct fixture *f, const char *what)
{
    const char *first = strstr(f->body.at, what);
    if (!first || !strstr(first + 1, what)) {
        fail_msg("the message does not say \"%s\" twice", what);
    }
}

static void a_receipt_says_what_the_networks_require(void **state)
{
    struct fixture *f = *state;
    compose(f);
    static const char *const said[] = {
        "12,34 €",
        "22/11/2026 11:05",
        "Amicale de Pléneuf",
        "2026-000123",
        "pi_1",
        "Carte bancaire Visa, se terminant par 4242",
        "VISA CREDIT",
        "A0000000031010",
        "Crédit",
        "123456",
        "3030",
        "DCCF2D0BBC4E8B5F",
        "0000008001",
        "E800",
        "Code confidentiel (en ligne)",
    };
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        assert_says_twice(f, said[i]);
    }
}

static void a_notice_says_what_went_back_and_of_which_payment(void **state)
{
    struct fixture *f = *state;
    f->receipt.template = RECEIPT_REFUND;
    compose(f);
    static const char *const said[] = {"Avis n° : 2026-000123",
                                       "Montant remboursé : 5,00 €",
                                       "12,34 €",
                                       "re_1",
                                       "pi_1"};
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        assert_non_null(strstr(f->body.at, said[i]));
    }
    assert_says_twice(f, "23/11/2026 11:05");
    assert_null(strstr(f->body.at, "DCCF2D0BBC4E8B5F"));
}

static void the_same_receipt_is_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    compose(f);
    char *first = strdup(f->message.at);
    compose(f);
    assert_string_equal(f->message.at, first);
    free(first);
}

static void the_header_names_sender_buyer_and_message(void **state)
{
    struct fixture *f = *state;
    compose(f);
    static const char head[] =
        "From: =?UTF-8?Q?Re=C3=A7us?= <recus@tocsin.example>\r\n"
        "To: <jean@example.fr>\r\n"
        "Subject: =?UTF-8?Q?Re=C3=A7u_n=C2=B0_2026-000123_-_Amicale_de_Pl=C3=A9neuf?=\r\n"
        "Date: Sun, 22 Nov 2026 10:05:00 +0000\r\n"
        "Message-ID: <receipt.pi_1@tocsin.example>\r\n"
        "Auto-Submitted: auto-generated\r\n";
    assert_memory_equal(f->message.at, head, sizeof(head) - 1);
}

static void no_name_can_add_a_header_or_markup(void **state)
{
    struct fixture *f = *state;
    f->receipt.amicale = SPAN("Dol\r\nBcc: x@y.z\r\n\r\n<script>alert(1)</script>");
    f->receipt.from_name = SPAN("Reçus\r\nX-Evil: 1");
    f->receipt.card.last4 = SPAN("42\n42");
    compose(f);
    assert_null(strstr(f->message.at, "\nBcc"));
    assert_null(strstr(f->message.at, "\nX-Evil"));
    assert_null(strstr(strstr(f->body.at, "<!DOCTYPE"), "<script>"));
    assert_non_null(strstr(f->body.at, "&lt;script&gt;"));
    const char *blank = strstr(f->message.at, "\r\n\r\n");
    assert_memory_equal(blank, "\r\n\r\n--=_", 8);
}

static void an_address_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fault fault;
    static const char *const bad[] = {"", "x", "a@b.c\r\nBcc: d@e.f", "a@b.c, d@e.f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        f->receipt.to = span_of(bad[i]);
        assert_int_equal(receipt_compose(&f->receipt, &f->message, &fault),
                         OUTCOME_NEVER);
        assert_int_equal(fault.code, RECEIPT_BAD_ADDRESS);
    }
}

static void a_message_id_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fault fault;
    static const char *const bad[] = {"receipt.pi_1@",
                                      "@tocsin.example",
                                      "receipt.pi_1",
                                      "a@b\r\nX: 1",
                                      "a@b>",
                                      "a@b@c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        f->receipt.message_id = span_of(bad[i]);
        assert_int_equal(receipt_compose(&f->receipt, &f->message, &fault),
                         OUTCOME_NEVER);
        assert_int_equal(fault.code, RECEIPT_BAD_ID);
    }
}

static void cash_needs_no_card(void **state)
{
    struct fixture *f = *state;
    f->receipt.method = SPAN("cash");
    f->receipt.card = (struct receipt_card){0};
    compose(f);
    assert_says_twice(f, "Espèces");
    assert_null(strstr(f->body.at, "AID"));
}

static void what_is_kept_of_a_card_gives_the_same_receipt_and_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct span kept = receipt_card_print(f->document, &f->arena);
    assert_null(strstr(kept.at, "secret"));
    struct cJSON *again = NULL;
    struct fault fault;
    assert_int_equal(json_parse(kept, &again, &fault), OUTCOME_DONE);
    struct receipt_card card;
    receipt_card_read(again, &card);
    assert_true(span_equal(card.brand, f->receipt.card.brand));
    assert_true(span_equal(card.last4, f->receipt.card.last4));
    for (size_t i = 0; i < RECEIPT_CARD_FIELDS; i++) {
        assert_true(card.fields[i].len > 0);
        assert_true(span_equal(card.fields[i], f->receipt.card.fields[i]));
    }
    assert_true(receipt_card_is_complete(again));
    json_free(again);
}

static void assert_complete(const char *json, bool complete)
{
    struct cJSON *document = NULL;
    struct fault fault;
    assert_int_equal(json_parse(span_of(json), &document, &fault), OUTCOME_DONE);
    assert_int_equal(receipt_card_is_complete(document), complete);
    json_free(document);
}

static void a_card_read_by_a_terminal_is_complete_with_its_required_fields(void **state)
{
    (void)state;
    assert_false(receipt_card_is_complete(NULL));
    assert_complete("{}", false);
    assert_complete("{\"type\":\"card\",\"card\":{\"brand\":\"visa\"}}", true);
    assert_complete("{\"type\":\"card_present\",\"card_present\":{\"brand\":\"visa\"}}",
                    false);
    assert_complete("{\"type\":\"card_present\",\"card_present\":{\"receipt\":"
                    "{\"application_preferred_name\":\"VISA\","
                    "\"dedicated_file_name\":\"A0\"}}}",
                    false);
}

static void a_field_longer_than_any_real_one_is_cut(void **state)
{
    struct fixture *f = *state;
    struct text json;
    text_init(&json, 1 << 20);
    text_add_string(&json, "{\"type\":\"card\",\"card\":{\"brand\":\"");
    for (int i = 0; i < 20000; i++) {
        text_add_string(&json, "é");
    }
    text_add_string(&json, "\"}}");
    struct cJSON *document = NULL;
    struct fault fault;
    assert_int_equal(json_parse(text_span(&json), &document, &fault), OUTCOME_DONE);
    struct receipt_card card;
    receipt_card_read(document, &card);
    assert_int_equal(card.brand.len, 120);
    assert_true(span_is_utf8(card.brand));
    assert_true(receipt_card_print(document, &f->arena).len < 1024);
    json_free(document);
    text_done(&json);
}

static void numbers_and_names_derive_from_the_row(void **state)
{
    struct fixture *f = *state;
    char number[RECEIPT_NUMBER_BYTES];
    /* New Year's eve, 23:30 in UTC, is next year in Paris. */
    assert_string_equal(receipt_number(123, INT64_C(1798759800000), number),
                        "2027-000123");
    assert_string_equal(receipt_number(12345678, INT64_C(1795341900000), number),
                        "2026-12345678");
    assert_true(span_is(
        receipt_message_id(RECEIPT_REFUND, SPAN("re_1"), SPAN("t.example"), &f->arena),
        "refund.re_1@t.example"));
    assert_true(span_is(receipt_message_id(RECEIPT_PAYMENT,
                                           SPAN("payment:7"),
                                           SPAN("t.example"),
                                           &f->arena),
                        "receipt.payment.7@t.example"));
    enum receipt_template template;
    assert_true(receipt_template_find(SPAN("refund"), &template));
    assert_int_equal(template, RECEIPT_REFUND);
    assert_false(receipt_template_find(SPAN("invoice"), &template));
}

/* 3 December 2026, 23:59:59 in Paris. */
static const struct receipt_dispute quarrel = {
    .id = {"dp_1", 4},
    .reason = {"fraudulent", 10},
    .amount_minor = 1000,
    .due_ms = INT64_C(1796338799000),
    .seller = {"Zoé Le Goff", 12},
    .send_to = {"litiges@tocsin.example", 22},
};

static void a_letter_about_a_dispute_says_what_until_when_and_to_whom(void **state)
{
    struct fixture *f = *state;
    f->receipt.template = RECEIPT_DISPUTE;
    f->receipt.dispute = quarrel;
    compose(f);
    static const char *const said[] = {
        "Un acheteur conteste auprès de sa banque un paiement par carte fait à Amicale "
        "de "
        "Pléneuf.",
        "10,00 €",
        "12,34 €",
        "jeudi 3 décembre 2026 à 23 h 59 (heure de Paris)",
        "22/11/2026 11:05",
        "Zoé Le Goff",
        "pi_1",
        "litiges@tocsin.example",
        "https://dashboard.stripe.com/test/disputes/dp_1",
        "rien n",
    };
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        assert_says_twice(f, said[i]);
    }
    assert_non_null(strstr(f->body.at, "L'acheteur dit ne pas avoir fait ce paiement"));
    assert_non_null(
        strstr(f->body.at, "href=\"https://dashboard.stripe.com/test/disputes/dp_1\""));
    assert_null(strstr(f->body.at, "4242"));
    assert_null(strstr(f->body.at, "fiscal"));
}

static void a_dispute_in_live_mode_has_its_page_there(void **state)
{
    struct fixture *f = *state;
    f->receipt.template = RECEIPT_DISPUTE;
    f->receipt.dispute = quarrel;
    f->receipt.dispute.livemode = true;
    f->receipt.dispute.send_to = SPAN("");
    compose(f);
    assert_says_twice(f, "https://dashboard.stripe.com/disputes/dp_1");
    assert_says_twice(f, "la personne qui gère la plateforme");
}

static void a_dispute_that_takes_no_answer_asks_for_none(void **state)
{
    struct fixture *f = *state;
    f->receipt.template = RECEIPT_DISPUTE;
    f->receipt.dispute = quarrel;
    f->receipt.dispute.due_ms = 0;
    compose(f);
    assert_null(strstr(f->body.at, "Réponse avant le"));
    assert_null(strstr(f->body.at, "avant cette date"));
    assert_says_twice(f, "attend pas de réponse");
}

static void a_question_of_the_bank_is_no_dispute_yet(void **state)
{
    struct fixture *f = *state;
    f->receipt.template = RECEIPT_DISPUTE;
    f->receipt.dispute = quarrel;
    f->receipt.dispute.inquiry = true;
    compose(f);
    assert_says_twice(f, "un acheteur demande des explications");
    assert_null(strstr(f->body.at, "Montant contesté"));
}

static void a_reason_that_is_not_known_is_shown_as_it_stands(void **state)
{
    (void)state;
    assert_true(span_is(receipt_dispute_reason(SPAN("noncompliant")), "noncompliant"));
    assert_true(span_is(receipt_dispute_reason(SPAN("duplicate")),
                        "L'acheteur dit avoir été débité deux fois"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_receipt_says_what_the_networks_require,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_notice_says_what_went_back_and_of_which_payment,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_letter_about_a_dispute_says_what_until_when_and_to_whom,
            begin,
            end),
        cmocka_unit_test_setup_teardown(a_dispute_in_live_mode_has_its_page_there,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_dispute_that_takes_no_answer_asks_for_none,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_question_of_the_bank_is_no_dispute_yet,
                                        begin,
                                        end),
        cmocka_unit_test(a_reason_that_is_not_known_is_shown_as_it_stands),
        cmocka_unit_test_setup_teardown(the_same_receipt_is_the_same_bytes, begin, end),
        cmocka_unit_test_setup_teardown(the_header_names_sender_buyer_and_message,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_name_can_add_a_header_or_markup, begin, end),
        cmocka_unit_test_setup_teardown(an_address_that_is_none_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_message_id_that_is_none_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(cash_needs_no_card, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_kept_of_a_card_gives_the_same_receipt_and_nothing_more,
            begin,
            end),
        cmocka_unit_test_setup_teardown(
            a_card_read_by_a_terminal_is_complete_with_its_required_fields,
            begin,
            end),
        cmocka_unit_test_setup_teardown(a_field_longer_than_any_real_one_is_cut,
                                        begin,
                                        end),
        cmocka_unit_test_setup_teardown(numbers_and_names_derive_from_the_row,
                                        begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
