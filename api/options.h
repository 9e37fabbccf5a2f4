/* SPDX-License-Identifier: MIT
 *
 * options - the words of tocsin-api's command line.
 *
 * Owns:    nothing; what it gives points into argv
 * Callers: main
 * Blocks:  while it prints help
 */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include <stdbool.h>

#include "common/base/log.h"
#include "common/base/settings.h"

enum { OPTIONS_MOST_SETS = 64 };

struct options {
    struct settings_options settings;
    const char *sets[OPTIONS_MOST_SETS];
    bool check;
    bool ends; /* help or the version was wanted, or the words make no sense */
    int status;
};

void options_read(struct options *out_options, int argc, char **argv);
enum log_level options_log_level(const char *name);

#endif
