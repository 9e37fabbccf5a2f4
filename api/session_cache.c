/* SPDX-License-Identifier: MIT
 * A table of chains over a fixed number of entries, and a list of them by their use. */
#include "api/session_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 2 * SESSION_CACHED, ENDS = 256, NONE = -1 };

struct entry {
    struct digest token_hash;
    struct stored_session session;
    int64_t period; /* of session_cache_is_first */
    int chain; /* the next one of its bucket, or of the free ones */
    int newer; /* by use */
    int older;
};

/* An end that was heard of. */
struct end {
    struct digest token_hash;
    int64_t user_id; /* 0: of the one token */
    int64_t at_ms; /* 0: none yet */
};

struct session_cache {
    int buckets[BUCKETS];
    struct entry entries[SESSION_CACHED];
    int used; /* entries that were ever used */
    int free;
    int newest;
    int oldest;
    struct end ends[ENDS]; /* the oldest one is written over */
    unsigned next_end;
    int64_t all_ended_ms;
};

static bool is_fresh(const struct stored_session *session, int64_t now_ms);
static int *bucket_of(struct session_cache *cache, const struct digest *token_hash);
static int find(struct session_cache *cache, const struct digest *token_hash);
static int take_place(struct session_cache *cache);
static void drop(struct session_cache *cache, int at);
static void link_newest(struct session_cache *cache, int at);
static void unlink_entry(struct session_cache *cache, int at);
static void remember(struct session_cache *cache, const struct end *end);

struct session_cache *session_cache_open(void)
{
    struct session_cache *cache = malloc(sizeof(*cache));
    if (!cache) {
        abort();
    }
    for (int i = 0; i < BUCKETS; i++) {
        cache->buckets[i] = NONE;
    }
    cache->used = 0; /* entries beyond it are not looked at */
    cache->free = NONE;
    cache->newest = NONE;
    cache->oldest = NONE;
    cache->next_end = 0;
    cache->all_ended_ms = 0;
    memset(cache->ends, 0, sizeof(cache->ends));
    return cache;
}

void session_cache_close(struct session_cache *cache)
{
    free(cache);
}

bool session_cache_believes(const struct session_cache *cache,
                            const struct digest *token_hash,
                            const struct stored_session *session,
                            int64_t skew_ms,
                            int64_t now_ms)
{
    if (!is_fresh(session, now_ms) || session->read_ms <= cache->all_ended_ms + skew_ms) {
        return false;
    }
    for (int i = 0; i < ENDS; i++) {
        const struct end *end = &cache->ends[i];
        bool is_theirs = end->user_id > 0 ? end->user_id == session->user_id
                                          : digest_equal(&end->token_hash, token_hash);
        if (end->at_ms > 0 && is_theirs && session->read_ms <= end->at_ms + skew_ms) {
            return false;
        }
    }
    return true;
}

const struct stored_session *session_cache_find(struct session_cache *cache,
                                                const struct digest *token_hash,
                                                int64_t now_ms)
{
    int at = find(cache, token_hash);
    if (at == NONE) {
        return NULL;
    }
    if (!is_fresh(&cache->entries[at].session, now_ms)) {
        return NULL; /* it stays until MariaDB was asked: its period counts on */
    }
    unlink_entry(cache, at);
    link_newest(cache, at);
    return &cache->entries[at].session;
}

void session_cache_put(struct session_cache *cache,
                       const struct digest *token_hash,
                       const struct stored_session *session)
{
    int at = find(cache, token_hash);
    if (at == NONE) {
        at = take_place(cache);
        int *bucket = bucket_of(cache, token_hash);
        cache->entries[at] = (struct entry){.token_hash = *token_hash, .chain = *bucket};
        *bucket = at;
    } else {
        unlink_entry(cache, at);
    }
    cache->entries[at].session = *session;
    link_newest(cache, at);
}

