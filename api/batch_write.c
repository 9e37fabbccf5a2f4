/* SPDX-License-Identifier: MIT
 * Members of answers about batches. */
#include "api/batch_write.h"

#include "api/problem.h"
#include "api/sync_items.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/model/batch.h"

void batch_put_head(struct json_writer *json,
                    const struct batch *batch,
                    int64_t skew_most_s)
{
    char stamp[CLOCK_STAMP_BYTES];
    json_put_string(json, "batch_id", batch->id);
    json_put_string(json, "received_at", span_of(clock_stamp(batch->received_ms, stamp)));
    json_open(json, "clock", '{');
    if (batch->has_skew) {
        json_put_integer(json, "skew_ms", batch->skew_ms);
    } else {
        json_put_null(json, "skew_ms");
    }
    json_put_bool(json, "off", batch_is_off(batch, skew_most_s));
    json_close(json, '}');
}

bool batch_is_off(const struct batch *batch, int64_t skew_most_s)
{
    int64_t most_ms = skew_most_s * 1000;
    return batch->has_skew && (batch->skew_ms > most_ms || batch->skew_ms < -most_ms);
}

void batch_put_conflict(struct json_writer *json,
                        struct span kind,
                        int64_t known_minor,
                        struct span known_method)
{
    json_open(json, "conflict", '{');
    json_put_optional(json, "kind", kind);
    if (known_method.len > 0) {
        json_put_integer(json, "amount", known_minor);
    } else {
        json_put_null(json, "amount");
    }
    json_put_optional(json, "payment_method", known_method);
    json_close(json, '}');
}

void batch_put_errors(struct json_writer *json,
                      const struct batch_item *item,
                      int64_t oldest_days,
                      bool english,
                      struct arena *arena)
{
    struct problem_field fields[BATCH_ITEM_ERRORS];
    for (size_t i = 0; i < item->error_count; i++) {
        fields[i] = (struct problem_field){
            .field = item->errors[i].field,
            .code = item->errors[i].code,
            .detail = sync_items_detail(item, i, oldest_days, english, arena),
        };
    }
    problem_put_fields(json, fields, item->error_count, english);
}
