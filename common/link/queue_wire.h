/* SPDX-License-Identifier: MIT
 *
 * queue_wire - how a call of a queue script is put together and its reply taken apart.
 *
 * Owns:    nothing; a call lives in its arena, a reader looks at a reply
 * Callers: common/link/queue*.c, limit.c, session_store.c
 * Blocks:  never
 * Faults:  NEVER "queue" QUEUE_BAD_REPLY when a reply has another shape than expected
 */
#ifndef COMMON_LINK_QUEUE_WIRE_H
#define COMMON_LINK_QUEUE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/link/queue.h"
#include "common/link/reply.h"

/* A command that grows argument by argument, up to the number announced. */
struct wire {
    struct arena *arena;
    struct command command;
    int room;
};

/* "{tocsin}" or "{tocsin:3}", with `suffix` behind it. */
struct span wire_key(struct arena *arena, struct partition partition, const char *suffix);
/* EVALSHA of a script with the partition's prefix as its key and `count` arguments to
 * come. */
struct wire wire_call(struct arena *arena,
                      const char *script,
                      struct partition partition,
                      size_t count);
void wire_put(struct wire *wire, struct span argument); /* borrowed */
void wire_put_string(struct wire *wire, const char *argument);
void wire_put_i64(struct wire *wire, int64_t argument);
/* Names of a set of neighbours, by commas. */
void wire_put_neighbours(struct wire *wire, unsigned neighbours);
/* The call, once every argument announced is there. */
struct command wire_end(const struct wire *wire);

/* A new job as the scripts read it: wire_job_size arguments. References that could not be
 * looked up (not made of the characters of a name) are left out. */
size_t wire_job_size(const struct job_new *job);
void wire_put_job(struct wire *wire, const struct job_new *job);

/* A flat list that is read item by item. What has another type than was asked for, or is
 * not there, sets `bad` and reads as 0 or as an empty text. */
struct reader {
    const struct reply *items;
    size_t count;
    size_t next;
    bool bad;
};

struct reader reader_of(const struct reply *reply);
int64_t reader_integer(struct reader *reader);
int64_t reader_between(struct reader *reader, int64_t least, int64_t most);
bool reader_bool(struct reader *reader);
struct span reader_text(struct reader *reader);
/* A text of digits; an empty one is 0. */
int64_t reader_digits(struct reader *reader);
int reader_small_digits(struct reader *reader);
/* A number of rows that follow, each of `width` items; bad when so many are not there. */
size_t reader_rows(struct reader *reader, size_t width);
/* DONE when everything was as it should be and nothing is left over. */
MUST_USE enum outcome reader_end(const struct reader *reader,
                                 const char *verb,
                                 struct fault *fault);

#endif
