/* SPDX-License-Identifier: MIT
 * What a verb is handed, and how it answers. */
#include "ctl/ctl.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "common/link/redis.h"
#include "ctl/verbs.h"

enum {
    ARENA_BYTES = 512 << 20,
    OUT_BYTES = 256 << 20,
    LINE_BYTES = 8192,
    WHY_BYTES = 1000
};

static enum outcome open_needs(struct ctl *ctl);
static void close_needs(struct ctl *ctl);
static int print(struct ctl *ctl, int code);
static void tame(struct text *text);
static size_t character_len(struct span rest);
static bool is_control(struct span character);
static void escape_controls(struct text *json);

int ctl_run(struct ctl *ctl)
{
    arena_init(&ctl->arena, ARENA_BYTES);
    text_init(&ctl->out, OUT_BYTES);
    int code = CTL_OK;
    if (open_needs(ctl) == OUTCOME_DONE) {
        code = print(ctl, ctl->verb->run(ctl));
    } else {
        code = ctl_say(CTL_USAGE, "%s", ctl->fault.text);
    }
    close_needs(ctl);
    text_wipe(&ctl->out);
    arena_done(&ctl->arena);
    return code;
}

/* The connections open when they are first used; what can fail here are files. */
static enum outcome open_needs(struct ctl *ctl)
{
    unsigned needs = ctl->verb->needs;
    enum outcome outcome = OUTCOME_DONE;
    if (needs & NEEDS_REDIS) {
        outcome = redis_open(ctl->settings, &ctl->redis, &ctl->fault);
    }
    if (outcome == OUTCOME_DONE && (needs & NEEDS_MARIADB)) {
        outcome = mariadb_open(ctl->settings, MARIADB_WRITER, &ctl->db, &ctl->fault);
    }
    if (outcome == OUTCOME_DONE && (needs & NEEDS_QUEUE_RING)) {
        outcome = seal_open(ctl->settings->seal.keys_file, &ctl->queue_ring, &ctl->fault);
    }
    if (outcome == OUTCOME_DONE && (needs & NEEDS_PII_RING)) {
        outcome =
            seal_open(ctl->settings->seal.pii_keys_file, &ctl->pii_ring, &ctl->fault);
    }
    return outcome;
}

static void close_needs(struct ctl *ctl)
{
    seal_close(ctl->pii_ring);
    seal_close(ctl->queue_ring);
    mariadb_close(ctl->db);
    redis_close(ctl->redis);
}

/* What was written is printed also when a neighbour is away: half an answer helps. */
static int print(struct ctl *ctl, int code)
{
    if (ctl->out.full) {
        return ctl_say(CTL_FAILED, "the answer is too long");
    }
    if (ctl->json) {
        escape_controls(&ctl->out);
    } else {
        tame(&ctl->out);
    }
    if (ctl->out.len > 0 &&
        (fwrite(ctl->out.at, 1, ctl->out.len, stdout) != ctl->out.len ||
         fflush(stdout) != 0)) {
        return ctl_say(CTL_FAILED, "standard output cannot be written");
    }
    return code;
}

/* What comes from outside (a fault, a reference) must not steer the terminal: control
 * characters of ASCII and of UTF-8 (C1), and bytes that are no UTF-8, become spaces. */
static void tame(struct text *text)
{
    size_t i = 0;
    while (i < text->len) {
        size_t len = character_len((struct span){text->at + i, text->len - i});
        struct span character = {text->at + i, len > 0 ? len : 1};
        if (len == 0 || (is_control(character) && text->at[i] != '\n')) {
            memset(text->at + i, ' ', character.len);
        }
        i += character.len;
    }
}

