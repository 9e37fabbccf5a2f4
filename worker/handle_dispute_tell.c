/* SPDX-License-Identifier: MIT
 * dispute.tell: who is written of a dispute. The operators see a finding until the dispute
 * is closed: the platform answers it. Each admin of the amicale gets a letter, which
 * receipt.send writes once for ever; without an admin the amicale's own address does.
 *
 * A settlement takes few follow-ups, so a job tells some admins and leaves the others to
 * the next one of its kind. */
#include "worker/handlers.h"

#include "common/base/json.h"
#include "common/link/mariadb.h"
#include "common/model/pii.h"
#include "worker/dispute_source.h"
#include "worker/finding.h"
#include "worker/unsealed.h"

/* The columns of the dispute. */
enum column {
    AMICALE_ID,
    AMOUNT,
    CURRENCY,
    CLOSED,
    DUE_BY,
    PAYMENT_INTENT,
    AMICALE_ADDRESS,
    STATUS,
};

/* The dispute, and after which user the list of admins goes on. */
struct telling {
    struct handling *handling;
    struct span dispute; /* dp_... */
    int64_t after;
    struct sql_rows rows;
};

static enum outcome tell(struct telling *telling,
                         struct handled *handled,
                         struct fault *fault);
static enum outcome read_dispute(struct telling *telling, struct fault *fault);
static enum outcome tell_operators(struct telling *telling, struct fault *fault);
static enum outcome tell_admins(struct telling *telling,
                                struct handled *handled,
                                struct fault *fault);
static enum outcome tell_amicale(struct telling *telling,
                                 struct handled *handled,
                                 struct fault *fault);
static void add_letter(struct telling *telling,
                       struct handled *handled,
                       const char *reader);
static void add_rest(struct telling *telling, struct handled *handled, int64_t after);
static const char *mark_of(const struct telling *telling);
static struct span tenant_of(const struct telling *telling);
static enum outcome open_finding(struct telling *telling,
                                 const char *kind,
                                 const char *reason,
                                 struct fault *fault);

