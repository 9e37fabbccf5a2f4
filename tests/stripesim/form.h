/* SPDX-License-Identifier: MIT
 *
 * form - application/x-www-form-urlencoded as Stripe reads it: a[b]=c, list[]=x,
 * list[0]=x.
 *
 * Owns:    nothing; names and values live in the arena handed in
 * Callers: the simulator
 * Blocks:  never
 * Faults:  NEVER when the text is no form: a bad percent escape, bytes that are not
 *          UTF-8, a NUL, brackets that do not close, too many parameters
 *
 * Names stay as they are written, "transfer_data[destination]": looking one up is
 * comparing text, and a list or a hash is what begins with "name[". Of two equal names
 * the last wins, except for "name[]", where each is one more element.
 */
#ifndef TESTS_STRIPESIM_FORM_H
#define TESTS_STRIPESIM_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

enum { FORM_MOST_ENTRIES = 1000, FORM_MOST_SEGMENTS = 8 };

struct form_entry {
    struct span name;
    struct span value;
};

struct form {
    struct form_entry *entries; /* in the order of the text */
    size_t count;
};

/* Adds what the text says; form starts zeroed, and a second text (the body after the
 * query) adds to the first. */
MUST_USE enum outcome form_decode(struct form *form,
                                  struct span text,
                                  struct arena *arena,
                                  struct fault *fault);

/* NULL when it is not there; an empty value is there. */
const struct form_entry *form_find(const struct form *form, const char *name);
/* The value, or empty. */
struct span form_value(const struct form *form, const char *name);
/* The next entry that is an element of `name` ("name[...]"), from *at on, which moves
 * behind it; *out_key is what stands between the first brackets. NULL: no more. */
const struct form_entry *form_element(const struct form *form,
                                      const char *name,
                                      size_t *at,
                                      struct span *out_key);

/* How many characters of UTF-8 there are in a value. */
size_t form_characters(struct span value);

/* Whether a name fits a pattern: "amount", "expand[*]" (one segment of any content),
 * "shipping[**]" (one segment or more). */
bool form_fits(struct span name, const char *pattern);

#endif
