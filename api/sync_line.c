/* SPDX-License-Identifier: MIT
 * Turns of those who bring many jobs. */
#include "api/sync_line.h"

#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>

#include "api/ingest.h"

enum sync_line_fault { SYNC_LINE_LEAVING = 1 };

struct flushes {
    struct sync_flush *first;
    struct sync_flush *last;
};

struct sync_line {
    struct ingest *ingest;
    struct event *turn; /* active: there is something to send or to tell */
    struct flushes fresh; /* of which nothing was sent yet */
    struct flushes rest; /* of which more is to be sent */
    bool rest_is_next;
    struct sync_flush *ended; /* to be told */
    size_t on_their_way;
};

static void on_turn(evutil_socket_t fd, short what, void *context);
static void send_some(struct sync_line *line);
static void send_turn(struct sync_line *line, struct sync_flush *flush);
static void on_answer(void *context,
                      enum outcome outcome,
                      enum enqueue_verdict verdict,
                      const struct fault *fault);
static void end_if_answered(struct sync_flush *flush);
static void tell_ended(struct sync_line *line);
static void append(struct flushes *list, struct sync_flush *flush);
static void put_back(struct flushes *list, struct sync_flush *flush);
static struct sync_flush *cut_next(struct sync_line *line);
static struct sync_flush *cut_first(struct flushes *list);

struct sync_line *sync_line_open(struct event_base *base, struct ingest *ingest)
{
    struct sync_line *line = calloc(1, sizeof(*line));
    if (!line) {
        abort();
    }
    line->ingest = ingest;
    line->turn = event_new(base, -1, 0, on_turn, line);
    if (!line->turn) {
        abort();
    }
    return line;
}

/* Redis has gone before us, so what was on its way has been answered. */
void sync_line_close(struct sync_line *line)
{
    if (!line) {
        return;
    }
    struct sync_flush *flush;
    while ((flush = cut_next(line)) != NULL) {
        flush->outcome = fault_set(&flush->fault,
                                   OUTCOME_LATER,
                                   "sync_line",
                                   SYNC_LINE_LEAVING,
                                   "we are leaving");
        flush->count = flush->sent;
        end_if_answered(flush);
    }
    tell_ended(line);
    assert(line->on_their_way == 0);
    event_free(line->turn);
    free(line);
}

void sync_line_add(struct sync_line *line, struct sync_flush *flush)
{
    assert(flush->count > 0 && flush->done);
    flush->line = line;
    flush->sent = 0;
    flush->answered = 0;
    flush->outcome = OUTCOME_DONE;
    for (size_t i = 0; i < flush->count; i++) {
        flush->jobs[i].flush = flush;
    }
    append(&line->fresh, flush);
    event_active(line->turn, 0, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct sync_line *line = context;
    send_some(line);
    tell_ended(line);
}

/* Of a flush that failed nothing more is sent. */
static void send_some(struct sync_line *line)
{
    struct sync_flush *flush;
    while (line->on_their_way + SYNC_LINE_TURN <= SYNC_LINE_MOST &&
           (flush = cut_next(line)) != NULL) {
        if (flush->outcome == OUTCOME_DONE) {
            send_turn(line, flush);
        } else {
            flush->count = flush->sent;
            end_if_answered(flush);
        }
    }
}

/* Answers may come from within, when Redis is away: only a flush that is all sent ends by
 * them. */
static void send_turn(struct sync_line *line, struct sync_flush *flush)
{
    size_t left = flush->count - flush->sent;
    size_t from = flush->sent;
    size_t upto = from + (left < SYNC_LINE_TURN ? left : SYNC_LINE_TURN);
    flush->sent = upto;
    line->on_their_way += upto - from;
    if (upto < flush->count && from == 0) {
        append(&line->rest, flush);
    } else if (upto < flush->count) {
        put_back(&line->rest, flush);
    }
    for (size_t i = from; i < upto; i++) {
        ingest_add(line->ingest, &flush->jobs[i].job, on_answer, &flush->jobs[i]);
    }
}

static void on_answer(void *context,
                      enum outcome outcome,
                      enum enqueue_verdict verdict,
                      const struct fault *fault)
{
    struct sync_job *job = context;
    struct sync_flush *flush = job->flush;
    if (outcome == OUTCOME_DONE) {
        job->verdict = verdict;
    } else if (flush->outcome == OUTCOME_DONE) {
        flush->outcome = outcome;
        flush->fault = *fault;
    }
    flush->answered++;
    flush->line->on_their_way--;
    event_active(flush->line->turn, 0, 0);
    end_if_answered(flush);
}

static void end_if_answered(struct sync_flush *flush)
{
    if (flush->answered == flush->count) {
        flush->next = flush->line->ended;
        flush->line->ended = flush;
    }
}

/* Each may bring another flush, and be freed. */
static void tell_ended(struct sync_line *line)
{
    while (line->ended) {
        struct sync_flush *flush = line->ended;
        struct fault fault = flush->fault;
        line->ended = flush->next;
        flush->done(flush->context, flush->outcome, &fault);
    }
}

static void append(struct flushes *list, struct sync_flush *flush)
{
    flush->next = NULL;
    if (list->last) {
        list->last->next = flush;
    } else {
        list->first = flush;
    }
    list->last = flush;
}

/* Behind those that it takes turns with. */
static void put_back(struct flushes *list, struct sync_flush *flush)
{
    struct sync_flush *before = list->first;
    for (int i = 2; before && before->next && i < SYNC_LINE_TOGETHER; i++) {
        before = before->next;
    }
    if (!before || !before->next) {
        append(list, flush);
        return;
    }
    flush->next = before->next;
    before->next = flush;
}

/* NULL: none has anything to send. */
static struct sync_flush *cut_next(struct sync_line *line)
{
    bool rest = line->rest.first && (line->rest_is_next || !line->fresh.first);
    line->rest_is_next = !rest;
    if (!rest && !line->fresh.first) {
        return NULL;
    }
    return cut_first(rest ? &line->rest : &line->fresh);
}

static struct sync_flush *cut_first(struct flushes *list)
{
    struct sync_flush *flush = list->first;
    list->first = flush->next;
    if (!list->first) {
        list->last = NULL;
    }
    return flush;
}
