/* SPDX-License-Identifier: MIT
 * Migration files taken apart into statements. */
#include "ctl/migration.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static size_t skip_blank(struct span sql);
static size_t skip_comment(struct span sql);
static size_t skip_quoted(struct span sql);
static size_t skip_to(struct span sql, size_t from, const char *end);

bool migration_next(struct span *rest, struct span *out_statement)
{
    size_t start = skip_blank(*rest);
    struct span sql = {rest->at + start, rest->len - start};
    if (sql.len == 0) {
        *rest = sql;
        return false;
    }
    size_t at = 0;
    while (at < sql.len && sql.at[at] != ';') {
        struct span here = {sql.at + at, sql.len - at};
        size_t step = skip_comment(here);
        step = step ? step : skip_quoted(here);
        at += step ? step : 1;
    }
    *out_statement = (struct span){sql.at, at};
    size_t past = at < sql.len ? at + 1 : at;
    *rest = (struct span){sql.at + past, sql.len - past};
    return true;
}

int64_t migration_statements(const struct migration *migration)
{
    struct span rest = {migration->sql, migration->sql_len};
    struct span statement;
    int64_t count = 0;
    while (migration_next(&rest, &statement)) {
        count++;
    }
    return count;
}

struct span migration_statement(const struct migration *migration, int64_t number)
{
    struct span rest = {migration->sql, migration->sql_len};
    struct span statement = {0};
    for (int64_t i = 0; i < number; i++) {
        bool found = migration_next(&rest, &statement);
        assert(found);
    }
    return statement;
}

bool migration_is_rows(struct span statement)
{
    static const char *const words[] = {"INSERT", "UPDATE", "DELETE", "REPLACE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if (statement.len > len && strncasecmp(statement.at, words[i], len) == 0 &&
            isspace((unsigned char)statement.at[len])) {
            return true;
        }
    }
    return false;
}

void migration_checksum(const struct migration *migration, char out[DIGEST_HEX_BYTES])
{
    struct digest digest;
    digest_sha256((struct span){migration->sql, migration->sql_len}, &digest);
    digest_hex(&digest, out);
}

void migration_done_checksum(const struct migration *migration,
                             int64_t statements,
                             char out[DIGEST_HEX_BYTES])
{
    struct span rest = {migration->sql, migration->sql_len};
    struct span statement;
    struct text done;
    text_init(&done, migration->sql_len + (size_t)statements + 1);
    for (int64_t i = 0; i < statements && migration_next(&rest, &statement); i++) {
        text_add(&done, statement);
        text_add_char(&done, ';');
    }
    struct digest digest;
    digest_sha256(text_span(&done), &digest);
    digest_hex(&digest, out);
    text_done(&done);
}

/* White space and comments. */
static size_t skip_blank(struct span sql)
{
    size_t at = 0;
    while (at < sql.len) {
        size_t step = skip_comment((struct span){sql.at + at, sql.len - at});
        if (step == 0 && isspace((unsigned char)sql.at[at])) {
            step = 1;
        }
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

/* The length of the comment that stands here; 0: none does. As in MariaDB, two dashes
 * open one only before white space. */
static size_t skip_comment(struct span sql)
{
    bool dashes =
        span_starts(sql, "--") && (sql.len == 2 || isspace((unsigned char)sql.at[2]));
    if (dashes || span_starts(sql, "#")) {
        return skip_to(sql, 0, "\n");
    }
    return span_starts(sql, "/*") ? skip_to(sql, 2, "*/") : 0;
}

/* The length of the quoted text that stands here; 0: none does. A doubled quote is two
 * texts side by side, which comes to the same. */
static size_t skip_quoted(struct span sql)
{
    char quote = sql.at[0];
    if (quote != '\'' && quote != '"' && quote != '`') {
        return 0;
    }
    size_t at = 1;
    while (at < sql.len && sql.at[at] != quote) {
        at += sql.at[at] == '\\' && quote != '`' ? 2 : 1;
    }
    return at < sql.len ? at + 1 : sql.len;
}

static size_t skip_to(struct span sql, size_t from, const char *end)
{
    const char *found = memmem(sql.at + from, sql.len - from, end, strlen(end));
    return found ? (size_t)(found - sql.at) + strlen(end) : sql.len;
}
