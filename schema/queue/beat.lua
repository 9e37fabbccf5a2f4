#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- beat - a worker is alive and holds these jobs: their leases are extended.
--
-- KEYS[1]  the partition's prefix
-- ARGV     worker, about (JSON for operators), lease_ms, leaving (0 or 1), then for each
--          job that it holds: id, token
-- Reply    tokens of held jobs whose lease was lost meanwhile
-- Atomic. What is leased to the worker but not held (the reply of a take was lost) goes back
-- without counting, once its lease is UNHELD_MS old: until then that reply may be on its way.
-- A worker that leaves is forgotten, and all that it does not hold goes back at once.
local worker, lease_ms, leaving = ARGV[1], tonumber(ARGV[3]), ARGV[4] == '1'
local UNHELD_MS = 5000
local lost, held = {}, {}

tick()
together(function()
    for i = 5, #ARGV, 2 do
        local id, key = ARGV[i], record_key(ARGV[i])
        local got = redis.call('HMGET', key, 'state', 'token', 'lane', 'kind')
        if got[1] == 'leased' and got[2] == ARGV[i + 1] then
            held[id] = true
            zadd(P .. ':leased:' .. got[3] .. ':' .. got[4], now + lease_ms, id)
            redis.call('HSET', key, 'at', now + lease_ms)
        else
            lost[#lost + 1] = tonumber(ARGV[i + 1])
        end
    end
end)

-- Everybody's leases are pushed on by their beats, so few are older than UNHELD_MS.
local older = leaving and '+inf' or '(' .. (now + lease_ms - UNHELD_MS)
for _, queue in ipairs(queue_names()) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. ':leased:' .. queue, '-inf', older)) do
        local job = not held[id] and job_of(id)
        if job and job.worker == worker then
            give_back(id, job)
        end
    end
end

if leaving then
    redis.call('ZREM', P .. ':workers', worker)
    redis.call('DEL', P .. ':worker:' .. worker)
    drain_no_more(worker)
else
    redis.call('ZADD', P .. ':workers', now, worker)
    redis.call('HSET', P .. ':worker:' .. worker, 'about', ARGV[2])
end
finish()
return lost
