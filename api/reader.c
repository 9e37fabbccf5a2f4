/* SPDX-License-Identifier: MIT
 * Two lines of questions, the threads that read MariaDB for them, and the loops' mailboxes
 * that the answers go to. */
#include "api/reader.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/request.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"

enum {
    STOP_MS = 1000,
    /* Of those who go on without MariaDB. */
    HASTY_MS = 2000, /* so long they wait for it */
    HANGS_MS = 1000, /* a connection lost only after so long was lost to silence */
    REST_MS = 10 * 1000, /* and then it is left alone */
};
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

static struct settings hurried(const struct settings *settings, int64_t most_ms);
static void ask(struct request *request,
                int which,
                reader_read_fn read,
                reader_answer_fn answer,
                void *context);
static void expire_line(struct reader *reader, struct line *line);
static void *work(void *context);
static struct question *take(struct hand *hand);
static void rest_if_it_hangs(struct hand *hand, int64_t began_ms);
static void hand_back(struct question *question);
static bool close_hand(struct hand *hand);
static void append(struct questions *list, struct question *question);
static struct question *cut_first(struct questions *list);
static void take_those_of(struct line *line,
                          const struct mailbox *mailbox,
                          struct questions *out_list);
static void leave(struct questions *list);
static void post(struct question *question);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void answer_all(struct questions *list);

enum outcome reader_open(const struct settings *settings,
                         const struct clock *clock,
                         struct reader **out_reader,
                         struct fault *fault)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader || pthread_mutex_init(&reader->lock, NULL) != 0) {
        abort();
    }
    for (int i = 0; i < LINES; i++) {
        if (pthread_cond_init(&reader->lines[i].came, NULL) != 0) {
            abort();
        }
    }
    reader->clock = clock;
    reader->limit_ms = settings->api.read_ms;
    reader->hand_count = LINES * (int)settings->api.readers;
    reader->hands = calloc((size_t)reader->hand_count, sizeof(struct hand));
    if (!reader->hands) {
        abort();
    }
    /* A request waits for no answer of MariaDB longer than it would wait in line. */
    const struct settings of_line[LINES] = {
        [READS] = hurried(settings, reader->limit_ms),
        [APART] =
            hurried(settings, reader->limit_ms < HASTY_MS ? reader->limit_ms : HASTY_MS),
    };
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; i < reader->hand_count && outcome == OUTCOME_DONE; i++) {
        struct hand *hand = &reader->hands[i];
        hand->reader = reader;
        hand->line = &reader->lines[i % LINES];
        outcome = mariadb_open(&of_line[i % LINES], MARIADB_READER, &hand->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        bool ended = reader_close(reader);
        assert(ended); /* no thread has been started */
        return outcome;
    }
    *out_reader = reader;
    return OUTCOME_DONE;
}

static struct settings hurried(const struct settings *settings, int64_t most_ms)
{
    struct settings hurried = *settings;
    if (hurried.mariadb.connect_ms > most_ms) {
        hurried.mariadb.connect_ms = most_ms;
    }
    if (hurried.mariadb.query_ms > most_ms) {
        hurried.mariadb.query_ms = most_ms;
    }
    return hurried;
}

void reader_start(struct reader *reader)
{
    for (int i = 0; i < reader->hand_count; i++) {
        struct hand *hand = &reader->hands[i];
        if (pthread_create(&hand->thread, NULL, work, hand) != 0) {
            abort(); /* the machine has no room for one more thread */
        }
        hand->started = true;
    }
}

bool reader_close(struct reader *reader)
{
    if (!reader) {
        return true;
    }
    pthread_mutex_lock(&reader->lock);
    reader->stop = true;
    for (int i = 0; i < LINES; i++) {
        /* Its loops took what was in it along when they closed. */
        assert(!reader->lines[i].questions.first);
        pthread_cond_broadcast(&reader->lines[i].came);
    }
    pthread_mutex_unlock(&reader->lock);
    bool ended = true;
    for (int i = 0; i < reader->hand_count; i++) {
        ended = close_hand(&reader->hands[i]) && ended;
    }
    if (!ended) {
        return false;
    }
    for (int i = 0; i < LINES; i++) {
        pthread_cond_destroy(&reader->lines[i].came);
    }
    pthread_mutex_destroy(&reader->lock);
    free(reader->hands);
    free(reader);
    return true;
}

void reader_expire(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    for (int i = 0; i < LINES; i++) {
        expire_line(reader, &reader->lines[i]);
    }
    pthread_mutex_unlock(&reader->lock);
}

static void expire_line(struct reader *reader, struct line *line)
{
    int64_t now_ms = clock_mono_ms(reader->clock);
    while (line->questions.first && line->questions.first->until_ms <= now_ms) {
        struct question *question = cut_first(&line->questions);
        line->waiting--;
        reader->failed++;
        question->outcome = fault_set(&question->fault,
                                      OUTCOME_LATER,
                                      "reader",
                                      READER_TOO_LATE,
                                      "no thread came to it in time");
        post(question);
    }
}

