/* SPDX-License-Identifier: MIT
 * Redis' protocol, read by hiredis' reader into an arena. */
#include "common/link/resp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/read.h>

#include "common/link/redis.h"

static size_t digits_of(size_t number);
static char *put_number(char *out, char mark, size_t number);
static void *place(const redisReadTask *task, enum reply_type type, size_t bytes);
static void *put_text(const redisReadTask *task, char *at, size_t len);
static void *put_list(const redisReadTask *task, int count);
static void *put_integer(const redisReadTask *task, long long number);
static void *put_nothing(const redisReadTask *task);
static enum outcome broken(const redisReader *reader, struct fault *fault);

/* Replies are built in the arena as they are read; nothing is freed one by one. */
static redisReplyObjectFunctions builders = {
    .createString = put_text,
    .createArray = put_list,
    .createInteger = put_integer,
    .createNil = put_nothing,
    .freeObject = NULL,
};

struct resp_reader {
    redisReader *reader;
};

size_t resp_size(const struct command *command)
{
    size_t bytes = 1 + digits_of((size_t)command->count) + 2;
    for (int i = 0; i < command->count; i++) {
        bytes += 1 + digits_of(command->lens[i]) + 2 + command->lens[i] + 2;
    }
    return bytes;
}

void resp_encode(const struct command *command, char *out)
{
    out = put_number(out, '*', (size_t)command->count);
    for (int i = 0; i < command->count; i++) {
        out = put_number(out, '$', command->lens[i]);
        if (command->lens[i] > 0) {
            memcpy(out, command->args[i], command->lens[i]);
            out += command->lens[i];
        }
        *out++ = '\r';
        *out++ = '\n';
    }
}

struct resp_reader *resp_open(struct arena *arena)
{
    struct resp_reader *reader = calloc(1, sizeof(*reader));
    redisReader *inner = redisReaderCreateWithFunctions(&builders);
    if (!reader || !inner) {
        abort();
    }
    inner->privdata = arena;
    reader->reader = inner;
    return reader;
}

void resp_close(struct resp_reader *reader)
{
    if (reader) {
        redisReaderFree(reader->reader);
        free(reader);
    }
}

/* hiredis notes the arena when it is asked for a reply, also when none is there yet. */
void resp_use(struct resp_reader *reader, struct arena *arena)
{
    reader->reader->privdata = arena;
    reader->reader->rstack[0].privdata = arena;
}

bool resp_has_more(const struct resp_reader *reader)
{
    return reader->reader->pos < reader->reader->len;
}

enum outcome resp_feed(struct resp_reader *reader, struct span bytes, struct fault *fault)
{
    if (redisReaderFeed(reader->reader, bytes.at, bytes.len) != REDIS_OK) {
        return broken(reader->reader, fault);
    }
    return OUTCOME_DONE;
}

enum outcome resp_next(struct resp_reader *reader,
                       const struct reply **out_reply,
                       struct fault *fault)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        return broken(reader->reader, fault);
    }
    *out_reply = reply;
    return OUTCOME_DONE;
}

static size_t digits_of(size_t number)
{
    size_t digits = 1;
    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

static char *put_number(char *out, char mark, size_t number)
{
    size_t digits = digits_of(number);
    *out++ = mark;
    for (size_t i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    out += digits;
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

/* Where this reply goes: its place in the list around it, or a node of its own. `bytes`
 * more are asked of the arena; NULL when they would pass its ceiling. */
static void *place(const redisReadTask *task, enum reply_type type, size_t bytes)
{
    struct arena *arena = task->privdata;
    size_t need = bytes + sizeof(struct reply) + ARENA_BLOCK_BYTES;
    if (need > arena->ceiling_bytes || arena->held_bytes > arena->ceiling_bytes - need) {
        return NULL;
    }
    struct reply *reply = NULL;
    if (task->parent) {
        const struct reply *list = task->parent->obj;
        union {
            const struct reply *read;
            struct reply *fill; /* they are ours, and still being filled */
        } items = {.read = list->items};
        reply = &items.fill[task->idx];
    } else {
        reply = ARENA_NEW(arena, struct reply);
    }
    reply->type = type;
    return reply;
}

static void *put_text(const redisReadTask *task, char *at, size_t len)
{
    enum reply_type type = task->type == REDIS_REPLY_ERROR    ? REPLY_ERROR
                           : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS
                                                              : REPLY_TEXT;
    struct reply *reply = place(task, type, len + 1);
    if (reply) {
        reply->text = arena_span(task->privdata, (struct span){at, len});
    }
    return reply;
}

static void *put_list(const redisReadTask *task, int count)
{
    size_t items = count > 0 ? (size_t)count : 0;
    struct reply *reply = place(task, REPLY_LIST, items * sizeof(struct reply));
    if (reply) {
        reply->items = ARENA_ARRAY(task->privdata, struct reply, items);
        reply->count = items;
    }
    return reply;
}

static void *put_integer(const redisReadTask *task, long long number)
{
    struct reply *reply = place(task, REPLY_INTEGER, 0);
    if (reply) {
        reply->integer = number;
    }
    return reply;
}

static void *put_nothing(const redisReadTask *task)
{
    return place(task, REPLY_NONE, 0);
}

static enum outcome broken(const redisReader *reader, struct fault *fault)
{
    return fault_set(fault,
                     OUTCOME_LATER,
                     "redis",
                     REDIS_BROKEN,
                     "its reply: %s",
                     reader->errstr);
}
