/* SPDX-License-Identifier: MIT
 * What webhooks setup and webhooks check print. */
#include "ctl/webhooks_report.h"

#include "common/base/json.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static struct span count_types(const struct webhooks_run *run,
                               const struct webhooks_end *end);

void webhooks_report_json(const struct webhooks_run *run)
{
    struct json_writer json = json_writer(&run->ctl->out);
    json_open(&json, NULL, '{');
    json_put_string(&json, "url", span_of(run->url));
    json_open(&json, "endpoints", '[');
    for (int i = 0; i < END_COUNT; i++) {
        const struct webhooks_end *end = &run->ends[i];
        const struct webhook_end *there = &end->at_stripe;
        json_open(&json, NULL, '{');
        json_put_string(&json, "endpoint", span_of(webhook_ends_name(end->place)));
        json_put_optional(&json, "id", there->id);
        json_put_optional(&json, "did", span_of(end->did));
        json_put_optional(&json, "status", there->status);
        json_put_optional(&json, "api_version", there->api_version);
        json_put_bool(&json, "livemode", there->livemode);
        json_put_integer(&json, "types", (int64_t)there->types);
        json_put_optional(&json, "file", span_of(end->path));
        if (end->path) {
            json_put_integer(&json, "secrets", (int64_t)end->file.secrets);
        } else {
            json_put_null(&json, "secrets");
        }
        if (end->secret.len > 0) {
            json_put_string(&json, "secret", end->secret);
        }
        json_open(&json, "problems", '[');
        for (size_t j = 0; j < end->problem_count; j++) {
            json_put_string(&json, NULL, end->problems[j]);
        }
        json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    text_add_char(&run->ctl->out, '\n');
}

void webhooks_report_text(const struct webhooks_run *run)
{
    static const struct table_column columns[] = {
        {"ENDPOINT", false, false},
        {"ID", false, false},
        {"STATUS", false, false},
        {"VERSION", false, false},
        {"MODE", false, false},
        {"TYPES", true, false},
        {"SECRETS", true, false},
        {"DID", false, false},
    };
    struct ctl *ctl = run->ctl;
    struct table table;
    text_addf(&ctl->out, "%s\n\n", run->url);
    bool did = run->ends[END_PLATFORM].did != NULL || run->ends[END_CONNECT].did != NULL;
    size_t count = sizeof(columns) / sizeof(columns[0]) - (did ? 0 : 1);
    table_init(&table, &ctl->arena, columns, count);
    for (int i = 0; i < END_COUNT; i++) {
        const struct webhooks_end *end = &run->ends[i];
        const struct webhook_end *there = &end->at_stripe;
        bool known = there->id.len > 0;
        table_cell(&table, span_of(webhook_ends_name(end->place)));
        table_cell(&table, known ? there->id : SPAN("-"));
        table_cell(&table, known ? there->status : SPAN("-"));
        table_cell(&table, there->api_version.len > 0 ? there->api_version : SPAN("-"));
        table_cell(&table,
                   !known            ? SPAN("-")
                   : there->livemode ? SPAN("live")
                                     : SPAN("test"));
        table_cell(&table, known ? count_types(run, end) : SPAN("-"));
        if (end->path) {
            table_number(&table, (int64_t)end->file.secrets);
        } else {
            table_cell(&table, SPAN("-"));
        }
        if (did) {
            table_cell(&table, end->did ? span_of(end->did) : SPAN("-"));
        }
    }
    table_print(&table, &ctl->out);
    for (int i = 0; i < END_COUNT; i++) {
        const struct webhooks_end *end = &run->ends[i];
        const char *name = webhook_ends_name(end->place);
        for (size_t j = 0; j < end->problem_count; j++) {
            text_addf(&ctl->out, "%s: ", name);
            ctl_add_line(&ctl->out, end->problems[j]);
            text_add_char(&ctl->out, '\n');
        }
        if (end->secret.len > 0) {
            text_addf(&ctl->out, "%s: %.*s\n", name, SPAN_ARGS(end->secret));
        }
    }
}

static struct span count_types(const struct webhooks_run *run,
                               const struct webhooks_end *end)
{
    if (end->at_stripe.has_all) {
        return SPAN("all");
    }
    return span_of(arena_format(&run->ctl->arena,
                                "%zu/%zu",
                                end->at_stripe.types,
                                webhook_ends_types(end->place)));
}
