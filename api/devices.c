/* SPDX-License-Identifier: MIT
 * Phones against the rules of common/model/device.h, with texts for people. */
#include "api/devices.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/door.h"
#include "api/fields.h"
#include "api/limits.h"
#include "api/loop.h"
#include "api/problem.h"
#include "api/reader.h"
#include "api/request.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/model/device.h"

#define COUNTRY "FR"
enum {
    LIST_ARENA_BYTES = 32 << 20,
    LIST_JSON_BYTES = 16 << 20,
    ANSWER_BYTES = 8192,
    ETAG_BYTES = 2 + 32 + 1,
    NAME_BYTES = 100,
    VERSION_BYTES = 32,
};

/* A loop's list. What is in it lives in its arena until the next list takes its place. */
struct devices {
    struct loop *loop;
    struct arena arena;
    bool known; /* there is a list */
    bool asking; /* a reader is about to answer with another one */
    int64_t until_ms; /* believed until then */
    const struct device_certified *list;
    size_t count;
    struct span json;
    char etag[ETAG_BYTES];
};

/* One request on its way: fields -> limit -> list -> answer. In the request's arena. */
struct errand {
    void (*answer)(struct request *request, struct errand *errand);
    bool needs_list;
    struct span limit_headers;
    struct device device;
    bool is_ios;
    struct sql_rows rows; /* what a reader found */
};
enum list_column { LIST_MANUFACTURER, LIST_MODEL, LIST_IDENTIFIER, LIST_LEAST };

static bool read_device(struct request *request, struct errand *errand);
static void refuse_field(struct request *request, const char *name, enum field_code code);
static void begin(struct request *request, struct errand *errand);
static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context);
static void ask_list(struct request *request, struct errand *errand);
static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault);
static void on_list(struct request *request,
                    void *context,
                    enum outcome outcome,
                    const struct fault *fault);
static void keep_list(struct devices *devices, const struct sql_rows *rows);
static struct span write_list(struct devices *devices);
static void write_etag(struct span json, char out[ETAG_BYTES]);
static void answer_check(struct request *request, struct errand *errand);
static const char *message_of(struct request *request,
                              const struct errand *errand,
                              enum device_verdict verdict,
                              int64_t least_android);
static void answer_list(struct request *request, struct errand *errand);
static bool has_etag(struct span names, const char *etag);

/* What a verdict is to people. %s: the version that would do. */
/* clang-format off */
static const struct {
    const char *fr;
    const char *en;
} messages[] = {
    [DEVICE_SUPPORTED] = {
        "Ce téléphone accepte les cartes sans contact (Tap to Pay).",
        "This phone takes contactless cards (Tap to Pay).",
    },
    [DEVICE_TOO_OLD] = {
        "Cet iPhone est trop ancien : il faut un iPhone XS ou un modèle plus récent.",
        "This iPhone is too old: it takes an iPhone XS or a later one.",
    },
    [DEVICE_NO_PHONE] = {
        "Seul un iPhone accepte les cartes sans contact, pas cet appareil.",
        "Only an iPhone takes contactless cards, this device does not.",
    },
    [DEVICE_UNKNOWN] = {
        "Ce modèle n'est pas reconnu : envoyez l'identifiant de l'iPhone dans "
        "model_identifier, par exemple « iPhone14,5 ».",
        "This model is not known: send the iPhone's identifier in model_identifier, "
        "\"iPhone14,5\" for example.",
    },
    [DEVICE_SYSTEM_TOO_OLD] = {
        "Ce téléphone convient, mais son système doit être mis à jour : il faut %s ou "
        "une version plus récente.",
        "This phone will do once its system is updated: it takes %s or later.",
    },
    [DEVICE_NOT_CERTIFIED] = {
        "Ce téléphone ne fait pas partie des appareils Android certifiés en France.",
        "This phone is not among the Android devices certified in France.",
    },
};
static const struct {
    const char *fr;
    const char *en;
} alternative = {
    "Utilisez un lecteur de carte Bluetooth, ou encaissez en espèces ou par chèque.",
    "Use a card reader over Bluetooth, or take cash or a cheque.",
};
/* clang-format on */

struct devices *devices_open(struct loop *loop)
{
    struct devices *devices = calloc(1, sizeof(*devices));
    if (!devices) {
        abort();
    }
    devices->loop = loop;
    arena_init(&devices->arena, LIST_ARENA_BYTES);
    return devices;
}

