/* SPDX-License-Identifier: MIT
 * What the verbs about people have in common. */
#include "ctl/people.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/seal.h"
#include "common/model/pii.h"
#include "ctl/ctl.h"

enum { PAGE_ROWS = 50, MOST_PAGE_ROWS = 1000 };

int people_finish(struct ctl *ctl,
                  int code,
                  const char *verb,
                  struct span what,
                  struct span why)
{
    if (code == CTL_OK && (people_audit(ctl, verb, what, why) != OUTCOME_DONE ||
                           mariadb_commit(ctl->db, &ctl->fault) != OUTCOME_DONE)) {
        code = ctl_failed(ctl);
    }
    if (code != CTL_OK) {
        mariadb_rollback(ctl->db);
    }
    return code;
}

enum outcome people_audit(struct ctl *ctl,
                          const char *verb,
                          struct span what,
                          struct span why)
{
    unsigned char random[16];
    char id[sizeof("audit:") + 2 * sizeof(random)] = "audit:";
    digest_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(id + sizeof("audit:") - 1 + 2 * i, 3, "%02x", random[i]);
    }
    int64_t now_ms = clock_wall_ms(&clock_system);
    return mariadb_run(ctl->db,
                       "INSERT INTO audit_log (job_id, who, verb, what, why, at)"
                       " VALUES (?, ?, ?, ?, ?, ?)",
                       SQL_VALUES(SQL_STRING(id),
                                  SQL_SPAN(ctl_who(ctl)),
                                  SQL_STRING(verb),
                                  SQL_SPAN(what),
                                  people_text(why),
                                  sql_moment(&ctl->arena, now_ms)),
                       &ctl->arena,
                       NULL,
                       &ctl->fault);
}

bool people_address(struct ctl *ctl, struct span given, struct span *out_address)
{
    struct text canonical;
    text_init(&canonical, 1024);
    pii_canonical_address(given, &canonical);
    *out_address = arena_span(&ctl->arena, text_span(&canonical));
    text_wipe(&canonical);
    return pii_is_address(*out_address);
}

struct span people_lookup(struct ctl *ctl, struct span address)
{
    struct digest lookup;
    char *hex = arena_take(&ctl->arena, DIGEST_HEX_BYTES);
    seal_fingerprint(ctl->pii_ring, SPAN(PII_EMAIL_PURPOSE), address, &lookup);
    digest_hex(&lookup, hex);
    return span_of(hex);
}

struct sql_value people_sealed(struct ctl *ctl, const char *column, struct span plain)
{
    return SQL_SPAN(seal_seal(ctl->pii_ring, span_of(column), plain, &ctl->arena));
}

struct sql_value people_text(struct span text)
{
    return SQL_SPAN(text.at ? text : SPAN(""));
}

struct sql_value people_optional_id(int64_t id)
{
    return id > 0 ? SQL_I64(id) : SQL_NOTHING;
}

struct span people_unsealed(struct ctl *ctl,
                            const char *column,
                            const struct sql_value *sealed,
                            bool *whole)
{
    struct span plain = {NULL, 0};
    if (sealed->type == SQL_NULL) {
        return plain;
    }
    if (seal_unseal(ctl->pii_ring,
                    span_of(column),
                    sealed->text,
                    &ctl->arena,
                    &plain,
                    &ctl->fault) != OUTCOME_DONE) {
        (void)ctl_say(CTL_FAILED, "%s: %s", column, ctl->fault.text);
        *whole = false;
    }
    return plain;
}

struct span people_shown_address(struct ctl *ctl, struct span address)
{
    struct text masked;
    if (address.len == 0 || ctl_option(ctl, "--show-addresses")) {
        return address;
    }
    text_init(&masked, 2 * PII_ADDRESS_BYTES);
    pii_mask_address(address, &masked);
    struct span shown = arena_span(&ctl->arena, text_span(&masked));
    text_done(&masked);
    return shown;
}

bool people_read_page(struct ctl *ctl, struct people_page *out_page)
{
    struct people_page page = {.behind = 0};
    struct span cursor = span_of(ctl_option(ctl, "--cursor"));
    if (!ctl_number(ctl, "--limit", PAGE_ROWS, 1, MOST_PAGE_ROWS, &page.most)) {
        return false;
    }
    if (cursor.len > 0 && (!span_to_i64(cursor, &page.behind) || page.behind < 0)) {
        (void)ctl_say(CTL_USAGE, "this cursor is not one that an earlier page gave");
        return false;
    }
    *out_page = page;
    return true;
}

size_t people_page_rows(struct ctl *ctl,
                        const struct people_page *page,
                        const struct sql_rows *rows,
                        struct span *out_cursor)
{
    *out_cursor = (struct span){NULL, 0};
    if (rows->count <= (size_t)page->most) {
        return rows->count;
    }
    size_t count = (size_t)page->most;
    *out_cursor = span_of(
        arena_format(&ctl->arena, "%lld", (long long)sql_i64(rows, count - 1, 0)));
    return count;
}

void people_say_more(struct ctl *ctl, struct span cursor)
{
    if (cursor.len > 0) {
        text_addf(&ctl->out, "more: --cursor %.*s\n", SPAN_ARGS(cursor));
    }
}

struct json_writer people_open_list(struct ctl *ctl, const char *name)
{
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_open(&json, name, '[');
    return json;
}

void people_close_list(struct ctl *ctl, struct json_writer *json, struct span cursor)
{
    json_close(json, ']');
    json_put_optional(json, "cursor", cursor);
    json_close(json, '}');
    text_add_char(&ctl->out, '\n');
}

bool people_is_name(struct span name, size_t most_bytes)
{
    bool good = name.len > 0 && name.len <= most_bytes && span_is_utf8(name);
    for (size_t i = 0; i < name.len && good; i++) {
        good = (unsigned char)name.at[i] >= 0x20 && name.at[i] != 0x7F;
    }
    return good;
}

int people_report(struct ctl *ctl, const char *what, int64_t id)
{
    if (!ctl->json) {
        text_addf(&ctl->out, "%s %lld\n", what, (long long)id);
        return CTL_OK;
    }
    struct json_writer json = json_writer(&ctl->out);
    json_open(&json, NULL, '{');
    json_put_integer(&json, what, id);
    json_close(&json, '}');
    text_add_char(&ctl->out, '\n');
    return CTL_OK;
}
