/* SPDX-License-Identifier: MIT
 *
 * receipt_letter - what a letter about a payment says, and its two dresses: text and HTML.
 *
 * Owns:    nothing; the spans are the caller's
 * Callers: model/receipt, model/receipt_dispute
 * Blocks:  never
 *
 * The HTML is made for mail programs, which know little and cut much: everything that it
 * needs stands in style attributes, and nothing is fetched. Text has no colour of its own,
 * so that it is dark on light or light on dark as the reader likes it; what is less
 * important is fainter, not grey.
 */
#ifndef COMMON_MODEL_RECEIPT_LETTER_H
#define COMMON_MODEL_RECEIPT_LETTER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/text.h"

enum { RECEIPT_LETTER_MOST_LINES = 24 };

struct receipt_line {
    const char *label;
    struct span value;
};

struct receipt_letter {
    struct span title;
    struct span opening;
    struct receipt_line lines[RECEIPT_LETTER_MOST_LINES]; /* the first is the number */
    size_t count;
    size_t amount; /* the line with what was paid or given back */
    size_t card_from; /* the first line of the card's technical fields */
    struct span closing;
    struct span further; /* a second paragraph; empty: none */
};

/* A line without a value is left out. */
void receipt_letter_add(struct receipt_letter *letter,
                        const char *label,
                        struct span value);
/* Amounts and moments as letters write them. */
struct span receipt_letter_money(int64_t minor,
                                 struct span currency,
                                 struct arena *arena);
struct span receipt_letter_minute(int64_t wall_ms, struct arena *arena);
void receipt_letter_write_plain(const struct receipt_letter *letter, struct text *out);
void receipt_letter_write_html(const struct receipt_letter *letter, struct text *out);

#endif
