#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- stats - the figures of the partition: counts, neighbours, workers, pauses, totals.
--
-- KEYS[1]  the partition's prefix
-- Reply    now_ms, then five sections, each its number of rows and then the rows:
--          queues: lane, kind, ready, leased, scheduled, done, dead, age of the next ready
--              job in ms (-1: none), paused (0 or 1), the neighbour that is down ('' none)
--          neighbours: name, failures, down_since_ms (0: up), fault
--          workers: name, about, ms since its last beat
--          pauses: what, by, why, since_ms
--          totals: name, number
-- O(log n) for each queue; no job is counted one by one.
local reply = {now}

local function put(...)
    for _, value in ipairs({...}) do
        reply[#reply + 1] = value
    end
end

local pauses, paused = redis.call('HGETALL', P .. ':paused'), {}
for i = 1, #pauses, 2 do
    paused[pauses[i]] = true
end

local function neighbour_down(needs)
    for name in string.gmatch(needs, '[^,]+') do
        local state = neighbour(name)
        if state and state.down_since > 0 then
            return name
        end
    end
    return ''
end

local queues = queue_names()
put(#queues)
for _, queue in ipairs(queues) do
    local lane, kind = string.match(queue, '^([^:]*):(.*)$')
    put(lane, kind)
    for _, state in ipairs(STATES) do
        put(redis.call('ZCARD', P .. ':' .. state .. ':' .. queue))
    end
    local first, age = redis.call('ZRANGE', P .. ':ready:' .. queue, 0, 0)[1], -1
    if first then
        age = math.max(0, now - tonumber(redis.call('HGET', record_key(first), 'at') or now))
    end
    local is_paused = paused['all'] or paused['lane:' .. lane] or paused['kind:' .. kind]
    put(age, is_paused and 1 or 0, neighbour_down(redis.call('HGET', P .. ':queues', queue)))
end

local rows = {}
for _, name in ipairs(NEIGHBOURS) do
    if neighbour(name) then
        rows[#rows + 1] = name
    end
end
put(#rows)
for _, name in ipairs(rows) do
    local state = neighbour(name)
    put(name, state.failures, state.down_since,
        redis.call('HGET', P .. ':neighbour:' .. name, 'fault') or '')
end

local workers = redis.call('ZRANGE', P .. ':workers', 0, -1, 'WITHSCORES')
put(#workers / 2)
for i = 1, #workers, 2 do
    put(workers[i], redis.call('HGET', P .. ':worker:' .. workers[i], 'about') or '',
        math.max(0, now - tonumber(workers[i + 1])))
end

-- A pause is kept as "<since_ms> <who>\n<why>".
put(#pauses / 2)
for i = 1, #pauses, 2 do
    local since, by, why = string.match(pauses[i + 1], '^(%d+) ([^\n]*)\n(.*)$')
    put(pauses[i], by, why, tonumber(since))
end

local totals_kept = redis.call('HGETALL', P .. ':total')
put(#totals_kept / 2)
for i = 1, #totals_kept, 2 do
    put(totals_kept[i], tonumber(totals_kept[i + 1]))
end
return reply
