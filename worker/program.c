/* SPDX-License-Identifier: MIT
 * One screen: read options, load settings, check, run, close. */
#include "worker/program.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/settings.h"
#include "worker/worker.h"

enum { EXIT_WORDS = 2, EXIT_SETTINGS = 78, SETS_MOST = 64 };

struct words {
    struct settings_options settings;
    const char *sets[SETS_MOST];
    bool check;
    int status; /* -1: go on */
};

static struct words read_words(int argc, char **argv);
static void show_help(FILE *to);
static enum log_level level_of(const char *name);
static int check(const struct settings *settings);
static int run(const struct settings *settings, const struct worker_options *options);

int program_main(int argc, char **argv, const struct worker_options *options)
{
    struct words words = read_words(argc, argv);
    if (words.status >= 0) {
        return words.status;
    }
    words.settings.sets = words.sets;
    struct settings settings;
    struct fault fault;
    if (settings_load(&settings, SETTINGS_WORKER, &words.settings, &fault) !=
        OUTCOME_DONE) {
        log_error("settings", LOG_FAULT(&fault));
        return EXIT_SETTINGS;
    }
    log_set_level(level_of(settings.log.level));
    int status = words.check ? check(&settings) : run(&settings, options);
    settings_done(&settings);
    return status;
}

static int check(const struct settings *settings)
{
    struct fault fault;
    if (worker_check(settings, &fault) != OUTCOME_DONE) {
        log_error("start", LOG_FAULT(&fault));
        return EXIT_SETTINGS;
    }
    return 0;
}

static int run(const struct settings *settings, const struct worker_options *options)
{
    struct worker *worker = NULL;
    struct fault fault;
    worker_block_signals();
    if (worker_open(settings, options, &worker, &fault) != OUTCOME_DONE) {
        log_error("start", LOG_FAULT(&fault));
        return EXIT_SETTINGS;
    }
    int status = worker_run(worker);
    worker_close(worker);
    return status;
}

static struct words read_words(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct words words = {.status = -1};
    int letter = 0;
    while (words.status < 0 &&
           (letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'c') {
            words.settings.config = optarg;
        } else if (letter == 's' && words.settings.set_count < SETS_MOST) {
            words.sets[words.settings.set_count++] = optarg;
        } else if (letter == 'k') {
            words.check = true;
        } else if (letter == 'v') {
            printf("tocsin-worker %s\n", TOCSIN_VERSION);
            words.status = 0;
        } else if (letter == 'h') {
            show_help(stdout);
            words.status = 0;
        } else {
            show_help(stderr);
            words.status = EXIT_WORDS;
        }
    }
    if (words.status < 0 && optind < argc) {
        show_help(stderr);
        words.status = EXIT_WORDS;
    }
    return words;
}

static void show_help(FILE *to)
{
    fputs("Usage: tocsin-worker [--config FILE] [--set SECTION.KEY=VALUE]... [--check]\n"
          "Takes jobs from the queue and does them, until SIGTERM.\n"
          "\n"
          "  --config FILE            settings (default " SETTINGS_DEFAULT_FILE ")\n"
          "  --set SECTION.KEY=VALUE  one setting, over the file and the environment\n"
          "  --check                  read the settings and the files that they name, "
          "then stop\n"
          "  --version, --help\n"
          "\n"
          "Exit status: 0 in good order; 2 wrong words; 70 a handler hung (start it "
          "again);\n"
          "78 wrong settings.\n",
          to);
}

static enum log_level level_of(const char *name)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (span_is(span_of(name), levels[i].name)) {
            return levels[i].level;
        }
    }
    return LOG_LEVEL_INFO;
}
