/* SPDX-License-Identifier: MIT
 * Two rows of attempts, and whose turn it is. */
#include "worker/settler_line.h"

#include <assert.h>

#include "common/model/job.h"
#include "worker/attempt.h"

static struct settler_row *row_of(struct settler_line *line,
                                  const struct attempt *attempt);
static bool is_live(const struct attempt *attempt);
static struct settler_batch pick(struct settler_row *row, size_t most);

void settler_line_add(struct settler_line *line, struct attempt *attempt)
{
    struct settler_row *row = row_of(line, attempt);
    attempt->next = NULL;
    if (row->last) {
        row->last->next = attempt;
    } else {
        row->first = attempt;
    }
    row->last = attempt;
    row->count++;
}

struct settler_batch settler_line_pick(struct settler_line *line, size_t most)
{
    bool others = line->live.count == 0 || (line->others_next && line->others.count > 0);
    size_t room = others ? SETTLER_OTHERS_MOST : SETTLE_MOST;
    line->others_next = !others;
    return pick(others ? &line->others : &line->live, most < room ? most : room);
}

void settler_line_put_back(struct settler_line *line, const struct settler_batch *batch)
{
    assert(batch->count > 0);
    struct settler_row *row = row_of(line, batch->attempts[0]);
    for (size_t i = batch->count; i-- > 0;) {
        struct attempt *attempt = batch->attempts[i];
        attempt->next = row->first;
        row->first = attempt;
        if (!row->last) {
            row->last = attempt;
        }
    }
    row->count += batch->count;
    line->others_next = row == &line->others;
}

size_t settler_line_count(const struct settler_line *line)
{
    return line->live.count + line->others.count;
}

bool settler_line_is_long(const struct settler_line *line, bool live)
{
    size_t count = live ? line->live.count : settler_line_count(line);
    return count >= SETTLER_LINE_LONG;
}

static struct settler_row *row_of(struct settler_line *line,
                                  const struct attempt *attempt)
{
    return is_live(attempt) ? &line->live : &line->others;
}

static bool is_live(const struct attempt *attempt)
{
    return attempt->job.lane == LANE_LIVE;
}

/* The first of the row and those behind it that belong to its partition. */
static struct settler_batch pick(struct settler_row *row, size_t most)
{
    struct settler_batch batch = {.count = 0};
    struct attempt **link = &row->first;
    struct attempt *kept = NULL;
    while (*link && batch.count < most) {
        struct attempt *attempt = *link;
        if (batch.count > 0 &&
            attempt->partition.number != batch.attempts[0]->partition.number) {
            kept = attempt;
            link = &attempt->next;
            continue;
        }
        batch.attempts[batch.count++] = attempt;
        *link = attempt->next;
    }
    if (!*link) {
        row->last = kept;
    }
    row->count -= batch.count;
    return batch;
}
