/* SPDX-License-Identifier: MIT
 *
 * webhooks_report - one run of webhooks setup or webhooks check: what it saw and did, as
 * text and as JSON.
 *
 * Owns:    nothing; texts live in the run's arena
 * Callers: ctl
 * Blocks:  never
 *
 * The shape in JSON is documented in docs/cli.md and is a promise to scripts.
 */
#ifndef CTL_WEBHOOKS_REPORT_H
#define CTL_WEBHOOKS_REPORT_H

#include "ctl/secret_file.h"
#include "ctl/webhook_ends.h"

struct ctl;
struct stripe;

enum { WEBHOOKS_MOST_PROBLEMS = 12 };

/* One endpoint, as a run sees it. */
struct webhooks_end {
    enum webhook_end_place place;
    struct webhook_end at_stripe;
    const char *path; /* of its file; NULL: none was named */
    struct secret_file file; /* all zero without a path */
    const char *did; /* made, changed, replaced, unchanged; NULL: only looked */
    struct span secret; /* to be shown; empty: not */
    struct span problems[WEBHOOKS_MOST_PROBLEMS];
    size_t problem_count;
};

struct webhooks_run {
    struct ctl *ctl;
    struct stripe *stripe;
    const char *url;
    struct webhooks_end ends[END_COUNT];
};

void webhooks_report_json(const struct webhooks_run *run);
void webhooks_report_text(const struct webhooks_run *run);

#endif
