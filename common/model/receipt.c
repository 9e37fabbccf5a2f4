/* SPDX-License-Identifier: MIT
 * Composes receipts, refund notices and letters about disputes. */
#include "common/model/receipt.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/model/mime.h"
#include "common/model/pii.h"
#include "common/model/receipt_dispute.h"
#include "common/model/receipt_letter.h"

static bool is_message_id(struct span id);
static void write_letter(const struct receipt *receipt,
                         struct receipt_letter *letter,
                         struct arena *arena);
static void write_payment(const struct receipt *receipt,
                          struct receipt_letter *letter,
                          struct arena *arena);
static void write_refund(const struct receipt *receipt,
                         struct receipt_letter *letter,
                         struct arena *arena);
static void write_card(const struct receipt *receipt, struct receipt_letter *letter);
static struct span means_line(const struct receipt *receipt, struct arena *arena);
static struct span translated(struct span word);
static void write_header(const struct receipt *receipt,
                         const struct receipt_letter *letter,
                         const char *boundary,
                         struct text *out);
static void write_part(const char *boundary,
                       const char *type,
                       struct span content,
                       struct text *out);

static const char *const template_names[] = {
    [RECEIPT_PAYMENT] = "receipt",
    [RECEIPT_REFUND] = "refund",
    [RECEIPT_DISPUTE] = "dispute",
};

/* Stripe's words, in French. What is not here is shown as it stands. */
static const struct {
    const char *word;
    const char *french;
} words[] = {
    {"card", "Carte bancaire"},
    {"cash", "Espèces"},
    {"cheque", "Chèque"},
    {"visa", "Visa"},
    {"mastercard", "Mastercard"},
    {"amex", "American Express"},
    {"cartes_bancaires", "CB"},
    {"discover", "Discover"},
    {"diners", "Diners Club"},
    {"jcb", "JCB"},
    {"unionpay", "UnionPay"},
    {"checking", "Compte courant"},
    {"credit", "Crédit"},
    {"prepaid", "Prépayée"},
    {"unknown", "Non précisé"},
    {"approval", "Approbation"},
    {"failure", "Échec"},
    {"none", "Aucune"},
    {"offline_pin", "Code confidentiel (hors ligne)"},
    {"offline_pin_and_signature", "Code confidentiel (hors ligne) et signature"},
    {"online_pin", "Code confidentiel (en ligne)"},
    {"signature", "Signature"},
};

/* What the letter calls the card's fields. */
static const struct {
    const char *label;
    bool is_word; /* one of Stripe's words */
} card_lines[RECEIPT_CARD_FIELDS] = {
    [RECEIPT_APPLICATION_NAME] = {"Application", false},
    [RECEIPT_AID] = {"AID", false},
    [RECEIPT_ACCOUNT_TYPE] = {"Type de compte", true},
    [RECEIPT_AUTHORIZATION_CODE] = {"N° d'autorisation", false},
    [RECEIPT_AUTHORIZATION_RESPONSE_CODE] = {"Code réponse (ARC)", false},
    [RECEIPT_CRYPTOGRAM] = {"Cryptogramme", false},
    [RECEIPT_TVR] = {"TVR", false},
    [RECEIPT_TSI] = {"TSI", false},
    [RECEIPT_CVM] = {"Vérification du porteur", true},
};

const char *receipt_template_name(enum receipt_template template)
{
    return template_names[template];
}

bool receipt_template_find(struct span name, enum receipt_template *out_template)
{
    for (size_t i = 0; i < sizeof(template_names) / sizeof(template_names[0]); i++) {
        if (span_is(name, template_names[i])) {
            *out_template = (enum receipt_template)i;
            return true;
        }
    }
    return false;
}

const char *receipt_number(int64_t row_id,
                           int64_t given_ms,
                           char out[RECEIPT_NUMBER_BYTES])
{
    char day[11];
    clock_paris_day(given_ms, day);
    snprintf(out, RECEIPT_NUMBER_BYTES, "%.4s-%06lld", day, (long long)row_id);
    return out;
}

