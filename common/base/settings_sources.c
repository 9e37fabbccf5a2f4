/* SPDX-License-Identifier: MIT
 * Reads the file, the environment and the command line into one row each. */
#include "common/base/settings_sources.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

static enum outcome read_file(struct settings_sources *sources,
                              const char *path,
                              bool required);
static char *next_line(char *line, int room, void *user);
static int take_ini_line(void *user,
                         const char *section,
                         const char *name,
                         const char *value);
static enum outcome read_environment(struct settings_sources *sources);
static void environment_name(const struct settings_row *row,
                             char out[SETTINGS_NAME_BYTES]);
static bool is_environment_name(struct span name);
static enum outcome read_command_line(struct settings_sources *sources,
                                      const struct settings_options *options);
static void set_value(struct settings_sources *sources,
                      size_t row,
                      struct span value,
                      const char *where);

enum outcome settings_sources_read(struct settings_sources *sources,
                                   const struct settings_options *options,
                                   struct fault *fault)
{
    assert(settings_table_count <= SETTINGS_ROWS_MOST);
    sources->fault = fault;
    for (size_t i = 0; i < settings_table_count; i++) {
        sources->values[i] = settings_table[i].fallback;
        snprintf(sources->wheres[i], SETTINGS_NAME_BYTES, "default");
    }
    enum outcome outcome =
        read_file(sources,
                  options->config ? options->config : SETTINGS_DEFAULT_FILE,
                  options->config);
    if (outcome == OUTCOME_DONE) {
        outcome = read_environment(sources);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = read_command_line(sources, options);
    }
    return outcome;
}

void settings_sources_done(struct settings_sources *sources)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        free(sources->copies[i]);
    }
    memset(sources, 0, sizeof(*sources));
}

/* The default file may be missing, one that was asked for may not. */
static enum outcome read_file(struct settings_sources *sources,
                              const char *path,
                              bool required)
{
    FILE *file = fopen(path, "re");
    if (!file && !required && errno == ENOENT) {
        return OUTCOME_DONE;
    }
    if (!file) {
        return fault_set(sources->fault,
                         OUTCOME_NEVER,
                         "settings",
                         SETTINGS_BAD,
                         "cannot read the settings file %s: %s",
                         path,
                         strerror(errno));
    }
    sources->path = path;
    sources->file = file;
    int line = ini_parse_stream(next_line, sources, take_ini_line, sources);
    fclose(file);
    if (line != 0 && !sources->failed) {
        return fault_set(
            sources->fault,
            OUTCOME_NEVER,
            "settings",
            SETTINGS_BAD,
            "%s:%d: this is neither [section], nor key = value, nor a # comment",
            path,
            line);
    }
    return sources->failed ? OUTCOME_NEVER : OUTCOME_DONE;
}

/* fgets(3) for libinih, which neither tells its handler the line's number nor notices
 * that a line was too long for its buffer. */
static char *next_line(char *line, int room, void *user)
{
    struct settings_sources *sources = user;
    if (sources->failed || !fgets(line, room, sources->file)) {
        return NULL;
    }
    sources->line++;
    const char *wrong = NULL;
    if (!strchr(line, '\n') && !feof(sources->file)) {
        wrong = "the line is too long (198 bytes at most)";
    } else if ((line[0] == ' ' || line[0] == '\t') &&
               line[strspn(line, " \t\r\n")] != '\0') {
        wrong = "a line begins without spaces (libinih would join it to the one before)";
    }
    if (wrong) {
        sources->failed = true;
        (void)fault_set(sources->fault,
                        OUTCOME_NEVER,
                        "settings",
                        SETTINGS_BAD,
                        "%s:%d: %s",
                        sources->path,
                        sources->line,
                        wrong);
        return NULL;
    }
    return line;
}

static int take_ini_line(void *user,
                         const char *section,
                         const char *name,
                         const char *value)
{
    struct settings_sources *sources = user;
    size_t row;
    char where[SETTINGS_NAME_BYTES];
    snprintf(where, sizeof(where), "%.100s:%d", sources->path, sources->line);
    if (!settings_sources_find(span_of(section), span_of(name), &row)) {
        if (!sources->failed) {
            (void)fault_set(sources->fault,
                            OUTCOME_NEVER,
                            "settings",
                            SETTINGS_BAD,
                            "%s: there is no setting %s in [%s]",
                            where,
                            name,
                            section);
        }
        sources->failed = true;
        return 0;
    }
    set_value(sources, row, span_of(value), where);
    return 1;
}

static enum outcome read_environment(struct settings_sources *sources)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        char name[SETTINGS_NAME_BYTES];
        environment_name(&settings_table[i], name);
        const char *value = getenv(name);
        if (value) {
            set_value(sources, i, span_of(value), name);
        }
    }
    for (char **at = environ; *at; at++) {
        struct span value;
        struct span name = span_cut(span_of(*at), '=', &value);
        if (span_starts(name, "TOCSIN__") && !is_environment_name(name)) {
            return fault_set(sources->fault,
                             OUTCOME_NEVER,
                             "settings",
                             SETTINGS_BAD,
                             "the environment has %.*s, and there is no such setting",
                             SPAN_ARGS(name));
        }
    }
    return OUTCOME_DONE;
}

static void environment_name(const struct settings_row *row,
                             char out[SETTINGS_NAME_BYTES])
{
    snprintf(out, SETTINGS_NAME_BYTES, "TOCSIN__%s__%s", row->section, row->key);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    }
}

static bool is_environment_name(struct span name)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        char known[SETTINGS_NAME_BYTES];
        environment_name(&settings_table[i], known);
        if (span_is(name, known)) {
            return true;
        }
    }
    return false;
}

static enum outcome read_command_line(struct settings_sources *sources,
                                      const struct settings_options *options)
{
    for (size_t i = 0; i < options->set_count; i++) {
        struct span value;
        struct span key;
        size_t row;
        struct span name = span_cut(span_of(options->sets[i]), '=', &value);
        struct span section = span_cut(name, '.', &key);
        if (!strchr(options->sets[i], '=') ||
            !settings_sources_find(section, key, &row)) {
            return fault_set(
                sources->fault,
                OUTCOME_NEVER,
                "settings",
                SETTINGS_BAD,
                "--set %s: there is no such setting; write section.key=value",
                options->sets[i]);
        }
        char where[SETTINGS_NAME_BYTES];
        snprintf(where, sizeof(where), "--set %.*s", SPAN_ARGS(name));
        set_value(sources, row, value, where);
    }
    return OUTCOME_DONE;
}

static void set_value(struct settings_sources *sources,
                      size_t row,
                      struct span value,
                      const char *where)
{
    char *copy = strndup(value.at ? value.at : "", value.len);
    if (!copy) {
        abort();
    }
    free(sources->copies[row]);
    sources->copies[row] = copy;
    sources->values[row] = copy;
    snprintf(sources->wheres[row], SETTINGS_NAME_BYTES, "%s", where);
}

bool settings_sources_find(struct span section, struct span key, size_t *out_row)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        if (span_is(section, settings_table[i].section) &&
            span_is(key, settings_table[i].key)) {
            *out_row = i;
            return true;
        }
    }
    return false;
}
