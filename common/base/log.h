/* SPDX-License-Identifier: MIT
 *
 * log - one event, one line, once: key=value on stderr with journald's priority prefix.
 *
 * Owns:    the standard error stream's lines (each is one write(2))
 * Callers: functions that settle (loops, a request's end, main, janitor); all others
 *          return a fault and stay silent, debug level apart
 * Blocks:  as long as write(2) to stderr does
 * Faults:  none; a line that cannot be written is lost
 *
 *   log_info("settled", LOG_SPAN("id", job->id), LOG_NUMBER("took_ms", took));
 *   <6>settled id=evt_1 took_ms=12
 *
 * error: someone must act. warning: we carried on, and the line says so. info: start,
 * stop, settled. debug: the rest. Never payloads, addresses, card data or keys.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"

enum log_level {
    LOG_LEVEL_ERROR = 3, /* syslog's numbers, as sd-daemon(3) wants them */
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

struct log_field {
    const char *key;
    bool is_number;
    int64_t number;
    struct span text; /* quoted when it holds spaces, quotes, '=' or control bytes */
};

#define LOG_NUMBER(name, value)                                                          \
    ((struct log_field){.key = (name), .is_number = true, .number = (int64_t)(value)})
#define LOG_SPAN(name, value) ((struct log_field){.key = (name), .text = (value)})
#define LOG_TEXT(name, value) ((struct log_field){.key = (name), .text = span_of(value)})

/* Lines above this level are dropped. Before the first call: info. Thread-safe. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
void log_write(enum log_level level,
               const char *event,
               const struct log_field *fields,
               int count);

/* The fields may be none. */
#define LOG_FIELDS_(...) ((const struct log_field[]){{.key = ""}, ##__VA_ARGS__})
#define LOG_AT_(level, event, ...)                                                       \
    log_write((level),                                                                   \
              (event),                                                                   \
              LOG_FIELDS_(__VA_ARGS__) + 1,                                              \
              (int)(sizeof(LOG_FIELDS_(__VA_ARGS__)) / sizeof(struct log_field)) - 1)
#define log_error(event, ...) LOG_AT_(LOG_LEVEL_ERROR, event, ##__VA_ARGS__)
#define log_warning(event, ...) LOG_AT_(LOG_LEVEL_WARNING, event, ##__VA_ARGS__)
#define log_info(event, ...) LOG_AT_(LOG_LEVEL_INFO, event, ##__VA_ARGS__)
#define log_debug(event, ...)                                                            \
    do {                                                                                 \
        if (log_is_on(LOG_LEVEL_DEBUG)) {                                                \
            LOG_AT_(LOG_LEVEL_DEBUG, event, ##__VA_ARGS__);                              \
        }                                                                                \
    } while (0)

/* The fields that tell a fault: module, code, text. */
#define LOG_FAULT(fault)                                                                 \
    LOG_TEXT("module", (fault)->module), LOG_NUMBER("code", (fault)->code),              \
        LOG_TEXT("fault", (fault)->text)

#endif
