/* SPDX-License-Identifier: MIT
 * Tells of events that cannot be read, and counts them. */
#include "worker/catchup_unread.h"

#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/event.h"
#include "worker/events.h"
#include "worker/handlers.h"

/* What does not change from one listing to the next, as pending_webhooks does. */
struct span catchup_unread_name(const struct cJSON *object, struct arena *arena)
{
    struct span id = json_string(object, "id");
    if (event_is_id(id) && id.len <= EVENT_ID_BYTES) {
        return id;
    }
    int64_t created_s = 0;
    (void)json_integer(object, "created", &created_s);
    const struct cJSON *data = json_at(object, "data");
    const char *said = arena_format(arena,
                                    "%lld %.*s %.*s",
                                    (long long)created_s,
                                    SPAN_ARGS(json_string(object, "type")),
                                    SPAN_ARGS(json_print(data ? data : object, arena)));
    struct digest digest;
    char hex[DIGEST_HEX_BYTES];
    digest_sha256(span_of(said), &digest);
    digest_hex(&digest, hex);
    return span_of(arena_format(arena, "unnamed:%s", hex));
}

enum outcome catchup_unread_tell(struct handling *handling,
                                 const struct catchup_list *list,
                                 struct span name,
                                 int64_t created_ms,
                                 bool *out_new,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "INSERT INTO reconciliation_findings (kind, subject, amicale_id, detail,"
        " happened_at) VALUES ('event_unreadable', ?, ?, JSON_OBJECT('reason',"
        " 'Stripe lists an event that cannot be read', 'account', ?, 'walk', ?), ?)"
        " ON DUPLICATE KEY UPDATE seen_at = CURRENT_TIMESTAMP(3)",
        SQL_VALUES(SQL_SPAN(name),
                   list->amicale_id ? SQL_I64(list->amicale_id) : SQL_NOTHING,
                   SQL_SPAN(list->account),
                   SQL_STRING(event_walk_name(list->walk)),
                   sql_moment(handling->arena, created_ms)),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_new = rows.affected == 1;
    }
    return outcome;
}

enum outcome catchup_unread_left(struct handling *handling,
                                 const struct catchup_list *list,
                                 int64_t *out_count,
                                 int64_t *out_oldest_ms,
                                 struct fault *fault)
{
    struct sql_rows rows;
    enum outcome outcome = mariadb_run(
        handling->db,
        "SELECT COUNT(*), CAST(UNIX_TIMESTAMP(MIN(happened_at)) * 1000 AS SIGNED)"
        " FROM reconciliation_findings AS unread"
        " WHERE kind = 'event_unreadable' AND closed_at IS NULL"
        " AND JSON_VALUE(detail, '$.account') = ? AND JSON_VALUE(detail, '$.walk') = ?"
        " AND NOT EXISTS (SELECT 1 FROM stripe_events"
        " WHERE stripe_event_id = unread.subject AND processed_at IS NOT NULL)",
        SQL_VALUES(SQL_SPAN(list->account), SQL_STRING(event_walk_name(list->walk))),
        handling->arena,
        &rows,
        fault);
    if (outcome == OUTCOME_DONE) {
        *out_count = sql_i64(&rows, 0, 0);
        *out_oldest_ms = sql_i64(&rows, 0, 1);
    }
    return outcome;
}