void reader_write_metrics(struct reader *reader, struct text *out)
{
    pthread_mutex_lock(&reader->lock);
    int waiting = reader->lines[READS].waiting + reader->lines[APART].waiting;
    uint64_t taken = reader->taken;
    uint64_t failed = reader->failed;
    pthread_mutex_unlock(&reader->lock);
    text_addf(out,
              "# HELP tocsin_reads_waiting Reads of MariaDB that wait in line.\n"
              "# TYPE tocsin_reads_waiting gauge\n"
              "tocsin_reads_waiting %d\n"
              "# HELP tocsin_reads_total Reads of MariaDB that a thread took.\n"
              "# TYPE tocsin_reads_total counter\n"
              "tocsin_reads_total %" PRIu64 "\n"
              "# HELP tocsin_read_failures_total Reads that failed, came too late or"
              " found the line full.\n"
              "# TYPE tocsin_read_failures_total counter\n"
              "tocsin_read_failures_total %" PRIu64 "\n",
              waiting,
              taken,
              failed);
}

enum outcome mailbox_open(struct loop *loop,
                          struct mailbox **out_mailbox,
                          struct fault *fault)
{
    struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
    if (!mailbox) {
        abort();
    }
    mailbox->reader = loop->door->reader;
    mailbox->loop = loop;
    mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->fd < 0) {
        int why = errno;
        free(mailbox);
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "reader",
                         why,
                         "no mailbox can be made: %s",
                         strerrordesc_np(why));
    }
    mailbox->event =
        event_new(loop->base, mailbox->fd, EV_READ | EV_PERSIST, on_mail, mailbox);
    if (!mailbox->event) {
        abort();
    }
    event_add(mailbox->event, NULL);
    *out_mailbox = mailbox;
    return OUTCOME_DONE;
}

void mailbox_close(struct mailbox *mailbox)
{
    if (!mailbox) {
        return;
    }
    struct reader *reader = mailbox->reader;
    struct questions line = {.first = NULL};
    pthread_mutex_lock(&reader->lock);
    struct questions answered = mailbox->answered;
    mailbox->answered = (struct questions){.first = NULL};
    for (int i = 0; i < LINES; i++) {
        take_those_of(&reader->lines[i], mailbox, &line);
    }
    mailbox->loop->reads = NULL; /* who asks from now on is refused */
    mailbox->loop = NULL;
    event_free(mailbox->event);
    close(mailbox->fd);
    bool is_last = mailbox->with_threads == 0;
    pthread_mutex_unlock(&reader->lock);
    if (is_last) {
        free(mailbox);
    }
    leave(&answered);
    leave(&line);
}

/* Nobody reads these answers, and a handler that got its rows would go on. */
static void leave(struct questions *list)
{
    for (struct question *question = list->first; question; question = question->next) {
        question->outcome = fault_set(&question->fault,
                                      OUTCOME_LATER,
                                      "reader",
                                      READER_LEAVING,
                                      "we are leaving");
    }
    answer_all(list);
}

void reader_ask(struct request *request,
                reader_read_fn read,
                reader_answer_fn answer,
                void *context)
{
    ask(request, READS, read, answer, context);
}

void reader_ask_apart(struct request *request,
                      reader_read_fn read,
                      reader_answer_fn answer,
                      void *context)
{
    ask(request, APART, read, answer, context);
}

static void ask(struct request *request,
                int which,
                reader_read_fn read,
                reader_answer_fn answer,
                void *context)
{
    struct loop *loop = request->loop;
    struct fault fault;
    if (!loop->reads) {
        (void)
            fault_set(&fault, OUTCOME_LATER, "reader", READER_LEAVING, "we are leaving");
        reader_failed(request, &fault);
        return;
    }
    struct reader *reader = loop->reads->reader;
    struct line *line = &reader->lines[which];
    /* A request has one question at a time: one that asks for minutes needs no more. */
    struct question *question = request->question;
    if (!question) {
        question = ARENA_NEW(&request->arena, struct question);
        request->question = question;
    }
    *question = (struct question){.mailbox = loop->reads,
                                  .request = request,
                                  .read = read,
                                  .answer = answer,
                                  .context = context,
                                  .until_ms = loop_mono_ms(loop) + reader->limit_ms};
    pthread_mutex_lock(&reader->lock);
    if (line->waiting < READER_LINE) {
        line->waiting++;
        append(&line->questions, question);
        pthread_cond_signal(&line->came);
    } else {
        reader->failed++;
        question->outcome = fault_set(&question->fault,
                                      OUTCOME_LATER,
                                      "reader",
                                      READER_LINE_FULL,
                                      "too many reads wait in line");
        post(question);
    }
    pthread_mutex_unlock(&reader->lock);
}

