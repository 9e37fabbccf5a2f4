/* SPDX-License-Identifier: MIT
 * Any bytes as a settings file: refused with a place, or every value is within its
 * bounds. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    int file = memfd_create("settings", 0);
    assert(file >= 0);
    assert(write(file, bytes, len) == (ssize_t)len);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);

    struct settings settings;
    struct fault fault = {0};
    struct settings_options options = {.config = path};
    enum outcome outcome = settings_load(&settings, SETTINGS_CTL, &options, &fault);
    if (outcome == OUTCOME_DONE) {
        for (size_t i = 0; i < settings_table_count; i++) {
            const struct settings_row *row = &settings_table[i];
            if (row->kind == SETTINGS_NUMBER) {
                int64_t value;
                memcpy(&value, (const char *)&settings + row->offset, sizeof(value));
                assert(value >= row->least && value <= row->most);
            }
        }
        settings_done(&settings);
    } else {
        assert(outcome == OUTCOME_NEVER && fault.text[0]);
    }
    close(file);
    return 0;
}
