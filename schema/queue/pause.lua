#!lua
-- SPDX-License-Identifier: MIT
-- pause - an operator stops a kind, a lane or everything from being taken, or resumes it.
--
-- KEYS[1]  the partition's prefix
-- ARGV     verb (pause or resume), what ("kind:<kind>", "lane:<lane>" or "all"), who, why,
--          number of audit jobs (0 or 1), that job as lib.lua's `add` reads it
-- Reply    verdict (0 done; 2 it was not paused), '' (for the shape of retry's reply)
-- Atomic. Pausing again replaces who and why. What runs is not touched. A resume wakes.
local verb, what = ARGV[1], ARGV[2]
if verb == 'pause' then
    local who = string.gsub(ARGV[3], '\n', ' ')
    redis.call('HSET', P .. ':paused', what, now .. ' ' .. who .. '\n' .. ARGV[4])
elseif redis.call('HDEL', P .. ':paused', what) == 0 then
    return {2, ''}
else
    woken = true
end
count(verb == 'pause' and 'paused' or 'resumed')
for _ = 1, tonumber(ARGV[5]) do
    add(6)
end
finish()
return {0, ''}
