/* SPDX-License-Identifier: MIT
 *
 * list - pages of objects, newest first, as all of Stripe's lists.
 *
 * Owns:    nothing
 * Callers: the handlers of list routes
 * Blocks:  never; a page costs a walk over what lies between its first and last object
 *          in the list of its account, or in the shorter one that a handler found
 */
#ifndef TESTS_STRIPESIM_LIST_H
#define TESTS_STRIPESIM_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stripesim/object.h"

struct call;
struct store_list;

typedef bool (*list_filter_fn)(const struct call *call, const struct object *object);

/* Answers with the page that limit, starting_after, ending_before and created[...] of the
 * call ask for, of the call's account, out of what passes the filter (NULL: everything).
 */
void list_answer(struct call *call, enum kind kind, list_filter_fn filter);
/* Likewise out of that list of the kind, oldest first. */
void list_answer_of(struct call *call,
                    enum kind kind,
                    const struct store_list *list,
                    list_filter_fn filter);
/* For handlers that find a short list: adds to one that lives as long as the call. What
 * is added newest first is put in order by list_turn. */
void list_add(struct call *call, struct store_list *list, struct object *object);
void list_turn(struct store_list *list);
/* Whether a time lies within what name[gt], [gte], [lt] and [lte] of the call ask for;
 * the route's table has checked that they are numbers. For filters. */
bool list_is_within(const struct call *call, const char *name, int64_t value);

#endif
