/* SPDX-License-Identifier: MIT
 * What a letter about a dispute says. */
#include "common/model/receipt_dispute.h"

#include "common/base/clock.h"
#include "common/model/receipt.h"
#include "common/model/receipt_letter.h"

static struct span due_line(int64_t due_ms, struct arena *arena);
static struct span page_line(const struct receipt_dispute *dispute, struct arena *arena);
static struct span what_to_do(const struct receipt_dispute *dispute, struct arena *arena);

/* docs.stripe.com/api/disputes/object#dispute_object-reason */
static const struct {
    const char *word;
    const char *french;
} reasons[] = {
    {"bank_cannot_process", "La banque n'a pas pu traiter le paiement"},
    {"check_returned", "Le chèque a été rejeté"},
    {"credit_not_processed", "L'acheteur attend un remboursement qu'il n'a pas reçu"},
    {"customer_initiated", "L'acheteur a demandé à sa banque d'annuler le paiement"},
    {"debit_not_authorized", "L'acheteur dit ne pas avoir autorisé le débit"},
    {"duplicate", "L'acheteur dit avoir été débité deux fois"},
    {"fraudulent", "L'acheteur dit ne pas avoir fait ce paiement (fraude)"},
    {"general", "La banque ne donne pas de motif précis"},
    {"incorrect_account_details", "Les coordonnées bancaires sont erronées"},
    {"insufficient_funds", "Le compte de l'acheteur n'était pas assez approvisionné"},
    {"product_not_received", "L'acheteur dit ne pas avoir reçu ce qu'il a payé"},
    {"product_unacceptable", "L'acheteur dit que ce qu'il a reçu ne convient pas"},
    {"subscription_canceled", "L'acheteur dit avoir résilié un abonnement"},
    {"unrecognized", "L'acheteur ne reconnaît pas ce paiement sur son relevé"},
};

void receipt_dispute_write(const struct receipt *receipt,
                           struct receipt_letter *letter,
                           struct arena *arena)
{
    const struct receipt_dispute *dispute = &receipt->dispute;
    struct span whose = receipt->amicale;
    struct span amount =
        receipt_letter_money(dispute->amount_minor, receipt->currency, arena);
    letter->title = span_of(arena_format(arena,
                                         "%s de %.*s - %.*s",
                                         dispute->inquiry ? "Demande sur un paiement"
                                                          : "Contestation d'un paiement",
                                         SPAN_ARGS(amount),
                                         SPAN_ARGS(whose)));
    letter->opening = span_of(arena_format(
        arena,
        dispute->inquiry
            ? "La banque d'un acheteur demande des explications sur un paiement par carte"
              " fait à %.*s."
            : "Un acheteur conteste auprès de sa banque un paiement par carte fait à"
              " %.*s.",
        SPAN_ARGS(whose)));
    receipt_letter_add(letter, "Avis n°", receipt->number);
    receipt_letter_add(letter, "Amicale", whose);
    letter->amount = letter->count;
    receipt_letter_add(letter,
                       dispute->inquiry ? "Montant en question" : "Montant contesté",
                       amount);
    receipt_letter_add(letter, "Motif", receipt_dispute_reason(dispute->reason));
    receipt_letter_add(letter, "Réponse avant le", due_line(dispute->due_ms, arena));
    receipt_letter_add(letter,
                       "Date de la vente",
                       receipt_letter_minute(receipt->paid_ms, arena));
    receipt_letter_add(letter, "Vendu par", dispute->seller);
    receipt_letter_add(
        letter,
        "Montant du paiement",
        receipt_letter_money(receipt->amount_minor, receipt->currency, arena));
    receipt_letter_add(letter, "Référence du paiement", receipt->payment);
    receipt_letter_add(letter, "Référence de la contestation", dispute->id);
    receipt_letter_add(letter, "Page chez Stripe", page_line(dispute, arena));
    letter->card_from = letter->count;
    letter->closing = what_to_do(dispute, arena);
    letter->further = SPAN(
        "C'est la plateforme qui répond à la banque, depuis la page indiquée "
        "ci-dessus, et la contestation est à sa charge : rien n'est retiré du compte "
        "de l'amicale. Merci de ne pas rembourser l'acheteur par un autre moyen.");
}

struct span receipt_dispute_reason(struct span word)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (span_is(word, reasons[i].word)) {
            return span_of(reasons[i].french);
        }
    }
    return word;
}

static struct span due_line(int64_t due_ms, struct arena *arena)
{
    char words[CLOCK_WORDS_BYTES];
    if (due_ms == 0) {
        return SPAN("");
    }
    return span_of(
        arena_format(arena, "%s (heure de Paris)", clock_paris_words(due_ms, words)));
}

/* Of the platform's own dashboard: its operators can open it. */
static struct span page_line(const struct receipt_dispute *dispute, struct arena *arena)
{
    return span_of(arena_format(arena,
                                "https://dashboard.stripe.com/%sdisputes/%.*s",
                                dispute->livemode ? "" : "test/",
                                SPAN_ARGS(dispute->id)));
}

static struct span what_to_do(const struct receipt_dispute *dispute, struct arena *arena)
{
    if (dispute->due_ms == 0) {
        return SPAN("La banque n'attend pas de réponse : vous n'avez rien à faire.");
    }
    struct span send_to = dispute->send_to;
    return span_of(arena_format(
        arena,
        "Ce que vous pouvez faire : notez ce que vous savez de cette vente "
        "(qui a vendu, où, ce qui a été remis à l'acheteur, vos échanges "
        "avec lui), et envoyez-le avant cette date à %.*s.",
        SPAN_ARGS(send_to.len > 0 ? send_to
                                  : SPAN("la personne qui gère la plateforme"))));
}
