/* SPDX-License-Identifier: MIT
 *
 * show - one job, one lane, one row: how each is written, as text and as JSON.
 *
 * Owns:    nothing
 * Callers: ctl
 * Blocks:  never
 *
 * Shapes in JSON are documented in docs/cli.md and are promises to scripts.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct ctl;
struct job_record;
struct json_writer;
struct lane_counts;
struct sql_rows;

/* A job as an object; `whole` adds the history and what only one job's page shows. */
void show_job_json(struct ctl *ctl,
                   struct json_writer *json,
                   const struct job_record *record,
                   bool whole);
void show_job_text(struct ctl *ctl, const struct job_record *record, int64_t now_ms);

void show_lane_json(struct json_writer *json, const struct lane_counts *lane);
/* The table of lanes; empty ones are left out. */
void show_lanes_text(struct ctl *ctl, const struct lane_counts *lanes, size_t count);

/* What is known of a kind of row. Names that end in _at are moments; flags are known
 * by their names. */
struct section {
    const char *name; /* "events": the key in JSON */
    const char *title; /* "event": the heading of each row in text */
    const char *const *columns; /* ended by NULL */
};
void show_row_json(struct ctl *ctl,
                   struct json_writer *json,
                   const char *key,
                   const struct section *section,
                   const struct sql_rows *rows,
                   size_t row);
void show_row_text(struct ctl *ctl,
                   const struct section *section,
                   const struct sql_rows *rows,
                   size_t row);

/* "2026-11-22 10:05:00.123" of SQL as RFC 3339, in the arena. */
struct span show_sql_moment(struct ctl *ctl, struct span moment);
/* The same on the clocks of France: "11:05:00", with its day ("2026-11-22 11:05:00") unless
 * that is the day of `now_ms`. Empty when there is none. */
struct span show_paris(struct ctl *ctl, struct span moment, int64_t now_ms);
/* "12.50"; another currency than EUR with its code: "12,50 CHF". In the arena. */
struct span show_amount(struct ctl *ctl, int64_t minor, struct span currency);
/* A number that may be NULL. */
void show_put_id(struct json_writer *json,
                 const char *key,
                 const struct sql_rows *rows,
                 size_t row,
                 size_t column);

#endif
