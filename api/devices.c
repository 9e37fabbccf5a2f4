/* SPDX-License-Identifier: MIT
 * Phones against the rules of common/model/device.h, with texts for people. */
#include "api/devices.h"

#include <string.h>

#include "api/device_list.h"
#include "api/door.h"
#include "api/fields.h"
#include "api/limits.h"
#include "api/loop.h"
#include "api/pages.h"
#include "api/request.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/model/device.h"

enum { ANSWER_BYTES = 8192, NAME_BYTES = 100, VERSION_BYTES = 32 };

/* One request on its way: fields -> limit -> list -> answer. In the request's arena. */
struct errand {
    void (*answer)(struct request *request, void *context);
    bool needs_list;
    struct span limit_headers;
    struct device device;
    bool is_ios;
};

static bool read_device(struct request *request, struct errand *errand);
static void begin(struct request *request, struct errand *errand);
static void on_charged(struct request *request,
                       const struct limit_state *state,
                       void *context);
static void answer_check(struct request *request, void *context);
static const char *message_of(struct request *request,
                              const struct errand *errand,
                              enum device_verdict verdict,
                              int64_t least_android);
static void answer_list(struct request *request, void *context);

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
        fields_refuse(request, "os_version", FIELD_BAD_FORMAT, SPAN(""));
        return false;
    }
    if (!errand->is_ios && span_trim(errand->device.manufacturer).len == 0) {
        fields_refuse(request, "manufacturer", FIELD_MISSING, SPAN(""));
        return false;
    }
    if (span_trim(errand->device.model).len == 0 &&
        span_trim(errand->device.identifier).len == 0) {
        fields_refuse(request, "model", FIELD_MISSING, SPAN(""));
        return false;
    }
    return true;
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
        device_list_use(request, errand->answer, errand);
    } else {
        errand->answer(request, errand);
    }
}

static void answer_check(struct request *request, void *context)
{
    const struct errand *errand = context;
    const struct device_list *devices = request->loop->devices;
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

static void answer_list(struct request *request, void *context)
{
    const struct errand *errand = context;
    const struct device_list *devices = request->loop->devices;
    int64_t seconds = request->loop->door->settings->devices.list_ms / 1000;
    struct span headers = span_of(arena_format(&request->arena,
                                               "Cache-Control: private, max-age=%lld\r\n"
                                               "ETag: %s\r\n%.*s",
                                               (long long)seconds,
                                               devices->etag,
                                               SPAN_ARGS(errand->limit_headers)));
    if (pages_etag_matches(request_header(request, "if-none-match"), devices->etag)) {
        request_answer(request, 304, NULL, (struct span){NULL, 0}, headers);
        return;
    }
    request_answer(request,
                   200,
                   "application/json; charset=utf-8",
                   devices->json,
                   headers);
}
