/* SPDX-License-Identifier: MIT
 * Spreads phones over time. */
#include "api/sync_retry.h"

#include <inttypes.h>

#include "api/request.h"
#include "common/base/digest.h"

enum { SPREAD = 3, LATEST = 4 };

int64_t sync_retry_s(int64_t least_s, int64_t backlog, int64_t most)
{
    uint64_t random;
    digest_random(&random, sizeof(random));
    return sync_retry_at(least_s, backlog, most, random);
}

int64_t sync_retry_at(int64_t least_s, int64_t backlog, int64_t most, uint64_t random)
{
    int64_t times = most > 0 ? backlog / most : 1;
    times = times < 1 ? 1 : times > LATEST ? LATEST : times;
    int64_t from_s = least_s * times;
    uint64_t width = (uint64_t)(from_s * (SPREAD - 1)) + 1;
    return from_s + (int64_t)(random % width);
}

void sync_refuse(struct request *request, enum problem problem, int64_t retry_s)
{
    request_problem_with(
        request,
        problem,
        NULL,
        0,
        (struct span){NULL, 0},
        span_of(arena_format(&request->arena, "Retry-After: %" PRId64 "\r\n", retry_s)));
}
