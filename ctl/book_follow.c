/* SPDX-License-Identifier: MIT
 * Waits until a reconciliation has ended. */
#include "ctl/book_follow.h"

#include <signal.h>
#include <time.h>

#include "common/base/clock.h"
#include "ctl/book_run.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"

/* Rows are read often, the queue is asked now and then. A worker that starts anew is
 * missed for so long. */
enum {
    READ_EVERY_MS = 300,
    LOOK_EVERY_MS = 2000,
    PATIENCE_MS = 10000,
    TICK_BYTES = 64 << 20
};

struct follow {
    struct span name;
    struct progress progress;
    struct book_run run;
    struct book_jobs jobs;
    int64_t looked_ms; /* 0: not yet */
    int64_t worker_ms; /* when a worker was last alive; 0: none ever was */
    bool was_held_up;
    bool was_put_off;
};

enum step { STEP_ON, STEP_ENDED, STEP_STUCK };

static int tick(struct ctl *ctl, struct follow *follow, enum step *out_step);
static enum outcome look(struct ctl *ctl, struct follow *follow, int64_t now_ms);
static int judge(struct follow *follow, int64_t now_ms, enum step *out_step);
static int judge_unknown(const struct follow *follow);
static int say_stuck(const struct follow *follow, bool is_plan);
static bool wait_or_signal(const sigset_t *interrupt);
static void say_why_it_waits(struct follow *follow);
static int say_again(const struct follow *follow, enum ctl_exit code, const char *why);

int book_follow(struct ctl *ctl, struct span name, bool *out_stuck)
{
    struct follow follow = {.name = name};
    enum step step = STEP_ON;
    int code = CTL_OK;
    sigset_t interrupt;
    sigset_t before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    progress_init(&follow.progress, ctl->json);
    /* It is taken between two looks, so that no call is cut in its middle. */
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    do {
        code = tick(ctl, &follow, &step);
        if (code == CTL_OK && step == STEP_ON && wait_or_signal(&interrupt)) {
            progress_end(&follow.progress);
            code = say_again(&follow, CTL_INTERRUPTED, "it goes on");
        }
    } while (code == CTL_OK && step == STEP_ON);
    progress_end(&follow.progress);
    sigprocmask(SIG_SETMASK, &before, NULL);
    *out_stuck = step == STEP_STUCK;
    return code;
}

/* What one look needs goes with it: a run may take hours. */
static int tick(struct ctl *ctl, struct follow *follow, enum step *out_step)
{
    struct arena kept = ctl->arena;
    int64_t now_ms = clock_mono_ms(&clock_system);
    arena_init(&ctl->arena, TICK_BYTES);
    follow->run = (struct book_run){.known = false};
    /* The queue first: a job that has ended since has written its row. */
    enum outcome outcome = look(ctl, follow, now_ms);
    if (outcome == OUTCOME_DONE) {
        outcome = book_run_read(ctl, follow->name, &follow->run);
    }
    int code = CTL_OK;
    if (outcome == OUTCOME_DONE) {
        code = judge(follow, now_ms, out_step);
    } else {
        progress_end(&follow->progress);
        code = ctl_failed(ctl);
        (void)say_again(follow, (enum ctl_exit)code, "it goes on without being followed");
    }
    arena_done(&ctl->arena);
    ctl->arena = kept;
    /* Their texts went with the arena. */
    follow->jobs.plan_state = follow->jobs.plan_fault = SPAN("");
    follow->jobs.dead_name = follow->jobs.dead_fault = SPAN("");
    follow->jobs.held_up = SPAN("");
    return code;
}

static enum outcome look(struct ctl *ctl, struct follow *follow, int64_t now_ms)
{
    if (follow->looked_ms != 0 && now_ms - follow->looked_ms < LOOK_EVERY_MS) {
        return OUTCOME_DONE;
    }
    enum outcome outcome = book_run_look(ctl, follow->name, &follow->jobs);
    if (outcome == OUTCOME_DONE) {
        follow->looked_ms = now_ms;
        follow->worker_ms = follow->jobs.has_worker ? now_ms : follow->worker_ms;
        say_why_it_waits(follow);
    }
    return outcome;
}

