/* SPDX-License-Identifier: MIT
 * job - the whole life of a job: what the queue remembers, and what the books say. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/link/queue.h"
#include "ctl/books_find.h"
#include "ctl/ctl.h"
#include "ctl/queue_calls.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

/* What was found under one name. */
struct life {
    struct span name;
    struct job_record *record; /* the one job; NULL: none, or several */
    struct job_record *several;
    size_t several_count;
    bool queue_away;
    bool books_away;
    struct span keys[BOOK_MOST_KEYS]; /* the name first, then what its job refers to */
    size_t key_count;
    size_t own_keys; /* of these: other names of the job itself */
    struct found found;
};

static enum outcome ask_queue(struct ctl *ctl, struct life *life);
static enum outcome ask_books(struct ctl *ctl, struct life *life);
static void collect_keys(struct life *life);
static void add_key(struct life *life, struct span key);
static void add_keys_of_rows(struct ctl *ctl, struct life *life, enum book book);
static bool is_shown_by_name_only(enum book book);
static bool is_empty(const struct life *life);
static void life_json(struct ctl *ctl, const struct life *life);
static void life_text(struct ctl *ctl, const struct life *life);
static void several_text(struct ctl *ctl, const struct life *life, int64_t now_ms);

int verb_job(struct ctl *ctl)
{
    struct life *life = ARENA_NEW(&ctl->arena, struct life);
    life->name = span_of(ctl->words[0]);
    int code = CTL_OK;
    if (ask_queue(ctl, life) != OUTCOME_DONE) {
        code = ctl_failed(ctl);
        life->queue_away = true;
    }
    collect_keys(life);
    if (ask_books(ctl, life) != OUTCOME_DONE) {
        code = ctl_failed(ctl);
        life->books_away = true;
    }
    if (is_empty(life)) {
        return code != CTL_OK ? code
                              : ctl_say(CTL_NOT_FOUND,
                                        "nothing is known of %.*s",
                                        SPAN_ARGS(life->name));
    }
    if (ctl->json) {
        life_json(ctl, life);
    } else {
        life_text(ctl, life);
    }
    return code;
}

/* By its name, else by a reference that it carries. */
static enum outcome ask_queue(struct ctl *ctl, struct life *life)
{
    struct partition partition;
    enum outcome outcome = calls_show(ctl, life->name, &life->record, &partition);
    if (outcome != OUTCOME_DONE || life->record) {
        return outcome;
    }
    outcome = calls_find(ctl, life->name, &life->several, &life->several_count);
    if (outcome == OUTCOME_DONE && life->several_count == 1) {
        outcome = calls_show(ctl, life->several[0].id, &life->record, &partition);
    }
    return outcome;
}

/* The name; what follows the last colon of it (receipt:pi_1); the job's references. An
 * account is left out: all that ever happened to it would be too much. */
static void collect_keys(struct life *life)
{
    add_key(life, life->name); /* the first: books_find's `is_given` */
    struct span rest = life->name;
    struct span tail = rest;
    while (rest.len > 0) {
        tail = span_cut(rest, ':', &rest);
    }
    add_key(life, tail);
    if (life->record) {
        add_key(life, life->record->id);
    }
    life->own_keys = life->key_count;
    struct span refs = life->record ? life->record->refs : SPAN("");
    while (refs.len > 0) {
        struct span ref = span_cut(refs, ' ', &refs);
        if (!span_starts(ref, "acct_")) {
            add_key(life, ref);
        }
    }
}

static void add_key(struct life *life, struct span key)
{
    for (size_t i = 0; i < life->key_count; i++) {
        if (span_equal(life->keys[i], key)) {
            return;
        }
    }
    if (key.len > 0 && life->key_count < BOOK_MOST_KEYS) {
        life->keys[life->key_count++] = key;
    }
}

static enum outcome ask_books(struct ctl *ctl, struct life *life)
{
    enum outcome outcome = OUTCOME_DONE;
    for (int book = 0; book < BOOK_COUNT; book++) {
        size_t keys =
            is_shown_by_name_only((enum book)book) ? life->own_keys : life->key_count;
        for (size_t i = 0; outcome == OUTCOME_DONE && i < keys; i++) {
            outcome =
                books_find(ctl, (enum book)book, life->keys[i], i == 0, &life->found);
        }
        add_keys_of_rows(ctl, life, (enum book)book);
    }
    return outcome;
}

