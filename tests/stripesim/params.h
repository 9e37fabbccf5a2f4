/* SPDX-License-Identifier: MIT
 *
 * params - which parameters a route takes, checked before its handler runs.
 *
 * Owns:    nothing
 * Callers: server.c; tables in routes.c
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_PARAMS_H
#define TESTS_STRIPESIM_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"

struct call;

enum param_kind {
    PARAM_STRING,
    PARAM_INTEGER,
    PARAM_BOOL,
    PARAM_CHOICE,
    PARAM_EMAIL,
    PARAM_URL,
    PARAM_HASH, /* stands for name[...]; a value of its own is refused */
    PARAM_LIST,
    PARAM_ANY, /* taken, and not looked at */
};

struct param {
    const char *pattern; /* as form_fits reads it */
    enum param_kind kind;
    bool required;
    bool may_be_empty; /* an empty value unsets */
    int64_t least; /* of an integer; both 0: no bounds */
    int64_t most; /* or characters of a string; 0: 5000 */
    const char *choices; /* "automatic manual" */
};

/* False after refusing the call as Stripe does: parameter_unknown, parameter_missing,
 * parameter_invalid_integer, parameter_invalid_empty, or another text. The table
 * ends with a row without pattern. */
bool params_check(struct call *call, const struct param *table);
/* Whether it is a boolean, and which. Stripe takes Python's spelling too, because its own
 * library for Python sends it. */
bool params_truth(struct span value, bool *out_truth);

#endif
