/* SPDX-License-Identifier: MIT
 * Lists of questions, and the lines in which they wait for a thread. */
#include "api/reader_state.h"
#include "common/base/clock.h"

static void expire_line(struct reader *reader, struct line *line);

void reader_line_add(struct reader *reader, struct line *line, struct question *question)
{
    pthread_mutex_lock(&reader->lock);
    if (line->waiting < READER_LINE) {
        line->waiting++;
        questions_append(&line->questions, question);
        pthread_cond_signal(&line->came);
    } else {
        reader->failed++;
        question->outcome = fault_set(&question->fault,
                                      OUTCOME_LATER,
                                      "reader",
                                      READER_LINE_FULL,
                                      "too many reads wait in line");
        reader_post(question);
    }
    pthread_mutex_unlock(&reader->lock);
}

struct question *reader_line_take(struct hand *hand)
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
        question = questions_cut_first(&line->questions);
        question->mailbox->with_threads++;
        line->waiting--;
        reader->taken++;
    }
    pthread_mutex_unlock(&reader->lock);
    return question;
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
        struct question *question = questions_cut_first(&line->questions);
        line->waiting--;
        reader->failed++;
        question->outcome = fault_set(&question->fault,
                                      OUTCOME_LATER,
                                      "reader",
                                      READER_TOO_LATE,
                                      "no thread came to it in time");
        reader_post(question);
    }
}

void reader_line_cut_those_of(struct line *line,
                              const struct mailbox *mailbox,
                              struct questions *out_list)
{
    struct questions others = {.first = NULL};
    while (line->questions.first) {
        struct question *question = questions_cut_first(&line->questions);
        bool is_theirs = question->mailbox == mailbox;
        line->waiting -= is_theirs;
        questions_append(is_theirs ? out_list : &others, question);
    }
    line->questions = others;
}

void questions_append(struct questions *list, struct question *question)
{
    question->next = NULL;
    if (list->last) {
        list->last->next = question;
    } else {
        list->first = question;
    }
    list->last = question;
}

struct question *questions_cut_first(struct questions *list)
{
    struct question *question = list->first;
    list->first = question->next;
    if (!list->first) {
        list->last = NULL;
    }
    return question;
}
