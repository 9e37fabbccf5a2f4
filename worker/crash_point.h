/* SPDX-License-Identifier: MIT
 *
 * crash_point - names the steps of a job's journey, so that a test can end the worker
 * there.
 *
 * Owns:    nothing
 * Callers: worker
 * Blocks:  never
 *
 * Only the worker of the tests (tests/worker) is built with TOCSIN_CRASH_POINTS: it sends
 * itself SIGKILL at the step that TOCSIN_CRASH_AT names. In every other build a point is
 * nothing at all.
 *
 *   taken      Redis gave the job, no slot has it
 *   begun      a slot has it, nothing was done
 *   opened     its payload is open, the handler is next
 *   linked     an offline card sale has given its name to the row of its PaymentIntent
 *   recorded   an offline card sale has its row, its PaymentIntent is next
 *   period_begun    a period's job has its row in periodic_runs
 *   period_ran      it did its work, and its row does not say so yet
 *   page_walked     a page of events was looked at, and its cursor is kept
 *   piece_erased    a piece of personal data is erased, the next one follows
 *   looks_enqueued  a round of looks is in the queue, its rows are not marked
 *   written    offline sales have their rows, the commit is next
 *   asked      an asked job has its row in idempotency_keys, its kind is next
 *   marked     the marks of a POST are committed, the POST is next
 *   posted     Stripe has answered the POST, nobody has written that down
 *   applied    what Stripe answered is in our rows
 *   answered   an asked job's answer is kept under its Idempotency-Key
 *   handled    the handler came back, so what it committed is in MariaDB
 *   settling   the settler is about to tell Redis
 *   settled    Redis knows, the worker does not yet
 */
#ifndef WORKER_CRASH_POINT_H
#define WORKER_CRASH_POINT_H

#ifdef TOCSIN_CRASH_POINTS
void crash_point(const char *step);
#define CRASH_POINT(step) crash_point(step)
#else
#define CRASH_POINT(step) ((void)0)
#endif

#endif
