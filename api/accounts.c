/* SPDX-License-Identifier: MIT
 * Reads stripe_accounts again and again, and finds in what it read. */
#include "api/accounts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/ticker.h"
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"

enum {
    REFRESH_MS = 2000,
    FRESH_MS = 3 * REFRESH_MS,
    PAGE_ROWS = 5000,
    ACCOUNT_BYTES = 64,
    PAGE_ARENA_BYTES = 64 << 20,
};

struct account {
    char id[ACCOUNT_BYTES];
    int64_t amicale_id;
};
/* Sorted by id. */
struct table {
    size_t count;
    size_t room;
    struct account *rows;
};

struct accounts {
    const struct settings *settings;
    const struct clock *clock;
    struct mariadb *db;
    struct ticker ticker;
    bool told;
    pthread_mutex_t lock; /* of what follows */
    struct table table;
    int64_t read_ms; /* 0: never */
};

static int64_t refresh(void *context);
static enum outcome read_table(struct mariadb *db,
                               struct table *table,
                               struct fault *fault);
static void add_page(struct table *table, const struct sql_rows *rows);
static int compare(const void *a, const void *b);
static int compare_key(const void *key, const void *row);

enum outcome accounts_open(const struct settings *settings,
                           const struct clock *clock,
                           struct accounts **out_accounts,
                           struct fault *fault)
{
    struct accounts *accounts = calloc(1, sizeof(*accounts));
    if (!accounts || pthread_mutex_init(&accounts->lock, NULL) != 0) {
        abort();
    }
    accounts->settings = settings;
    accounts->clock = clock;
    enum outcome outcome = mariadb_open(settings, MARIADB_READER, &accounts->db, fault);
    if (outcome != OUTCOME_DONE) {
        pthread_mutex_destroy(&accounts->lock);
        free(accounts);
        return outcome;
    }
    *out_accounts = accounts;
    return OUTCOME_DONE;
}

void accounts_start(struct accounts *accounts)
{
    ticker_start(&accounts->ticker, refresh, accounts);
}

bool accounts_close(struct accounts *accounts)
{
    if (!accounts) {
        return true;
    }
    if (!ticker_stop(&accounts->ticker)) {
        return false;
    }
    mariadb_close(accounts->db);
    pthread_mutex_destroy(&accounts->lock);
    free(accounts->table.rows);
    free(accounts);
    return true;
}

struct span accounts_find(struct accounts *accounts,
                          struct span account,
                          char out[ACCOUNTS_TENANT_BYTES])
{
    int len = 0;
    pthread_mutex_lock(&accounts->lock);
    const struct account *found = NULL;
    if (accounts->table.count > 0) {
        found = bsearch(&account,
                        accounts->table.rows,
                        accounts->table.count,
                        sizeof(struct account),
                        compare_key);
    }
    if (found) {
        len = snprintf(out, ACCOUNTS_TENANT_BYTES, "%lld", (long long)found->amicale_id);
    }
    pthread_mutex_unlock(&accounts->lock);
    return (struct span){out, (size_t)len};
}

bool accounts_is_fresh(struct accounts *accounts)
{
    pthread_mutex_lock(&accounts->lock);
    int64_t read_ms = accounts->read_ms;
    pthread_mutex_unlock(&accounts->lock);
    return read_ms != 0 && clock_mono_ms(accounts->clock) - read_ms < FRESH_MS;
}

static int64_t refresh(void *context)
{
    struct accounts *accounts = context;
    struct table fresh = {.count = 0};
    struct fault fault;
    bool good = read_table(accounts->db, &fresh, &fault) == OUTCOME_DONE;
    if (!good && !accounts->told) {
        log_warning("mariadb is away: accounts stay as they were", LOG_FAULT(&fault));
    } else if (good && accounts->told) {
        log_info("mariadb is back");
    }
    accounts->told = !good;
    if (good && fresh.count > 0) {
        qsort(fresh.rows, fresh.count, sizeof(struct account), compare);
    }
    pthread_mutex_lock(&accounts->lock);
    struct table old = fresh;
    if (good) {
        old = accounts->table;
        accounts->table = fresh;
    }
    accounts->read_ms = good ? clock_mono_ms(accounts->clock) : 0;
    pthread_mutex_unlock(&accounts->lock);
    free(old.rows);
    return REFRESH_MS;
}

static enum outcome read_table(struct mariadb *db,
                               struct table *table,
                               struct fault *fault)
{
    struct arena arena;
    struct sql_rows rows = {.count = 0};
    enum outcome outcome = OUTCOME_DONE;
    int64_t after = 0;
    arena_init(&arena, PAGE_ARENA_BYTES);
    do {
        arena_reset(&arena);
        outcome =
            mariadb_run(db,
                        "SELECT id, stripe_account_id, amicale_id FROM stripe_accounts"
                        " WHERE id > ? ORDER BY id LIMIT 5000",
                        SQL_VALUES(SQL_I64(after)),
                        &arena,
                        &rows,
                        fault);
        if (outcome == OUTCOME_DONE && rows.count > 0) {
            after = sql_i64(&rows, rows.count - 1, 0);
            add_page(table, &rows);
        }
    } while (outcome == OUTCOME_DONE && rows.count == PAGE_ROWS);
    arena_done(&arena);
    return outcome;
}

static void add_page(struct table *table, const struct sql_rows *rows)
{
    if (table->count + rows->count > table->room) {
        table->room = (table->count + rows->count) * 2;
        struct account *moved =
            realloc(table->rows, table->room * sizeof(struct account));
        if (!moved) {
            abort();
        }
        table->rows = moved;
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct span id = sql_text(rows, i, 1);
        if (id.len > 0 && id.len < ACCOUNT_BYTES && !sql_is_null(rows, i, 2)) {
            struct account *account = &table->rows[table->count++];
            *account = (struct account){.amicale_id = sql_i64(rows, i, 2)};
            memcpy(account->id, id.at, id.len);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct account *left = a;
    const struct account *right = b;
    return strcmp(left->id, right->id);
}

static int compare_key(const void *key, const void *row)
{
    const struct span *wanted = key;
    const struct account *account = row;
    size_t len = strlen(account->id);
    size_t common = wanted->len < len ? wanted->len : len;
    int order = memcmp(wanted->at, account->id, common);
    return order != 0 ? order : (wanted->len > len) - (wanted->len < len);
}
