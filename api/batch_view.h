/* SPDX-License-Identifier: MIT
 *
 * batch_view - what became of the sales of a batch, as far as the books tell.
 *
 * Owns:    nothing; a view lives in its request's arena
 * Callers: batches, batch_watch; on a reader's thread, or on the loop between two looks
 * Blocks:  batch_view_look as long as MariaDB does
 * Units:   amounts in cents
 * Order:   batch_view_begin; batch_view_look, any number of times
 * Faults:  MariaDB's
 *
 * A view is small, so that hundreds of phones can watch: it holds of each sale what it
 * takes to find it, and how it ended. What has ended is not looked at again.
 *
 * A look costs what has happened, not what there is: it goes through the sales that are
 * not at their end in the order of the batch, VIEW_SLICE at a time, until none of a slice
 * has come to its end (the queue does them in about that order), and looks at one more
 * slice behind, another one each time, so that none stays unseen.
 */
#ifndef API_BATCH_VIEW_H
#define API_BATCH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/sale.h"

struct batch;
struct batch_item;
struct json_writer;
struct mariadb;
struct seal_ring;
struct sql_rows;

enum { VIEW_SLICE = 64 };

enum view_state {
    VIEW_WAITING, /* its job is on its way */
    VIEW_RECORDED, /* its row is there, and of a card Stripe was asked */
    VIEW_CONFLICT, /* kept for the operator */
    VIEW_REJECTED, /* at the door */
    VIEW_FAILED, /* its job is dead */
};
enum { VIEW_STATES = VIEW_FAILED + 1 };
const char *view_state_name(enum view_state state);

struct view_item {
    struct span local_id;
    struct span intent; /* that the phone named; empty: none */
    int32_t amount_minor;
    int32_t paid_minor; /* once it is recorded */
    enum sale_method method;
    enum view_state state;
    bool is_conflict; /* so the door said */
    bool repeats; /* counts in no sum */
};
struct batch_view {
    const struct seal_ring *ring;
    struct span id;
    int64_t pompier_id;
    struct view_item *items; /* as they stand in the batch */
    size_t count;
    uint16_t *waiting; /* places of those that have not ended */
    size_t waiting_count;
    size_t turn; /* where the slice behind begins */
};

/* Of each sale it is as the door left it. The texts are copied. */
void batch_view_begin(struct batch_view *view,
                      const struct seal_ring *ring,
                      const struct batch *batch,
                      struct arena *arena);
/* `scratch` is only used meanwhile. */
MUST_USE enum outcome batch_view_look(struct batch_view *view,
                                      struct mariadb *db,
                                      struct arena *scratch,
                                      struct fault *fault);
/* All of them, at once, and what the books have of each. out_rows->count is how many were
 * asked for; out_places[i] is the row of item i, or SIZE_MAX. */
MUST_USE enum outcome batch_view_look_at_all(struct batch_view *view,
                                             struct mariadb *db,
                                             struct arena *arena,
                                             struct sql_rows *out_rows,
                                             size_t **out_places,
                                             struct fault *fault);
/* payment and conflict of an item as that row tells them; `item` has what the door knew. */
void batch_view_put_row(struct json_writer *json,
                        const struct batch_view *view,
                        size_t at,
                        const struct batch_item *item,
                        const struct sql_rows *rows,
                        size_t row);
/* total, done, outcomes, totals. */
void batch_view_put_figures(struct json_writer *json, const struct batch_view *view);

#endif
