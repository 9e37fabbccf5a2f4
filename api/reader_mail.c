/* SPDX-License-Identifier: MIT
 * The loops' mailboxes: answers come from threads, and are told on the loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "api/door.h"
#include "api/loop.h"
#include "api/reader_state.h"

static void leave(struct questions *list);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void answer_all(struct questions *list);

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
        reader_line_cut_those_of(&reader->lines[i], mailbox, &line);
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

void reader_post(struct question *question)
{
    struct mailbox *mailbox = question->mailbox;
    uint64_t one = 1;
    questions_append(&mailbox->answered, question);
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
        struct question *question = questions_cut_first(list);
        struct fault fault = question->fault;
        question->answer(question->request, question->context, question->outcome, &fault);
    }
}