/* Bytes of the character at the front; 0 when it is no UTF-8. */
static size_t character_len(struct span rest)
{
    unsigned char lead = (unsigned char)rest.at[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return lead < 0x80                                                    ? 1
           : len <= rest.len && span_is_utf8((struct span){rest.at, len}) ? len
                                                                          : 0;
}

static bool is_control(struct span character)
{
    unsigned char lead = (unsigned char)character.at[0];
    return lead < 0x20 || lead == 0x7F ||
           (lead == 0xC2 && (unsigned char)character.at[1] < 0xA0);
}

/* JSON has escapes for ASCII's control characters alone, yet a terminal obeys DEL and C1
 * too. Outside of strings there are none of them, so escapes may stand for all. */
static void escape_controls(struct text *json)
{
    struct text safe;
    size_t from = 0;
    text_init(&safe, OUT_BYTES * 2);
    for (size_t i = 0; i < json->len; i++) {
        unsigned char byte = (unsigned char)json->at[i];
        unsigned char next = (unsigned char)json->at[i + 1];
        bool is_c1 = byte == 0xC2 && next < 0xA0;
        if (is_c1 || byte == 0x7F) {
            text_add(&safe, (struct span){json->at + from, i - from});
            text_addf(&safe, "\\u%04x", is_c1 ? next : byte);
            i += is_c1 ? 1 : 0;
            from = i + 1;
        }
    }
    if (from > 0) {
        text_add(&safe, (struct span){json->at + from, json->len - from});
        text_wipe(json);
        *json = safe;
    }
}

bool ctl_why(struct ctl *ctl, bool required, struct span *out_why)
{
    struct span why = span_trim(span_of(ctl_option(ctl, "--why")));
    if (required && why.len == 0) {
        (void)ctl_say(CTL_USAGE, "%s wants --why TEXT", ctl->verb->name);
        return false;
    }
    if (why.len > WHY_BYTES) {
        (void)ctl_say(CTL_USAGE, "--why takes at most %d bytes", WHY_BYTES);
        return false;
    }
    *out_why = why;
    return true;
}

void ctl_add_line(struct text *out, struct span value)
{
    size_t from = out->len;
    text_add(out, value);
    for (size_t i = from; i < out->len; i++) {
        out->at[i] = (char)(out->at[i] == '\n' ? ' ' : out->at[i]);
    }
}

const char *ctl_option(const struct ctl *ctl, const char *name)
{
    const struct verb_option *options = ctl->verb->options;
    for (size_t i = 0; options[i].name; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return ctl->given[i];
        }
    }
    return NULL;
}

bool ctl_number(struct ctl *ctl,
                const char *name,
                int64_t fallback,
                int64_t least,
                int64_t most,
                int64_t *out_number)
{
    const char *given = ctl_option(ctl, name);
    int64_t number = fallback;
    if (given &&
        (!span_to_i64(span_of(given), &number) || number < least || number > most)) {
        (void)ctl_say(CTL_USAGE,
                      "%s is a number from %lld to %lld",
                      name,
                      (long long)least,
                      (long long)most);
        return false;
    }
    *out_number = number;
    return true;
}

int ctl_say(enum ctl_exit code, const char *format, ...)
{
    struct text line;
    text_init(&line, LINE_BYTES);
    text_add_string(&line, "tocsin: ");
    va_list args;
    va_start(args, format);
    text_addv(&line, format, args);
    va_end(args);
    text_add_char(&line, '\n');
    tame(&line);
    fputs(line.at, stderr);
    text_done(&line);
    return (int)code;
}

int ctl_failed(const struct ctl *ctl)
{
    const struct fault *fault = &ctl->fault;
    enum ctl_exit code = ctl_is_away(ctl) ? CTL_AWAY : CTL_FAILED;
    if (fault->code != 0) {
        return ctl_say(code, "%s: %s (%d)", fault->module, fault->text, fault->code);
    }
    return ctl_say(code, "%s: %s", fault->module, fault->text);
}

bool ctl_is_away(const struct ctl *ctl)
{
    const struct fault *fault = &ctl->fault;
    if (fault->neighbour) {
        return true;
    }
    return strcmp(fault->module, "redis") == 0 && fault->code != REDIS_REFUSED;
}

struct span ctl_who(struct ctl *ctl)
{
    char host[256] = "?";
    if (gethostname(host, sizeof(host) - 1) != 0) {
        host[0] = '?';
    }
    const char *user = getenv("SUDO_USER");
    if (!user || !user[0]) {
        user = getenv("USER");
    }
    if (!user || !user[0]) {
        const struct passwd *entry = getpwuid(geteuid());
        user = entry ? entry->pw_name : "?";
    }
    return span_of(arena_format(&ctl->arena, "%.100s@%.100s", user, host));
}

struct span ctl_age(struct ctl *ctl, int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {
        {86400000, 'd'},
        {3600000, 'h'},
        {60000, 'm'},
        {1000, 's'},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        /* Two of a unit at least: "90m" says more than "1h". */
        if (ms >= 2 * units[i].ms) {
            return span_of(arena_format(&ctl->arena,
                                        "%lld%c",
                                        (long long)(ms / units[i].ms),
                                        units[i].unit));
        }
    }
    return ms > 0 ? span_of(arena_format(&ctl->arena, "%lldms", (long long)ms))
                  : SPAN("now");
}

struct span ctl_when(struct ctl *ctl, int64_t moment_ms, int64_t now_ms)
{
    if (moment_ms <= now_ms) {
        return ctl_age(ctl, now_ms - moment_ms);
    }
    struct span age = ctl_age(ctl, moment_ms - now_ms);
    return span_of(arena_format(&ctl->arena, "+%.*s", SPAN_ARGS(age)));
}

struct span ctl_moment(struct ctl *ctl, int64_t wall_ms)
{
    if (wall_ms == 0) {
        return SPAN("");
    }
    char *stamp = arena_take(&ctl->arena, CLOCK_STAMP_BYTES);
    return span_of(clock_stamp(wall_ms, stamp));
}
