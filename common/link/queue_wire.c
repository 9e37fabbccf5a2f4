/* SPDX-License-Identifier: MIT
 * Calls of the queue's scripts, argument by argument, and their replies, item by item. */
#include "common/link/queue_wire.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

static const struct queue_script *script_named(const char *name);
static size_t refs_of(const struct job_new *job);
static bool is_ref(struct span ref);
static const struct reply *next_item(struct reader *reader, enum reply_type type);

enum { CALL_ARGUMENTS = 4, JOB_ARGUMENTS = 13 };

struct span wire_key(struct arena *arena, struct partition partition, const char *suffix)
{
    assert(partition.count >= 1 && partition.number >= 0 &&
           partition.number < partition.count);
    return span_of(partition.count == 1
                       ? arena_format(arena, "{tocsin}%s", suffix)
                       : arena_format(arena, "{tocsin:%d}%s", partition.number, suffix));
}

struct wire wire_call(struct arena *arena,
                      const char *script,
                      struct partition partition,
                      size_t count)
{
    assert(count <= INT_MAX - CALL_ARGUMENTS);
    struct wire wire = {.arena = arena, .room = (int)count + CALL_ARGUMENTS};
    wire.command.script = script_named(script);
    wire.command.args = ARENA_ARRAY(arena, const char *, (size_t)wire.room);
    wire.command.lens = ARENA_ARRAY(arena, size_t, (size_t)wire.room);
    wire_put_string(&wire, "EVALSHA");
    wire_put_string(&wire, wire.command.script->sha1);
    wire_put_string(&wire, "1");
    wire_put(&wire, wire_key(arena, partition, ""));
    return wire;
}

void wire_put(struct wire *wire, struct span argument)
{
    assert(wire->command.count < wire->room);
    wire->command.args[wire->command.count] = argument.len ? argument.at : "";
    wire->command.lens[wire->command.count] = argument.len;
    wire->command.count++;
}

void wire_put_string(struct wire *wire, const char *argument)
{
    wire_put(wire, span_of(argument));
}

void wire_put_i64(struct wire *wire, int64_t argument)
{
    wire_put_string(wire, arena_format(wire->arena, "%lld", (long long)argument));
}

void wire_put_neighbours(struct wire *wire, unsigned neighbours)
{
    const char *names = "";
    for (int i = 0; i < NEIGHBOUR_COUNT; i++) {
        if (neighbours & (1U << i)) {
            const char *name = neighbour_name((enum neighbour)(1U << i));
            names = *names ? arena_format(wire->arena, "%s,%s", names, name) : name;
        }
    }
    wire_put_string(wire, names);
}

struct command wire_end(const struct wire *wire)
{
    assert(wire->command.count == wire->room);
    return wire->command;
}

size_t wire_job_size(const struct job_new *job)
{
    return JOB_ARGUMENTS + refs_of(job);
}

void wire_put_job(struct wire *wire, const struct job_new *job)
{
    assert(job_id_is_valid(job->id) && job->lane != LANE_QUARANTINE);
    assert(job->tenant.len > 0 && job->tenant.len <= JOB_TENANT_BYTES);
    assert(job->member.len <= JOB_TENANT_BYTES);
    assert(job->delay_ms >= 0 && job->ref_count <= JOB_REFS);
    wire_put(wire, job->id);
    wire_put_string(wire, job->kind->name);
    wire_put_string(wire, lane_name(job->lane));
    wire_put(wire, job->tenant);
    wire_put(wire, job->payload);
    wire_put(wire, job->mac);
    wire_put_i64(wire, job->delay_ms);
    wire_put(wire, job->reply);
    wire_put_i64(wire, job->kind->max_attempts);
    wire_put_string(wire, job->kind->group_max > 1 ? "1" : "0");
    wire_put_neighbours(wire, job->kind->needs);
    wire_put(wire, job->member);
    wire_put_i64(wire, (int64_t)refs_of(job));
    for (size_t i = 0; i < job->ref_count; i++) {
        if (is_ref(job->refs[i])) {
            wire_put(wire, job->refs[i]);
        }
    }
}

struct reader reader_of(const struct reply *reply)
{
    if (reply->type != REPLY_LIST) {
        return (struct reader){.bad = true};
    }
    return (struct reader){.items = reply->items, .count = reply->count};
}

int64_t reader_integer(struct reader *reader)
{
    const struct reply *item = next_item(reader, REPLY_INTEGER);
    return item ? item->integer : 0;
}

int64_t reader_between(struct reader *reader, int64_t least, int64_t most)
{
    int64_t number = reader_integer(reader);
    if (number < least || number > most) {
        reader->bad = true;
        return least;
    }
    return number;
}

bool reader_bool(struct reader *reader)
{
    return reader_between(reader, 0, 1) == 1;
}

struct span reader_text(struct reader *reader)
{
    const struct reply *item = next_item(reader, REPLY_TEXT);
    return item ? item->text : (struct span){0};
}

int64_t reader_digits(struct reader *reader)
{
    struct span text = reader_text(reader);
    int64_t number = 0;
    if (text.len > 0 && !span_to_i64(text, &number)) {
        reader->bad = true;
    }
    return number;
}

int reader_small_digits(struct reader *reader)
{
    int64_t number = reader_digits(reader);
    if (number < INT_MIN || number > INT_MAX) {
        reader->bad = true;
        return 0;
    }
    return (int)number;
}

size_t reader_rows(struct reader *reader, size_t width)
{
    int64_t rows = reader_integer(reader);
    size_t left = reader->count - reader->next;
    if (rows < 0 || (uint64_t)rows > left / width) {
        reader->bad = true;
        return 0;
    }
    return (size_t)rows;
}

enum outcome reader_end(const struct reader *reader,
                        const char *verb,
                        struct fault *fault)
{
    if (!reader->bad && reader->next == reader->count) {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "queue",
                     QUEUE_BAD_REPLY,
                     "the reply of %s has another shape than its contract says",
                     verb);
}

static const struct queue_script *script_named(const char *name)
{
    const struct queue_script *found = NULL;
    for (size_t i = 0; i < queue_scripts_count && !found; i++) {
        if (strcmp(queue_scripts[i].name, name) == 0) {
            found = &queue_scripts[i];
        }
    }
    assert(found);
    return found;
}

static size_t refs_of(const struct job_new *job)
{
    size_t count = 0;
    for (size_t i = 0; i < job->ref_count; i++) {
        count += is_ref(job->refs[i]) ? 1 : 0;
    }
    return count;
}

/* References are kept in a record with spaces between them, so they are made of the
 * characters of job names. */
static bool is_ref(struct span ref)
{
    static_assert(JOB_REF_BYTES == JOB_ID_BYTES, "references are checked as names are");
    return job_id_is_valid(ref);
}

/* The next item when it has the type; else NULL, and the reader is bad from now on. */
static const struct reply *next_item(struct reader *reader, enum reply_type type)
{
    if (reader->bad || reader->next == reader->count ||
        reader->items[reader->next].type != type) {
        reader->bad = true;
        return NULL;
    }
    return &reader->items[reader->next++];
}
