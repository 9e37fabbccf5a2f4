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
                                  SQL_SPAN(why),
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

struct sql_value people_optional_id(int64_t id)
{
    return id > 0 ? SQL_I64(id) : SQL_NOTHING;
}

bool people_is_name(struct span name)
{
    return name.len > 0 && name.len <= PEOPLE_NAME_BYTES && span_is_utf8(name);
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