/* Rows name further objects: an event its payment, a charge's payment its intent, a sale
 * in cash its receipt. The many sales of a batch stay without what is theirs. */
static void add_keys_of_rows(struct ctl *ctl, struct life *life, enum book book)
{
    static const struct {
        enum book book;
        size_t column; /* as books_find.c orders them */
    } names[] = {
        {BOOK_EVENTS, 6},
        {BOOK_EVENTS, 7},
        {BOOK_PAYMENTS, 1},
        {BOOK_REFUNDS, 1},
        {BOOK_REFUNDS, 2},
        {BOOK_DISPUTES, 2},
    };
    bool is_crowd = life->found.count[book] > BOOK_MOST_KEYS / 4;
    if (book == BOOK_PAYMENTS && is_crowd) {
        return;
    }
    for (size_t j = 0; book == BOOK_PAYMENTS && j < life->found.count[book]; j++) {
        int64_t row = sql_i64(life->found.rows[book][j], life->found.at[book][j], 0);
        add_key(life, span_of(arena_format(&ctl->arena, "payment:%lld", (long long)row)));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t j = 0; names[i].book == book && j < life->found.count[book]; j++) {
            const struct sql_rows *rows = life->found.rows[book][j];
            struct span name = sql_text(rows, life->found.at[book][j], names[i].column);
            if (!span_starts(name, "acct_")) {
                add_key(life, name);
            }
        }
    }
}

/* An event's page shows its payment, but not all of the payment's other events. */
static bool is_shown_by_name_only(enum book book)
{
    return book == BOOK_EVENTS || book == BOOK_ARCHIVE;
}

static bool is_empty(const struct life *life)
{
    size_t rows = 0;
    for (int book = 0; book < BOOK_COUNT; book++) {
        rows += life->found.count[book];
    }
    return !life->record && life->several_count == 0 && rows == 0;
}

static void life_json(struct ctl *ctl, const struct life *life)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "name", life->name);
    json_put_optional(&json,
                      "state",
                      span_of(life->record ? job_state_name(life->record->state) : NULL));
    json_open(&json, "away", '[');
    if (life->queue_away) {
        json_put_string(&json, NULL, SPAN("redis"));
    }
    if (life->books_away) {
        json_put_string(&json, NULL, SPAN("mariadb"));
    }
    json_close(&json, ']');
    json_open(&json, "jobs", '[');
    if (life->record) {
        show_job_json(ctl, &json, life->record, true);
    }
    for (size_t i = 0; !life->record && i < life->several_count; i++) {
        show_job_json(ctl, &json, &life->several[i], true);
    }
    json_close(&json, ']');
    for (int book = 0; book < BOOK_COUNT; book++) {
        const struct section *section = books_section((enum book)book);
        json_open(&json, section->name, '[');
        for (size_t i = 0; i < life->found.count[book]; i++) {
            show_row_json(ctl,
                          &json,
                          NULL,
                          section,
                          life->found.rows[book][i],
                          life->found.at[book][i]);
        }
        json_close(&json, ']');
    }
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}

static void life_text(struct ctl *ctl, const struct life *life)
{
    int64_t now_ms = clock_wall_ms(&clock_system);
    if (life->record) {
        show_job_text(ctl, life->record, now_ms);
    } else if (life->several_count > 0) {
        several_text(ctl, life, now_ms);
    } else {
        text_addf(&ctl->out,
                  "%.*s: %s\n",
                  SPAN_ARGS(life->name),
                  life->queue_away ? "the queue is away; the books say:"
                                   : "not in the queue (any more); the books say:");
    }
    for (int book = 0; book < BOOK_COUNT; book++) {
        for (size_t i = 0; i < life->found.count[book]; i++) {
            show_row_text(ctl,
                          books_section((enum book)book),
                          life->found.rows[book][i],
                          life->found.at[book][i]);
        }
    }
}

static void several_text(struct ctl *ctl, const struct life *life, int64_t now_ms)
{
    static const struct table_column columns[] = {
        {"JOB", false, false},
        {"KIND", false, false},
        {"STATE", false, false},
        {"WHEN", true, false},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < life->several_count; i++) {
        const struct job_record *record = &life->several[i];
        table_cell(&table, record->id);
        table_cell(&table, record->kind);
        table_cell(&table, span_of(job_state_name(record->state)));
        table_cell(&table, ctl_when(ctl, record->at_ms, now_ms));
    }
    table_print(&table, &ctl->out);
}
