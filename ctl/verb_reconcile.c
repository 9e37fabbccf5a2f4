/* SPDX-License-Identifier: MIT
 * reconcile - the books held against Stripe's now: asked for, followed and reported. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"
#include "ctl/book_follow.h"
#include "ctl/book_run.h"
#include "ctl/ctl.h"
#include "ctl/people.h"
#include "ctl/run_report.h"
#include "ctl/verbs.h"
#include "ctl/window.h"

/* What is asked for. */
struct wanted {
    struct window window;
    int64_t amicale; /* 0: all */
    struct span why;
};

static int follow(struct ctl *ctl, struct span name);
static int read_wanted(struct ctl *ctl, struct wanted *out_wanted);
static int find_amicale(struct ctl *ctl, int64_t amicale);
static int asked(struct ctl *ctl, struct span name, const struct window *window);
static int again(struct ctl *ctl, struct span name);

int verb_reconcile(struct ctl *ctl)
{
    bool wait = ctl_option(ctl, "--no-wait") == NULL;
    struct wanted wanted;
    struct span name = span_of(ctl_option(ctl, "--run"));
    if (name.len > 0) {
        return again(ctl, name);
    }
    int code = read_wanted(ctl, &wanted);
    if (code != CTL_OK) {
        return code;
    }
    if (book_run_ask(ctl, &wanted.window, wanted.amicale, wanted.why, &name) !=
        OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    if (!wait) {
        return asked(ctl, name, &wanted.window);
    }
    return follow(ctl, name);
}

/* What is stuck failed, whatever the rest has come to. */
static int follow(struct ctl *ctl, struct span name)
{
    bool stuck = false;
    int code = book_follow(ctl, name, &stuck);
    if (code == CTL_OK) {
        code = run_report(ctl, name);
        code = stuck && code != CTL_AWAY ? CTL_FAILED : code;
    }
    return code;
}

static int read_wanted(struct ctl *ctl, struct wanted *out_wanted)
{
    struct wanted wanted;
    char today[WINDOW_DAY_BYTES];
    clock_paris_day(clock_wall_ms(&clock_system), today);
    const char *wrong = window_read(span_of(ctl_option(ctl, "--from")),
                                    span_of(ctl_option(ctl, "--to")),
                                    today,
                                    ctl->settings->books.window_days,
                                    &wanted.window);
    if (wrong) {
        return ctl_say(CTL_USAGE, "%s", wrong);
    }
    if (!ctl_number(ctl, "--amicale", 0, 1, PEOPLE_ID_MOST, &wanted.amicale) ||
        !ctl_why(ctl, false, &wanted.why)) {
        return CTL_USAGE;
    }
    int code = wanted.amicale > 0 ? find_amicale(ctl, wanted.amicale) : CTL_OK;
    if (code == CTL_OK) {
        *out_wanted = wanted;
    }
    return code;
}

static int find_amicale(struct ctl *ctl, int64_t amicale)
{
    struct sql_rows rows;
    if (mariadb_run(ctl->db,
                    "SELECT 1 FROM amicales WHERE id = ?",
                    SQL_VALUES(SQL_I64(amicale)),
                    &ctl->arena,
                    &rows,
                    &ctl->fault) != OUTCOME_DONE) {
        return ctl_failed(ctl);
    }
    return rows.count > 0
               ? CTL_OK
               : ctl_say(CTL_NOT_FOUND, "there is no amicale %lld", (long long)amicale);
}

static int asked(struct ctl *ctl, struct span name, const struct window *window)
{
    if (!ctl->json) {
        text_addf(&ctl->out,
                  "%.*s waits in the queue, for the days from %s to %s\n"
                  "to look at it: tocsin reconcile --run %.*s\n",
                  SPAN_ARGS(name),
                  window->from,
                  window->to,
                  SPAN_ARGS(name));
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "run", name);
    json_put_string(&json, "state", SPAN("waiting"));
    json_put_string(&json, "from", span_of(window->from));
    json_put_string(&json, "to", span_of(window->to));
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}

/* One that was asked for before, or that a day began with. */
static int again(struct ctl *ctl, struct span name)
{
    static const char *const others[] = {"--amicale", "--from", "--to", "--why"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (ctl_option(ctl, others[i])) {
            return ctl_say(CTL_USAGE,
                           "--run shows a run as it was asked for: no %s",
                           others[i]);
        }
    }
    return ctl_option(ctl, "--no-wait") ? run_report(ctl, name) : follow(ctl, name);
}
