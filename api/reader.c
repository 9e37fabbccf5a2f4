/* SPDX-License-Identifier: MIT
 * Opens two lines of questions and their threads, and takes the questions of requests. */
#include "api/reader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/reader_state.h"
#include "api/request.h"
#include "common/base/log.h"
#include "common/base/settings.h"
#include "common/link/mariadb.h"

enum { HASTY_MS = 2000 }; /* so long those wait for MariaDB who go on without it */

static struct settings hurried(const struct settings *settings, int64_t most_ms);
static void ask(struct request *request,
                int which,
                reader_read_fn read,
                reader_answer_fn answer,
                void *context);

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
        reader_hand_start(&reader->hands[i]);
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
        ended = reader_hand_close(&reader->hands[i]) && ended;
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
    reader_line_add(reader, &reader->lines[which], question);
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
