/* SPDX-License-Identifier: MIT
 * The verb of the control endpoint that lets many payments happen. */
#include "tests/stripesim/accounts.h"
#include "tests/stripesim/play.h"
#include "tests/stripesim/sim.h"
#include "tests/stripesim/verbs.h"

enum { ARENA_CEILING_BYTES = 1024 * 1024, MOST_DESTINATIONS = 1000 };
enum { MOST_PLAY = 1000000, DEFAULT_LEAST = 500, DEFAULT_MOST = 5000, ALL_PERCENT = 100 };

static bool read_numbers(struct order *order, struct play_order *play);
static bool read_weights(struct order *order, struct play_order *play);
static bool read_destinations(struct order *order, struct play_order *play);
static bool read_destination(struct order *order,
                             const struct cJSON *told,
                             const char *metadata,
                             struct play_destination *out);
static const char *read_metadata(struct order *order,
                                 const struct cJSON *told,
                                 const char *otherwise);

/* {count, rate?, step_ms?, amount_least?, amount_most?, fee?, fee_percent?: 100,
 * destination?, destinations?: [account or {account, metadata?, weight?: 1}], metadata?,
 * receipt_email?, receipt_percent?: 100, mix?: {script: weight}} */
void verbs_play(struct order *order)
{
    struct play_order play = {.receipt_email =
                                  verbs_string(order, "receipt_email", NULL)};
    if (!read_numbers(order, &play) || !read_weights(order, &play) ||
        !read_destinations(order, &play)) {
        return;
    }
    play_start(order->sim->play, &play);
    json_put_integer(order->answer, "count", play.count);
}

static bool read_numbers(struct order *order, struct play_order *play)
{
    const struct {
        const char *name;
        int64_t *value;
        int64_t otherwise;
        int64_t least;
        int64_t most;
    } numbers[] = {
        {"count", &play->count, 1, 0, MOST_PLAY},
        {"rate", &play->rate_per_s, 0, 0, INT64_MAX / 1000000},
        {"step_ms", &play->step_ms, 0, 0, INT64_MAX / 2},
        {"amount_least", &play->amount_least, DEFAULT_LEAST, 2, INT64_MAX / 2},
        {"amount_most", &play->amount_most, DEFAULT_MOST, 2, INT64_MAX / 2},
        {"fee", &play->fee, 0, 0, INT64_MAX / 2},
        {"fee_percent", &play->fee_percent, ALL_PERCENT, 0, ALL_PERCENT},
        {"receipt_percent", &play->receipt_percent, ALL_PERCENT, 0, ALL_PERCENT},
    };
    bool is_good = true;
    for (size_t i = 0; i < FIELD_COUNT(numbers); i++) {
        int64_t value = verbs_integer(order, numbers[i].name, numbers[i].otherwise);
        is_good = is_good && value >= numbers[i].least && value <= numbers[i].most;
        *numbers[i].value = value;
    }
    is_good = is_good && play->amount_least <= play->amount_most &&
              play->fee <= play->amount_least;
    if (!is_good) {
        order->refused = "a number is out of range";
    }
    return is_good;
}

static bool read_weights(struct order *order, struct play_order *play)
{
    int64_t total = 0;
    bool is_good = true;
    for (struct cJSON *at = json_first(order->body, "mix"); at; at = json_next(at)) {
        int script = play_scripts_find(json_key(at));
        int64_t weight;
        if (script < 0 || !json_integer(at, "", &weight) || weight < 0) {
            is_good = false;
            break;
        }
        play->weights[script] = weight;
        total += weight;
    }
    if (!is_good || (total <= 0 && json_first(order->body, "mix"))) {
        order->refused = "the mix names an unknown script, or has no weight";
        return false;
    }
    return true;
}

/* Several, one, or none: then the platform is paid. */
static bool read_destinations(struct order *order, struct play_order *play)
{
    const char *metadata = read_metadata(order, order->body, "{}");
    struct cJSON *first = json_first(order->body, "destinations");
    size_t count = 0;
    for (struct cJSON *at = first; at; at = json_next(at)) {
        count++;
    }
    if (count > MOST_DESTINATIONS) {
        order->refused = "there are too many destinations";
        return false;
    }
    struct play_destination *all =
        ARENA_ARRAY(&order->sim->store.arena, struct play_destination, count + 1);
    play->destinations = all;
    for (struct cJSON *at = first; at; at = json_next(at)) {
        if (!read_destination(order, at, metadata, &all[play->destination_count++])) {
            return false;
        }
    }
    if (count > 0) {
        return true;
    }
    struct span one = json_string(order->body, "destination");
    struct account *account = one.len > 0 ? verbs_place_account(order, one) : NULL;
    all[0] = (struct play_destination){account ? account->object.id : NULL, metadata, 1};
    play->destination_count = 1;
    return !order->refused;
}

static bool read_destination(struct order *order,
                             const struct cJSON *told,
                             const char *metadata,
                             struct play_destination *out)
{
    struct span id = json_string(told, "");
    int64_t weight = 1;
    if (id.len == 0) {
        id = json_string(told, "account");
        metadata = read_metadata(order, told, metadata);
        if (json_has(told, "weight") && (!json_integer(told, "weight", &weight) ||
                                         weight < 1 || weight > MOST_PLAY)) {
            order->refused = "a weight is out of range";
            return false;
        }
    }
    if (id.len == 0) {
        order->refused = "a destination names no account";
        return false;
    }
    struct account *account = verbs_place_account(order, id);
    if (account) {
        *out = (struct play_destination){account->object.id, metadata, weight};
    }
    return account != NULL;
}

static const char *read_metadata(struct order *order,
                                 const struct cJSON *told,
                                 const char *otherwise)
{
    struct cJSON *metadata = json_at(told, "metadata");
    struct arena arena;
    if (!metadata) {
        return otherwise;
    }
    arena_init(&arena, ARENA_CEILING_BYTES);
    const char *text = store_copy(&order->sim->store, json_print(metadata, &arena));
    arena_done(&arena);
    return text;
}
