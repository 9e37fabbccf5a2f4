/* SPDX-License-Identifier: MIT
 * tocsin-api: HTTP in, jobs out. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
/* Descriptors that are not clients': of each loop, and of all else. */
enum { LOOP_FILES = 8, OTHER_FILES = 24 };

static int run(const struct settings *settings, bool check);
static void drop_rights(void);
static void leave_descriptors(struct door *door);

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
    int status = run(&settings, options.check);
    settings_done(&settings);
    return status;
}

/* `check` reads all that starting would read, and touches no neighbour. */
static int run(const struct settings *settings, bool check)
{
    struct door door = {.settings = NULL};
    struct server server = {.loops = NULL};
    struct listener listeners[LISTENERS] = {{.fd = -1}, {.fd = -1}};
    struct fault fault;
    int status = EXIT_SETTINGS;
    server_block_signals();
    if (door_open(&door, settings, &clock_system, &fault) != OUTCOME_DONE ||
        listener_check(settings, &fault) != OUTCOME_DONE) {
        log_error("cannot start", LOG_FAULT(&fault));
        goto out;
    }
    if (door.secret_count == 0) {
        log_warning("there are no webhook secrets: every event will be refused");
    }
    if (check) {
        status = 0;
        goto out;
    }
    door_start(&door);
    if (listener_open(settings, listeners, &fault) != OUTCOME_DONE ||
        server_open(&server, &door, listeners, &fault) != OUTCOME_DONE) {
        log_error("cannot start", LOG_FAULT(&fault));
        status = EXIT_UNAVAILABLE;
        goto out;
    }
    drop_rights();
    leave_descriptors(&door);
    server_run(&server);
    status = 0;
out:
    server_close(&server);
    for (int i = 0; i < LISTENERS; i++) {
        listener_close(&listeners[i]);
    }
    if (!door_close(&door)) {
        log_warning("a neighbour hangs: leaving without its thread");
        _exit(status);
    }
    return status;
}

/* Nothing that is started from here may gain rights, and a crash writes no keys to disk.
 * As many files as the administrator allows may be open. */
static void drop_rights(void)
{
    struct rlimit files;
    const struct rlimit no_core = {0, 0};
    bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                setrlimit(RLIMIT_CORE, &no_core) == 0 &&
                getrlimit(RLIMIT_NOFILE, &files) == 0;
    if (good) {
        files.rlim_cur = files.rlim_max;
        good = setrlimit(RLIMIT_NOFILE, &files) == 0;
    }
    if (!good) {
        log_warning("limits stay as they were", LOG_TEXT("why", strerrordesc_np(errno)));
    }
}

/* Clients must not take the descriptors that lead to Redis and MariaDB: without these
 * nothing can be answered but 503 until clients leave. */
static void leave_descriptors(struct door *door)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return;
    }
    int64_t own = OTHER_FILES + door->settings->api.readers +
                  (int64_t)door->loop_count * LOOP_FILES;
    int64_t most = (int64_t)files.rlim_cur - own;
    most = most < 1 ? 1 : most;
    if (most < door->connections_most) {
        log_warning("descriptors allow fewer connections than api.connections_max",
                    LOG_NUMBER("connections_max", door->connections_most),
                    LOG_NUMBER("allowed", most));
        door->connections_most = most;
    }
}
