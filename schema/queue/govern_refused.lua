#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- govern_refused - Stripe said 429: all workers call at half the rate, at least at 1 a second.
--
-- KEYS[1]  `{tocsin}`, whatever the number of partitions
-- ARGV     rate_per_s
-- Reply    the new rate, rounded down
-- Atomic. Refusals within a second of the last one are its echoes and change nothing.
local key, cap = P .. ':governor', tonumber(ARGV[1])
local got = redis.call('HMGET', key, 'rate', 'refused_at')
local rate = cap
if got[1] then
    local since_ms = math.max(0, now - tonumber(got[2]))
    rate = math.min(cap, tonumber(got[1]) + cap / 10 * since_ms / 1000)
    if since_ms < 1000 and rate < cap then
        return math.floor(rate)
    end
end
rate = math.max(1, rate / 2)
redis.call('HSET', key, 'rate', rate, 'refused_at', now, 'at', now, 'level', 0)
return math.floor(rate)