void devices_close(struct devices *devices)
{
    if (devices) {
        arena_done(&devices->arena);
        free(devices);
    }
}

void devices_check(struct request *request)
{
    struct errand *errand = ARENA_NEW(&request->arena, struct errand);
    errand->answer = answer_check;
    if (read_device(request, errand)) {
        errand->needs_list = !errand->is_ios;
        begin(request, errand);
    }
}

void devices_list(struct request *request)
{
    struct errand *errand = ARENA_NEW(&request->arena, struct errand);
    errand->answer = answer_list;
    errand->needs_list = true;
    begin(request, errand);
}

static bool read_device(struct request *request, struct errand *errand)
{
    static const struct field_rule rules[] = {
        {.name = "platform",
         .type = FIELD_IS_CHOICE,
         .required = true,
         .choices = "ios android"},
        {.name = "manufacturer", .type = FIELD_IS_TEXT, .most = NAME_BYTES},
        {.name = "model", .type = FIELD_IS_TEXT, .most = NAME_BYTES},
        {.name = "model_identifier", .type = FIELD_IS_TEXT, .most = NAME_BYTES},
        {.name = "os_version",
         .type = FIELD_IS_TEXT,
         .required = true,
         .least = 1,
         .most = VERSION_BYTES},
    };
    enum { PLATFORM, MANUFACTURER, MODEL, IDENTIFIER, VERSION, RULES };
    struct field_value values[RULES];
    if (!fields_read(request, rules, RULES, values)) {
        return false;
    }
    errand->is_ios = span_is(values[PLATFORM].text, "ios");
    errand->device = (struct device){.manufacturer = values[MANUFACTURER].text,
                                     .model = values[MODEL].text,
                                     .identifier = values[IDENTIFIER].text};
    if (!device_read_version(values[VERSION].text, &errand->device.system)) {
        refuse_field(request, "os_version", FIELD_BAD_FORMAT);
        return false;
    }
    if (!errand->is_ios && span_trim(errand->device.manufacturer).len == 0) {
        refuse_field(request, "manufacturer", FIELD_MISSING);
        return false;
    }
    if (span_trim(errand->device.model).len == 0 &&
        span_trim(errand->device.identifier).len == 0) {
        refuse_field(request, "model", FIELD_MISSING);
        return false;
    }
    return true;
}

static void refuse_field(struct request *request, const char *name, enum field_code code)
{
    const struct problem_field field = {.field = span_of(name), .code = code};
    request_problem_with(request,
                         PROBLEM_INVALID_FIELDS,
                         &field,
                         1,
                         (struct span){NULL, 0},
                         (struct span){NULL, 0});
}

static void begin(struct request *request, struct errand *errand)
{
    request_keep(request);
    limits_charge(request, LIMIT_DEVICES, limits_address(request), on_charged, errand);
}

static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context)
{
    struct errand *errand = context;
    if (!state->allowed) {
        limits_refuse(request, LIMIT_DEVICES, state);
        return;
    }
    errand->limit_headers = limits_headers(request, LIMIT_DEVICES, state);
    if (errand->needs_list) {
        ask_list(request, errand);
    } else {
        errand->answer(request, errand);
    }
}

/* While one request has the list read anew, the others are served from the one that is
 * there. */
static void ask_list(struct request *request, struct errand *errand)
{
    struct devices *devices = request->loop->devices;
    if (devices->known &&
        (devices->asking || loop_mono_ms(request->loop) < devices->until_ms)) {
        errand->answer(request, errand);
        return;
    }
    devices->asking = true;
    reader_ask(request, read_list, on_list, errand);
}

static enum outcome read_list(struct mariadb *db,
                              struct arena *arena,
                              void *context,
                              struct fault *fault)
{
    struct errand *errand = context;
    return mariadb_run(db,
                       "SELECT manufacturer, model, model_identifier, min_android_version"
                       " FROM android_certified_devices"
                       " WHERE country = ? AND tap_to_pay_certified"
                       " ORDER BY manufacturer, model, model_identifier LIMIT ?",
                       SQL_VALUES(SQL_STRING(COUNTRY), SQL_I64(DEVICES_MOST)),
                       arena,
                       &errand->rows,
                       fault);
}

