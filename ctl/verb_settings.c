/* SPDX-License-Identifier: MIT
 * settings and keygen - what is in force, and new keys. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "ctl/ctl.h"
#include "ctl/verbs.h"

enum { KEY_BYTES = 32, RING_BYTES = 512 };

static void settings_json(struct ctl *ctl, const struct settings *settings);
static void settings_text(struct ctl *ctl, const struct settings *settings);
static void add_key(struct text *ring, const char *name);
static int write_new_file(const char *path, struct span bytes);

int verb_settings(struct ctl *ctl)
{
    if (ctl_option(ctl, "--defaults")) {
        settings_describe(&ctl->out);
        return CTL_OK;
    }
    struct settings settings;
    enum outcome outcome =
        settings_load(&settings, SETTINGS_CTL, ctl->options, &ctl->fault);
    if (outcome != OUTCOME_DONE) {
        return ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    if (ctl->json) {
        settings_json(ctl, &settings);
    } else {
        settings_text(ctl, &settings);
    }
    settings_done(&settings);
    return CTL_OK;
}

/* Read by its owner alone, and never written over: a key that is lost takes with it what
 * it sealed. */
int verb_keygen(struct ctl *ctl)
{
    struct text ring;
    text_init(&ring, RING_BYTES);
    add_key(&ring, "1");
    add_key(&ring, "index");
    int error = write_new_file(ctl->words[0], text_span(&ring));
    text_wipe(&ring);
    if (error == EEXIST) {
        return ctl_say(CTL_WRONG_STATE, "%s exists already", ctl->words[0]);
    }
    if (error != 0) {
        return ctl_say(CTL_FAILED,
                       "%s cannot be written: %s",
                       ctl->words[0],
                       strerror(error));
    }
    if (ctl->json) {
        struct json_writer json = json_writer(&ctl->out);
        json_open(&json, NULL, '{');
        json_put_string(&json, "file", span_of(ctl->words[0]));
        json_close(&json, '}');
        text_add_char(&ctl->out, '\n');
    } else {
        text_addf(&ctl->out, "wrote %s\n", ctl->words[0]);
    }
    return CTL_OK;
}

static void settings_json(struct ctl *ctl, const struct settings *settings)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_open(&json, "settings", '[');
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        struct text value;
        text_init(&value, 4096);
        settings_show(settings, row, &value);
        json_open(&json, NULL, '{');
        json_put_string(&json, "section", span_of(row->section));
        json_put_string(&json, "key", span_of(row->key));
        json_put_string(&json, "value", text_span(&value));
        json_put_string(&json, "default", span_of(row->fallback));
        json_put_string(&json, "help", span_of(row->help));
        json_close(&json, '}');
        text_done(&value);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}

/* As the file would be written; what is not the default carries a mark. */
static void settings_text(struct ctl *ctl, const struct settings *settings)
{
    const char *section = "";
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct settings_row *row = &settings_table[i];
        struct text value;
        text_init(&value, 4096);
        settings_show(settings, row, &value);
        if (strcmp(section, row->section) != 0) {
            text_addf(&ctl->out, "%s[%s]\n", i > 0 ? "\n" : "", row->section);
            section = row->section;
        }
        bool is_default = span_is(text_span(&value), row->fallback);
        text_addf(&ctl->out,
                  "%s =%s%.*s%s\n",
                  row->key,
                  value.len ? " " : "",
                  SPAN_ARGS(text_span(&value)),
                  is_default ? "" : "    ; set");
        text_done(&value);
    }
}

/* In base64: four characters for each three bytes. */
static void add_key(struct text *ring, const char *name)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char key[KEY_BYTES + 1] = {0};
    digest_random(key, KEY_BYTES);
    text_addf(ring, "%s ", name);
    for (size_t i = 0; i < KEY_BYTES; i += 3) {
        unsigned three = (unsigned)key[i] << 16 | (unsigned)key[i + 1] << 8 |
                         (i + 2 < KEY_BYTES ? key[i + 2] : 0U);
        text_add_char(ring, digits[three >> 18]);
        text_add_char(ring, digits[three >> 12 & 63]);
        text_add_char(ring, digits[three >> 6 & 63]);
        if (i + 2 < KEY_BYTES) {
            text_add_char(ring, digits[three & 63]);
        } else {
            text_add_char(ring, '=');
        }
    }
    text_add_char(ring, '\n');
    explicit_bzero(key, sizeof(key));
}

/* 0, or the errno. */
static int write_new_file(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int error = 0;
    while (bytes.len > 0 && error == 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);
        if (wrote < 0) {
            error = errno == EINTR ? 0 : errno;
            continue;
        }
        bytes.at += wrote;
        bytes.len -= (size_t)wrote;
    }
    if (error == 0 && fsync(fd) != 0 && errno != EINVAL) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(path);
    }
    return error;
}
