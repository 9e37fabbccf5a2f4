/* SPDX-License-Identifier: MIT
 * Settings as a whole: loaded, shown and described; and the files of secrets. */
#include "common/base/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/settings_sources.h"

enum { SECRET_BYTES = 16 * 1024 };

enum outcome settings_load(struct settings *settings,
                           enum settings_program program,
                           const struct settings_options *options,
                           struct fault *fault)
{
    struct settings_sources *sources = calloc(1, sizeof(*sources));
    if (!sources) {
        abort();
    }
    memset(settings, 0, sizeof(*settings));
    enum outcome outcome = settings_sources_read(sources, options, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = settings_store(settings, sources, program, fault);
    }
    settings_sources_done(sources);
    free(sources);
    if (outcome != OUTCOME_DONE) {
        settings_done(settings);
    }
    return outcome;
}

void settings_done(struct settings *settings)
{
    text_done(&settings->strings_);
    memset(settings, 0, sizeof(*settings));
}

void settings_show(const struct settings *settings,
                   const struct settings_row *row,
                   struct text *out)
{
    const char *field = (const char *)settings + row->offset;
    switch (row->kind) {
    case SETTINGS_NUMBER:
        text_add_i64(out, *(const int64_t *)(const void *)field);
        break;
    case SETTINGS_BOOL:
        text_add_string(out, *(const bool *)(const void *)field ? "true" : "false");
        break;
    case SETTINGS_STRING:
    case SETTINGS_CHOICE:
    case SETTINGS_FILE:
        text_add_string(out, *(const char *const *)(const void *)field);
        break;
    }
}

void settings_describe(struct text *out)
{
    const char *section = "";
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        if (strcmp(section, row->section) != 0) {
            text_addf(out, "%s[%s]\n", i == 0 ? "" : "\n", row->section);
            section = row->section;
        }
        text_addf(out, "# %s", row->help);
        if (row->kind == SETTINGS_NUMBER) {
            text_addf(out,
                      " (%lld to %lld)",
                      (long long)row->least,
                      (long long)row->most);
        } else if (row->kind == SETTINGS_CHOICE) {
            text_addf(out, " (one of: %s)", row->choices);
        } else if (row->kind == SETTINGS_BOOL) {
            text_add_string(out, " (true or false)");
        }
        text_addf(out,
                  "\n#%s =%s%s\n",
                  row->key,
                  row->fallback[0] ? " " : "",
                  row->fallback);
    }
}

enum outcome settings_read_secret(const char *path,
                                  struct text *out_secret,
                                  struct fault *fault)
{
    char line[SECRET_BYTES];
    FILE *file = fopen(path, "re");
    if (!file) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "settings",
                         SETTINGS_BAD,
                         "cannot read %s: %s",
                         path,
                         strerror(errno));
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy stays behind */
    bool got = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    struct span secret = {line, got ? strcspn(line, "\r\n") : 0};
    if (secret.len > 0) {
        text_init(out_secret, SECRET_BYTES);
        text_add(out_secret, secret);
    }
    explicit_bzero(line, sizeof(line));
    if (secret.len == 0) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "settings",
                         SETTINGS_BAD,
                         "%s is empty: its first line should hold the secret",
                         path);
    }
    return OUTCOME_DONE;
}
