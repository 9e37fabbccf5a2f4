/* SPDX-License-Identifier: MIT
 * Writes a letter as text and as HTML. */
#include "common/model/receipt_letter.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/model/mime.h"
#include "common/model/money.h"

static void write_head(const struct receipt_letter *letter, struct text *out);
static void write_table(const struct receipt_letter *letter,
                        size_t from,
                        size_t to,
                        const char *font_size,
                        struct text *out);
static void write_value(struct span value, struct text *out);
static void write_paragraph(struct span text, struct text *out);

#define FAINT "opacity:0.75;"
#define CELL "padding:8px 0;text-align:left;vertical-align:top;"

void receipt_letter_add(struct receipt_letter *letter,
                        const char *label,
                        struct span value)
{
    if (value.len == 0) {
        return;
    }
    assert(letter->count < RECEIPT_LETTER_MOST_LINES);
    letter->lines[letter->count++] = (struct receipt_line){label, value};
}

struct span receipt_letter_money(int64_t minor, struct span currency, struct arena *arena)
{
    char amount[MONEY_TEXT_BYTES];
    return span_of(arena_copy(arena, span_of(money_text(minor, currency, amount))));
}

struct span receipt_letter_minute(int64_t wall_ms, struct arena *arena)
{
    char minute[20];
    return span_of(
        arena_format(arena, "%s (heure de Paris)", clock_paris_minute(wall_ms, minute)));
}

void receipt_letter_write_plain(const struct receipt_letter *letter, struct text *out)
{
    text_add_string(out, "Bonjour,\n\n");
    mime_add_readable(out, letter->opening);
    text_add_string(out, "\n\n");
    for (size_t i = 0; i < letter->count; i++) {
        if (i == letter->card_from) {
            text_add_string(out, "\n");
        }
        text_addf(out, "%s : ", letter->lines[i].label);
        mime_add_readable(out, letter->lines[i].value);
        text_add_string(out, "\n");
    }
    text_add_string(out, "\n");
    mime_add_readable(out, letter->closing);
    text_add_string(out, "\n");
    if (letter->further.len > 0) {
        text_add_string(out, "\n");
        mime_add_readable(out, letter->further);
        text_add_string(out, "\n");
    }
    text_add_string(out,
                    "\nMessage envoyé automatiquement, merci de ne pas y répondre.\n");
}

void receipt_letter_write_html(const struct receipt_letter *letter, struct text *out)
{
    text_add_string(out,
                    "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n"
                    "<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    mime_add_html(out, letter->title);
    text_add_string(out,
                    "</title>\n</head>\n"
                    "<body style=\"margin:0;padding:16px;font-family:system-ui,Arial,"
                    "sans-serif;font-size:16px;line-height:1.5\">\n"
                    "<div style=\"max-width:560px;margin:0 auto;border-top:6px solid "
                    "#c62828;overflow-wrap:anywhere\">\n");
    write_head(letter, out);
    text_add_string(out, "<p>Bonjour,</p>\n<p>");
    mime_add_html(out, letter->opening);
    text_add_string(out, "</p>\n");
    write_table(letter, 1, letter->card_from, "16px", out);
    if (letter->count > letter->card_from) {
        text_add_string(out,
                        "<h2 style=\"font-size:16px;margin:24px 0 8px\">"
                        "Données de la carte</h2>\n");
        write_table(letter, letter->card_from, letter->count, "14px", out);
    }
    write_paragraph(letter->closing, out);
    write_paragraph(letter->further, out);
    text_add_string(out,
                    "<p style=\"" FAINT "font-size:14px\">Message envoyé "
                    "automatiquement, merci de ne pas y répondre.</p>\n"
                    "</div>\n</body>\n</html>\n");
}

/* The number, and below it the amount, to be found at a glance. */
static void write_head(const struct receipt_letter *letter, struct text *out)
{
    const struct receipt_line *number = &letter->lines[0];
    const struct receipt_line *amount = &letter->lines[letter->amount];
    text_add_string(out, "<h1 style=\"font-size:20px;margin:16px 0\">");
    mime_add_html(out, span_of(number->label));
    text_add_string(out, " ");
    mime_add_html(out, number->value);
    text_add_string(out, "</h1>\n<p style=\"margin:0;" FAINT "\">");
    mime_add_html(out, span_of(amount->label));
    text_add_string(out,
                    "</p>\n<p style=\"margin:0 0 24px;font-size:40px;line-height:1.2;"
                    "font-weight:bold\">");
    mime_add_html(out, amount->value);
    text_add_string(out, "</p>\n");
}

/* What the head has is not told twice. */
static void write_table(const struct receipt_letter *letter,
                        size_t from,
                        size_t to,
                        const char *font_size,
                        struct text *out)
{
    text_addf(out,
              "<table style=\"width:100%%;border-collapse:collapse;font-size:%s;"
              "line-height:1.4\">\n",
              font_size);
    for (size_t i = from; i < to; i++) {
        if (i == letter->amount) {
            continue;
        }
        text_add_string(
            out,
            "<tr style=\"border-top:1px solid #999\"><th scope=\"row\" style=\""
            "width:40%;" CELL "padding-right:16px;font-weight:normal;" FAINT
            "overflow-wrap:normal\">");
        mime_add_html(out, span_of(letter->lines[i].label));
        text_add_string(out, "</th><td style=\"" CELL "\">");
        write_value(letter->lines[i].value, out);
        text_add_string(out, "</td></tr>\n");
    }
    text_add_string(out, "</table>\n");
}

/* Addresses of pages are ours, and can be followed. Their lines end behind a slash. */
static void write_value(struct span value, struct text *out)
{
    if (!span_starts(value, "https://")) {
        mime_add_html(out, value);
        return;
    }
    text_add_string(out, "<a style=\"color:inherit\" href=\"");
    mime_add_html(out, value);
    text_add_string(out, "\">");
    while (value.len > 0) {
        struct span rest;
        struct span piece = span_cut(value, '/', &rest);
        mime_add_html(out, piece);
        text_add_string(out, piece.len < value.len ? "/<wbr>" : "");
        value = rest;
    }
    text_add_string(out, "</a>");
}

static void write_paragraph(struct span text, struct text *out)
{
    if (text.len == 0) {
        return;
    }
    text_add_string(out, "<p style=\"margin:24px 0 0\">");
    mime_add_html(out, text);
    text_add_string(out, "</p>\n");
}
