/* SPDX-License-Identifier: MIT
 * The routes of Terminal. */
#include "tests/stripesim/locations.h"
#include "tests/stripesim/readers.h"
#include "tests/stripesim/routes.h"
#include "tests/stripesim/rows.h"

enum { LOCATION_CHARACTERS = 1000 };

static const struct param none[] = {EXPAND, END};
static const struct param cursor[] = {CURSOR, END};
static const struct param create_token[] = {STRING("location"), EXPAND, END};

#define LOCATION_COMMON                                                                  \
    TEXT("address[city]"), TEXT("address[line1]"), TEXT("address[line2]"),               \
        TEXT("address[postal_code]"), TEXT("address[state]"), METADATA, EXPAND
static const struct param create_location[] = {
    NEEDED_HASH("address"),
    NEEDED_STRING("address[country]"),
    {ROW_AS("display_name", PARAM_STRING), .required = true, .most = LOCATION_CHARACTERS},
    STRING("configuration_overrides"),
    LOCATION_COMMON,
    END};
static const struct param update_location[] = {
    HASH("address"),
    STRING("address[country]"),
    STRING_UP_TO("display_name", LOCATION_CHARACTERS),
    TEXT("configuration_overrides"),
    LOCATION_COMMON,
    END};

static const struct param create_reader[] = {NEEDED_STRING("registration_code"),
                                             STRING("label"),
                                             NEEDED_STRING("location"),
                                             METADATA,
                                             EXPAND,
                                             END};
static const struct param update_reader[] = {TEXT("label"), METADATA, EXPAND, END};
static const struct param list_readers[] = {
    CURSOR,
    CHOICE("device_type",
           "bbpos_chipper2x bbpos_wisepad3 bbpos_wisepos_e mobile_phone_reader "
           "simulated_wisepos_e stripe_m2 stripe_s700 verifone_P400"),
    STRING("location"),
    STRING("serial_number"),
    CHOICE("status", "offline online"),
    END};

#define TOKEN "/v1/terminal/connection_tokens"
#define LOCATION "/v1/terminal/locations"
#define READER "/v1/terminal/readers"
const struct route routes_terminal[] = {
    {"POST", TOKEN, KIND_CONNECTION_TOKEN, create_token, locations_create_token},
    {"POST", LOCATION, KIND_LOCATION, create_location, locations_create},
    {"GET", LOCATION, KIND_LOCATION, cursor, locations_list},
    {"GET", LOCATION "/{id}", KIND_LOCATION, none, locations_retrieve},
    {"POST", LOCATION "/{id}", KIND_LOCATION, update_location, locations_update},
    {"DELETE", LOCATION "/{id}", KIND_LOCATION, none, locations_delete},
    {"POST", READER, KIND_READER, create_reader, readers_create},
    {"GET", READER, KIND_READER, list_readers, readers_list},
    {"GET", READER "/{id}", KIND_READER, none, readers_retrieve},
    {"POST", READER "/{id}", KIND_READER, update_reader, readers_update},
    {"DELETE", READER "/{id}", KIND_READER, none, readers_delete},
    {.method = NULL},
};
