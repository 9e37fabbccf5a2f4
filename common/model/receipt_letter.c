/* SPDX-License-Identifier: MIT
 * Writes a letter as text and as HTML. */
#include "common/model/receipt_letter.h"

#include <assert.h>

#include "common/model/mime.h"

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
    text_addf(out, "\n%s\n", letter->closing);
    text_add_string(out,
                    "\nMessage envoyé automatiquement, merci de ne pas y répondre.\n");
}

void receipt_letter_write_html(const struct receipt_letter *letter, struct text *out)
{
    text_add_string(out,
                    "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n"
                    "<meta charset=\"utf-8\">\n<title>");
    mime_add_html(out, letter->title);
    text_add_string(out,
                    "</title>\n</head>\n"
                    "<body style=\"font-family:sans-serif;color:#222\">\n"
                    "<p>Bonjour,</p>\n<p>");
    mime_add_html(out, letter->opening);
    text_add_string(out, "</p>\n<table style=\"border-collapse:collapse\">\n");
    for (size_t i = 0; i < letter->count; i++) {
        text_addf(out,
                  "<tr%s><th scope=\"row\" style=\"text-align:left;font-weight:normal;"
                  "padding:4px 16px 4px 0\">",
                  i >= letter->card_from ? " style=\"color:#666;font-size:85%\"" : "");
        mime_add_html(out, span_of(letter->lines[i].label));
        text_add_string(out, "</th><td style=\"padding:4px 0\">");
        mime_add_html(out, letter->lines[i].value);
        text_add_string(out, "</td></tr>\n");
    }
    text_add_string(out, "</table>\n<p>");
    mime_add_html(out, span_of(letter->closing));
    text_add_string(out,
                    "</p>\n<p style=\"color:#666\">Message envoyé automatiquement, "
                    "merci de ne pas y répondre.</p>\n</body>\n</html>\n");
}
