/* SPDX-License-Identifier: MIT
 * Any bytes as an event's body: what is read must lie within the body, and what the door
 * accepts the worker's parser must accept too, with the same id and type. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/model/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void must_lie_in(struct span part, struct span whole)
{
    must(part.len == 0 ||
         (part.at >= whole.at && part.at + part.len <= whole.at + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + 1);
    must(exact != NULL);
    memcpy(exact, data, size);
    struct span body = {exact, size};
    struct event event;
    struct fault fault;
    struct cJSON *document = NULL;
    if (event_scan(body, &event, &fault) == OUTCOME_DONE) {
        must_lie_in(event.id, body);
        must_lie_in(event.data_object, body);
        must_lie_in(event.pending_webhooks, body);
        must_lie_in(event.amicale_id, body);
        must(event.ref_count >= 1 && event.ref_count <= JOB_REFS);
        for (size_t i = 0; i < event.ref_count; i++) {
            must_lie_in(event.refs[i], body);
            must(job_id_is_valid(event.refs[i]));
        }
        must(json_parse(body, &document, &fault) == OUTCOME_DONE);
        must(span_equal(json_string(document, "id"), event.id));
        must(span_equal(json_string(document, "type"), event.type));
        must(event.account.len == 0 ||
             span_equal(json_string(document, "account"), event.account));
        if (event.data_object.len > 0) {
            struct cJSON *object = NULL;
            must(json_parse(event.data_object, &object, &fault) == OUTCOME_DONE);
            must(event.object_id.len == 0 || !json_has(document, "data.object.id") ||
                 span_equal(json_string(object, "id"), event.object_id));
            json_free(object);
        }
    }
    json_free(document);
    free(exact);
    return 0;
}
