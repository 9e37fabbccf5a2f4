/* SPDX-License-Identifier: MIT
 *
 * store - every object that exists, by id and in the order of creation.
 *
 * Owns:    the objects and all their strings, until store_done; nothing is given back
 *          before
 * Callers: the simulator
 * Blocks:  never
 * Units:   ids as Stripe makes them; created in seconds, never going back
 */
#ifndef TESTS_STRIPESIM_STORE_H
#define TESTS_STRIPESIM_STORE_H

#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "tests/stripesim/map.h"
#include "tests/stripesim/object.h"
#include "tests/stripesim/random.h"

struct store_list {
    struct object **objects; /* oldest first */
    size_t count;
    size_t room;
};

/* What one account has, or the platform. */
struct ward {
    struct store_list lists[KIND_COUNT];
};

/* The call that is being carried out: what it makes, and events, name it. Strings live in
 * the store. */
struct cause {
    const char *request_id;
    const char *idempotency_key;
};

struct store {
    struct arena arena;
    struct cause cause;
    struct map by_id;
    struct store_list lists[KIND_COUNT];
    struct map wards; /* by account; the platform's is "" */
    struct random ids; /* seeded by the kernel: ids never come twice, whatever the seed */
    const struct clock *clock;
    int64_t newest_s;
    bool livemode;
};

void store_init(struct store *store, const struct clock *clock, bool livemode);
void store_done(struct store *store);

/* A new object of the kind, zeroed but for its head, with an id of its own unless one is
 * given, and entered. Belongs to the store. */
void *store_new(struct store *store, enum kind kind, const char *account, const char *id);
/* The head of an object that is not entered: a snapshot to be, without an id. */
struct object store_head(struct store *store, enum kind kind, const char *account);
/* NULL: there is none of that kind and account, or it was deleted. */
void *store_find(const struct store *store,
                 enum kind kind,
                 const char *account,
                 struct span id);
/* Also when it was deleted. */
void *store_find_ever(const struct store *store,
                      enum kind kind,
                      const char *account,
                      struct span id);
struct object *store_find_any(const struct store *store, struct span id);

/* Everything of that kind that the account (NULL: the platform) ever had, oldest first.
 * Good until the next store_new. */
const struct store_list *store_list_of(const struct store *store,
                                       enum kind kind,
                                       const char *account);
/* How many objects of the list were made before that place in the order of creation. */
size_t store_list_before(const struct store_list *list, size_t position);

int64_t store_now_s(struct store *store);
const char *store_copy(struct store *store, struct span text); /* empty gives NULL */
const char *store_format(struct store *store, const char *format, ...) PRINTF_LIKE(2, 3);
/* An id such as "txn_3" + 23 letters, for things that are only named. */
const char *store_id(struct store *store, const char *prefix);

#endif
