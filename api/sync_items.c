/* SPDX-License-Identifier: MIT
 * The table of an offline sale's members, and what they mean together. */
#include "api/sync_items.h"

#include "api/field_detail.h"
#include "api/fields.h"
#include "common/base/json.h"
#include "common/model/batch.h"
#include "common/model/money.h"
#include "common/model/pii.h"
#include "common/model/sale.h"

/* Longer ones would not fit into the name of a job. */
enum { INTENT_BYTES = 100 };
enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

enum { LOCAL_ID, AMOUNT, CREATED_AT, METHOD, INTENT, EMAIL, RULES };

static const struct field_rule rules[RULES] = {
    [LOCAL_ID] = {"local_id", FIELD_IS_NAME, true, 1, SALE_LOCAL_ID_BYTES, NULL},
    [AMOUNT] =
        {"amount", FIELD_IS_INTEGER, true, MONEY_LEAST_MINOR, MONEY_MOST_MINOR, NULL},
    [CREATED_AT] = {"created_at", FIELD_IS_MOMENT, true, 0, 0, NULL},
    [METHOD] = {"payment_method", FIELD_IS_CHOICE, true, 0, 0, "card cash cheque"},
    [INTENT] =
        {"stripe_payment_intent_id", FIELD_IS_INTENT, false, 1, INTENT_BYTES, NULL},
    [EMAIL] = {"receipt_email", FIELD_IS_EMAIL, false, 1, PII_ADDRESS_BYTES, NULL},
};

static void check_members(const struct cJSON *element,
                          struct field_value *values,
                          struct batch_item *item);
static void check_moment(const struct sync_moments *moments,
                         int64_t sold_ms,
                         struct batch_item *item);
static void complain_of_unknown(const struct cJSON *element,
                                struct arena *arena,
                                struct batch_item *item);
static struct span visible_name(struct span name, struct arena *arena);
static void complain(struct batch_item *item, struct span field, enum field_code code);
static bool is_wrong(const struct batch_item *item, int rule);
static const struct field_rule *find_rule(struct span name);
static struct span ahead_by(int64_t ms, bool english, struct arena *arena);

void sync_items_check(const struct cJSON *element,
                      const struct sync_moments *moments,
                      struct arena *arena,
                      struct batch_item *out_item,
                      struct sale *out_sale)
{
    struct field_value values[RULES] = {{.there = false}};
    struct batch_item item = {.verdict = BATCH_QUEUED};
    struct sale sale = {.amount_minor = 0};
    if (!json_is_object(element)) {
        complain(&item, SPAN("transactions"), FIELD_WRONG_TYPE);
        *out_item = item;
        return;
    }
    check_members(element, values, &item);
    if (values[CREATED_AT].there && !is_wrong(&item, CREATED_AT)) {
        check_moment(moments, values[CREATED_AT].integer, &item);
    }
    complain_of_unknown(element, arena, &item);
    if (values[LOCAL_ID].there && !is_wrong(&item, LOCAL_ID)) {
        item.local_id = arena_span(arena, values[LOCAL_ID].text);
    }
    if (item.error_count == 0) {
        (void)sale_method_find(values[METHOD].text, &sale.method);
        sale.local_id = item.local_id;
        sale.amount_minor = values[AMOUNT].integer;
        sale.intent = arena_span(arena, values[INTENT].text);
        sale.receipt_email = arena_span(arena, values[EMAIL].text);
        sale.sold_ms = values[CREATED_AT].integer;
        item.amount_minor = sale.amount_minor;
        item.method = sale.method;
        item.intent = sale.intent;
        *out_sale = sale;
    }
    *out_item = item;
}

static void check_members(const struct cJSON *element,
                          struct field_value *values,
                          struct batch_item *item)
{
    for (int i = 0; i < RULES; i++) {
        enum field_code code = FIELD_MISSING;
        if (!fields_read_member(&rules[i], element, &values[i], &code) ||
            (rules[i].required && !values[i].there)) {
            complain(item, span_of(rules[i].name), code);
        }
    }
    /* Only Stripe's cards have one. */
    if (values[INTENT].there && values[METHOD].there && !is_wrong(item, METHOD) &&
        !is_wrong(item, INTENT) && !span_is(values[METHOD].text, "card")) {
        complain(item, span_of(rules[INTENT].name), FIELD_NOT_A_CHOICE);
    }
}

