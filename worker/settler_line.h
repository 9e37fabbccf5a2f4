/* SPDX-License-Identifier: MIT
 *
 * settler_line - the attempts that wait to be settled: those that a caller waits for first.
 *
 * Owns:    the links between them; the attempts belong to the settler
 * Callers: settler, under its lock
 * Blocks:  never
 *
 * The jobs of the lane live go before all others; each sort keeps the order in which it
 * came. The others go in small batches, one at least after every batch of live ones: who
 * waits for an answer is held up by one small batch at most, and nobody is passed by for
 * ever.
 */
#ifndef WORKER_SETTLER_LINE_H
#define WORKER_SETTLER_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/link/queue.h"

struct attempt;

enum {
    SETTLER_OTHERS_MOST = 32, /* in a batch; a script call of more holds Redis for long */
    SETTLER_LINE_LONG = 2 * SETTLE_MOST,
};

/* Linked by attempt->next. */
struct settler_row {
    struct attempt *first, *last;
    size_t count;
};

/* All zero is an empty one. */
struct settler_line {
    struct settler_row live, others;
    bool others_next; /* a batch of live ones went last */
};

/* Attempts of one partition that are settled together. */
struct settler_batch {
    struct attempt *attempts[SETTLE_MOST];
    size_t count;
};

void settler_line_add(struct settler_line *line, struct attempt *attempt);
/* Takes out the next ones, at most `most`; none when the line is empty. */
struct settler_batch settler_line_pick(struct settler_line *line, size_t most);
/* To where they stood; they are the next again. */
void settler_line_put_back(struct settler_line *line, const struct settler_batch *batch);

size_t settler_line_count(const struct settler_line *line);
/* Too long for more work to be begun: live work is kept back by what is live alone. */
bool settler_line_is_long(const struct settler_line *line, bool live);

#endif
