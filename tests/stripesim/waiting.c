/* SPDX-License-Identifier: MIT
 * A binary heap of deliveries by the time when they are due. */
#include "tests/stripesim/waiting.h"

#include <assert.h>
#include <stdlib.h>

void waiting_put(struct waiting *waiting, struct delivery *delivery)
{
    if (waiting->count == waiting->room) {
        waiting->room = waiting->room * 2 + 64;
        waiting->at = realloc(waiting->at, waiting->room * sizeof(struct delivery *));
        if (!waiting->at) {
            abort();
        }
    }
    size_t i = waiting->count++;
    while (i > 0 && waiting->at[(i - 1) / 2]->due_ms > delivery->due_ms) {
        waiting->at[i] = waiting->at[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    waiting->at[i] = delivery;
}

struct delivery *waiting_take(struct waiting *waiting)
{
    assert(waiting->count > 0);
    struct delivery *first = waiting->at[0];
    struct delivery *last = waiting->at[--waiting->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= waiting->count) {
            break;
        }
        if (child + 1 < waiting->count &&
            waiting->at[child + 1]->due_ms < waiting->at[child]->due_ms) {
            child++;
        }
        if (waiting->at[child]->due_ms >= last->due_ms) {
            break;
        }
        waiting->at[i] = waiting->at[child];
        i = child;
    }
    waiting->at[i] = last;
    return first;
}
