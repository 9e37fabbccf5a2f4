/* SPDX-License-Identifier: MIT
 * Settings: the table's defaults, then the file, the environment and the command line. */
#include "common/base/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

enum {
    SETTINGS_BAD = 1,
    ROWS_MOST = 128,
    VALUE_BYTES = 1000,
    STRINGS_BYTES = ROWS_MOST * (VALUE_BYTES + 1),
    NAME_BYTES = 128,
    SECRET_BYTES = 16 * 1024
};

/* The sources, by row: a later one replaces an earlier one. */
struct sources {
    const char *values[ROWS_MOST]; /* borrowed, or in `copies` */
    char wheres[ROWS_MOST][NAME_BYTES];
    char *copies[ROWS_MOST]; /* what must be freed */
    const char *path; /* of the settings file, while it is read */
    FILE *file;
    int line;
    struct fault *fault;
    bool failed;
};

static enum outcome read_file(struct sources *sources, const char *path, bool required);
static char *next_line(char *line, int room, void *user);
static int take_ini_line(void *user,
                         const char *section,
                         const char *name,
                         const char *value);
static enum outcome read_environment(struct sources *sources);
static void environment_name(const struct settings_row *row, char out[NAME_BYTES]);
static bool is_environment_name(struct span name);
static enum outcome read_command_line(struct sources *sources,
                                      const struct settings_options *options);
static void set_value(struct sources *sources,
                      size_t row,
                      struct span value,
                      const char *where);
static enum outcome store(struct settings *settings,
                          const struct sources *sources,
                          enum settings_program program,
                          struct fault *fault);
static enum outcome store_row(struct settings *settings,
                              const struct settings_row *row,
                              const char *value,
                              const char *where,
                              bool needed,
                              struct fault *fault);
static enum outcome check_together(const struct settings *settings,
                                   const struct sources *sources,
                                   struct fault *fault);
static bool is_one_of(const char *choices, const char *value);
static const char *keep_string(struct settings *settings, const char *value);
static bool find_row(struct span section, struct span key, size_t *out_row);
static void *field_of(struct settings *settings, const struct settings_row *row);

enum outcome settings_load(struct settings *settings,
                           enum settings_program program,
                           const struct settings_options *options,
                           struct fault *fault)
{
    assert(settings_table_count <= ROWS_MOST);
    struct sources *sources = calloc(1, sizeof(*sources));
    if (!sources) {
        abort();
    }
    sources->fault = fault;
    memset(settings, 0, sizeof(*settings));
    for (size_t i = 0; i < settings_table_count; i++) {
        sources->values[i] = settings_table[i].fallback;
        snprintf(sources->wheres[i], NAME_BYTES, "default");
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
    if (outcome == OUTCOME_DONE) {
        outcome = store(settings, sources, program, fault);
    }
    for (size_t i = 0; i < settings_table_count; i++) {
        free(sources->copies[i]);
    }
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

/* The default file may be missing, one that was asked for may not. */
static enum outcome read_file(struct sources *sources, const char *path, bool required)
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
    struct sources *sources = user;
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
    struct sources *sources = user;
    size_t row;
    char where[NAME_BYTES];
    snprintf(where, sizeof(where), "%.100s:%d", sources->path, sources->line);
    if (!find_row(span_of(section), span_of(name), &row)) {
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

static enum outcome read_environment(struct sources *sources)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        char name[NAME_BYTES];
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

static void environment_name(const struct settings_row *row, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "TOCSIN__%s__%s", row->section, row->key);
    for (char *at = out; *at != '\0'; at++) {
        *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at;
    }
}

static bool is_environment_name(struct span name)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        char known[NAME_BYTES];
        environment_name(&settings_table[i], known);
        if (span_is(name, known)) {
            return true;
        }
    }
    return false;
}

static enum outcome read_command_line(struct sources *sources,
                                      const struct settings_options *options)
{
    for (size_t i = 0; i < options->set_count; i++) {
        struct span value;
        struct span key;
        size_t row;
        struct span name = span_cut(span_of(options->sets[i]), '=', &value);
        struct span section = span_cut(name, '.', &key);
        if (!strchr(options->sets[i], '=') || !find_row(section, key, &row)) {
            return fault_set(
                sources->fault,
                OUTCOME_NEVER,
                "settings",
                SETTINGS_BAD,
                "--set %s: there is no such setting; write section.key=value",
                options->sets[i]);
        }
        char where[NAME_BYTES];
        snprintf(where, sizeof(where), "--set %.*s", SPAN_ARGS(name));
        set_value(sources, row, value, where);
    }
    return OUTCOME_DONE;
}

static void set_value(struct sources *sources,
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
    snprintf(sources->wheres[row], NAME_BYTES, "%s", where);
}

/* The strings' room is taken once, ahead, so that pointers into it stay good. */
static enum outcome store(struct settings *settings,
                          const struct sources *sources,
                          enum settings_program program,
                          struct fault *fault)
{
    text_init(&settings->strings_, STRINGS_BYTES);
    if (!text_grow(&settings->strings_, STRINGS_BYTES)) {
        abort();
    }
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        enum outcome outcome = store_row(settings,
                                         row,
                                         sources->values[i],
                                         sources->wheres[i],
                                         (row->programs & (int)program) != 0,
                                         fault);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
    }
    return check_together(settings, sources, fault);
}

