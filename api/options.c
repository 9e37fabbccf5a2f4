/* SPDX-License-Identifier: MIT
 * Reads the command line. */
#include "api/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "api/routes.h"

enum { EXIT_WORDS = 2, SETTINGS_TEXT_BYTES = 1 << 20, ROUTES_TEXT_BYTES = 64 * 1024 };

static void show_help(FILE *to);
static void show_settings(void);
static void show_routes(void);

void options_read(struct options *out_options, int argc, char **argv)
{
    static const struct option words[] = {{"config", required_argument, NULL, 'c'},
                                          {"set", required_argument, NULL, 's'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"help-settings", no_argument, NULL, 'H'},
                                          {"routes", no_argument, NULL, 'r'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct options *options = out_options;
    int letter = 0;
    bool good = true;
    *options = (struct options){.ends = false};
    options->settings.sets = options->sets;
    while (good && !options->ends &&
           (letter = getopt_long(argc, argv, "", words, NULL)) != -1) {
        options->ends = letter != 'c' && letter != 's' && letter != 'k';
        if (letter == 'c') {
            options->settings.config = optarg;
        } else if (letter == 's' && options->settings.set_count < OPTIONS_MOST_SETS) {
            options->sets[options->settings.set_count++] = optarg;
        } else if (letter == 'k') {
            options->check = true;
        } else if (letter == 'v') {
            puts("tocsin-api " TOCSIN_VERSION);
        } else if (letter == 'h') {
            show_help(stdout);
        } else if (letter == 'H') {
            show_settings();
        } else if (letter == 'r') {
            show_routes();
        } else {
            good = false;
        }
    }
    if (!good || (!options->ends && optind < argc)) {
        show_help(stderr);
        options->ends = true;
        options->status = EXIT_WORDS;
    }
}

enum log_level options_log_level(const char *name)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            return levels[i].level;
        }
    }
    return LOG_LEVEL_INFO;
}

static void show_help(FILE *to)
{
    fputs("Usage: tocsin-api [--config FILE] [--set SECTION.KEY=VALUE]... [--check]\n"
          "Takes requests and makes them jobs, until SIGTERM.\n"
          "\n"
          "  --config FILE            settings (default " SETTINGS_DEFAULT_FILE ")\n"
          "  --set SECTION.KEY=VALUE  one setting, over the file and the environment\n"
          "  --check                  read the settings and the files that they name, "
          "then stop\n"
          "  --help-settings          every setting, as a commented settings file\n"
          "  --routes                 every route: method, path, and who may come in\n"
          "  --version, --help\n"
          "\n"
          "Exit status: 0 in good order; 2 wrong words; 69 cannot listen; 78 wrong "
          "settings.\n",
          to);
}

static void show_settings(void)
{
    struct text text;
    text_init(&text, SETTINGS_TEXT_BYTES);
    settings_describe(&text);
    fwrite(text.at, 1, text.len, stdout);
    text_done(&text);
}

static void show_routes(void)
{
    struct text text;
    text_init(&text, ROUTES_TEXT_BYTES);
    routes_write(&text);
    fwrite(text.at, 1, text.len, stdout);
    text_done(&text);
}