enum outcome handle_dispute_tell(struct handling *handling,
                                 struct handled *out_handled,
                                 struct fault *fault)
{
    struct cJSON *payload = NULL;
    enum outcome outcome = json_parse(handling->payload, &payload, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    struct telling telling = {
        .handling = handling,
        .dispute = arena_span(handling->arena, json_string(payload, "dispute")),
    };
    bool good = telling.dispute.len > 0 && job_id_is_valid(telling.dispute) &&
                json_integer(payload, "after", &telling.after);
    json_free(payload);
    if (!good) {
        return fault_set(fault,
                         OUTCOME_NEVER,
                         "dispute",
                         0,
                         "the payload names no dispute");
    }
    outcome = mariadb_begin(handling->db, fault);
    if (outcome == OUTCOME_DONE) {
        outcome = tell(&telling, out_handled, fault);
    }
    if (outcome == OUTCOME_DONE) {
        outcome = mariadb_commit(handling->db, fault);
    }
    if (outcome != OUTCOME_DONE) {
        mariadb_rollback(handling->db);
        return outcome;
    }
    handling->answered |= NEIGHBOUR_MARIADB;
    return OUTCOME_DONE;
}

static enum outcome tell(struct telling *telling,
                         struct handled *handled,
                         struct fault *fault)
{
    enum outcome outcome = read_dispute(telling, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (sql_i64(&telling->rows, 0, CLOSED) == 1) {
        handled->result = SPAN("{\"skipped\":\"the dispute is closed\"}");
        return OUTCOME_DONE;
    }
    outcome = tell_operators(telling, fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (sql_is_null(&telling->rows, 0, AMICALE_ID)) {
        return open_finding(telling,
                            "dispute_untold",
                            "nobody knows whose payment is disputed",
                            fault);
    }
    return tell_admins(telling, handled, fault);
}

/* Locked alone: events lock the payment's row before the dispute's. */
static enum outcome read_dispute(struct telling *telling, struct fault *fault)
{
    struct handling *handling = telling->handling;
    struct sql_rows locked;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT id FROM disputes WHERE stripe_dispute_id = ? FOR UPDATE",
                    SQL_VALUES(SQL_SPAN(telling->dispute)),
                    handling->arena,
                    &locked,
                    fault);
    if (outcome == OUTCOME_DONE && locked.count == 0) {
        return fault_set(fault, OUTCOME_NEVER, "dispute", 0, "there is no such dispute");
    }
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    return mariadb_run(
        handling->db,
        "SELECT payment_intents.amicale_id, disputes.amount, disputes.currency,"
        " closed_at IS NOT NULL, evidence_due_by, stripe_payment_intent_id,"
        " amicales.encrypted_email, disputes.status FROM disputes"
        " LEFT JOIN payment_intents ON payment_intents.id = disputes.payment_id"
        " LEFT JOIN amicales ON amicales.id = payment_intents.amicale_id"
        " WHERE disputes.id = ?",
        SQL_VALUES(SQL_I64(sql_i64(&locked, 0, 0))),
        handling->arena,
        &telling->rows,
        fault);
}

/* The event that closes the dispute closes the finding. */
static enum outcome tell_operators(struct telling *telling, struct fault *fault)
{
    struct span due = sql_text(&telling->rows, 0, DUE_BY);
    const char *reason = due.len > 0 ? arena_format(telling->handling->arena,
                                                    "an answer counts until %.*s UTC",
                                                    SPAN_ARGS(due))
                                     : "the bank takes no answer";
    return open_finding(telling, "dispute", reason, fault);
}

static enum outcome tell_admins(struct telling *telling,
                                struct handled *handled,
                                struct fault *fault)
{
    _Static_assert(HANDLED_FOLLOW_UPS == 4, "the statement's LIMIT is one more");
    struct handling *handling = telling->handling;
    struct sql_rows admins;
    enum outcome outcome =
        mariadb_run(handling->db,
                    "SELECT id FROM users WHERE amicale_id = ? AND role = 'admin'"
                    " AND disabled_at IS NULL AND id > ? ORDER BY id LIMIT 5",
                    SQL_VALUES(SQL_I64(sql_i64(&telling->rows, 0, AMICALE_ID)),
                               SQL_I64(telling->after)),
                    handling->arena,
                    &admins,
                    fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (admins.count == 0 && telling->after == 0) {
        return tell_amicale(telling, handled, fault);
    }
    bool more = admins.count > HANDLED_FOLLOW_UPS;
    size_t now = more ? HANDLED_FOLLOW_UPS - 1 : admins.count;
    for (size_t i = 0; i < now; i++) {
        add_letter(
            telling,
            handled,
            arena_format(handling->arena, "%lld", (long long)sql_i64(&admins, i, 0)));
    }
    if (more) {
        add_rest(telling, handled, sql_i64(&admins, now - 1, 0));
    }
    return OUTCOME_DONE;
}

static enum outcome tell_amicale(struct telling *telling,
                                 struct handled *handled,
                                 struct fault *fault)
{
    struct span address = {0};
    enum outcome outcome = unsealed_text(telling->handling,
                                         &telling->rows,
                                         AMICALE_ADDRESS,
                                         SPAN("amicales.encrypted_email"),
                                         &address,
                                         fault);
    if (outcome != OUTCOME_DONE) {
        return outcome;
    }
    if (!pii_is_address(address)) {
        return open_finding(telling,
                            "dispute_untold",
                            "the amicale has no admin and no address",
                            fault);
    }
    add_letter(telling, handled, "amicale");
    return OUTCOME_DONE;
}

/* `reader` is a user's id, or "amicale". */
static void add_letter(struct telling *telling,
                       struct handled *handled,
                       const char *reader)
{
    struct arena *arena = telling->handling->arena;
    struct follow_up *letter = handled_add(handled, "receipt.send");
    struct span dispute = telling->dispute;
    const char *mark = mark_of(telling);
    letter->id = span_of(
        arena_format(arena, "receipt:%.*s:%s%s", SPAN_ARGS(dispute), reader, mark));
    letter->tenant = tenant_of(telling);
    letter->payload =
        span_of(arena_format(arena,
                             "{\"template\":\"dispute\",\"subject\":\"%.*s:%s%s\"}",
                             SPAN_ARGS(dispute),
                             reader,
                             mark));
    follow_up_ref(letter, dispute);
    follow_up_ref(letter, sql_text(&telling->rows, 0, PAYMENT_INTENT));
}

static void add_rest(struct telling *telling, struct handled *handled, int64_t after)
{
    struct arena *arena = telling->handling->arena;
    struct follow_up *rest = handled_add(handled, "dispute.tell");
    struct span dispute = telling->dispute;
    rest->id = span_of(arena_format(arena,
                                    "dispute:%.*s%s:%lld",
                                    SPAN_ARGS(dispute),
                                    mark_of(telling),
                                    (long long)after));
    rest->tenant = tenant_of(telling);
    rest->payload = span_of(arena_format(arena,
                                         "{\"dispute\":\"%.*s\",\"after\":%lld}",
                                         SPAN_ARGS(dispute),
                                         (long long)after));
    follow_up_ref(rest, dispute);
    follow_up_ref(rest, sql_text(&telling->rows, 0, PAYMENT_INTENT));
}

/* Of the letters' names: as the dispute is now, whatever it was when the job was made. */
static const char *mark_of(const struct telling *telling)
{
    return dispute_is_inquiry(sql_text(&telling->rows, 0, STATUS)) ? DISPUTE_INQUIRY_MARK
                                                                   : "";
}

static struct span tenant_of(const struct telling *telling)
{
    return span_of(arena_format(telling->handling->arena,
                                "%lld",
                                (long long)sql_i64(&telling->rows, 0, AMICALE_ID)));
}

static enum outcome open_finding(struct telling *telling,
                                 const char *kind,
                                 const char *reason,
                                 struct fault *fault)
{
    const struct finding finding = {
        .kind = kind,
        .subject = telling->dispute,
        .amicale_id = sql_i64(&telling->rows, 0, AMICALE_ID),
        .amount_minor = sql_i64(&telling->rows, 0, AMOUNT),
        .currency = sql_text(&telling->rows, 0, CURRENCY),
        .reason = reason,
    };
    struct handling *handling = telling->handling;
    return finding_open(handling->db, &finding, handling->arena, fault);
}
