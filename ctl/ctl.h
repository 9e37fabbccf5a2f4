/* SPDX-License-Identifier: MIT
 *
 * ctl - what every verb of the command line is handed, and how it answers.
 *
 * Owns:    the connections and key rings of one run, until ctl_done
 * Callers: ctl
 * Blocks:  as its neighbours do
 * Order:   ctl_run does everything; a verb writes to `out`, which is printed when it
 *          returns
 *
 * The verbs are one table (ctl/verbs.c). A verb returns one of the exit codes, which are
 * promises to scripts.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/text.h"

struct mariadb;
struct redis;
struct seal_ring;
struct settings;
struct settings_options;
struct verb;

enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1, /* it did not work; standard error says why */
    CTL_USAGE = 2, /* wrong words, or settings that are wrong */
    CTL_NOT_FOUND = 3, /* no such job, amicale, account ... */
    CTL_WRONG_STATE = 4, /* it is there, but not in a state that allows this */
    CTL_AWAY = 5, /* Redis, MariaDB or Stripe cannot be reached, or no worker is alive */
    CTL_FINDINGS = 6, /* it is done, and findings are open: of reconcile */
    CTL_INTERRUPTED = 130, /* Ctrl-C ended the waiting, and nothing else */
};

enum { CTL_MOST_OPTIONS = 12, CTL_COLUMNS = 80 };

/* What a verb needs before it runs. A set. */
enum ctl_needs {
    NEEDS_SETTINGS = 1,
    NEEDS_REDIS = 2,
    NEEDS_MARIADB = 4,
    NEEDS_QUEUE_RING = 8,
    NEEDS_PII_RING = 16,
};

struct ctl {
    const struct settings_options *options;
    const struct settings *settings; /* zeroed for verbs that need none */
    const struct verb *verb;
    const char *const *words; /* the verb's own words */
    size_t word_count;
    const char *given[CTL_MOST_OPTIONS]; /* by the verb's options; NULL: not given */
    bool json;
    struct redis *redis;
    struct mariadb *db;
    struct seal_ring *queue_ring;
    struct seal_ring *pii_ring;
    struct arena arena;
    struct text out;
    struct fault fault;
};

/* Runs the verb and returns the exit status. */
int ctl_run(struct ctl *ctl);

/* The value of one of the verb's options; NULL when it was not given. A flag that was
 * given has the value "". */
const char *ctl_option(const struct ctl *ctl, const char *name);
/* The value of a number option, or the fallback. False, with a message, when it is not a
 * number between least and most. */
bool ctl_number(struct ctl *ctl,
                const char *name,
                int64_t fallback,
                int64_t least,
                int64_t most,
                int64_t *out_number);

/* The reason that --why gives, no longer than the audit log keeps it; empty when there is
 * none. False, with a message, when it is no reason, or is required and not there. */
bool ctl_why(struct ctl *ctl, bool required, struct span *out_why);

/* A value that stands in a line of its page: line ends in it become spaces, so that what
 * was stored cannot pass for lines of ours. */
void ctl_add_line(struct text *out, struct span value);

/* A line on standard error, and the exit code given. */
int ctl_say(enum ctl_exit code, const char *format, ...) PRINTF_LIKE(2, 3);
/* The fault on standard error, and the exit code that fits it. */
int ctl_failed(const struct ctl *ctl);
/* A line on standard error when a neighbour is away; true when that is what the fault
 * says, so that a verb may go on with what it has. */
bool ctl_is_away(const struct ctl *ctl);

/* Who sits at the keyboard: "$SUDO_USER@host"; in the arena. */
struct span ctl_who(struct ctl *ctl);
/* "12s", "5m", "3h", "2d"; "now" when it is not positive. In the arena. */
struct span ctl_age(struct ctl *ctl, int64_t ms);
/* The same of a moment: "5m" ago, "+5m" to come. */
struct span ctl_when(struct ctl *ctl, int64_t moment_ms, int64_t now_ms);
/* "2026-11-22T10:05:00.123Z", or nothing when 0; in the arena. */
struct span ctl_moment(struct ctl *ctl, int64_t wall_ms);

#endif