struct span receipt_message_id(enum receipt_template template,
                               struct span subject,
                               struct span domain,
                               struct arena *arena)
{
    char *id = arena_format(arena,
                            "%s.%.*s@%.*s",
                            receipt_template_name(template),
                            SPAN_ARGS(subject),
                            SPAN_ARGS(domain));
    for (char *at = id; *at != '\0'; at++) {
        if (*at == ':') {
            *at = '.'; /* payment:12 */
        }
    }
    return span_of(id);
}

enum outcome receipt_compose(const struct receipt *receipt,
                             struct text *out,
                             struct fault *fault)
{
    if (!pii_is_address(receipt->to)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_BAD_ADDRESS,
                         "the reader's address is not one that mail can be sent to");
    }
    if (!pii_is_address(receipt->from)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_BAD_ADDRESS,
                         "mail.from is not an address");
    }
    if (!is_message_id(receipt->message_id)) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_BAD_ID,
                         "the Message-ID is not one: see mail.message_id_domain");
    }
    struct arena arena;
    arena_init(&arena, RECEIPT_MESSAGE_BYTES);
    struct receipt_letter letter = {0};
    write_letter(receipt, &letter, &arena);
    /* Quoted-printable writes every "=" as "=3D", so "=_" is in no part. */
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(receipt->message_id, &digest);
    digest_hex(&digest, hex);
    const char *boundary = arena_format(&arena, "=_%.32s", hex);
    write_header(receipt, &letter, boundary, out);
    struct text content;
    text_init(&content, RECEIPT_MESSAGE_BYTES);
    receipt_letter_write_plain(&letter, &content);
    write_part(boundary, "text/plain", text_span(&content), out);
    bool full = content.full;
    text_clear(&content);
    receipt_letter_write_html(&letter, &content);
    write_part(boundary, "text/html", text_span(&content), out);
    full = full || content.full;
    text_addf(out, "--%s--\r\n", boundary);
    text_done(&content);
    arena_done(&arena);
    if (full || out->full) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "receipt",
                         RECEIPT_TOO_LARGE,
                         "the message is larger than %d bytes",
                         RECEIPT_MESSAGE_BYTES);
    }
    return OUTCOME_DONE;
}

/* Two parts around one @, of bytes that need no quotes (RFC 5322, 3.6.4). */
static bool is_message_id(struct span id)
{
    struct span right;
    struct span left = span_cut(id, '@', &right);
    for (size_t i = 0; i < id.len; i++) {
        if (id.at[i] <= ' ' || id.at[i] > '~' || strchr("<>()[]:;,\"\\", id.at[i])) {
            return false;
        }
    }
    return left.len > 0 && right.len > 0 && !memchr(right.at, '@', right.len);
}

static void write_letter(const struct receipt *receipt,
                         struct receipt_letter *letter,
                         struct arena *arena)
{
    switch (receipt->template) {
    case RECEIPT_PAYMENT:
        write_payment(receipt, letter, arena);
        return;
    case RECEIPT_REFUND:
        write_refund(receipt, letter, arena);
        return;
    case RECEIPT_DISPUTE:
        receipt_dispute_write(receipt, letter, arena);
        return;
    }
    assert(!"the template is one of the three");
}

static void write_payment(const struct receipt *receipt,
                          struct receipt_letter *letter,
                          struct arena *arena)
{
    struct span whose = receipt->amicale.len > 0 ? receipt->amicale : receipt->from_name;
    letter->title = span_of(arena_format(arena,
                                         "Reçu n° %.*s - %.*s",
                                         SPAN_ARGS(receipt->number),
                                         SPAN_ARGS(whose)));
    letter->opening =
        span_of(arena_format(arena,
                             "Merci pour votre soutien. %.*s a bien reçu votre paiement.",
                             SPAN_ARGS(whose)));
    receipt_letter_add(letter, "Reçu n°", receipt->number);
    receipt_letter_add(letter, "Amicale", receipt->amicale);
    letter->amount = letter->count;
    receipt_letter_add(
        letter,
        "Montant",
        receipt_letter_money(receipt->amount_minor, receipt->currency, arena));
    receipt_letter_add(letter, "Date", receipt_letter_minute(receipt->paid_ms, arena));
    receipt_letter_add(letter, "Moyen de paiement", means_line(receipt, arena));
    receipt_letter_add(letter, "Référence", receipt->payment);
    letter->card_from = letter->count;
    write_card(receipt, letter);
    letter->closing = SPAN("Conservez ce reçu : il atteste de votre paiement. "
                           "Il ne constitue pas un reçu fiscal.");
}

