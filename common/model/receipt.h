/* SPDX-License-Identifier: MIT
 *
 * receipt - what people are written about a payment: the buyer its receipt and the notice
 * of a refund, an admin that it is disputed.
 *
 * Owns:    nothing; pure rules
 * Callers: worker (receipt.send)
 * Blocks:  never
 * Units:   minor units; moments are wall time in UTC and are shown in Europe/Paris
 * Faults:  NEVER when an address is none, or the message is too large
 *
 * The same receipt always gives the same bytes, so one that has to be sent twice is twice
 * the same message.
 *
 * Card networks want these on the receipt of a card that was read by a terminal
 * (docs.stripe.com/terminal/features/receipts): the application's name, its AID and the
 * account type; the other EMV fields are shown when Stripe gives them.
 */
#ifndef COMMON_MODEL_RECEIPT_H
#define COMMON_MODEL_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct cJSON;

enum receipt_template { RECEIPT_PAYMENT, RECEIPT_REFUND, RECEIPT_DISPUTE };
enum { RECEIPT_MESSAGE_BYTES = 256 * 1024, RECEIPT_NUMBER_BYTES = 32 };
enum receipt_fault { RECEIPT_BAD_ADDRESS = 1, RECEIPT_BAD_ID, RECEIPT_TOO_LARGE };

/* The fields of card_present.receipt, in the order in which they are shown. */
enum receipt_card_field {
    RECEIPT_APPLICATION_NAME,
    RECEIPT_AID,
    RECEIPT_ACCOUNT_TYPE,
    RECEIPT_AUTHORIZATION_CODE,
    RECEIPT_AUTHORIZATION_RESPONSE_CODE,
    RECEIPT_CRYPTOGRAM,
    RECEIPT_TVR,
    RECEIPT_TSI,
    RECEIPT_CVM,
};
enum { RECEIPT_CARD_FIELDS = RECEIPT_CVM + 1 };

/* How a card paid. What is empty is not shown. */
struct receipt_card {
    struct span brand; /* "visa" */
    struct span last4;
    struct span fields[RECEIPT_CARD_FIELDS];
};

/* What an admin must know of a dispute. What is empty is not shown. */
struct receipt_dispute {
    struct span id; /* dp_... */
    struct span reason; /* Stripe's word: "fraudulent" */
    int64_t amount_minor; /* may be less than the payment's */
    bool inquiry; /* the buyer's bank only asks; nothing was taken back */
    int64_t due_ms; /* until when Stripe takes an answer; 0: it takes none */
    struct span seller;
    struct span send_to; /* the address for what the admin knows */
    bool livemode;
};

struct receipt {
    enum receipt_template template;
    struct span number; /* "2026-000123" */
    struct span message_id; /* receipt_message_id */
    struct span from; /* the sender's address */
    struct span from_name;
    struct span to; /* the reader's address */
    struct span amicale; /* its name; empty when nobody knows whose payment it is */
    int64_t written_ms; /* of the Date field: when the number was given */
    struct span currency; /* "eur" */
    int64_t amount_minor; /* of the payment */
    int64_t paid_ms;
    struct span method; /* card, cash or cheque */
    struct span payment; /* pi_... */
    struct receipt_card card;
    int64_t refund_minor; /* of a notice: what went back, when, and its name */
    int64_t refunded_ms;
    struct span refund; /* re_... */
    struct receipt_dispute dispute; /* of a letter about one */
};

/* "receipt", "refund" and "dispute": as they stand in jobs and in receipts.template. */
const char *receipt_template_name(enum receipt_template template);
bool receipt_template_find(struct span name, enum receipt_template *out_template);

/* "2026-000123": the year (in Paris) in which it was given and the number of its row.
 * Numbers are unique over all amicales and all templates; they may have gaps. */
const char *receipt_number(int64_t row_id,
                           int64_t given_ms,
                           char out[RECEIPT_NUMBER_BYTES]);
/* "receipt.pi_1@<domain>", without angle brackets: the same for every sending. */
struct span receipt_message_id(enum receipt_template template,
                               struct span subject,
                               struct span domain,
                               struct arena *arena);

/* Reads a charge's payment_method_details (or what receipt_card_print made of them);
 * texts are borrowed from the document. */
void receipt_card_read(const struct cJSON *payment_method_details,
                       struct receipt_card *out_card);
/* The part of payment_method_details that a receipt needs, as JSON in the arena. */
struct span receipt_card_print(const struct cJSON *payment_method_details,
                               struct arena *arena);
/* Whether the fields that card networks require are there, or none are required: EMV
 * fields belong to cards that were read by a terminal. */
bool receipt_card_is_complete(const struct cJSON *payment_method_details);

/* The whole message with CRLF lines: French, text and HTML, appended to `out`. */
MUST_USE enum outcome receipt_compose(const struct receipt *receipt,
                                      struct text *out,
                                      struct fault *fault);

#endif
