/* SPDX-License-Identifier: MIT
 * jobs - the jobs in one state, page by page. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/settings.h"
#include "common/link/queue.h"
#include "common/link/redis.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/verbs.h"

/* Records that may be looked at for a filter without an index, in one page. */
enum { SCAN = 20000, MOST_JOBS = 500 };

/* A page over all partitions, one partition after another. */
struct page {
    struct job_record *records;
    size_t count;
    struct span cursor; /* for the next page; empty: this was the last */
    bool partial; /* the bound of the scan ended it */
};

static int read_list(struct ctl *ctl, struct list *out_list, int *out_partition);
static int bad_cursor(void);
static enum outcome read_page(struct ctl *ctl,
                              struct list list,
                              int partition,
                              struct page *out_page);
static struct span outer_cursor(struct ctl *ctl, int partition, struct span inner);
static void replace(char *text, char from, char to);
static void page_json(struct ctl *ctl, const struct page *page);
static void page_text(struct ctl *ctl, const struct page *page);

int verb_jobs(struct ctl *ctl)
{
    struct list list;
    struct page page = {0};
    int partition = 0;
    int code = read_list(ctl, &list, &partition);
    if (code != CTL_OK) {
        return code;
    }
    if (read_page(ctl, list, partition, &page) != OUTCOME_DONE) {
        return strstr(ctl->fault.text, "BADCURSOR") ? bad_cursor() : ctl_failed(ctl);
    }
    if (ctl->json) {
        page_json(ctl, &page);
    } else {
        page_text(ctl, &page);
    }
    return CTL_OK;
}

static int read_list(struct ctl *ctl, struct list *out_list, int *out_partition)
{
    const char *state = ctl_option(ctl, "--state");
    struct list list = {
        .lane = span_of(ctl_option(ctl, "--lane")),
        .kind = span_of(ctl_option(ctl, "--kind")),
        .tenant = span_of(ctl_option(ctl, "--tenant")),
        .scan = SCAN,
    };
    int64_t most = 0;
    enum job_lane lane;
    if (!state || !job_state_find(span_of(state), &list.state)) {
        return ctl_say(CTL_USAGE, "--state is ready, leased, scheduled, done or dead");
    }
    if (list.lane.len > 0 && !lane_find(list.lane, &lane)) {
        return ctl_say(CTL_USAGE, "there is no lane %.*s", SPAN_ARGS(list.lane));
    }
    if (!ctl_number(ctl, "--limit", 20, 1, MOST_JOBS, &most)) {
        return CTL_USAGE;
    }
    list.most = (int)most;
    /* "<partition>~<position>", with ~ for the spaces of the queue's own cursor, so that
     * a shell takes it as it stands. */
    struct span cursor = span_of(ctl_option(ctl, "--cursor"));
    int64_t partition = 0;
    if (cursor.len > 0) {
        struct span inner;
        struct span number = span_cut(cursor, '~', &inner);
        if (!span_to_i64(number, &partition) || partition < 0 ||
            partition >= ctl->settings->redis.partitions) {
            return bad_cursor();
        }
        char *copy = arena_copy(&ctl->arena, inner);
        replace(copy, '~', ' ');
        list.cursor = span_of(copy);
    }
    *out_partition = (int)partition;
    *out_list = list;
    return CTL_OK;
}

static int bad_cursor(void)
{
    return ctl_say(CTL_USAGE, "this cursor is not one that an earlier page gave");
}

static enum outcome read_page(struct ctl *ctl,
                              struct list list,
                              int partition,
                              struct page *out_page)
{
    int partitions = (int)ctl->settings->redis.partitions;
    struct page page = {
        .records = ARENA_ARRAY(&ctl->arena, struct job_record, (size_t)list.most + 1)};
    int wanted = list.most;
    for (int i = partition; i < partitions; i++) {
        list.most = wanted - (int)page.count;
        if (list.most == 0) {
            page.cursor = outer_cursor(ctl, i, SPAN(""));
            break;
        }
        struct command command =
            queue_list(&ctl->arena,
                       (struct partition){.number = i, .count = partitions},
                       &list);
        struct reply reply;
        struct job_record *records = NULL;
        size_t count = 0;
        struct span cursor = {0};
        enum outcome outcome =
            redis_call(ctl->redis, &command, &ctl->arena, &reply, &ctl->fault);
        if (outcome == OUTCOME_DONE) {
            outcome = queue_read_records(&reply,
                                         &ctl->arena,
                                         &records,
                                         &count,
                                         &cursor,
                                         &page.partial,
                                         &ctl->fault);
        }
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        for (size_t j = 0; j < count && page.count < (size_t)wanted; j++) {
            page.records[page.count++] = records[j];
        }
        if (cursor.len > 0) {
            page.cursor = outer_cursor(ctl, i, cursor);
            break;
        }
        list.cursor = SPAN("");
    }
    *out_page = page;
    return OUTCOME_DONE;
}

static struct span outer_cursor(struct ctl *ctl, int partition, struct span inner)
{
    char *cursor = arena_format(&ctl->arena, "%d~%.*s", partition, SPAN_ARGS(inner));
    replace(cursor, ' ', '~');
    return span_of(cursor);
}

static void replace(char *text, char from, char to)
{
    for (char *at = strchr(text, from); at; at = strchr(at, from)) {
        *at = to;
    }
}

static void page_json(struct ctl *ctl, const struct page *page)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_open(&json, "jobs", '[');
    for (size_t i = 0; i < page->count; i++) {
        show_job_json(ctl, &json, &page->records[i], false);
    }
    json_close(&json, ']');
    json_put_optional(&json, "cursor", page->cursor);
    json_put_bool(&json, "partial", page->partial);
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
}

static void page_text(struct ctl *ctl, const struct page *page)
{
    static const struct table_column columns[] = {
        {"JOB", false, false},
        {"KIND", false, false},
        {"LANE", false, false},
        {"TENANT", true, false},
        {"TRY", true, false},
        {"WHEN", true, false},
    };
    struct table table;
    table_init(&table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
    int64_t now_ms = clock_wall_ms(&clock_system);
    for (size_t i = 0; i < page->count; i++) {
        const struct job_record *record = &page->records[i];
        table_cell(&table, record->id);
        table_cell(&table, record->kind);
        table_cell(&table, record->lane);
        table_cell(&table, record->tenant);
        table_number(&table, record->attempt);
        table_cell(&table, ctl_when(ctl, record->at_ms, now_ms));
        table_note(&table, record->last_fault);
    }
    table_print(&table, &ctl->out);
    if (page->partial) {
        text_addf(&ctl->out, "looked at %d jobs; there may be more\n", SCAN);
    }
    if (page->cursor.len > 0) {
        text_addf(&ctl->out, "more: --cursor %.*s\n", SPAN_ARGS(page->cursor));
    }
}
