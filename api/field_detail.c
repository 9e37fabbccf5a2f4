/* SPDX-License-Identifier: MIT
 * The rule that a field breaks, in French or in English. */
#include "api/field_detail.h"

#include "api/fields.h"

static struct span bound(struct arena *arena,
                         const char *words,
                         int64_t number,
                         const char *unit);
static struct span choices(struct arena *arena, const char *words, const char *list);
static struct span form(enum field_type type, bool english);

struct span field_detail(const struct field_rule *rule,
                         enum field_code code,
                         bool english,
                         struct arena *arena)
{
    bool number = rule->type == FIELD_IS_INTEGER;
    const char *bytes = english ? " bytes" : " octets";
    switch (code) {
    case FIELD_TOO_SMALL:
        return bound(arena,
                     english ? "At least" : "Au moins",
                     rule->least,
                     number ? "" : bytes);
    case FIELD_TOO_LARGE:
    case FIELD_TOO_LONG:
        return bound(arena,
                     english ? "At most" : "Au plus",
                     rule->most,
                     number ? "" : bytes);
    case FIELD_WRONG_TYPE:
        return number ? (english ? SPAN("A whole number is wanted.")
                                 : SPAN("Un nombre entier est attendu."))
                      : (english ? SPAN("A text is wanted.")
                                 : SPAN("Un texte est attendu."));
    case FIELD_NOT_A_CHOICE:
        return choices(arena, english ? "One of" : "Au choix :", rule->choices);
    case FIELD_BAD_FORMAT:
        return form(rule->type, english);
    case FIELD_MISSING:
    case FIELD_UNKNOWN:
    case FIELD_ABOVE_REST:
    case FIELD_IN_FUTURE:
    case FIELD_TOO_OLD:
        break;
    }
    return SPAN("");
}

static struct span bound(struct arena *arena,
                         const char *words,
                         int64_t number,
                         const char *unit)
{
    return span_of(arena_format(arena, "%s %lld%s.", words, (long long)number, unit));
}

static struct span choices(struct arena *arena, const char *words, const char *list)
{
    struct text text;
    struct span rest = span_of(list);
    const char *between = " ";
    text_init(&text, 1024);
    text_add_string(&text, words);
    while (rest.len > 0) {
        text_add_string(&text, between);
        text_add(&text, span_cut(rest, ' ', &rest));
        between = ", ";
    }
    text_add_char(&text, '.');
    struct span written = arena_span(arena, text_span(&text));
    text_done(&text);
    return written;
}

static struct span form(enum field_type type, bool english)
{
    switch (type) {
    case FIELD_IS_INTEGER:
        return english ? SPAN("A whole number is wanted.")
                       : SPAN("Un nombre entier est attendu.");
    case FIELD_IS_TEXT:
    case FIELD_IS_WORDS:
        return english ? SPAN("A text without control characters.")
                       : SPAN("Un texte sans caractères de contrôle.");
    case FIELD_IS_NAME:
        return english ? SPAN("Letters A to Z, digits and . _ : - alone.")
                       : SPAN("Seulement les lettres A à Z, les chiffres et . _ : -");
    case FIELD_IS_EMAIL:
        return english ? SPAN("An e-mail address is wanted.")
                       : SPAN("Une adresse e-mail est attendue.");
    case FIELD_IS_DAY:
        return english ? SPAN("A day that exists, once, as YYYY-MM-DD.")
                       : SPAN("Un jour qui existe, donné une seule fois, AAAA-MM-JJ.");
    case FIELD_IS_MOMENT:
        return english ? SPAN("A moment as in 2026-11-22T17:02:11+01:00 is wanted.")
                       : SPAN("Un moment de la forme 2026-11-22T17:02:11+01:00.");
    case FIELD_IS_INTENT:
        return english ? SPAN("The id of a PaymentIntent: pi_ and letters, digits and _")
                       : SPAN("L'identifiant d'un PaymentIntent : pi_ puis lettres,"
                              " chiffres et _");
    case FIELD_IS_CHOICE:
        break;
    }
    return SPAN("");
}
