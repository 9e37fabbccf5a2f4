/* SPDX-License-Identifier: MIT
 * How far something has come, on standard error. */
#include "ctl/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

enum { BAR_WIDTH = 40, LINE_EVERY_MS = 2000 };
#define ERASE_LINE "\r\033[K"

static bool is_worth_a_line(const struct progress *progress,
                            int64_t done,
                            int64_t total,
                            int64_t mono_ms);

void progress_init(struct progress *progress, bool silent)
{
    const char *kind = getenv("TERM");
    bool moves = kind && kind[0] && strcmp(kind, "dumb") != 0;
    *progress = (struct progress){
        .silent = silent,
        .terminal = moves && isatty(STDERR_FILENO) == 1,
    };
}

void progress_show(struct progress *progress,
                   const char *what,
                   int64_t done,
                   int64_t total,
                   int64_t mono_ms)
{
    struct text line;
    if (progress->silent || !is_worth_a_line(progress, done, total, mono_ms)) {
        return;
    }
    text_init(&line, PROGRESS_WIDTH * 2);
    if (progress->terminal) {
        text_add_string(&line, ERASE_LINE);
        progress_bar(what, done, total, &line);
    } else {
        text_addf(&line,
                  "tocsin: %lld of %lld %s\n",
                  (long long)done,
                  (long long)total,
                  what);
    }
    fputs(line.at, stderr);
    text_done(&line);
    progress->shown = progress->terminal;
    progress->told = true;
    progress->told_ms = mono_ms;
    progress->told_done = done;
    progress->told_total = total;
}

/* The end is always told. */
static bool is_worth_a_line(const struct progress *progress,
                            int64_t done,
                            int64_t total,
                            int64_t mono_ms)
{
    bool news =
        !progress->told || done != progress->told_done || total != progress->told_total;
    bool often = progress->told && mono_ms - progress->told_ms < LINE_EVERY_MS;
    return news && (progress->terminal || !often || done == total);
}

void progress_say(struct progress *progress, struct span line)
{
    if (!progress->silent) {
        progress_end(progress);
        (void)ctl_say(CTL_OK, "%.*s", SPAN_ARGS(line));
        progress->told = false;
    }
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fputs(ERASE_LINE, stderr);
        progress->shown = false;
    }
}

void progress_bar(const char *what, int64_t done, int64_t total, struct text *out)
{
    int64_t filled = total > 0 ? done * BAR_WIDTH / total : 0;
    text_add_char(out, '[');
    for (int64_t i = 0; i < BAR_WIDTH; i++) {
        text_add_char(out, i < filled ? '#' : '.');
    }
    text_addf(out, "]  %lld of %lld %s", (long long)done, (long long)total, what);
}
