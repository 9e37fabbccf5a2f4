/* SPDX-License-Identifier: MIT
 * tocsin-worker: takes jobs from the queue and does them. */
#include "common/model/job.h"
#include "worker/handlers.h"
#include "worker/program.h"
#include "worker/worker.h"

int main(int argc, char **argv)
{
    const struct worker_options options = {.kinds = kinds,
                                           .kind_count = kinds_count,
                                           .handlers = handlers,
                                           .handler_count = handlers_count};
    return program_main(argc, argv, &options);
}