static void on_list(struct request *request,
                    void *context,
                    enum outcome outcome,
                    const struct fault *fault)
{
    struct errand *errand = context;
    struct devices *devices = request->loop->devices;
    int64_t now_ms = loop_mono_ms(request->loop);
    int64_t list_ms = request->loop->door->settings->devices.list_ms;
    devices->asking = false;
    if (outcome == OUTCOME_DONE) {
        keep_list(devices, &errand->rows);
        devices->until_ms = now_ms + list_ms;
    } else if (devices->known) {
        log_warning("certified devices stay as they were", LOG_FAULT(fault));
        devices->until_ms =
            now_ms + (list_ms < DEVICES_RETRY_MS ? list_ms : DEVICES_RETRY_MS);
    } else {
        reader_failed(request, fault);
        return;
    }
    errand->answer(request, errand);
}

/* The rows are in the request's arena: they are copied. */
static void keep_list(struct devices *devices, const struct sql_rows *rows)
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

static struct span write_list(struct devices *devices)
{
    struct text text;
    text_init(&text, LIST_JSON_BYTES);
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
static void write_etag(struct span json, char out[ETAG_BYTES])
{
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(json, &digest);
    digest_hex(&digest, hex);
    out[0] = '"';
    memcpy(out + 1, hex, ETAG_BYTES - 3);
    out[ETAG_BYTES - 2] = '"';
    out[ETAG_BYTES - 1] = '\0';
}

static void answer_check(struct request *request, struct errand *errand)
{
    const struct devices *devices = request->loop->devices;
    int64_t least_android = 0;
    enum device_verdict verdict =
        errand->is_ios
            ? device_check_ios(&errand->device, &request->loop->door->ios_least)
            : device_check_android(&errand->device,
                                   devices->list,
                                   devices->count,
                                   &least_android);
    bool supported = verdict == DEVICE_SUPPORTED;
    struct text body;
    text_init(&body, ANSWER_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_put_bool(&json, "tap_to_pay_supported", supported);
    json_put_string(&json,
                    "message",
                    span_of(message_of(request, errand, verdict, least_android)));
    if (supported) {
        json_put_null(&json, "alternative");
    } else {
        json_put_string(&json,
                        "alternative",
                        span_of(request->english ? alternative.en : alternative.fr));
    }
    json_close(&json, '}');
    request_answer(request,
                   200,
                   "application/json; charset=utf-8",
                   text_span(&body),
                   errand->limit_headers);
    text_done(&body);
}

static const char *message_of(struct request *request,
                              const struct errand *errand,
                              enum device_verdict verdict,
                              int64_t least_android)
{
    const char *message = request->english ? messages[verdict].en : messages[verdict].fr;
    const char *gap = strstr(message, "%s");
    if (!gap) {
        return message;
    }
    const char *version =
        errand->is_ios
            ? arena_format(&request->arena,
                           "iOS %s",
                           request->loop->door->settings->devices.ios_least_version)
            : arena_format(&request->arena, "Android %lld", (long long)least_android);
    return arena_format(&request->arena,
                        "%.*s%s%s",
                        (int)(gap - message),
                        message,
                        version,
                        gap + strlen("%s"));
}

static void answer_list(struct request *request, struct errand *errand)
{
    const struct devices *devices = request->loop->devices;
    int64_t seconds = request->loop->door->settings->devices.list_ms / 1000;
    struct span headers = span_of(arena_format(&request->arena,
                                               "Cache-Control: private, max-age=%lld\r\n"
                                               "ETag: %s\r\n%.*s",
                                               (long long)seconds,
                                               devices->etag,
                                               SPAN_ARGS(errand->limit_headers)));
    if (has_etag(request_header(request, "if-none-match"), devices->etag)) {
        request_answer(request, 304, NULL, (struct span){NULL, 0}, headers);
        return;
    }
    request_answer(request,
                   200,
                   "application/json; charset=utf-8",
                   devices->json,
                   headers);
}

/* RFC 9110, section 13.1.2: weak comparison, so W/ does not count. */
static bool has_etag(struct span names, const char *etag)
{
    while (names.len > 0) {
        struct span name = span_trim(span_cut(names, ',', &names));
        if (span_starts(name, "W/")) {
            name = (struct span){name.at + 2, name.len - 2};
        }
        if (span_is(name, "*") || span_is(name, etag)) {
            return true;
        }
    }
    return false;
}
