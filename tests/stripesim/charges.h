/* SPDX-License-Identifier: MIT
 *
 * charges - retrieving them, and what others need to know of their card.
 *
 * Owns:    nothing
 * Callers: the simulator
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_CHARGES_H
#define TESTS_STRIPESIM_CHARGES_H

struct call;
struct charge;

void charges_list(struct call *call);
void charges_retrieve(struct call *call);
const char *charges_brand(const struct charge *charge); /* "visa" */

#endif
