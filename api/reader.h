/* SPDX-License-Identifier: MIT
 *
 * reader - the threads that read MariaDB for requests, as the user who may only SELECT.
 *
 * Owns:    two bounded lines of questions, for each of them api.readers threads with a
 *          connection each, and a mailbox for the answers of each loop
 * Callers: handlers of any loop (reader_ask and its kin); door (open, start, close); loops (their
 *          mailbox, expire); metrics
 * Blocks:  never, apart from closing
 * Order:   reader_open, reader_start, the loops' mailboxes, reader_close
 * Faults:  LATER when the line is full, when api.read_ms ran out before a thread came to
 *          it, or as MariaDB says
 *
 * A question runs on a reader's thread and is answered on the loop that asked. Both work
 * with the request's arena, one after the other: between reader_ask and the answer the
 * loop must leave the request alone.
 *
 * What is taken in whether MariaDB is there or not stands in a line of its own: it waits
 * neither for those who hang in MariaDB nor, again and again, for MariaDB itself.
 */
#ifndef API_READER_H
#define API_READER_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

struct clock;
struct loop;
struct mailbox;
struct mariadb;
struct reader;
struct request;
struct settings;
struct text;

/* On a reader's thread: what it finds goes into `context`, in the arena. `db` is NULL when
 * MariaDB hangs and is not to be asked: of reader_ask_apart alone. */
typedef enum outcome (*reader_read_fn)(struct mariadb *db,
                                       struct arena *arena,
                                       void *context,
                                       struct fault *fault);
/* On the loop; must answer the request, as reader_failed does for what is not DONE. */
typedef void (*reader_answer_fn)(struct request *request,
                                 void *context,
                                 enum outcome outcome,
                                 const struct fault *fault);

enum { READER_LINE = 1024 }; /* questions that wait at most */

MUST_USE enum outcome reader_open(const struct settings *settings,
                                  const struct clock *clock,
                                  struct reader **out_reader,
                                  struct fault *fault);
void reader_start(struct reader *reader);
/* After the loops. False when a thread hangs in MariaDB: what it uses must stay. NULL does
 * nothing. */
MUST_USE bool reader_close(struct reader *reader);
/* Answers those who have waited in line for api.read_ms, on their own loops. Any loop calls
 * it at its tick: when all threads hang, nobody else looks. */
void reader_expire(struct reader *reader);
void reader_write_metrics(struct reader *reader, struct text *out);

/* Where a loop's answers arrive. */
MUST_USE enum outcome mailbox_open(struct loop *loop,
                                   struct mailbox **out_mailbox,
                                   struct fault *fault);
/* What is in line or in the mailbox is answered now; a request that a thread works on is
 * left to that thread, and the loop forgets it. NULL does nothing. */
void mailbox_close(struct mailbox *mailbox);

/* The answer comes later, never from within. `context` lives in the request's arena. */
void reader_ask(struct request *request,
                reader_read_fn read,
                reader_answer_fn answer,
                void *context);
/* The same, for who goes on without MariaDB. */
void reader_ask_apart(struct request *request,
                      reader_read_fn read,
                      reader_answer_fn answer,
                      void *context);
/* 503, and a line in the log. */
void reader_failed(struct request *request, const struct fault *fault);

#endif
