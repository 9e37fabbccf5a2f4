/* SPDX-License-Identifier: MIT
 *
 * mime - the pieces of a mail message: header fields, encoded words, quoted-printable.
 *
 * Owns:    nothing; appends to a struct text
 * Callers: model/receipt, model/receipt_letter
 * Blocks:  never
 *
 * Whatever a value holds, it cannot end its line: control characters become spaces, and
 * what is not plain ASCII is written in encoded words (RFC 2047). Lines end in CRLF.
 */
#ifndef COMMON_MODEL_MIME_H
#define COMMON_MODEL_MIME_H

#include <stdint.h>

#include "common/base/text.h"

/* "Name: value", for people to read: UTF-8, encoded and folded where needed. */
void mime_add_text_field(struct text *out, const char *name, struct span value);
/* "Name: Display Name <address>"; the address must be one (pii_is_address); asserted. */
void mime_add_mailbox_field(struct text *out,
                            const char *name,
                            struct span display_name,
                            struct span address);
/* "Date: Sun, 22 Nov 2026 10:05:00 +0000" */
void mime_add_date_field(struct text *out, int64_t wall_ms);

/* Text with "\n" lines as quoted-printable (RFC 2045, 6.7), which always ends in CRLF. */
void mime_add_quoted_printable(struct text *out, struct span text);
/* One line's text: control characters become spaces. */
void mime_add_readable(struct text *out, struct span text);
/* Text for HTML: & < > " ' are escaped, control characters become spaces. */
void mime_add_html(struct text *out, struct span text);

#endif
