/* SPDX-License-Identifier: MIT
 * The certified phones, read when a request needs them and what is known is too old. */
#include "api/device_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/reader.h"
#include "api/request.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/device.h"

#define COUNTRY "FR"
enum { ARENA_BYTES = 32 << 20, JSON_BYTES = 16 << 20 };

/* A request that has the list read. In its arena. */
struct reading {
    void (*next)(struct request *request, void *context);
    void *context;
    struct sql_rows rows;
};
enum list_column { LIST_MANUFACTURER, LIST_MODEL, LIST_IDENTIFIER, LIST_LEAST };

static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault);
static void on_list(struct request *request,
                    void *context,
                    enum outcome outcome,
                    const struct fault *fault);
static void keep_list(struct device_list *devices, const struct sql_rows *rows);
static struct span write_list(struct device_list *devices);
static void write_etag(struct span json, char out[DEVICE_LIST_ETAG_BYTES]);

struct device_list *device_list_open(void)
{
    struct device_list *devices = calloc(1, sizeof(*devices));
    if (!devices) {
        abort();
    }
    arena_init(&devices->arena, ARENA_BYTES);
    return devices;
}

void device_list_close(struct device_list *devices)
{
    if (devices) {
        arena_done(&devices->arena);
        free(devices);
    }
}

/* While one request has the list read anew, the others are served from the one that is
 * there. */
void device_list_use(struct request *request,
                     void (*next)(struct request *request, void *context),
                     void *context)
{
    struct device_list *devices = request->loop->devices;
    if (devices->known &&
        (devices->asking || loop_mono_ms(request->loop) < devices->until_ms)) {
        next(request, context);
        return;
    }
    struct reading *reading = ARENA_NEW(&request->arena, struct reading);
    *reading = (struct reading){.next = next, .context = context};
    devices->asking = true;
    reader_ask(request, read_list, on_list, reading);
}

static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault)
{
    struct reading *reading = context;
    return mariadb_run(db,
                       "SELECT manufacturer, model, model_identifier, min_android_version"
                       " FROM android_certified_devices"
                       " WHERE country = ? AND tap_to_pay_certified"
                       " ORDER BY manufacturer, model, model_identifier LIMIT ?",
                       SQL_VALUES(SQL_STRING(COUNTRY), SQL_I64(DEVICE_LIST_MOST)),
                       arena,
                       &reading->rows,
                       fault);
}

static void on_list(struct request *request,
                    void *context,
                    enum outcome outcome,
                    const struct fault *fault)
{
    struct reading *reading = context;
    struct device_list *devices = request->loop->devices;
    int64_t now_ms = loop_mono_ms(request->loop);
    int64_t list_ms = request->loop->door->settings->devices.list_ms;
    devices->asking = false;
    if (outcome == OUTCOME_DONE) {
        keep_list(devices, &reading->rows);
        devices->until_ms = now_ms + list_ms;
    } else if (devices->known) {
        log_warning("certified devices stay as they were", LOG_FAULT(fault));
        devices->until_ms =
            now_ms + (list_ms < DEVICE_LIST_RETRY_MS ? list_ms : DEVICE_LIST_RETRY_MS);
    } else {
        reader_failed(request, fault);
        return;
    }
    reading->next(request, reading->context);
}

/* The rows are in the request's arena: they are copied. */
static void keep_list(struct device_list *devices, const struct sql_rows *rows)
{
    arena_reset(&devices->arena);
    struct device_certified *list =
        ARENA_ARRAY(&devices->arena, struct device_certified, rows->count + 1);
    for (size_t i = 0; i < rows->count; i++) {
        list[i] = (struct device_certified){
            .manufacturer =
                arena_span(&devices->arena, sql_text(rows, i, LIST_MANUFACTURER)),
            .model = arena_span(&devices->arena, sql_text(rows, i, LIST_MODEL)),
            .identifier = arena_span(&devices->arena, sql_text(rows, i, LIST_IDENTIFIER)),
            .least_android = sql_i64(rows, i, LIST_LEAST),
        };
    }
    devices->list = list;
    devices->count = rows->count;
    devices->json = write_list(devices);
    write_etag(devices->json, devices->etag);
    devices->known = true;
}

static struct span write_list(struct device_list *devices)
{
    struct text text;
    text_init(&text, JSON_BYTES);
    struct json_writer json = json_writer(&text);
    json_open(&json, NULL, '{');
    json_put_string(&json, "country", SPAN(COUNTRY));
    json_open(&json, "devices", '[');
    for (size_t i = 0; i < devices->count; i++) {
        json_open(&json, NULL, '{');
        json_put_string(&json, "manufacturer", devices->list[i].manufacturer);
        json_put_string(&json, "model", devices->list[i].model);
        json_put_string(&json, "model_identifier", devices->list[i].identifier);
        json_put_integer(&json, "min_android_version", devices->list[i].least_android);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    assert(!text.full);
    struct span written = arena_span(&devices->arena, text_span(&text));
    text_done(&text);
    return written;
}

/* The same list has the same one in every loop and process. */
static void write_etag(struct span json, char out[DEVICE_LIST_ETAG_BYTES])
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(json, &digest);
    digest_hex(&digest, hex);
    out[0] = '"';
    memcpy(out + 1, hex, DEVICE_LIST_ETAG_BYTES - 3);
    out[DEVICE_LIST_ETAG_BYTES - 2] = '"';
    out[DEVICE_LIST_ETAG_BYTES - 1] = '\0';
}