void session_cache_end(struct session_cache *cache,
                       const struct digest *token_hash,
                       int64_t now_ms)
{
    int at = find(cache, token_hash);
    if (at != NONE) {
        drop(cache, at);
    }
    remember(cache, &(struct end){.token_hash = *token_hash, .at_ms = now_ms});
}

/* Nobody looks for users otherwise, so there is no table of them. */
void session_cache_end_user(struct session_cache *cache, int64_t user_id, int64_t now_ms)
{
    int next = NONE;
    for (int at = cache->newest; at != NONE; at = next) {
        next = cache->entries[at].older;
        if (cache->entries[at].session.user_id == user_id) {
            drop(cache, at);
        }
    }
    remember(cache, &(struct end){.user_id = user_id, .at_ms = now_ms});
}

void session_cache_end_all(struct session_cache *cache, int64_t now_ms)
{
    while (cache->newest != NONE) {
        drop(cache, cache->newest);
    }
    cache->all_ended_ms = now_ms;
}

bool session_cache_is_first(struct session_cache *cache,
                            const struct digest *token_hash,
                            int64_t period)
{
    int at = find(cache, token_hash);
    if (at == NONE || cache->entries[at].period >= period) {
        return false;
    }
    cache->entries[at].period = period;
    return true;
}

/* Only MariaDB says that a session has expired: it may have been extended since. */
static bool is_fresh(const struct stored_session *session, int64_t now_ms)
{
    int64_t age_ms = now_ms - session->read_ms;
    return age_ms < SESSION_BELIEVED_MS && age_ms >= -SESSION_CLOCKS_MS &&
           session->expires_ms > now_ms;
}

/* A hash of ours is as good as random: its first bytes are the table's hash. */
static int *bucket_of(struct session_cache *cache, const struct digest *token_hash)
{
    uint64_t first = 0;
    memcpy(&first, token_hash->bytes, sizeof(first));
    return &cache->buckets[first % BUCKETS];
}

static int find(struct session_cache *cache, const struct digest *token_hash)
{
    int at = *bucket_of(cache, token_hash);
    while (at != NONE && !digest_equal(&cache->entries[at].token_hash, token_hash)) {
        at = cache->entries[at].chain;
    }
    return at;
}

static int take_place(struct session_cache *cache)
{
    if (cache->free == NONE && cache->used < SESSION_CACHED) {
        return cache->used++;
    }
    if (cache->free == NONE) {
        drop(cache, cache->oldest);
    }
    int at = cache->free;
    cache->free = cache->entries[at].chain;
    return at;
}

static void drop(struct session_cache *cache, int at)
{
    struct entry *entry = &cache->entries[at];
    int *place = bucket_of(cache, &entry->token_hash);
    while (*place != at) {
        place = &cache->entries[*place].chain;
    }
    *place = entry->chain;
    unlink_entry(cache, at);
    entry->chain = cache->free;
    cache->free = at;
}

static void link_newest(struct session_cache *cache, int at)
{
    cache->entries[at].newer = NONE;
    cache->entries[at].older = cache->newest;
    if (cache->newest != NONE) {
        cache->entries[cache->newest].newer = at;
    } else {
        cache->oldest = at;
    }
    cache->newest = at;
}

static void unlink_entry(struct session_cache *cache, int at)
{
    const struct entry *entry = &cache->entries[at];
    if (entry->newer != NONE) {
        cache->entries[entry->newer].older = entry->older;
    } else {
        cache->newest = entry->older;
    }
    if (entry->older != NONE) {
        cache->entries[entry->older].newer = entry->newer;
    } else {
        cache->oldest = entry->newer;
    }
}

/* An end that is forgotten too early for readings under way stands for all of them. */
static void remember(struct session_cache *cache, const struct end *end)
{
    struct end *place = &cache->ends[cache->next_end++ % ENDS];
    if (place->at_ms + SESSION_BELIEVED_MS > end->at_ms &&
        place->at_ms > cache->all_ended_ms) {
        cache->all_ended_ms = place->at_ms;
    }
    *place = *end;
}
