/* SPDX-License-Identifier: MIT
 * The table of verbs, and their help. */
#include "ctl/verbs.h"

#include <string.h>

#include "ctl/ctl.h"

static size_t name_words(const char *name);
static bool name_is(const char *name, const char *const *words, size_t count);
static bool is_in_group(const struct verb *verb, const char *group);
static size_t option_width(const struct verb_option *option);
static void describe_option(const struct verb_option *option,
                            size_t width,
                            struct text *out);

enum { LEAST_OPTION_WIDTH = 24 };

#define QUEUE (NEEDS_SETTINGS | NEEDS_REDIS)
#define BOOKS (NEEDS_SETTINGS | NEEDS_MARIADB)
#define PEOPLE (BOOKS | NEEDS_PII_RING)
#define DEED (QUEUE | NEEDS_QUEUE_RING)

static const struct verb_option no_options[] = {{0}};
static const struct verb_option migrate_options[] = {
    {"--status", NULL, "show what is applied; exit 4 when it is not all"},
    {"--dry-run", NULL, "print the statements that would be run"},
    {"--wait", "SECONDS", "for another migrate to finish (default 30)"},
    {"--unsure", "done|repeat", "what to do about a statement whose end is unknown"},
    {0},
};
static const struct verb_option jobs_options[] = {
    {"--state", "STATE", "ready, leased, scheduled, done or dead"},
    {"--kind", "KIND", "only of this kind"},
    {"--lane", "LANE", "only of this lane"},
    {"--tenant", "TENANT", "only of this amicale ('-': of none)"},
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 20, most 500)"},
    {0},
};
static const struct verb_option why_options[] = {
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option must_why_options[] = {
    {"--why", "TEXT", "the reason, for the audit log; required"},
    {0},
};
static const struct verb_option settings_options[] = {
    {"--defaults", NULL, "print a commented settings file instead"},
    {0},
};
static const struct verb_option amicale_add_options[] = {
    {"--name", "NAME", "its name"},
    {"--email", "ADDRESS", "where it is written to"},
    {"--adresse1", "TEXT", "street and number"},
    {"--adresse2", "TEXT", "second line of the address"},
    {"--code-postal", "TEXT", "postal code"},
    {"--ville", "TEXT", "town"},
    {"--id", "N", "number to give it, when it has one elsewhere"},
    {0},
};
static const struct verb_option amicale_change_options[] = {
    {"--name", "NAME", "its name"},
    {"--email", "ADDRESS", "where it is written to"},
    {"--adresse1", "TEXT", "street and number"},
    {"--adresse2", "TEXT", "second line of the address"},
    {"--code-postal", "TEXT", "postal code"},
    {"--ville", "TEXT", "town"},
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option amicale_account_options[] = {
    {"--onboarded", NULL, "it may charge, until Stripe says otherwise"},
    {0},
};
static const struct verb_option user_add_options[] = {
    {"--role", "ROLE", "pompier, admin, viewer or operator"},
    {"--email", "ADDRESS", "what they sign in with"},
    {"--name", "NAME", "what they are called"},
    {"--amicale", "N", "of a pompier and an admin: where they belong"},
    {"--password-file", "FILE", "its first line; else it is read from standard input"},
    {"--password-hash-file", "FILE", "the hash of a password they have, instead"},
    {"--id", "N", "number to give them, when they have one elsewhere"},
    {0},
};
static const struct verb_option amicale_list_options[] = {
    {"--show-addresses", NULL, "whole addresses, not masked ones"},
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 50, most 1000)"},
    {0},
};
static const struct verb_option import_options[] = {
    {"--dry-run", NULL, "say what would be added, and change nothing"},
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option user_list_options[] = {
    {"--amicale", "N", "only of this amicale"},
    {"--role", "ROLE", "only pompier, admin, viewer or operator"},
    {"--all", NULL, "disabled ones too"},
    {"--show-addresses", NULL, "whole addresses, not masked ones"},
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 50, most 1000)"},
    {0},
};
static const struct verb_option user_password_options[] = {
    {"--password-file", "FILE", "its first line; else it is read from standard input"},
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option devices_list_options[] = {
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 50, most 1000)"},
    {0},
};
static const struct verb_option devices_add_options[] = {
    {"--manufacturer", "NAME", "as the phone says it: Samsung"},
    {"--model", "NAME", "what it is sold as: Galaxy S24"},
    {"--identifier", "NAME", "what it calls itself: SM-S921B"},
    {"--least-android", "N", "the version of Android that it needs at least"},
    {"--country", "CC", "where it is certified (default FR)"},
    {"--certified-on", "DAY", "since when: 2026-11-22"},
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option reconcile_options[] = {
    {"--amicale", "N", "only the books of this amicale"},
    {"--from", "DAY", "first day, as 2026-11-22 (default: books.window_days)"},
    {"--to", "DAY", "last day (default: today)"},
    {"--no-wait", NULL, "ask for it and leave"},
    {"--run", "NAME", "show a run that was asked for before, instead"},
    {"--why", "TEXT", "the reason, for the audit log"},
    {0},
};
static const struct verb_option findings_options[] = {
    {"--kind", "KIND", "only of this kind"},
    {"--amicale", "N", "only of this amicale"},
    {"--all", NULL, "closed ones too"},
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 50, most 1000)"},
    {0},
};
static const struct verb_option findings_close_options[] = {
    {"--why", "TEXT", "what was found out, for the audit log; required"},
    {"--force", NULL, "even one that closes itself"},
    {0},
};
static const struct verb_option conflicts_options[] = {
    {"--amicale", "N", "only of this amicale"},
    {"--all", NULL, "resolved ones too"},
    {"--cursor", "C", "go on where the page before ended"},
    {"--limit", "N", "at most so many (default 50, most 1000)"},
    {0},
};
static const struct verb_option conflicts_resolve_options[] = {
    {"--why", "TEXT", "what was so, and what was done about it; required"},
    {0},
};

static const struct verb_option webhooks_setup_options[] = {
    {"--platform-secret-file", "FILE", "where the platform endpoint's secret is put"},
    {"--connect-secret-file", "FILE", "where the Connect endpoint's secret is put"},
    {"--show-secret", NULL, "show new secrets; Stripe does it only once"},
    {"--new-secret", NULL, "register anew, and disable what was there"},
    {0},
};
static const struct verb_option webhooks_check_options[] = {
    {"--platform-secret-file", "FILE", "file with the platform endpoint's secrets"},
    {"--connect-secret-file", "FILE", "file with the Connect endpoint's secrets"},
    {0},
};

/* One row, one verb. */
/* clang-format off */
const struct verb verbs[] = {
    {"status", "", 0, 0, QUEUE | NEEDS_MARIADB, no_options, verb_status,
     "how things are: the queue, its neighbours, the books"},
    {"lanes", "", 0, 0, QUEUE, no_options, verb_lanes,
     "jobs by lane and kind"},
    {"jobs", "", 0, 0, QUEUE, jobs_options, verb_jobs,
     "the jobs in one state, page by page"},
    {"job", "ID", 1, 1, QUEUE | NEEDS_MARIADB, no_options, verb_job,
     "the whole life of a job, also found by pi_, re_, bat_ ..."},
    {"retry", "ID", 1, 1, DEED | NEEDS_MARIADB, why_options, verb_retry,
     "run a dead or scheduled job now, attempts counted anew"},
    {"discard", "ID", 1, 1, DEED, must_why_options, verb_discard,
     "settle a job without doing it"},
    {"pause", "WHAT", 1, 1, DEED, must_why_options, verb_pause,
     "stop taking all, lane:<lane> or kind:<kind>"},
    {"resume", "WHAT", 1, 1, DEED, why_options, verb_resume,
     "take what was paused again"},
    {"workers", "", 0, 0, QUEUE, no_options, verb_workers,
     "the workers that are alive"},
    {"migrate", "", 0, 0, BOOKS, migrate_options, verb_migrate,
     "bring the database's schema up to date"},
    {"settings", "", 0, 0, 0, settings_options, verb_settings,
     "the settings in force"},
    {"keygen", "FILE", 1, 1, 0, no_options, verb_keygen,
     "write a new key ring to a file that does not exist yet"},
    {"amicale add", "", 0, 0, PEOPLE, amicale_add_options, verb_amicale_add,
     "add an amicale"},
    {"amicale change", "AMICALE", 1, 1, PEOPLE, amicale_change_options,
     verb_amicale_change,
     "change what is known of an amicale"},
    {"amicale account", "AMICALE ACCT", 2, 2, BOOKS, amicale_account_options,
     verb_amicale_account,
     "attach the Stripe account that an amicale has"},
    {"amicale list", "", 0, 0, PEOPLE, amicale_list_options,
     verb_amicale_list,
     "the amicales and their Stripe accounts, page by page"},
    {"amicale import", "FILE.csv", 1, 1, PEOPLE, import_options,
     verb_amicale_import,
     "add what a file of amicales has and the books have not"},
    {"user add", "", 0, 0, PEOPLE, user_add_options, verb_user_add,
     "add a person who may sign in"},
    {"user import", "FILE.csv", 1, 1, PEOPLE, import_options, verb_user_import,
     "add the users of a file with the passwords that they have"},
    {"user list", "", 0, 0, PEOPLE, user_list_options, verb_user_list,
     "who may sign in, page by page"},
    {"user disable", "USER", 1, 1, PEOPLE | NEEDS_REDIS, must_why_options,
     verb_user_disable,
     "let a user sign in no more; ends their sessions"},
    {"user enable", "USER", 1, 1, PEOPLE, why_options, verb_user_enable,
     "let a user sign in again"},
    {"user password", "USER", 1, 1, PEOPLE | NEEDS_REDIS, user_password_options,
     verb_user_password,
     "give a user another password; ends their sessions"},
    {"devices list", "", 0, 0, BOOKS, devices_list_options, verb_devices_list,
     "the Android phones certified for Tap to Pay"},
    {"devices add", "", 0, 0, BOOKS, devices_add_options, verb_devices_add,
     "add one to the list"},
    {"devices remove", "DEVICE", 1, 1, BOOKS, must_why_options, verb_devices_remove,
     "take one (its number) off the list"},
    {"reconcile", "", 0, 0, DEED | NEEDS_MARIADB, reconcile_options, verb_reconcile,
     "hold the books against Stripe's now, and show what differs"},
    {"findings", "", 0, 0, BOOKS, findings_options, verb_findings,
     "what a person should look at, page by page"},
    {"findings close", "FINDING", 1, 1, BOOKS, findings_close_options,
     verb_findings_close,
     "somebody has looked at one (its number)"},
    {"conflicts", "", 0, 0, BOOKS, conflicts_options, verb_conflicts,
     "sales that phones told in two ways, page by page"},
    {"conflicts resolve", "CONFLICT", 1, 1, BOOKS, conflicts_resolve_options,
     verb_conflicts_resolve,
     "somebody has found out what was so (its number)"},
    {"webhooks setup", "", 0, 0, NEEDS_SETTINGS, webhooks_setup_options,
     verb_webhooks_setup,
     "register at Stripe for the events that are handled"},
    {"webhooks check", "", 0, 0, NEEDS_SETTINGS, webhooks_check_options,
     verb_webhooks_check,
     "whether Stripe sends what is handled, and secrets are there"},
};
/* clang-format on */
const size_t verbs_count = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *verb_find(const char *const *words,
                             size_t count,
                             size_t *out_name_words)
{
    const struct verb *found = NULL;
    for (size_t i = 0; i < verbs_count; i++) {
        if (name_is(verbs[i].name, words, count) &&
            (!found || name_words(verbs[i].name) > name_words(found->name))) {
            found = &verbs[i];
            *out_name_words = name_words(found->name);
        }
    }
    return found;
}

bool verbs_is_group(const char *word)
{
    for (size_t i = 0; i < verbs_count; i++) {
        if (is_in_group(&verbs[i], word)) {
            return true;
        }
    }
    return false;
}

static bool is_in_group(const struct verb *verb, const char *group)
{
    struct span second;
    struct span first = span_cut(span_of(verb->name), ' ', &second);
    return second.len > 0 && span_is(first, group);
}

void verbs_name_group(const char *group, struct text *out)
{
    const char *between = "";
    for (size_t i = 0; i < verbs_count; i++) {
        if (is_in_group(&verbs[i], group)) {
            text_addf(out, "%s%s", between, verbs[i].name + strlen(group) + 1);
            between = ", ";
        }
    }
}

void verbs_describe(const char *group, struct text *out)
{
    text_add_string(out,
                    "usage: tocsin [--config FILE] [--set SECTION.KEY=VALUE] VERB ... "
                    "[--json]\n\n");
    for (size_t i = 0; i < verbs_count; i++) {
        if (!group || is_in_group(&verbs[i], group)) {
            text_addf(out, "  %-17s %s\n", verbs[i].name, verbs[i].help);
        }
    }
    text_add_string(out,
                    "\n  --json           answer in JSON\n"
                    "  --config FILE    settings file (/etc/tocsin/tocsin.conf)\n"
                    "  --set S.K=V      one setting; may be repeated\n"
                    "  --check          check the settings and leave\n"
                    "  --version        print the version\n"
                    "  --help           this page, or that of the verb before it\n"
                    "\nexit: 0 done, 1 failed, 2 usage or settings, 3 not found, "
                    "4 wrong state,\n      5 Redis, MariaDB, Stripe or all workers away, "
                    "6 findings are open\n");
}

void verb_describe(const struct verb *verb, struct text *out)
{
    text_addf(out,
              "usage: tocsin %s%s%s%s\n\n  %s\n\n",
              verb->name,
              verb->arguments[0] ? " " : "",
              verb->arguments,
              verb->options[0].name ? " [OPTION ...]" : "",
              verb->help);
    static const struct verb_option json = {"--json", NULL, "answer in JSON"};
    size_t width = LEAST_OPTION_WIDTH;
    for (const struct verb_option *option = verb->options; option->name; option++) {
        size_t wanted = option_width(option);
        width = wanted > width ? wanted : width;
    }
    for (const struct verb_option *option = verb->options; option->name; option++) {
        describe_option(option, width, out);
    }
    describe_option(&json, width, out);
    if (verbs_is_group(verb->name)) {
        text_addf(out, "\nsee also: tocsin %s ", verb->name);
        verbs_name_group(verb->name, out);
        text_add_char(out, '\n');
    }
}

static size_t name_words(const char *name)
{
    return strchr(name, ' ') ? 2 : 1;
}

static bool name_is(const char *name, const char *const *words, size_t count)
{
    struct span second;
    struct span first = span_cut(span_of(name), ' ', &second);
    size_t wanted = name_words(name);
    return count >= wanted && span_is(first, words[0]) &&
           (wanted == 1 || span_is(second, words[1]));
}

static size_t option_width(const struct verb_option *option)
{
    return strlen(option->name) + (option->value ? 1 + strlen(option->value) : 0);
}

static void describe_option(const struct verb_option *option,
                            size_t width,
                            struct text *out)
{
    text_addf(out,
              "  %s%s%s%*s %s\n",
              option->name,
              option->value ? " " : "",
              option->value ? option->value : "",
              (int)(width - option_width(option)),
              "",
              option->help);
}
