/* SPDX-License-Identifier: MIT
 * Any bytes as a phone's queue of offline sales: each item is taken within its bounds or
 * told to be wrong, and what is kept of them fits into a payload and comes back. The same
 * bytes as what is kept are read or refused. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/sync_items.h"
#include "common/base/json.h"
#include "common/model/batch.h"
#include "common/model/job.h"
#include "common/model/money.h"
#include "common/model/sale.h"

enum { ARENA_BYTES = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_sale(const struct batch_item *item, const struct sale *sale)
{
    must(sale->local_id.len >= 1 && sale->local_id.len <= SALE_LOCAL_ID_BYTES);
    must(sale->amount_minor >= MONEY_LEAST_MINOR &&
         sale->amount_minor <= MONEY_MOST_MINOR);
    must(sale->intent.len == 0 || sale->method == SALE_CARD);
    must(span_equal(item->local_id, sale->local_id) &&
         item->amount_minor == sale->amount_minor && item->method == sale->method);
}

static void check_all(const struct cJSON *first, struct arena *arena)
{
    static const struct sync_moments moments = {.now_ms = 1795342205000,
                                                .skew_most_ms = 300000,
                                                .oldest_ms = INT64_C(90) * 86400000};
    struct batch batch = {
        .id = SPAN("bat_0123456789abcdefABCDEF-_"),
        .items = ARENA_ARRAY(arena, struct batch_item, BATCH_MOST_ITEMS),
    };
    for (; first && batch.count < BATCH_MOST_ITEMS; first = json_next(first)) {
        struct batch_item *item = &batch.items[batch.count++];
        struct sale sale;
        sync_items_check(first, &moments, arena, item, &sale);
        must((item->verdict == BATCH_REJECTED) == (item->error_count > 0));
        if (item->verdict != BATCH_REJECTED) {
            check_sale(item, &sale);
            sale.pompier_id = INT64_MAX;
            must(job_id_is_valid(sale_job_id(&sale, arena)));
        }
        for (size_t i = 0; i < item->error_count; i++) {
            (void)sync_items_detail(item, i, 90, i % 2 == 0, arena);
        }
    }
    struct batch got;
    struct fault fault;
    if (batch.count > 0) {
        struct span payload = batch_encode(&batch, arena);
        must(payload.len < JOB_PAYLOAD_BYTES);
        must(batch_decode(payload, arena, &got, &fault) == OUTCOME_DONE);
        must(got.count == batch.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct fault fault;
    struct cJSON *document = NULL;
    struct batch_item *items = NULL;
    size_t count = 0;
    arena_init(&arena, ARENA_BYTES);
    char *exact = malloc(size + 1);
    must(exact != NULL);
    memcpy(exact, data, size);
    struct span body = {exact, size};
    if (json_parse(body, &document, &fault) == OUTCOME_DONE) {
        check_all(json_first(document, "transactions"), &arena);
    }
    json_free(document);
    if (batch_decode_items(body, &arena, &items, &count, &fault) == OUTCOME_DONE) {
        must(count >= 1 && count <= BATCH_MOST_ITEMS);
    }
    free(exact);
    arena_done(&arena);
    return 0;
}
