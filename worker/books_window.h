/* SPDX-License-Identifier: MIT
 *
 * books_window - from when until when the books are compared.
 *
 * Owns:    nothing; pure
 * Callers: handle_books_plan, handle_books_reconcile
 * Blocks:  never
 * Units:   milliseconds of wall time; days are those of Europe/Paris
 */
#ifndef WORKER_BOOKS_WINDOW_H
#define WORKER_BOOKS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

/* From its first moment until just before its last. */
struct books_window {
    int64_t from_ms;
    int64_t to_ms;
};

/* From the first moment of one day to the last of the other, both "2026-11-22". False
 * when they are no days, or the wrong way round. */
bool books_window_of_days(struct span from, struct span to, struct books_window *out);
/* What is left of it before that moment; from_ms == to_ms: nothing. */
struct books_window books_window_until(struct books_window window, int64_t until_ms);

#endif
