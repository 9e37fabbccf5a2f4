/* SPDX-License-Identifier: MIT
 * Values that go into a statement, and the rows that come out of it. */
#include "common/link/mariadb.h"

#include <assert.h>
#include <time.h>

struct sql_value sql_optional(struct span span)
{
    return span.len == 0 ? SQL_NOTHING : SQL_SPAN(span);
}

struct sql_value sql_moment(struct arena *arena, int64_t wall_ms)
{
    if (wall_ms == 0) {
        return SQL_NOTHING;
    }
    /* Rounds towards the past, so that moments before 1970 stay moments. */
    int64_t ms = wall_ms % 1000;
    ms += ms < 0 ? 1000 : 0;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm utc;
    struct tm *known = gmtime_r(&seconds, &utc);
    assert(known != NULL);
    char *text = arena_format(arena,
                              "%04d-%02d-%02d %02d:%02d:%02d.%03d",
                              known->tm_year + 1900,
                              known->tm_mon + 1,
                              known->tm_mday,
                              known->tm_hour,
                              known->tm_min,
                              known->tm_sec,
                              (int)ms);
    return SQL_STRING(text);
}

const struct sql_value *sql_at(const struct sql_rows *rows, size_t row, size_t column)
{
    assert(row < rows->count && column < rows->columns);
    return &rows->values[row * rows->columns + column];
}

int64_t sql_i64(const struct sql_rows *rows, size_t row, size_t column)
{
    const struct sql_value *value = sql_at(rows, row, column);
    assert(value->type != SQL_TEXT);
    return value->type == SQL_INTEGER ? value->integer : 0;
}

struct span sql_text(const struct sql_rows *rows, size_t row, size_t column)
{
    const struct sql_value *value = sql_at(rows, row, column);
    assert(value->type != SQL_INTEGER);
    return value->type == SQL_TEXT ? value->text : (struct span){"", 0};
}

bool sql_is_null(const struct sql_rows *rows, size_t row, size_t column)
{
    return sql_at(rows, row, column)->type == SQL_NULL;
}
