/* SPDX-License-Identifier: MIT
 *
 * metadata - up to fifty names and values on an object, set and unset one by one.
 *
 * Owns:    nothing
 * Callers: the handlers of routes
 * Blocks:  never
 */
#ifndef TESTS_STRIPESIM_METADATA_H
#define TESTS_STRIPESIM_METADATA_H

#include <stdbool.h>

struct call;

/* What `old` (JSON text) becomes by the call's metadata[...] parameters; an empty value
 * takes a name away, an empty `metadata` all of them. False after refusing the call. */
bool metadata_merge(struct call *call, const char *old, const char **out_metadata);

#endif
