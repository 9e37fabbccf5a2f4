/* SPDX-License-Identifier: MIT
 *
 * amicale_known - which amicale of the books has an address: an address stands for one.
 *
 * Owns:    nothing; what is read lives in the run's arena
 * Callers: ctl (amicale add, change and import, user import)
 * Blocks:  as mariadb does
 * Faults:  as mariadb's; NEVER when an address cannot be unsealed: its amicale could be
 *          added twice
 *
 * Addresses are sealed, so all of them are read: there are some thousands at most.
 */
#ifndef CTL_AMICALE_KNOWN_H
#define CTL_AMICALE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

struct ctl;

struct amicale_address {
    struct span lookup; /* people_lookup's */
    int64_t amicale;
};
struct amicale_known {
    struct amicale_address *list; /* sorted by lookup */
    size_t count;
    size_t room;
};

/* The address that each amicale has, and the one that it was imported under. */
MUST_USE enum outcome amicale_known_read(struct ctl *ctl,
                                         struct amicale_known *out_known);
/* The amicale's number; 0: none has the address. */
int64_t amicale_known_find(const struct amicale_known *known, struct span lookup);

#endif