static int judge(struct follow *follow, int64_t now_ms, enum step *out_step)
{
    const struct book_run *run = &follow->run;
    const struct book_jobs *jobs = &follow->jobs;
    int64_t running = run->total - run->finished - run->failed;
    bool plan_runs = run->known && span_is(run->state, "running");
    bool is_unknown = !run->known && !jobs->plan_waits;
    bool is_stuck = run->known && (plan_runs ? !jobs->plan_waits : jobs->dead >= running);
    if (!is_unknown) {
        int64_t total = run->known ? run->total : 1;
        int64_t ended = run->finished + run->failed;
        progress_show(&follow->progress, "parts", ended, total, now_ms);
    }
    if (run->known && running == 0) {
        *out_step = STEP_ENDED;
        return CTL_OK;
    }
    if ((is_unknown || is_stuck) && follow->looked_ms != now_ms) {
        follow->looked_ms = 0; /* what the queue said is old: it is asked again first */
        return CTL_OK;
    }
    if (is_unknown) {
        progress_end(&follow->progress);
        return judge_unknown(follow);
    }
    if (is_stuck) {
        *out_step = STEP_STUCK;
        progress_end(&follow->progress);
        return say_stuck(follow, plan_runs);
    }
    if (follow->worker_ms == 0 || now_ms - follow->worker_ms > PATIENCE_MS) {
        progress_end(&follow->progress);
        return say_again(follow,
                         CTL_AWAY,
                         "no worker is alive (tocsin workers): it waits in the queue");
    }
    return CTL_OK;
}

/* No row, and no job that would write one. */
static int judge_unknown(const struct follow *follow)
{
    const struct book_jobs *jobs = &follow->jobs;
    struct span name = follow->name;
    if (jobs->plan_state.len == 0) {
        return ctl_say(CTL_NOT_FOUND, "there is no run %.*s", SPAN_ARGS(name));
    }
    if (span_is(jobs->plan_state, "dead")) {
        return ctl_say(CTL_FAILED,
                       "%.*s failed: %.*s (tocsin retry runs it again)",
                       SPAN_ARGS(name),
                       SPAN_ARGS(jobs->plan_fault));
    }
    return ctl_say(CTL_FAILED, "%.*s was discarded", SPAN_ARGS(name));
}

static int say_stuck(const struct follow *follow, bool is_plan)
{
    const struct book_jobs *jobs = &follow->jobs;
    struct span name = is_plan ? follow->name : jobs->dead_name;
    struct span fault = is_plan ? jobs->plan_fault : jobs->dead_fault;
    fault = fault.len > 0 ? fault : SPAN("its job is gone");
    (void)ctl_say(CTL_FAILED,
                  "%.*s: %.*s (tocsin job, tocsin retry)",
                  SPAN_ARGS(name),
                  SPAN_ARGS(fault));
    return CTL_OK;
}

static bool wait_or_signal(const sigset_t *interrupt)
{
    const struct timespec pause = {.tv_nsec = READ_EVERY_MS * 1000000L};
    return sigtimedwait(interrupt, NULL, &pause) == SIGINT;
}

/* Each reason once, when it comes. */
static void say_why_it_waits(struct follow *follow)
{
    const struct book_jobs *jobs = &follow->jobs;
    bool is_put_off = span_is(jobs->plan_state, "scheduled") && jobs->plan_fault.len > 0;
    if (jobs->held_up.len > 0 && !follow->was_held_up) {
        progress_say(&follow->progress, jobs->held_up);
    }
    if (is_put_off && !follow->was_put_off) {
        progress_say(&follow->progress, SPAN("it did not work, and is tried again:"));
        progress_say(&follow->progress, jobs->plan_fault);
    }
    follow->was_held_up = jobs->held_up.len > 0;
    follow->was_put_off = is_put_off;
}

static int say_again(const struct follow *follow, enum ctl_exit code, const char *why)
{
    return ctl_say(code,
                   "%s; to look again: tocsin reconcile --run %.*s",
                   why,
                   SPAN_ARGS(follow->name));
}
