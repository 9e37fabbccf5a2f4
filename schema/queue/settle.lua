#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- settle - what came of jobs that were taken, with their results and follow-up jobs.
--
-- KEYS[1]  the partition's prefix
-- ARGV     number of settlements, then for each: id, token, outcome (DONE, LATER, NEVER or
--          UNSURE), delay_ms, deferred (0 or 1), neighbour that is down ('' none),
--          neighbours that answered (by commas), fault (one line, '' none), note (inside of
--          a JSON object, for the history), result ('' none), number of follow-up jobs, and
--          each of these as lib.lua's `add` reads it
-- Reply    for each: verdict (0 settled; 1 the token is stale; 2 no such job), state
--          (text, '' unless settled), run_at_ms (0 unless scheduled)
-- Atomic for all of them. With a stale token nothing changes and nothing follows.

local function settle(i, id, job)
    local outcome, deferred, down, fault = ARGV[i + 2], ARGV[i + 4] == '1', ARGV[i + 5], ARGV[i + 7]
    local history = remember(job, ARGV[i + 8])
    for name in string.gmatch(ARGV[i + 6], '[^,]+') do
        -- One that answers and then refuses what it is for (a database that only reads) is down.
        if name ~= down then
            neighbour_answered(name)
        end
    end
    if ARGV[i + 9] ~= '' then
        redis.call('SET', P .. ':result:' .. id, ARGV[i + 9], 'PX', RESULT_MS)
    end
    if outcome == 'DONE' then
        count('done')
        move(id, job, 'done', job.lane, now, 'outcome', 'done', 'history', history, 'payload', '')
        return 0
    end
    if outcome == 'NEVER' then
        die(id, job, 'never', 'fault', fault, 'history', history)
        return 0
    end
    local attempt, deferrals = job.attempt + 1, job.deferrals
    if deferred then
        count('deferred')
        if down ~= '' then
            neighbour_failed(down, id, fault)
        end
        -- While nobody at all gets an answer, the neighbour is at fault and not the job.
        local is_down = down ~= '' and neighbour(down).down_since > 0
        deferrals = deferrals + 1
        if is_down or job.deferrals < DEFERRALS_FREE then
            attempt = job.attempt
        end
    else
        count(string.lower(outcome))
    end
    if attempt > job.attempt and attempt >= job.max then
        die(id, job, 'exhausted', 'attempt', attempt, 'deferrals', deferrals, 'fault', fault,
            'history', history)
        return 0
    end
    local run_at = now + tonumber(ARGV[i + 3])
    move(id, job, 'scheduled', job.lane, run_at, 'attempt', attempt, 'deferrals', deferrals,
         'fault', fault, 'history', history)
    return run_at
end

local reply, i = {}, 2
for n = 1, tonumber(ARGV[1]) do
    local id, follow_ups, after = ARGV[i], tonumber(ARGV[i + 10]), i + 11
    local job = job_of(id)
    local held = job and job.state == 'leased' and job.token == ARGV[i + 1]
    local run_at = held and settle(i, id, job) or 0
    for _ = 1, follow_ups do
        if held then
            add(after)
        end
        after = after_job(after)
    end
    reply[3 * n - 2] = held and 0 or job and 1 or 2
    reply[3 * n - 1] = held and job.state or ''
    reply[3 * n] = run_at
    i = after
end
finish()
return reply
