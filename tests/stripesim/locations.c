/* SPDX-License-Identifier: MIT
 * Terminal locations and connection tokens. */
#include "tests/stripesim/locations.h"

#include <string.h>

#include "tests/stripesim/call.h"
#include "tests/stripesim/countries.h"
#include "tests/stripesim/list.h"
#include "tests/stripesim/metadata.h"
#include "tests/stripesim/sim.h"

struct setting {
    const char *param;
    size_t offset;
};

static bool check_address(struct call *call, const struct location *location);
static void set_strings(struct call *call, struct location *location);
static void write_address(struct json_writer *json, const char *name, const void *object);

static const struct setting settings[] = {
    {"address[city]", offsetof(struct location, city)},
    {"address[country]", offsetof(struct location, country)},
    {"address[line1]", offsetof(struct location, line1)},
    {"address[line2]", offsetof(struct location, line2)},
    {"address[postal_code]", offsetof(struct location, postal_code)},
    {"address[state]", offsetof(struct location, state)},
    {"configuration_overrides", offsetof(struct location, configuration_overrides)},
    {"display_name", offsetof(struct location, display_name)},
};

#define ROW(member, as) FIELD(struct location, member, as)
static const struct field fields[] = {
    FIELD_HEAD("terminal.location"),
    FIELD_BY("address", write_address),
    {.name = "configuration_overrides",
     .kind = FIELD_STRING,
     .offset = offsetof(struct location, configuration_overrides),
     .omit_null = true},
    ROW(display_name, FIELD_STRING),
    FIELD_LIVEMODE,
    ROW(metadata, FIELD_JSON),
};
const struct shape location_shape = {
    .name = "terminal.location",
    .spoken = "location",
    .prefix = "tml_",
    .path_param = "location",
    .size = sizeof(struct location),
    .fields = fields,
    .field_count = FIELD_COUNT(fields),
};

static const struct field token_fields[] = {
    FIELD_ALWAYS("object", "\"terminal.connection_token\""),
    {.name = "location",
     .kind = FIELD_STRING,
     .offset = offsetof(struct connection_token, location),
     .omit_null = true},
    {.name = "secret", .kind = FIELD_STRING, .offset = offsetof(struct object, id)},
};
const struct shape connection_token_shape = {
    .name = "terminal.connection_token",
    .prefix = "pst_test_",
    .path_param = "token",
    .size = sizeof(struct connection_token),
    .fields = token_fields,
    .field_count = FIELD_COUNT(token_fields),
};

void locations_create(struct call *call)
{
    struct location wanted = {0};
    set_strings(call, &wanted);
    if (!check_address(call, &wanted) || !metadata_merge(call, "{}", &wanted.metadata)) {
        return;
    }
    struct location *location =
        store_new(&call->sim->store, KIND_LOCATION, call->account, NULL);
    wanted.object = location->object;
    *location = wanted;
    call_answer(call, &location->object);
}

void locations_retrieve(struct call *call)
{
    call_retrieve(call, KIND_LOCATION);
}

void locations_update(struct call *call)
{
    struct location *location = call_find(call, KIND_LOCATION, call->path_id);
    if (!location) {
        return;
    }
    struct location wanted = *location;
    set_strings(call, &wanted);
    if (check_address(call, &wanted) &&
        metadata_merge(call, location->metadata, &wanted.metadata)) {
        *location = wanted;
        call_answer(call, &location->object);
    }
}

void locations_list(struct call *call)
{
    list_answer(call, KIND_LOCATION, NULL);
}

void locations_delete(struct call *call)
{
    call_delete(call, KIND_LOCATION);
}

void locations_create_token(struct call *call)
{
    struct store *store = &call->sim->store;
    const struct location *location = NULL;
    if (form_find(&call->form, "location")) {
        location = call_find_param(call, KIND_LOCATION, "location", 400);
        if (!location) {
            return;
        }
    }
    const char *secret = store_id(store, store->livemode ? "pst_live_" : "pst_test_");
    struct connection_token *token =
        store_new(store, KIND_CONNECTION_TOKEN, call->account, secret);
    token->location = location ? location->object.id : NULL;
    call_answer(call, &token->object);
}

/* What an address needs depends on its country. */
static bool check_address(struct call *call, const struct location *location)
{
    const struct {
        const char *param;
        const char *value;
        bool is_needed;
    } parts[] = {
        {"address[line1]", location->line1, true},
        {"address[city]", location->city, true},
        {"address[postal_code]", location->postal_code, true},
        {"address[state]",
         location->state,
         strcmp(location->country, "US") == 0 || strcmp(location->country, "CA") == 0},
    };
    if (!countries_check(call, "address[country]", span_of(location->country))) {
        return false;
    }
    for (size_t i = 0; i < FIELD_COUNT(parts); i++) {
        if (parts[i].is_needed && !parts[i].value) {
            call_refuse(
                call,
                &(struct refusal){.code = "parameter_missing", .param = parts[i].param},
                "Missing required param: %s.",
                parts[i].param);
            return false;
        }
    }
    return true;
}

static void set_strings(struct call *call, struct location *location)
{
    for (size_t i = 0; i < FIELD_COUNT(settings); i++) {
        if (form_find(&call->form, settings[i].param)) {
            char *at = (char *)location + settings[i].offset;
            *(const char **)(void *)at = call_string(call, settings[i].param);
        }
    }
}

static void write_address(struct json_writer *json, const char *name, const void *object)
{
    const struct location *location = object;
    json_open(json, name, '{');
    json_put_optional(json, "city", span_of(location->city));
    json_put_optional(json, "country", span_of(location->country));
    json_put_optional(json, "line1", span_of(location->line1));
    json_put_optional(json, "line2", span_of(location->line2));
    json_put_optional(json, "postal_code", span_of(location->postal_code));
    json_put_optional(json, "state", span_of(location->state));
    json_close(json, '}');
}
