/* SPDX-License-Identifier: MIT
 * Fills faults, and names outcomes. */
#include "common/base/fault.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void cut_at_boundary(char *text, size_t len);

enum outcome fault_set(struct fault *fault,
                       enum outcome outcome,
                       const char *module,
                       int code,
                       const char *format,
                       ...)
{
    assert(outcome != OUTCOME_DONE);
    char text[FAULT_TEXT_BYTES]; /* the arguments may point into the fault itself */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) {
        text[0] = '\0';
    } else if ((size_t)len >= sizeof(text)) {
        cut_at_boundary(text, sizeof(text) - 1);
    }
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
    fault->module = module;
    fault->code = code;
    fault->retry_after_ms = 0;
    fault->neighbour = NULL;
    memcpy(fault->text, text, sizeof(text));
    return outcome;
}

void fault_lay_to(struct fault *fault, const char *what)
{
    struct fault whole = *fault;
    (void)fault_set(&whole,
                    OUTCOME_NEVER,
                    fault->module,
                    fault->code,
                    "%s: %s",
                    what,
                    fault->text);
    memcpy(fault->text, whole.text, sizeof(fault->text));
}

const char *outcome_name(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_DONE:
        return "DONE";
    case OUTCOME_LATER:
        return "LATER";
    case OUTCOME_NEVER:
        return "NEVER";
    case OUTCOME_UNSURE:
        return "UNSURE";
    }
    assert(!"outcome is one of the four");
    return "";
}

/* Drops the bytes of a UTF-8 character that the cut at `len` left incomplete. */
static void cut_at_boundary(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4 &&
           ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (len - (start - 1) < need) {
            len = start - 1;
        }
    }
    text[len] = '\0';
}
