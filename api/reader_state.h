/* SPDX-License-Identifier: MIT
 *
 * reader_state - what the files of the reader share: its inside, and a mailbox's.
 *
 * Owns:    as reader.h says
 * Callers: reader*.c alone
 * Blocks:  never, apart from a thread that waits for questions
 *
 *   reader.c       opens, asks, closes
 *   reader_line.c  the questions that wait, until a thread comes or their time is up
 *   reader_hand.c  the threads, each with its connection
 *   reader_mail.c  the answers, back to the loops
 */
#ifndef API_READER_STATE_H
#define API_READER_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/reader.h"

struct event;

enum { READS, APART, LINES };
enum reader_fault { READER_LINE_FULL = 1, READER_TOO_LATE, READER_LEAVING };

/* In the arena of its request. Whoever holds it alone touches it: the line, then a thread,
 * then the mailbox; each hands it on under the reader's lock. */
struct question {
    struct mailbox *mailbox;
    struct request *request;
    reader_read_fn read;
    reader_answer_fn answer;
    void *context;
    int64_t until_ms; /* nobody begins it afterwards */
    enum outcome outcome;
    struct fault fault;
    struct question *next;
};
struct questions {
    struct question *first;
    struct question *last;
};

struct mailbox {
    struct reader *reader;
    struct loop *loop; /* NULL: it has closed, and its requests are ours to free */
    int fd; /* an eventfd: something came */
    struct event *event;
    struct questions answered;
    int with_threads; /* questions that threads work on */
};

struct line {
    struct questions questions;
    int waiting;
    pthread_cond_t came;
};

struct hand {
    struct reader *reader;
    struct line *line; /* that it takes from */
    struct mariadb *db;
    int64_t rests_until_ms; /* MariaDB hangs, and is not asked before */
    pthread_t thread;
    bool started;
};

struct reader {
    const struct clock *clock;
    int64_t limit_ms;
    int hand_count;
    struct hand *hands;
    pthread_mutex_t lock; /* of what follows and of every mailbox */
    bool stop;
    struct line lines[LINES];
    uint64_t taken;
    uint64_t failed;
};

/* reader_line.c */
void questions_append(struct questions *list, struct question *question);
struct question *questions_cut_first(
    struct questions *list); /* the first, which is there */
/* Its answer is there at once when the line is full. */
void reader_line_add(struct reader *reader, struct line *line, struct question *question);
/* The next one that is worth beginning, for which it waits; NULL when the reader stops. */
struct question *reader_line_take(struct hand *hand);
/* Under the lock. */
void reader_line_cut_those_of(struct line *line,
                              const struct mailbox *mailbox,
                              struct questions *out_list);

/* reader_hand.c */
void reader_hand_start(struct hand *hand);
/* False when its thread hangs in MariaDB. */
MUST_USE bool reader_hand_close(struct hand *hand);

/* reader_mail.c: to the question's mailbox, under the lock, so that the descriptor is
 * still the mailbox's. */
void reader_post(struct question *question);

#endif
