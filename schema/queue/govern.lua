#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- govern - one call from the bucket of calls to Stripe that all workers share.
--
-- KEYS[1]  `{tocsin}`, whatever the number of partitions
-- ARGV     rate_per_s, live (0 or 1), most_ms
-- Reply    ms to wait before calling; a call that would have to wait for more than most_ms is
--          not booked
-- Atomic. The bucket holds one second's calls. A call that is not live leaves a fifth of it
-- alone: when it must wait, it stands in a backlog that is served at four fifths of the rate,
-- so that a live call finds a fifth free however long the backlog is.
local key, cap, live = P .. ':governor', tonumber(ARGV[1]), ARGV[2] == '1'
local most_ms = tonumber(ARGV[3])
local got = redis.call('HMGET', key, 'at', 'level', 'backlog', 'rate', 'refused_at')

-- After a refusal the rate comes back by a tenth of the full one each second.
local rate = cap
if got[4] then
    rate = math.min(cap, tonumber(got[4]) + cap / 10 * math.max(0, now - tonumber(got[5])) / 1000)
end
local passed_s = got[1] and math.max(0, now - tonumber(got[1])) / 1000 or 0
local backlog = tonumber(got[3] or 0)
local served = math.min(backlog, 0.8 * rate * passed_s)
local level = math.min(rate, tonumber(got[2] or rate) + rate * passed_s - served)
backlog = backlog - served

local wait_ms, new_level, new_backlog = 0, level, backlog
if live then
    if level < 1 then
        wait_ms = math.ceil((1 - level) / (backlog > 0 and 0.2 * rate or rate) * 1000)
    end
    new_level = level - 1
elseif backlog == 0 and level - 1 >= rate / 5 then
    new_level = level - 1
else
    new_backlog = backlog + 1
    wait_ms = math.ceil(new_backlog / (0.8 * rate) * 1000)
end
if wait_ms <= most_ms then
    level, backlog = new_level, new_backlog
end
redis.call('HSET', key, 'at', now, 'level', level, 'backlog', backlog)
return wait_ms
