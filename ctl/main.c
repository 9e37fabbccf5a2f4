/* SPDX-License-Identifier: MIT
 * tocsin - the operator's command line. It talks to Redis and MariaDB itself, so it works
 * while the front door is down. */
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/settings.h"
#include "ctl/ctl.h"
#include "ctl/verbs.h"
#include "ctl/words.h"

enum { PAGE_BYTES = 1 << 16 };

static int help(const struct words *words);
static int run(const struct words *words);
static int checked(struct ctl *ctl);

/* --check: whatever a verb may need is opened; the neighbours are not asked. */
static const struct verb check_verb = {
    .name = "--check",
    .needs =
        NEEDS_SETTINGS | NEEDS_REDIS | NEEDS_MARIADB | NEEDS_QUEUE_RING | NEEDS_PII_RING,
    .run = checked,
};

int main(int argc, char **argv)
{
    struct words words;
    struct text wrong;
    text_init(&wrong, 1024);
    int code = CTL_USAGE;
    if (!words_read(&words, argc, argv, &wrong)) {
        ctl_say(CTL_USAGE, "%s (tocsin --help)", wrong.at);
    } else if (words.version) {
        puts("tocsin " TOCSIN_VERSION);
        code = CTL_OK;
    } else if (words.help) {
        code = help(&words);
    } else if (!words.verb && !words.check) {
        ctl_say(CTL_USAGE, "say what to do (tocsin --help)");
    } else {
        code = run(&words);
    }
    text_done(&wrong);
    return code;
}

static int help(const struct words *words)
{
    struct text page;
    text_init(&page, PAGE_BYTES);
    if (words->verb) {
        verb_describe(words->verb, &page);
    } else {
        verbs_describe(words->group, &page);
    }
    fputs(page.at, stdout);
    text_done(&page);
    return CTL_OK;
}

static int run(const struct words *words)
{
    struct settings settings = {0};
    struct ctl ctl = {
        .options = &words->options,
        .settings = &settings,
        .verb = words->check ? &check_verb : words->verb,
        .words = words->own,
        .word_count = words->own_count,
        .json = words->json,
    };
    for (size_t i = 0; i < CTL_MOST_OPTIONS; i++) {
        ctl.given[i] = words->given[i];
    }
    log_set_level(LOG_LEVEL_WARNING);
    if (ctl.verb->needs & NEEDS_SETTINGS) {
        enum outcome outcome =
            settings_load(&settings, SETTINGS_CTL, &words->options, &ctl.fault);
        if (outcome != OUTCOME_DONE) {
            return ctl_say(CTL_USAGE, "%s", ctl.fault.text);
        }
    }
    int code = ctl_run(&ctl);
    settings_done(&settings);
    return code;
}

static int checked(struct ctl *ctl)
{
    (void)ctl;
    return CTL_OK;
}
