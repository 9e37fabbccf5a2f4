/* SPDX-License-Identifier: MIT
 *
 * verbs - everything that the command line can do, one row each.
 *
 * Owns:    nothing
 * Callers: ctl (main finds a verb, help describes it)
 */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

struct ctl;

struct verb_option {
    const char *name; /* "--state"; NULL ends the list */
    const char *value; /* what follows it, for the help: "S"; NULL: a flag */
    const char *help;
};

struct verb {
    const char *name; /* one word or two: "jobs", "user add" */
    const char *arguments; /* for the help: "ID" */
    size_t least, most; /* how many of them */
    unsigned needs; /* set of enum ctl_needs */
    const struct verb_option *options;
    int (*run)(struct ctl *ctl);
    const char *help; /* one line */
};

extern const struct verb verbs[];
extern const size_t verbs_count;

/* The verb that the words begin with, and how many words its name has; NULL: none. A verb
 * of one word may have others beside it that begin with that: "findings". */
const struct verb *verb_find(const char *const *words,
                             size_t count,
                             size_t *out_name_words);
/* Whether verbs of two words begin with it: "user". */
bool verbs_is_group(const char *word);
/* The second words of a group: "add, list ...". */
void verbs_name_group(const char *group, struct text *out);
/* The page of all verbs, or of a group's, and that of one. */
void verbs_describe(const char *group, struct text *out);
void verb_describe(const struct verb *verb, struct text *out);

/* verb_migrate.c */
int verb_migrate(struct ctl *ctl);
/* verb_status.c */
int verb_status(struct ctl *ctl);
int verb_lanes(struct ctl *ctl);
int verb_workers(struct ctl *ctl);
/* verb_jobs.c */
int verb_jobs(struct ctl *ctl);
/* verb_job.c */
int verb_job(struct ctl *ctl);
/* verb_deeds.c */
int verb_retry(struct ctl *ctl);
int verb_discard(struct ctl *ctl);
int verb_pause(struct ctl *ctl);
int verb_resume(struct ctl *ctl);
/* verb_settings.c */
int verb_settings(struct ctl *ctl);
int verb_keygen(struct ctl *ctl);
/* verb_amicale.c */
int verb_amicale_add(struct ctl *ctl);
int verb_amicale_change(struct ctl *ctl);
/* verb_amicale_account.c */
int verb_amicale_account(struct ctl *ctl);
/* verb_amicale_list.c */
int verb_amicale_list(struct ctl *ctl);
/* verb_amicale_import.c */
int verb_amicale_import(struct ctl *ctl);
/* verb_webhooks.c */
int verb_webhooks_setup(struct ctl *ctl);
int verb_webhooks_check(struct ctl *ctl);
/* verb_user.c */
int verb_user_add(struct ctl *ctl);
/* verb_user_import.c */
int verb_user_import(struct ctl *ctl);
/* verb_user_list.c */
int verb_user_list(struct ctl *ctl);
/* verb_user_change.c */
int verb_user_disable(struct ctl *ctl);
int verb_user_enable(struct ctl *ctl);
int verb_user_password(struct ctl *ctl);
/* verb_reconcile.c */
int verb_reconcile(struct ctl *ctl);
/* verb_findings.c */
int verb_findings(struct ctl *ctl);
int verb_findings_close(struct ctl *ctl);
/* verb_conflicts.c */
int verb_conflicts(struct ctl *ctl);
int verb_conflicts_resolve(struct ctl *ctl);
/* verb_devices.c */
int verb_devices_list(struct ctl *ctl);
int verb_devices_add(struct ctl *ctl);
int verb_devices_remove(struct ctl *ctl);

#endif
