/* SPDX-License-Identifier: MIT
 * Writes log lines. */
#include "common/base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 2048 };

struct line {
    char at[LINE_BYTES];
    size_t len;
};

static void add_field(struct line *line, const struct log_field *field);
static void add_text(struct line *line, struct span text);
static void add_byte(struct line *line, char byte);
static void add_string(struct line *line, const char *string);

static atomic_int most_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&most_level, (int)level);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&most_level, memory_order_relaxed);
}

void log_write(enum log_level level,
               const char *event,
               const struct log_field *fields,
               int count)
{
    if (!log_is_on(level)) {
        return;
    }
    struct line line = {.len = 0};
    add_byte(&line, '<');
    add_byte(&line, (char)('0' + (int)level));
    add_byte(&line, '>');
    add_string(&line, event);
    for (int i = 0; i < count; i++) {
        add_field(&line, &fields[i]);
    }
    line.at[line.len++] = '\n'; /* add_byte keeps one byte free for it */
    ssize_t written = write(STDERR_FILENO, line.at, line.len);
    (void)written; /* there is nowhere left to say it */
}

static void add_field(struct line *line, const struct log_field *field)
{
    add_byte(line, ' ');
    add_string(line, field->key);
    add_byte(line, '=');
    if (field->is_number) {
        char digits[24];
        snprintf(digits, sizeof(digits), "%" PRId64, field->number);
        add_string(line, digits);
    } else {
        add_text(line, field->text);
    }
}

static void add_text(struct line *line, struct span text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        plain = byte > ' ' && byte != '"' && byte != '=' && byte != '\\' && byte != 0x7f;
    }
    if (!plain) {
        add_byte(line, '"');
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '"' || byte == '\\') {
            add_byte(line, '\\');
            add_byte(line, (char)byte);
        } else if (byte < ' ' || byte == 0x7f) {
            char escape[8];
            snprintf(escape, sizeof(escape), "\\x%02x", byte);
            add_string(line, escape);
        } else {
            add_byte(line, (char)byte);
        }
    }
    if (!plain) {
        add_byte(line, '"');
    }
}

static void add_byte(struct line *line, char byte)
{
    if (line->len < sizeof(line->at) - 1) {
        line->at[line->len++] = byte;
    }
}

static void add_string(struct line *line, const char *string)
{
    for (; *string != '\0'; string++) {
        add_byte(line, *string);
    }
}
