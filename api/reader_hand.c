/* SPDX-License-Identifier: MIT
 * The threads that work off a line, each with a connection to MariaDB. */
#include <stdlib.h>
#include <time.h>

#include "api/reader_state.h"
#include "api/request.h"
#include "common/base/clock.h"
#include "common/link/mariadb.h"

enum {
    STOP_MS = 1000,
    /* Of those who go on without MariaDB. */
    HANGS_MS = 1000, /* a connection lost only after so long was lost to silence */
    REST_MS = 10 * 1000, /* and then it is left alone */
};

static void *work(void *context);
static void rest_if_it_hangs(struct hand *hand, int64_t began_ms);
static void hand_back(struct question *question);

void reader_hand_start(struct hand *hand)
{
    if (pthread_create(&hand->thread, NULL, work, hand) != 0) {
        abort(); /* the machine has no room for one more thread */
    }
    hand->started = true;
}

static void *work(void *context)
{
    struct hand *hand = context;
    struct question *question;
    while ((question = reader_line_take(hand)) != NULL) {
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
        reader_post(question);
    }
    pthread_mutex_unlock(&reader->lock);
    if (is_forsaken) { /* the request, which holds the question, has nobody else */
        request_forsake(question->request);
    }
    if (is_last) {
        free(mailbox);
    }
}

bool reader_hand_close(struct hand *hand)
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
