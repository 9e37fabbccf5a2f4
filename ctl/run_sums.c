/* SPDX-License-Identifier: MIT
 * The sums of both sides. */
#include "ctl/run_sums.h"

#include "common/base/json.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

static const struct table_column columns[] = {
    {"AMICALE", true, false},
    {"SUM OF", false, false},
    {"BOOKS", true, false},
    {"STRIPE", true, false},
    {"DIFFERENCE", true, false},
};

static void add_sum(struct run_sums *sums,
                    int64_t amicale,
                    struct span name,
                    int64_t books,
                    int64_t stripe);

void run_sums_init(struct run_sums *sums, struct ctl *ctl)
{
    *sums = (struct run_sums){.ctl = ctl};
    table_init(&sums->table, &ctl->arena, columns, sizeof(columns) / sizeof(columns[0]));
}

void run_sums_add(struct run_sums *sums, int64_t amicale, struct span totals)
{
    struct cJSON *document = NULL;
    struct fault fault;
    if (totals.len == 0 || json_parse(totals, &document, &fault) != OUTCOME_DONE) {
        return;
    }
    for (const struct cJSON *member = json_first(document, "books"); member;
         member = json_next(member)) {
        int64_t books = 0;
        int64_t stripe = 0;
        struct span name = json_key(member);
        (void)json_integer(member, "", &books);
        (void)json_integer(json_at(document, "stripe"),
                           arena_copy(&sums->ctl->arena, name),
                           &stripe);
        if (books != 0 || stripe != 0) {
            add_sum(sums, amicale, name, books, stripe);
        }
    }
    json_free(document);
}

static void add_sum(struct run_sums *sums,
                    int64_t amicale,
                    struct span name,
                    int64_t books,
                    int64_t stripe)
{
    struct table *table = &sums->table;
    struct span eur = SPAN("eur");
    if (amicale > 0) {
        table_number(table, amicale);
    } else {
        table_cell(table, SPAN("none"));
    }
    table_cell(table, arena_span(&sums->ctl->arena, name));
    table_cell(table, show_amount(sums->ctl, books, eur));
    table_cell(table, show_amount(sums->ctl, stripe, eur));
    table_cell(table,
               books == stripe ? SPAN("-") : show_amount(sums->ctl, stripe - books, eur));
}

void run_sums_print(const struct run_sums *sums)
{
    if (sums->table.count > 0) {
        table_print(&sums->table, &sums->ctl->out);
        text_add_char(&sums->ctl->out, '\n');
    }
}
