/* SPDX-License-Identifier: MIT
 *
 * test_kinds - kinds of jobs that only exist to see how a worker behaves.
 *
 * Owns:    the tables
 * Callers: the worker of the tests, tocsin-enqueue
 * Blocks:  as long as a payload asks for
 *
 *   test.noop       done at once
 *   test.sleep      payload: milliseconds; done after them; limit 300 ms
 *   test.nap        the same with a limit of 60 s
 *   test.fail       payload: "OUTCOME TIMES"; so many attempts end so, the next is done
 *   test.crash      payload: TIMES; kills the worker while it has crashed fewer times
 *   test.row        adds 1 to test_sum once for each job, in the transaction that writes
 * the job's row to test_rows; enqueues an audit.write behind it test.group      writes
 * all rows of its group to test_groups at once; payload "bad" fails test.neighbour
 * payload: a path; while that file is there, its neighbour smtp is down test.live as
 * test.nap, in the lane live
 *   test.answer     payload: "MS BODY"; sleeps, then answers 200 with that JSON; "MS dead"
 *                   ends as NEVER
 */
#ifndef TESTS_WORKER_TEST_KINDS_H
#define TESTS_WORKER_TEST_KINDS_H

#include <stddef.h>

#include "common/model/job.h"
#include "worker/handlers.h"

/* The real kinds and handlers, then those of the tests. */
enum { TEST_KINDS_MOST = 64 };
struct test_tables {
    struct kind kinds[TEST_KINDS_MOST];
    size_t kind_count;
    struct handler handlers[TEST_KINDS_MOST];
    size_t handler_count;
};

/* Only the kinds: for programs without handlers. */
void test_kinds_fill(struct test_tables *tables);
/* The handlers as well. */
void test_handlers_fill(struct test_tables *tables);

#endif
