/* SPDX-License-Identifier: MIT
 * tocsin-api: HTTP in, jobs out. */
#include <unistd.h>

#include "api/door.h"
#include "api/listener.h"
#include "api/options.h"
#include "api/server.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"

/* sysexits.h has these numbers. */
enum { EXIT_UNAVAILABLE = 69, EXIT_SETTINGS = 78 };

static int run(const struct settings *settings);

int main(int argc, char **argv)
{
    struct options options;
    struct settings settings;
    struct fault fault;
    options_read(&options, argc, argv);
    if (options.ends) {
        return options.status;
    }
    if (settings_load(&settings, SETTINGS_API, &options.settings, &fault) !=
        OUTCOME_DONE) {
        log_error("the settings are wrong", LOG_FAULT(&fault));
        return EXIT_SETTINGS;
    }
    log_set_level(options_log_level(settings.log.level));
    int status = options.check ? 0 : run(&settings);
    settings_done(&settings);
    return status;
}

static int run(const struct settings *settings)
{
    struct door door = {.settings = NULL};
    struct server server = {.loops = NULL};
    struct listener listener = {.fd = -1};
    struct fault fault;
    int status = EXIT_SETTINGS;
    server_block_signals();
    if (door_open(&door, settings, &clock_system, &fault) != OUTCOME_DONE) {
        log_error("cannot start", LOG_FAULT(&fault));
        goto out;
    }
    if (listener_open(settings, &listener, &fault) != OUTCOME_DONE ||
        server_open(&server, &door, &listener, &fault) != OUTCOME_DONE) {
        log_error("cannot start", LOG_FAULT(&fault));
        status = EXIT_UNAVAILABLE;
        goto out;
    }
    server_run(&server);
    status = 0;
out:
    server_close(&server);
    listener_close(&listener);
    if (!door_close(&door)) {
        log_warning("a neighbour hangs: leaving without its thread");
        _exit(status);
    }
    return status;
}