static void check_moment(const struct sync_moments *moments,
                         int64_t sold_ms,
                         struct batch_item *item)
{
    int64_t ahead_ms = sold_ms - moments->now_ms;
    if (ahead_ms > moments->skew_most_ms) {
        item->off_ms = ahead_ms;
        complain(item, span_of(rules[CREATED_AT].name), FIELD_IN_FUTURE);
    } else if (-ahead_ms > moments->oldest_ms) {
        complain(item, span_of(rules[CREATED_AT].name), FIELD_TOO_OLD);
    }
}

static void complain_of_unknown(const struct cJSON *element,
                                struct arena *arena,
                                struct batch_item *item)
{
    for (const struct cJSON *member = json_first(element, ""); member;
         member = json_next(member)) {
        struct span name = json_key(member);
        if (!find_rule(name) && item->error_count < BATCH_ITEM_ERRORS) {
            complain(item, visible_name(name, arena), FIELD_UNKNOWN);
        }
    }
}

/* Its beginning tells which it is. */
static struct span visible_name(struct span name, struct arena *arena)
{
    struct span cut = fields_cut_name(name, BATCH_FIELD_BYTES);
    char *copy = arena_copy(arena, cut);
    for (size_t i = 0; i < cut.len; i++) {
        copy[i] = (unsigned char)copy[i] < 0x20 ? '?' : copy[i];
    }
    return (struct span){copy, cut.len};
}

/* The first few tell enough. */
static void complain(struct batch_item *item, struct span field, enum field_code code)
{
    item->verdict = BATCH_REJECTED;
    if (item->error_count < BATCH_ITEM_ERRORS) {
        item->errors[item->error_count++] =
            (struct batch_error){.field = field, .code = code};
    }
}

static bool is_wrong(const struct batch_item *item, int rule)
{
    for (size_t i = 0; i < item->error_count; i++) {
        if (span_is(item->errors[i].field, rules[rule].name)) {
            return true;
        }
    }
    return false;
}

static const struct field_rule *find_rule(struct span name)
{
    for (int i = 0; i < RULES; i++) {
        if (span_is(name, rules[i].name)) {
            return &rules[i];
        }
    }
    return NULL;
}

struct span sync_items_detail(const struct batch_item *item,
                              size_t error,
                              int64_t oldest_days,
                              bool english,
                              struct arena *arena)
{
    const struct batch_error *told = &item->errors[error];
    const struct field_rule *rule = find_rule(told->field);
    if (!rule) {
        bool whole = told->code == FIELD_WRONG_TYPE; /* the item itself */
        return !whole    ? SPAN("")
               : english ? SPAN("An object is wanted.")
                         : SPAN("Un objet est attendu.");
    }
    if (rule == &rules[INTENT] && told->code == FIELD_NOT_A_CHOICE) {
        return english ? SPAN("Of a sale by card alone.")
                       : SPAN("Seulement pour une vente par carte.");
    }
    if (told->code == FIELD_IN_FUTURE) {
        return ahead_by(item->off_ms, english, arena);
    }
    if (told->code == FIELD_TOO_OLD) {
        return span_of(arena_format(arena,
                                    english ? "At most %lld days back."
                                            : "Au plus %lld jours en arrière.",
                                    (long long)oldest_days));
    }
    return field_detail(rule, told->code, english, arena);
}

/* The two largest units: nobody sets a clock by more. */
static struct span ahead_by(int64_t ms, bool english, struct arena *arena)
{
    static const struct {
        int64_t ms;
        const char *fr;
        const char *en;
    } units[] = {
        {DAY_MS, "j", "d"},
        {HOUR_MS, "h", "h"},
        {MINUTE_MS, "min", "min"},
        {1000, "s", "s"},
    };
    size_t i = 0;
    while (i < 3 && ms < units[i].ms) {
        i++;
    }
    const char *first = english ? units[i].en : units[i].fr;
    const char *words = english ? "The phone's clock seems to be ahead by"
                                : "L'horloge du téléphone semble avancer de";
    long long whole = ms / units[i].ms;
    long long rest = i < 3 ? ms % units[i].ms / units[i + 1].ms : 0;
    if (rest == 0) {
        return span_of(arena_format(arena, "%s %lld %s.", words, whole, first));
    }
    return span_of(arena_format(arena,
                                "%s %lld %s %lld %s.",
                                words,
                                whole,
                                first,
                                rest,
                                english ? units[i + 1].en : units[i + 1].fr));
}
