/* SPDX-License-Identifier: MIT
 * Any reply of Redis to each of the queue's scripts: read whole, or refused as a bad
 * reply.
 *
 * The first byte picks the verb; the others are a reply tree: a type, then an integer, a
 * text with its length, or a list with its count. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/link/queue.h"

enum { DEPTH_MOST = 5, ITEMS_MOST = 24, ARENA_BYTES = 8 << 20 };

struct source {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct source *source);
static struct reply make_reply(struct source *source, struct arena *arena, int depth);
static enum outcome read_reply(int verb,
                               const struct reply *reply,
                               struct arena *arena,
                               struct fault *fault);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct source source = {bytes, len};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct fault fault = {0};
    int verb = next(&source);
    struct reply reply = make_reply(&source, &arena, 0);
    enum outcome outcome = read_reply(verb, &reply, &arena, &fault);
    assert(outcome == OUTCOME_DONE || outcome == OUTCOME_NEVER);
    assert(outcome == OUTCOME_DONE || fault.text[0]);
    arena_done(&arena);
    return 0;
}

static uint8_t next(struct source *source)
{
    if (source->left == 0) {
        return 0;
    }
    source->left--;
    return *source->at++;
}

static struct reply make_reply(struct source *source, struct arena *arena, int depth)
{
    struct reply reply = {.type = (enum reply_type)(next(source) % (REPLY_LIST + 1))};
    if (reply.type == REPLY_INTEGER) {
        uint64_t integer = 0;
        for (int i = 0; i < 3; i++) {
            integer = integer << 8 | next(source);
        }
        reply.integer = (int64_t)integer - (1 << 22);
    } else if (reply.type == REPLY_LIST && depth < DEPTH_MOST) {
        reply.count = next(source) % ITEMS_MOST;
        struct reply *items = ARENA_ARRAY(arena, struct reply, reply.count);
        for (size_t i = 0; i < reply.count; i++) {
            items[i] = make_reply(source, arena, depth + 1);
        }
        reply.items = items;
    } else if (reply.type != REPLY_NONE) {
        size_t wanted = next(source);
        size_t len = wanted < source->left ? wanted : source->left;
        char *text = arena_take(arena, len + 1);
        memcpy(text, source->at, len);
        reply.text = (struct span){text, len};
        source->at += len;
        source->left -= len;
    }
    return reply;
}

static enum outcome read_reply(int verb,
                               const struct reply *reply,
                               struct arena *arena,
                               struct fault *fault)
{
    enum enqueue_verdict verdicts[4];
    struct settled settled[4];
    struct taken taken;
    struct swept swept;
    struct job_record *records;
    struct queue_stats stats;
    struct span cursor;
    enum deed_verdict deed;
    enum job_state state;
    int64_t *tokens;
    size_t count;
    bool partial;
    switch (verb % 8) {
    case 0:
        return queue_read_enqueue(reply, 4, verdicts, fault);
    case 1:
        return queue_read_take(reply, kinds, kinds_count, arena, &taken, fault);
    case 2:
        return queue_read_settle(reply, 4, settled, fault);
    case 3:
        return queue_read_beat(reply, arena, &tokens, &count, fault);
    case 4:
        return queue_read_sweep(reply, &swept, fault);
    case 5:
        return queue_read_records(reply,
                                  arena,
                                  &records,
                                  &count,
                                  &cursor,
                                  &partial,
                                  fault);
    case 6:
        return queue_read_stats(reply, arena, &stats, fault);
    default:
        return queue_read_deed(reply, &deed, &state, fault);
    }
}