void reader_failed(struct request *request, const struct fault *fault)
{
    if (loop_may_warn(request->loop)) {
        log_warning("what a request asks could not be read",
                    LOG_TEXT("request", request->id),
                    LOG_TEXT("route", request->route ? request->route->name : "none"),
                    LOG_FAULT(fault));
    }
    request_problem(request, PROBLEM_UNAVAILABLE);
}

static void *work(void *context)
{
    struct hand *hand = context;
    struct question *question;
    while ((question = take(hand)) != NULL) {
        int64_t began_ms = clock_mono_ms(hand->reader->clock);
        bool rests = began_ms < hand->rests_until_ms;
        question->outcome = question->read(rests ? NULL : hand->db,
                                           &question->request->arena,
                                           question->context,
                                           &question->fault);
        if (!rests) {
            rest_if_it_hangs(hand, began_ms);
        }
        hand_back(question);
    }
    return NULL;
}

/* The next one that is worth beginning; NULL when the reader stops. */
static struct question *take(struct hand *hand)
{
    struct reader *reader = hand->reader;
    struct line *line = hand->line;
    struct question *question = NULL;
    reader_expire(reader);
    pthread_mutex_lock(&reader->lock);
    while (!reader->stop && !line->questions.first) {
        pthread_cond_wait(&line->came, &reader->lock);
    }
    if (!reader->stop) {
        question = cut_first(&line->questions);
        question->mailbox->with_threads++;
        line->waiting--;
        reader->taken++;
    }
    pthread_mutex_unlock(&reader->lock);
    return question;
}

/* A MariaDB that is not there says so at once, and may be asked each time. One that hangs
 * would cost everybody who comes the same wait. */
static void rest_if_it_hangs(struct hand *hand, int64_t began_ms)
{
    struct reader *reader = hand->reader;
    int64_t now_ms = clock_mono_ms(reader->clock);
    if (hand->line == &reader->lines[APART] && now_ms - began_ms >= HANGS_MS &&
        !mariadb_is_open(hand->db)) {
        hand->rests_until_ms = now_ms + REST_MS;
    }
}

static void hand_back(struct question *question)
{
    struct mailbox *mailbox = question->mailbox;
    struct reader *reader = mailbox->reader;
    pthread_mutex_lock(&reader->lock);
    mailbox->with_threads--;
    reader->failed += question->outcome != OUTCOME_DONE;
    bool is_forsaken = !mailbox->loop;
    bool is_last = is_forsaken && mailbox->with_threads == 0;
    if (!is_forsaken) {
        post(question);
    }
    pthread_mutex_unlock(&reader->lock);
    if (is_forsaken) { /* the request, which holds the question, has nobody else */
        request_forsake(question->request);
    }
    if (is_last) {
        free(mailbox);
    }
}

static bool close_hand(struct hand *hand)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += STOP_MS / 1000;
    if (hand->started && pthread_timedjoin_np(hand->thread, NULL, &limit) != 0) {
        return false;
    }
    mariadb_close(hand->db);
    return true;
}

static void append(struct questions *list, struct question *question)
{
    question->next = NULL;
    if (list->last) {
        list->last->next = question;
    } else {
        list->first = question;
    }
    list->last = question;
}

static struct question *cut_first(struct questions *list)
{
    struct question *question = list->first;
    list->first = question->next;
    if (!list->first) {
        list->last = NULL;
    }
    return question;
}

static void take_those_of(struct line *line,
                          const struct mailbox *mailbox,
                          struct questions *out_list)
{
    struct questions others = {.first = NULL};
    while (line->questions.first) {
        struct question *question = cut_first(&line->questions);
        bool is_theirs = question->mailbox == mailbox;
        line->waiting -= is_theirs;
        append(is_theirs ? out_list : &others, question);
    }
    line->questions = others;
}

/* Under the lock, so that the descriptor is still the mailbox's. */
static void post(struct question *question)
{
    struct mailbox *mailbox = question->mailbox;
    uint64_t one = 1;
    append(&mailbox->answered, question);
    ssize_t written = write(mailbox->fd, &one, sizeof(one));
    (void)written; /* an eventfd that is full wakes its loop as well */
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct mailbox *mailbox = context;
    uint64_t count = 0;
    ssize_t got = read((int)fd, &count, sizeof(count));
    (void)got; /* it only tells that there may be something */
    pthread_mutex_lock(&mailbox->reader->lock);
    struct questions answered = mailbox->answered;
    mailbox->answered = (struct questions){.first = NULL};
    pthread_mutex_unlock(&mailbox->reader->lock);
    answer_all(&answered);
}

/* An answer ends its request, and the question with it. */
static void answer_all(struct questions *list)
{
    while (list->first) {
        struct question *question = cut_first(list);
        struct fault fault = question->fault;
        question->answer(question->request, question->context, question->outcome, &fault);
    }
}
