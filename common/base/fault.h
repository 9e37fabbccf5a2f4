/* SPDX-License-Identifier: MIT
 *
 * fault - what came of an attempt, and why it did not work.
 *
 * Owns:    nothing; a struct fault belongs to the caller and needs no freeing
 * Callers: every room
 * Blocks:  never
 * Units:   retry_after_ms in milliseconds
 *
 * Anything that can fail returns an enum outcome, is marked MUST_USE and takes a
 * struct fault last. Out-parameters are written on OUTCOME_DONE only. "Not found" is no
 * fault: it is DONE with an empty out-parameter.
 */
#ifndef COMMON_BASE_FAULT_H
#define COMMON_BASE_FAULT_H

#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at)                                                 \
    __attribute__((format(printf, format_at, first_at)))

enum outcome {
    OUTCOME_DONE = 0, /* it happened */
    OUTCOME_LATER, /* it did not happen; trying again may work */
    OUTCOME_NEVER, /* it did not happen; trying again cannot work */
    OUTCOME_UNSURE, /* it may have happened: look before repeating */
};

enum { FAULT_TEXT_BYTES = 200 };

struct fault {
    const char *module; /* who says it: a string literal such as "stripe" */
    int code; /* the module's own number; 0 when it has none */
    int64_t retry_after_ms; /* the other side's wish; 0 when it named none */
    const char *neighbour; /* the neighbour that is down ("stripe", "mariadb", "smtp",
                              a string literal), NULL when the fault is our own */
    char text[FAULT_TEXT_BYTES]; /* one line, no secrets, no addresses of persons */
};

/* Fills the fault and returns the outcome given, so that a function can leave with
 * `return fault_set(fault, OUTCOME_LATER, "redis", REDIS_TIMEOUT, "...")`. Clears
 * retry_after_ms and neighbour; set them afterwards where they apply. Text that is too
 * long is cut at a UTF-8 boundary; control characters become spaces. */
enum outcome fault_set(struct fault *fault,
                       enum outcome outcome,
                       const char *module,
                       int code,
                       const char *format,
                       ...) PRINTF_LIKE(5, 6);

/* Puts in front of the text what the fault is laid to: the name of a setting. */
void fault_lay_to(struct fault *fault, const char *what);
/* "DONE", "LATER", "NEVER", "UNSURE": the words used in Redis, SQL and the logs. */
const char *outcome_name(enum outcome outcome);

#endif
