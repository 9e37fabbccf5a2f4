/* SPDX-License-Identifier: MIT
 *
 * onboarding_page - the page on which an amicale tells Stripe who it is, as HTML.
 *
 * Owns:    nothing
 * Callers: account_links.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_ONBOARDING_PAGE_H
#define TESTS_STRIPESIM_ONBOARDING_PAGE_H

struct account;
struct text;

/* A page with one form, which posts step=finish or step=later back to its own address. */
void onboarding_page_write(const struct account *account, struct text *out);

#endif
