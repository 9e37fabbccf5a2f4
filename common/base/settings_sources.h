/* SPDX-License-Identifier: MIT
 *
 * settings_sources - what the sources of settings say, row by row, before it is checked.
 *
 * Owns:    copies of what was read, until settings_sources_done
 * Callers: settings.c, settings_store.c
 * Blocks:  never
 * Order:   settings_sources_read, settings_store, settings_sources_done, the last one
 *          also after a fault
 * Faults:  as settings.h says
 */
#ifndef COMMON_BASE_SETTINGS_SOURCES_H
#define COMMON_BASE_SETTINGS_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/fault.h"
#include "common/base/settings.h"
#include "common/base/text.h"

enum { SETTINGS_BAD = 1, SETTINGS_ROWS_MOST = 128, SETTINGS_NAME_BYTES = 128 };

/* By row: a later source replaces an earlier one. */
struct settings_sources {
    const char *values[SETTINGS_ROWS_MOST]; /* borrowed, or in `copies` */
    char wheres[SETTINGS_ROWS_MOST][SETTINGS_NAME_BYTES];
    char *copies[SETTINGS_ROWS_MOST]; /* what must be freed */
    const char *path; /* of the settings file, while it is read */
    FILE *file;
    int line;
    struct fault *fault;
    bool failed;
};

/* Into a zeroed struct. */
MUST_USE enum outcome settings_sources_read(struct settings_sources *sources,
                                            const struct settings_options *options,
                                            struct fault *fault);
void settings_sources_done(struct settings_sources *sources);
bool settings_sources_find(struct span section, struct span key, size_t *out_row);

/* settings_store.c: checks all values, and keeps them in `settings`. */
MUST_USE enum outcome settings_store(struct settings *settings,
                                     const struct settings_sources *sources,
                                     enum settings_program program,
                                     struct fault *fault);

#endif
