#!lua
-- SPDX-License-Identifier: MIT
-- limit - charges somebody for something that may be done only so often (GCRA).
--
-- KEYS[1]  `{tocsin}`, whatever the number of partitions
-- ARGV     <name>:<who>, burst, period_ms, charges (less than 0: given back; 0: only looks)
-- Reply    allowed (0 or 1), remaining, retry_after_ms (of a refusal), reset_ms (until it is
--          as if nothing had been charged)
-- Atomic; what is refused is not charged. One number is kept: the moment at which everything
-- charged so far will have come back, one charge each period / burst. It may lie at most a
-- period ahead. The key expires at that moment.
local key, burst, period = P .. ':limit:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local charges = tonumber(ARGV[4])
local each = period / burst

local written = tonumber(redis.call('GET', key) or 0)
-- A moment further ahead was written before Redis' clock jumped back.
local back_at = math.min(now + period, math.max(now, written))
local new = math.max(now, back_at + charges * each)
local allowed = charges <= 0 or new - now <= period
local kept = allowed and new or back_at
if kept > now and (allowed or back_at < written) then
    redis.call('SET', key, string.format('%.3f', kept), 'PX', math.ceil(kept - now))
elseif kept == now then
    redis.call('DEL', key)
end
return {
    allowed and 1 or 0,
    math.floor((now + period - kept) / each + 1e-6),
    allowed and 0 or math.ceil(new - now - period),
    math.ceil(kept - now),
}
