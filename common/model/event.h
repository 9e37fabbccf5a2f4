/* SPDX-License-Identifier: MIT
 *
 * event - a Stripe event's body, checked and read in one pass.
 *
 * Owns:    nothing; every span is borrowed from the body
 * Callers: the front door (naming a job), worker (what an event is about)
 * Blocks:  never, and does not allocate
 * Units:   created in seconds, as Stripe gives it
 * Faults:  NEVER when the body is not one strict JSON object (valid UTF-8, no NUL, no
 *          duplicate keys, depth <= 32: what json_check guarantees), or has no id, object
 *          or type
 *
 * Strings that are read here are names (ids, types, versions), which need no escapes; one
 * that is written with a backslash counts as not there. Keys are compared as they are
 * meant: "\u0069d" is "id".
 */
#ifndef COMMON_MODEL_EVENT_H
#define COMMON_MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/text.h"
#include "common/model/job.h"

enum event_fault {
    EVENT_NOT_JSON = 1,
    EVENT_NO_ID, /* missing, no string, or no valid job id of at most EVENT_ID_BYTES */
    EVENT_NO_OBJECT, /* not "event" and not "v2.core.event" */
    EVENT_NO_TYPE,
};

enum { EVENT_ID_BYTES = 100, EVENT_TYPE_BYTES = 100 };

struct event {
    struct span id; /* evt_..., a valid job id */
    struct span type; /* payment_intent.succeeded */
    bool is_thin; /* object is "v2.core.event": recorded, not handled */
    struct span account; /* acct_... of a Connect event, else empty */
    struct span api_version; /* empty when there is none */
    bool has_livemode;
    bool livemode;
    int64_t created_s; /* 0 when it is not a whole number (thin events carry a text) */
    struct span
        data_object; /* data.object's JSON as it stands; empty when it is no object */
    struct span object_id; /* data.object.id; of thin events related_object.id */
    struct span object_kind; /* data.object.object: "payment_intent" */
    struct span
        amicale_id; /* data.object.metadata.amicale_id when it is decimal, else empty */
    /* acct_... that a destination charge pays: data.object.transfer_data.destination, else
     * data.object.on_behalf_of; empty when it is neither. */
    struct span destination;
    /* What an operator may search for, each once: the event, its account, and every value
     * of an `id` or a reference field of data.object that begins with pi_, ch_, py_, re_,
     * pyr_, acct_, du_, dp_, po_, tr_, tmr_ or tml_. At most JOB_REFS; the event's id
     * comes first. */
    struct span refs[JOB_REFS];
    size_t ref_count;
    /* The value of the top-level pending_webhooks, which differs between deliveries of
     * one event; empty when it is not there. The canonical body is the body without it.
     */
    struct span pending_webhooks;
};

MUST_USE enum outcome event_scan(struct span body,
                                 struct event *out_event,
                                 struct fault *fault);

#endif
