/* SPDX-License-Identifier: MIT
 *
 * cmocka_all - cmocka with the headers that it wants before it, for every unit test.
 *
 * Owns:    nothing
 * Callers: tests/unit
 * Blocks:  never
 */
#ifndef TESTS_UNIT_CMOCKA_ALL_H
#define TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/text.h"

/* `got`, a struct span, holds just these bytes. */
#define assert_span(got, string)                                                         \
    do {                                                                                 \
        struct span got_ = (got);                                                        \
        assert_int_equal(got_.len, sizeof(string) - 1);                                  \
        assert_memory_equal(got_.len ? got_.at : "", string, sizeof(string) - 1);        \
    } while (0)

#endif
