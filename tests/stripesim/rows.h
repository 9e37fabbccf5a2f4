/* SPDX-License-Identifier: MIT
 *
 * rows - words for the rows of parameter tables, so that a table reads like a list.
 *
 * Owns:    nothing
 * Callers: routes_money.c, routes_connect.c, routes_terminal.c
 * Blocks:  never
 *
 * STRING and its like may not be empty; TEXT is unset by an empty value. NEEDED_...
 * must be there: a part of a hash, only when the hash is.
 */
#ifndef TESTS_STRIPESIM_ROWS_H
#define TESTS_STRIPESIM_ROWS_H

#include "tests/stripesim/params.h"

#define ROW_AS(name, as) .pattern = (name), .kind = (as)
#define STRING(name)                                                                     \
    {                                                                                    \
        ROW_AS(name, PARAM_STRING)                                                       \
    }
#define STRING_UP_TO(name, characters)                                                   \
    {                                                                                    \
        ROW_AS(name, PARAM_STRING), .most = (characters)                                 \
    }
#define TEXT(name)                                                                       \
    {                                                                                    \
        ROW_AS(name, PARAM_STRING), .may_be_empty = true                                 \
    }
#define NUMBER(name, from, to)                                                           \
    {                                                                                    \
        ROW_AS(name, PARAM_INTEGER), .least = (from), .most = (to)                       \
    }
#define FLAG(name)                                                                       \
    {                                                                                    \
        ROW_AS(name, PARAM_BOOL)                                                         \
    }
#define CHOICE(name, words)                                                              \
    {                                                                                    \
        ROW_AS(name, PARAM_CHOICE), .choices = (words)                                   \
    }
#define EMAIL(name)                                                                      \
    {                                                                                    \
        ROW_AS(name, PARAM_EMAIL), .may_be_empty = true                                  \
    }
#define URL(name)                                                                        \
    {                                                                                    \
        ROW_AS(name, PARAM_URL)                                                          \
    }
#define HASH(name)                                                                       \
    {                                                                                    \
        ROW_AS(name, PARAM_HASH)                                                         \
    }
#define LIST(name)                                                                       \
    {                                                                                    \
        ROW_AS(name, PARAM_LIST)                                                         \
    }
#define TAKEN(name)                                                                      \
    {                                                                                    \
        ROW_AS(name, PARAM_ANY)                                                          \
    }
#define NEEDED_STRING(name)                                                              \
    {                                                                                    \
        ROW_AS(name, PARAM_STRING), .required = true                                     \
    }
#define NEEDED_URL(name)                                                                 \
    {                                                                                    \
        ROW_AS(name, PARAM_URL), .required = true                                        \
    }
#define NEEDED_NUMBER(name, from, to)                                                    \
    {                                                                                    \
        ROW_AS(name, PARAM_INTEGER), .required = true, .least = (from), .most = (to)     \
    }
#define NEEDED_CHOICE(name, words)                                                       \
    {                                                                                    \
        ROW_AS(name, PARAM_CHOICE), .required = true, .choices = (words)                 \
    }
#define NEEDED_HASH(name)                                                                \
    {                                                                                    \
        ROW_AS(name, PARAM_HASH), .required = true                                       \
    }
#define NEEDED_LIST(name)                                                                \
    {                                                                                    \
        ROW_AS(name, PARAM_LIST), .required = true                                       \
    }
#define END                                                                              \
    {                                                                                    \
        .pattern = NULL                                                                  \
    }

#define METADATA                                                                         \
    {ROW_AS("metadata", PARAM_HASH), .may_be_empty = true}, TAKEN("metadata[*]")
#define EXPAND LIST("expand"), TAKEN("expand[*]")
#define CURSOR                                                                           \
    NUMBER("limit", 1, 100), STRING("starting_after"), STRING("ending_before"), EXPAND
#define PAGE                                                                             \
    CURSOR, TAKEN("created"), TAKEN("created[gt]"), TAKEN("created[gte]"),               \
        TAKEN("created[lt]"), TAKEN("created[lte]")
#define ADDRESS(name)                                                                    \
    HASH(name), TEXT(name "[city]"), TEXT(name "[country]"), TEXT(name "[line1]"),       \
        TEXT(name "[line2]"), TEXT(name "[postal_code]"), TEXT(name "[state]")

#endif
