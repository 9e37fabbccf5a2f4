/* SPDX-License-Identifier: MIT
 * What a receipt must show of the card: reads it from a charge, and keeps it. */
#include <assert.h>

#include "common/base/json.h"
#include "common/model/receipt.h"

/* Real fields have at most some 40 bytes. */
enum { FIELD_BYTES = 120, PRINTED_BYTES = 16 * 1024 };

static const struct cJSON *find_card(const struct cJSON *payment_method_details);
static struct span short_string(const struct cJSON *card, const char *key);

static const char *const keys[RECEIPT_CARD_FIELDS] = {
    [RECEIPT_APPLICATION_NAME] = "application_preferred_name",
    [RECEIPT_AID] = "dedicated_file_name",
    [RECEIPT_ACCOUNT_TYPE] = "account_type",
    [RECEIPT_AUTHORIZATION_CODE] = "authorization_code",
    [RECEIPT_AUTHORIZATION_RESPONSE_CODE] = "authorization_response_code",
    [RECEIPT_CRYPTOGRAM] = "application_cryptogram",
    [RECEIPT_TVR] = "terminal_verification_results",
    [RECEIPT_TSI] = "transaction_status_information",
    [RECEIPT_CVM] = "cardholder_verification_method",
};

void receipt_card_read(const struct cJSON *payment_method_details,
                       struct receipt_card *out_card)
{
    *out_card = (struct receipt_card){0};
    const struct cJSON *card = find_card(payment_method_details);
    out_card->brand = short_string(card, "brand");
    out_card->last4 = short_string(card, "last4");
    const struct cJSON *receipt = json_at(card, "receipt");
    for (size_t i = 0; i < RECEIPT_CARD_FIELDS; i++) {
        out_card->fields[i] = short_string(receipt, keys[i]);
    }
}

struct span receipt_card_print(const struct cJSON *payment_method_details,
                               struct arena *arena)
{
    struct receipt_card card;
    receipt_card_read(payment_method_details, &card);
    bool present = json_has(payment_method_details, "card_present");
    struct text out;
    text_init(&out, PRINTED_BYTES);
    struct json_writer json = json_writer(&out);
    json_open(&json, NULL, '{');
    json_put_optional(&json, "type", short_string(payment_method_details, "type"));
    json_open(&json, present ? "card_present" : "card", '{');
    json_put_optional(&json, "brand", card.brand);
    json_put_optional(&json, "last4", card.last4);
    if (json_has(find_card(payment_method_details), "receipt")) {
        json_open(&json, "receipt", '{');
        for (size_t i = 0; i < RECEIPT_CARD_FIELDS; i++) {
            json_put_optional(&json, keys[i], card.fields[i]);
        }
        json_close(&json, '}');
    }
    json_close(&json, '}');
    json_close(&json, '}');
    assert(!out.full); /* each of the fields was cut */
    struct span printed = arena_span(arena, text_span(&out));
    text_done(&out);
    return printed;
}

bool receipt_card_is_complete(const struct cJSON *payment_method_details)
{
    if (!json_has(payment_method_details, "type")) {
        return false;
    }
    if (!json_has(payment_method_details, "card_present")) {
        return true;
    }
    struct receipt_card card;
    receipt_card_read(payment_method_details, &card);
    return card.fields[RECEIPT_APPLICATION_NAME].len > 0 &&
           card.fields[RECEIPT_AID].len > 0 && card.fields[RECEIPT_ACCOUNT_TYPE].len > 0;
}

static const struct cJSON *find_card(const struct cJSON *payment_method_details)
{
    const struct cJSON *present = json_at(payment_method_details, "card_present");
    return present ? present : json_at(payment_method_details, "card");
}

static struct span short_string(const struct cJSON *card, const char *key)
{
    struct span field = json_string(card, key);
    if (field.len <= FIELD_BYTES) {
        return field;
    }
    field.len = FIELD_BYTES;
    while (field.len > 0 && ((unsigned char)field.at[field.len] & 0xc0) == 0x80) {
        field.len--; /* not in the middle of a character */
    }
    return field;
}
