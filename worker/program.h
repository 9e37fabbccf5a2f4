/* SPDX-License-Identifier: MIT
 *
 * program - a worker's command line, from the first word to the exit status.
 *
 * Owns:    the settings
 * Callers: main.c, and the worker of the tests
 * Blocks:  until the worker ends
 */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

struct worker_options;

/* Exit statuses: 0 left in good order (or --check found nothing wrong), 2 a word of the
 * command line is wrong, 78 a setting is, 70 as worker.h says. */
int program_main(int argc, char **argv, const struct worker_options *options);

#endif
