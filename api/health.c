/* SPDX-License-Identifier: MIT
 * Liveness and readiness. */
#include "api/health.h"

#include "api/accounts.h"
#include "api/door.h"
#include "api/loop.h"
#include "api/pulse.h"
#include "api/redis_async.h"
#include "api/request.h"
#include "common/base/json.h"

enum { BODY_BYTES = 512 };

void health_live(struct request *request)
{
    request_answer_json(request, 200, SPAN("{\"alive\":true}"));
}

void health_ready(struct request *request)
{
    const struct door *door = request->loop->door;
    int64_t workers = 0;
    bool redis =
        pulse_read(door->pulse, &workers) && redis_async_is_up(request->loop->redis);
    bool mariadb = accounts_is_fresh(door->accounts);
    bool ready = redis && mariadb && workers > 0 && !request->loop->draining;
    struct text body;
    text_init(&body, BODY_BYTES);
    struct json_writer json = json_writer(&body);
    json_open(&json, NULL, '{');
    json_put_bool(&json, "ready", ready);
    json_put_bool(&json, "redis", redis);
    json_put_bool(&json, "mariadb", mariadb);
    json_put_integer(&json, "workers", workers);
    json_close(&json, '}');
    request_answer_json(request, ready ? 200 : 503, text_span(&body));
    text_done(&body);
}
