/* SPDX-License-Identifier: MIT
 * tocsin-worker-test: the worker with the kinds of the tests, and with crash points. */
#include "tests/worker/test_kinds.h"
#include "worker/program.h"
#include "worker/worker.h"

int main(int argc, char **argv)
{
    static struct test_tables tables;
    test_kinds_fill(&tables);
    test_handlers_fill(&tables);
    const struct worker_options options = {.kinds = tables.kinds,
                                           .kind_count = tables.kind_count,
                                           .handlers = tables.handlers,
                                           .handler_count = tables.handler_count};
    return program_main(argc, argv, &options);
}
