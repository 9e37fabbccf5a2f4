#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- sweep - what time does to the queue: due jobs, leases that ran out, workers that died.
--
-- KEYS[1]  the partition's prefix
-- ARGV     dead_after_ms (a worker that did not beat for so long is dead), most (moves of
--          each sort in this call)
-- Reply    due, expired, recovered, poisoned, shifted_ms, more (1: call again at once)
-- Atomic. Each queue has its share of `most`, so that a large one does not hold up others.
local dead_after_ms, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local due, expired, recovered, poisoned, more = 0, 0, 0, 0, 0

tick()
local shifted = tonumber(redis.call('HGET', P .. ':clock', 'shifted') or 0)
redis.call('HDEL', P .. ':clock', 'shifted')

local queues = queue_names()
local share = math.max(1, math.floor(most / math.max(1, #queues)))

-- Does `act` to each job of a state whose moment has come, at most the queue's share. An id
-- whose record somebody deleted is no job: it is dropped, lest it stand in the way for ever.
local function each_over(state, queue, act)
    local key = P .. ':' .. state .. ':' .. queue
    local ids = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, share)
    for _, id in ipairs(ids) do
        local job = job_of(id)
        if job then
            act(id, job)
        else
            redis.call('ZREM', key, id)
        end
    end
    if #ids == share then
        more = 1
    end
end

for _, queue in ipairs(queues) do
    each_over('leased', queue, function(id, job)
        expired = expired + 1
        poisoned = poisoned + (crash(id, job, 'the lease ran out') and 1 or 0)
    end)
end

local dead, any_dead = {}, false
local silent_since = now - dead_after_ms
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', P .. ':workers', '-inf', silent_since)) do
    dead[worker], any_dead = true, true
end
local left = most
if any_dead then
    for _, queue in ipairs(queues) do
        for _, id in ipairs(redis.call('ZRANGE', P .. ':leased:' .. queue, 0, -1)) do
            local job = left > 0 and job_of(id)
            if job and dead[job.worker] then
                left, recovered = left - 1, recovered + 1
                poisoned = poisoned + (crash(id, job, 'the worker stopped beating') and 1 or 0)
            end
        end
    end
end
if left > 0 then
    for worker in pairs(dead) do
        redis.call('ZREM', P .. ':workers', worker)
        redis.call('DEL', P .. ':worker:' .. worker)
        drain_no_more(worker)
    end
else
    more = 1
end

-- A release that knows nothing of P:open may have brought jobs.
for _, queue in ipairs(queues) do
    if redis.call('EXISTS', P .. ':ready:' .. queue, P .. ':scheduled:' .. queue) > 0 then
        open_queue(queue)
    end
end
for _, queue in ipairs(queues) do
    each_over('scheduled', queue, function(id, job)
        due = due + 1
        move(id, job, 'ready', job.lane, next_turns(queue, job))
    end)
end
finish()
return {due, expired, recovered, poisoned, shifted, more}