static void write_refund(const struct receipt *receipt,
                         struct receipt_letter *letter,
                         struct arena *arena)
{
    struct span whose = receipt->amicale.len > 0 ? receipt->amicale : receipt->from_name;
    letter->title = span_of(arena_format(arena,
                                         "Avis de remboursement n° %.*s - %.*s",
                                         SPAN_ARGS(receipt->number),
                                         SPAN_ARGS(whose)));
    letter->opening = span_of(
        arena_format(arena, "%.*s a remboursé votre paiement.", SPAN_ARGS(whose)));
    receipt_letter_add(letter, "Avis n°", receipt->number);
    receipt_letter_add(letter, "Amicale", receipt->amicale);
    letter->amount = letter->count;
    receipt_letter_add(
        letter,
        "Montant remboursé",
        receipt_letter_money(receipt->refund_minor, receipt->currency, arena));
    receipt_letter_add(letter,
                       "Date du remboursement",
                       receipt_letter_minute(receipt->refunded_ms, arena));
    receipt_letter_add(letter, "Référence du remboursement", receipt->refund);
    receipt_letter_add(
        letter,
        "Montant du paiement",
        receipt_letter_money(receipt->amount_minor, receipt->currency, arena));
    receipt_letter_add(letter,
                       "Date du paiement",
                       receipt_letter_minute(receipt->paid_ms, arena));
    receipt_letter_add(letter, "Moyen de paiement", means_line(receipt, arena));
    receipt_letter_add(letter, "Référence du paiement", receipt->payment);
    letter->card_from = letter->count;
    letter->closing = SPAN("Selon votre banque, la somme apparaîtra sur votre compte "
                           "sous 5 à 10 jours ouvrés.");
}

static void write_card(const struct receipt *receipt, struct receipt_letter *letter)
{
    for (size_t i = 0; i < RECEIPT_CARD_FIELDS; i++) {
        struct span field = receipt->card.fields[i];
        receipt_letter_add(letter,
                           card_lines[i].label,
                           card_lines[i].is_word ? translated(field) : field);
    }
}

static struct span means_line(const struct receipt *receipt, struct arena *arena)
{
    struct span means = translated(receipt->method);
    if (receipt->card.last4.len == 0) {
        return means;
    }
    struct span brand = translated(receipt->card.brand);
    return span_of(arena_format(arena,
                                "%.*s%s%.*s, se terminant par %.*s",
                                SPAN_ARGS(means),
                                brand.len > 0 ? " " : "",
                                SPAN_ARGS(brand),
                                SPAN_ARGS(receipt->card.last4)));
}

static struct span translated(struct span word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_is(word, words[i].word)) {
            return span_of(words[i].french);
        }
    }
    return word;
}

static void write_header(const struct receipt *receipt,
                         const struct receipt_letter *letter,
                         const char *boundary,
                         struct text *out)
{
    mime_add_mailbox_field(out, "From", receipt->from_name, receipt->from);
    mime_add_mailbox_field(out, "To", SPAN(""), receipt->to);
    mime_add_text_field(out, "Subject", letter->title);
    mime_add_date_field(out, receipt->written_ms);
    text_addf(out, "Message-ID: <%.*s>\r\n", SPAN_ARGS(receipt->message_id));
    text_addf(out,
              "Auto-Submitted: auto-generated\r\n"
              "Content-Language: fr\r\n"
              "MIME-Version: 1.0\r\n"
              "Content-Type: multipart/alternative; boundary=\"%s\"\r\n",
              boundary);
    text_add_string(out, "\r\n");
}

static void write_part(const char *boundary,
                       const char *type,
                       struct span content,
                       struct text *out)
{
    text_addf(out,
              "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
              boundary,
              type);
    mime_add_quoted_printable(out, content);
}