static enum outcome store_row(struct settings *settings,
                              const struct settings_row *row,
                              const char *value,
                              const char *where,
                              bool needed,
                              struct fault *fault)
{
    char wanted[NAME_BYTES * 2] = "";
    void *field = field_of(settings, row);
    int64_t number;
    if (strlen(value) > VALUE_BYTES) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "settings",
                         SETTINGS_BAD,
                         "%s: %s.%s is longer than %d bytes",
                         where,
                         row->section,
                         row->key,
                         VALUE_BYTES);
    }
    switch (row->kind) {
    case SETTINGS_NUMBER:
        if (!span_to_i64(span_of(value), &number) || number < row->least ||
            number > row->most) {
            snprintf(wanted,
                     sizeof(wanted),
                     "a whole number from %lld to %lld",
                     (long long)row->least,
                     (long long)row->most);
            break;
        }
        *(int64_t *)field = number;
        break;
    case SETTINGS_BOOL:
        if (!is_one_of("true false yes no on off 1 0", value)) {
            snprintf(wanted, sizeof(wanted), "true or false");
            break;
        }
        *(bool *)field = is_one_of("true yes on 1", value);
        break;
    case SETTINGS_CHOICE:
        if (!is_one_of(row->choices, value)) {
            snprintf(wanted, sizeof(wanted), "one of: %s", row->choices);
            break;
        }
        *(const char **)field = keep_string(settings, value);
        break;
    case SETTINGS_FILE:
        if (needed && value[0] == '\0' && row->fallback[0] != '\0') {
            snprintf(wanted, sizeof(wanted), "a readable file");
            break;
        }
        if (needed && value[0] != '\0' && access(value, R_OK) != 0) {
            snprintf(wanted, sizeof(wanted), "a readable file (%s)", strerror(errno));
            break;
        }
        *(const char **)field = keep_string(settings, value);
        break;
    case SETTINGS_STRING:
        *(const char **)field = keep_string(settings, value);
        break;
    }
    if (wanted[0] == '\0') {
        return OUTCOME_DONE;
    }
    return fault_set(fault,
                     OUTCOME_NEVER,
                     "settings",
                     SETTINGS_BAD,
                     "%s: %s.%s is \"%.60s\" and should be %s",
                     where,
                     row->section,
                     row->key,
                     value,
                     wanted);
}

/* What each setting alone cannot say. */
static enum outcome check_together(const struct settings *settings,
                                   const struct sources *sources,
                                   struct fault *fault)
{
    const struct {
        const char *section;
        const char *key; /* what the fault is laid to */
        bool wrong;
        const char *wanted;
    } rules[] = {
        {"worker",
         "dead_after_ms",
         settings->worker.dead_after_ms < 2 * settings->worker.beat_ms,
         "at least twice worker.beat_ms, else living workers count as dead"},
        {"worker",
         "lease_ms",
         settings->worker.lease_ms < 2 * settings->worker.beat_ms,
         "at least twice worker.beat_ms, else leases end between two beats"},
        {"stripe",
         "total_ms",
         settings->stripe.total_ms >= settings->worker.lease_ms,
         "shorter than worker.lease_ms, else a call outlives the lease of its job"},
        {"mail",
         "total_ms",
         settings->mail.total_ms >= settings->worker.lease_ms,
         "shorter than worker.lease_ms, else sending outlives the lease of its job"},
        {"mail",
         "password_file",
         settings->mail.username[0] != '\0' && settings->mail.password_file[0] == '\0',
         "a readable file, since mail.username is set"},
        {"api",
         "tls_key_file",
         settings->api.tls_certificate_file[0] != '\0' &&
             settings->api.tls_key_file[0] == '\0',
         "a readable file, since api.tls_certificate_file is set"},
        {"api",
         "tls_certificate_file",
         settings->api.tls_certificate_file[0] == '\0' &&
             settings->api.tls_key_file[0] != '\0',
         "a readable file, since api.tls_key_file is set"},
        {"api",
         "tls_certificate_file",
         settings->api.tls_certificate_file[0] == '\0' &&
             settings->api.tls_listen[0] != '\0',
         "a readable file, since api.tls_listen is set"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        size_t row = 0;
        bool found = find_row(span_of(rules[i].section), span_of(rules[i].key), &row);
        assert(found);
        if (rules[i].wrong) {
            return fault_set(fault,
                             OUTCOME_NEVER,
                             "settings",
                             SETTINGS_BAD,
                             "%s: %s.%s is \"%.60s\" and should be %s",
                             sources->wheres[row],
                             rules[i].section,
                             rules[i].key,
                             sources->values[row],
                             rules[i].wanted);
        }
    }
    return OUTCOME_DONE;
}

static bool is_one_of(const char *choices, const char *value)
{
    struct span rest = span_of(choices);
    while (rest.len > 0) {
        struct span choice = span_cut(rest, ' ', &rest);
        if (span_is(choice, value)) {
            return true;
        }
    }
    return false;
}

static const char *keep_string(struct settings *settings, const char *value)
{
    struct text *strings = &settings->strings_;
    char *at = strings->at + strings->len;
    size_t before = strings->len;
    text_add(strings, (struct span){value, strlen(value) + 1});
    assert(!strings->full && strings->len == before + strlen(value) + 1);
    return at;
}

static bool find_row(struct span section, struct span key, size_t *out_row)
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

static void *field_of(struct settings *settings, const struct settings_row *row)
{
    return (char *)settings + row->offset;
}
