/* SPDX-License-Identifier: MIT
 *
 * words - the command line taken apart: what is for every verb, and what is the verb's.
 *
 * Owns:    nothing; everything is borrowed from argv
 * Callers: ctl (main), tests
 * Blocks:  never
 */
#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/settings.h"
#include "ctl/ctl.h"

enum { WORDS_MOST = 64 };

struct words {
    struct settings_options options; /* its sets point into `sets` */
    const char *sets[WORDS_MOST];
    const struct verb *verb; /* NULL: none was named */
    const char *group; /* "user": verbs begin with it, and none was named; or NULL */
    const char *own[WORDS_MOST];
    size_t own_count;
    const char *given[CTL_MOST_OPTIONS];
    bool json;
    bool check;
    bool help;
    bool version;
};

/* False when the words make no sense; `wrong` then says why, in one line. */
bool words_read(struct words *words, int argc, char **argv, struct text *wrong);

#endif
