/* SPDX-License-Identifier: MIT
 * Stored answers by key. */
#include "tests/stripesim/idempotency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BODY_BYTES = 4 * 1024 * 1024 };

static void unlink_record(struct idempotency *idempotency,
                          struct idempotency_record *record);
static void free_record(struct idempotency_record *record);
static void make_room(struct idempotency *idempotency);

void idempotency_init(struct idempotency *idempotency)
{
    *idempotency = (struct idempotency){0};
    map_init(&idempotency->by_name);
}

void idempotency_done(struct idempotency *idempotency)
{
    struct idempotency_record *record = idempotency->oldest;
    while (record) {
        struct idempotency_record *next = record->next;
        free_record(record);
        record = next;
    }
    map_done(&idempotency->by_name);
    *idempotency = (struct idempotency){0};
}

enum idempotency_verdict idempotency_begin(struct idempotency *idempotency,
                                           const char *account,
                                           struct span key,
                                           struct span path,
                                           const struct digest *asked,
                                           struct idempotency_record **out_record)
{
    char *name = NULL;
    int len = asprintf(&name, "%s %.*s", account ? account : "-", SPAN_ARGS(key));
    if (len < 0) {
        abort();
    }
    struct span spelled = {name, (size_t)len};
    struct idempotency_record *known = map_find(&idempotency->by_name, spelled);
    if (known) {
        free(name);
        *out_record = known;
        if (!digest_equal(&known->asked, asked)) {
            return IDEMPOTENCY_MISMATCH;
        }
        return known->is_done ? IDEMPOTENCY_REPLAY : IDEMPOTENCY_BUSY;
    }
    make_room(idempotency);
    struct idempotency_record *record = calloc(1, sizeof(*record));
    if (!record) {
        abort();
    }
    record->name = name;
    record->path = strndup(path.at, path.len);
    if (!record->path) {
        abort();
    }
    record->asked = *asked;
    text_init(&record->body, MOST_BODY_BYTES);
    if (idempotency->youngest) {
        idempotency->youngest->next = record;
    } else {
        idempotency->oldest = record;
    }
    record->prev = idempotency->youngest;
    idempotency->youngest = record;
    map_put(&idempotency->by_name, spelled, record);
    *out_record = record;
    return IDEMPOTENCY_NEW;
}

void idempotency_keep(struct idempotency_record *record,
                      int status,
                      struct span body,
                      const char *request_id)
{
    record->is_done = true;
    record->status = status;
    record->request_id = request_id;
    text_add(&record->body, body);
}

void idempotency_forget(struct idempotency *idempotency,
                        struct idempotency_record *record)
{
    unlink_record(idempotency, record);
    free_record(record);
}

static void unlink_record(struct idempotency *idempotency,
                          struct idempotency_record *record)
{
    map_drop(&idempotency->by_name, span_of(record->name));
    if (record->prev) {
        record->prev->next = record->next;
    } else {
        idempotency->oldest = record->next;
    }
    if (record->next) {
        record->next->prev = record->prev;
    } else {
        idempotency->youngest = record->prev;
    }
}

static void free_record(struct idempotency_record *record)
{
    text_done(&record->body);
    free(record->name);
    free(record->path);
    free(record);
}

/* A record in flight is never the one to go: the call still points to it. */
static void make_room(struct idempotency *idempotency)
{
    struct idempotency_record *oldest = idempotency->oldest;
    if (idempotency->by_name.count >= IDEMPOTENCY_MOST && oldest->is_done) {
        idempotency_forget(idempotency, oldest);
    }
}
