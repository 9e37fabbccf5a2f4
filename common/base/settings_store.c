/* SPDX-License-Identifier: MIT
 * Checks each value, then what they say together, and puts them into the struct. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/settings.h"
#include "common/base/settings_sources.h"

enum {
    VALUE_BYTES = 1000,
    STRINGS_BYTES = SETTINGS_ROWS_MOST * (VALUE_BYTES + 1),
};

static enum outcome store_row(struct settings *settings,
                              const struct settings_row *row,
                              const char *value,
                              const char *where,
                              bool needed,
                              struct fault *fault);
static enum outcome check_together(const struct settings *settings,
                                   const struct settings_sources *sources,
                                   struct fault *fault);
static bool is_one_of(const char *choices, const char *value);
static const char *keep_string(struct settings *settings, const char *value);

/* The strings' room is taken once, ahead, so that pointers into it stay good. */
enum outcome settings_store(struct settings *settings,
                            const struct settings_sources *sources,
                            enum settings_program program,
                            struct fault *fault)
{
    text_init(&settings->strings_, STRINGS_BYTES);
    if (!text_grow(&settings->strings_, STRINGS_BYTES)) {
        abort();
    }
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        enum outcome outcome = store_row(settings,
                                         row,
                                         sources->values[i],
                                         sources->wheres[i],
                                         (row->programs & (int)program) != 0,
                                         fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return check_together(settings, sources, fault);
}

static enum outcome store_row(struct settings *settings,
                              const struct settings_row *row,
                              const char *value,
                              const char *where,
                              bool needed,
                              struct fault *fault)
{
    char wanted[SETTINGS_NAME_BYTES * 2] = "";
    void *field = (char *)settings + row->offset;
    int64_t number;
    if (strlen(value) > VALUE_BYTES) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "settings",
                         SETTINGS_BAD,
                         "%s: %s.%s is longer than %d bytes",
                         where,
                         row->section,
                         row->key,
                         VALUE_BYTES);
    }
    switch (row->kind) {
    case SETTINGS_NUMBER:
        if (!span_to_i64(span_of(value), &number) || number < row->least ||
            number > row->most) {
            snprintf(wanted,
                     sizeof(wanted),
                     "a whole number from %lld to %lld",
                     (long long)row->least,
                     (long long)row->most);
            break;
        }
        *(int64_t *)field = number;
        break;
    case SETTINGS_BOOL:
        if (!is_one_of("true false yes no on off 1 0", value)) {
            snprintf(wanted, sizeof(wanted), "true or false");
            break;
        }
        *(bool *)field = is_one_of("true yes on 1", value);
        break;
    case SETTINGS_CHOICE:
        if (!is_one_of(row->choices, value)) {
            snprintf(wanted, sizeof(wanted), "one of: %s", row->choices);
            break;
        }
        *(const char **)field = keep_string(settings, value);
        break;
    case SETTINGS_FILE:
        if (needed && value[0] == '\0' && row->fallback[0] != '\0') {
            snprintf(wanted, sizeof(wanted), "a readable file");
            break;
        }
        if (needed && value[0] != '\0' && access(value, R_OK) != 0) {
            snprintf(wanted, sizeof(wanted), "a readable file (%s)", strerror(errno));
            break;
        }
        *(const char **)field = keep_string(settings, value);
        break;
    case SETTINGS_STRING:
        *(const char **)field = keep_string(settings, value);
        break;
    }
    if (wanted[0] == '\0') {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "settings",
                     SETTINGS_BAD,
                     "%s: %s.%s is \"%.60s\" and should be %s",
                     where,
                     row->section,
                     row->key,
                     value,
                     wanted);
}

/* What each setting alone cannot say. */
static enum outcome check_together(const struct settings *settings,
                                   const struct settings_sources *sources,
                                   struct fault *fault)
{
    const struct {
        const char *section;
        const char *key; /* what the fault is laid to */
        bool wrong;
        const char *wanted;
    } rules[] = {
        {"worker",
         "dead_after_ms",
         settings->worker.dead_after_ms < 2 * settings->worker.beat_ms,
         "at least twice worker.beat_ms, else living workers count as dead"},
        {"worker",
         "lease_ms",
         settings->worker.lease_ms < 2 * settings->worker.beat_ms,
         "at least twice worker.beat_ms, else leases end between two beats"},
        {"stripe",
         "total_ms",
         settings->stripe.total_ms >= settings->worker.lease_ms,
         "shorter than worker.lease_ms, else a call outlives the lease of its job"},
        {"mail",
         "total_ms",
         settings->mail.total_ms >= settings->worker.lease_ms,
         "shorter than worker.lease_ms, else sending outlives the lease of its job"},
        {"mail",
         "password_file",
         settings->mail.username[0] != '\0' && settings->mail.password_file[0] == '\0',
         "a readable file, since mail.username is set"},
        {"api",
         "tls_key_file",
         settings->api.tls_certificate_file[0] != '\0' &&
             settings->api.tls_key_file[0] == '\0',
         "a readable file, since api.tls_certificate_file is set"},
        {"api",
         "tls_certificate_file",
         settings->api.tls_certificate_file[0] == '\0' &&
             settings->api.tls_key_file[0] != '\0',
         "a readable file, since api.tls_key_file is set"},
        {"api",
         "tls_certificate_file",
         settings->api.tls_certificate_file[0] == '\0' &&
             settings->api.tls_listen[0] != '\0',
         "a readable file, since api.tls_listen is set"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        size_t row = 0;
        bool found =
            settings_sources_find(span_of(rules[i].section), span_of(rules[i].key), &row);
        assert(found);
        if (rules[i].wrong) {
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "settings",
                             SETTINGS_BAD,
                             "%s: %s.%s is \"%.60s\" and should be %s",
                             sources->wheres[row],
                             rules[i].section,
                             rules[i].key,
                             sources->values[row],
                             rules[i].wanted);
        }
    }
    return OUTCOME_DONE;
}

static bool is_one_of(const char *choices, const char *value)
{
    struct span rest = span_of(choices);
    while (rest.len > 0) {
        struct span choice = span_cut(rest, ' ', &rest);
        if (span_is(choice, value)) {
            return true;
        }
    }
    return false;
}

static const char *keep_string(struct settings *settings, const char *value)
{
    struct text *strings = &settings->strings_;
    char *at = strings->at + strings->len;
    size_t before = strings->len;
    text_add(strings, (struct span){value, strlen(value) + 1});
    assert(!strings->full && strings->len == before + strlen(value) + 1);
    return at;
}
