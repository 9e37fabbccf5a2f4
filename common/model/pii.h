/* SPDX-License-Identifier: MIT
 *
 * pii - personal data: what an address is, how it is looked up, how operators see it.
 *
 * Owns:    nothing; pure rules
 * Callers: every room
 * Blocks:  never
 *
 * Personal data is sealed in MariaDB (common/base/seal.h) under the context
 * "<table>.<column>". An address that must be found again has a fingerprint beside it:
 * hex of seal_fingerprint with the purpose PII_EMAIL_PURPOSE over pii_canonical_address.
 */
#ifndef COMMON_MODEL_PII_H
#define COMMON_MODEL_PII_H

#include <stdbool.h>

#include "common/base/text.h"

#define PII_EMAIL_PURPOSE "email"
enum { PII_ADDRESS_BYTES = 254 }; /* RFC 5321, 4.5.3.1.3, less the angle brackets */

/* Whether mail may be sent to it: one local part of RFC 5322 atoms and dots (no quoted
 * strings, no comments), one domain name with a dot (or "localhost"), ASCII alone, at
 * most 254 bytes. Such an address is safe in a header and in an SMTP command as it
 * stands. */
bool pii_is_address(struct span address);
/* Without white space around it and in lower case; `out` is appended to. */
void pii_canonical_address(struct span address, struct text *out);

/* "jean.dupont@example.fr" becomes "j***@e***.fr": enough to recognise, not to use. What
 * is no address becomes "***". */
void pii_mask_address(struct span address, struct text *out);
/* A text of somebody else (an SMTP answer) with every address in it masked. */
void pii_mask_text(struct span text, struct text *out);

/* Whether a key of a PaymentIntent's metadata holds a person's data: such a value is not
 * kept in the clear. */
bool pii_is_personal_key(struct span metadata_key);

#endif
