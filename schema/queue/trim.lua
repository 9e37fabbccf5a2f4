#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- trim - forgets done jobs that are too many or too old, and dead ones that are archived.
--
-- KEYS[1]  the partition's prefix
-- ARGV     done_keep_count (over all queues), done_keep_ms, dead_keep_ms, most
-- Reply    how many jobs were forgotten, at most `most`
-- Atomic. A forgotten name is new again; MariaDB's unique keys remember it for ever.
local keep_count, most = tonumber(ARGV[1]), tonumber(ARGV[4])
local done_before, dead_before = now - tonumber(ARGV[2]), now - tonumber(ARGV[3])
local forgotten = 0

local function forget(state, queue, id)
    for ref in string.gmatch(redis.call('HGET', record_key(id), 'refs') or '', '%S+') do
        redis.call('ZREM', P .. ':ref:' .. ref, id)
    end
    redis.call('ZREM', P .. ':' .. state .. ':' .. queue, id)
    redis.call('DEL', record_key(id))
    count('trimmed')
    forgotten = forgotten + 1
end

local queues, kept, oldest = queue_names(), 0, {}
local function look(queue)
    local first = redis.call('ZRANGE', P .. ':done:' .. queue, 0, 0, 'WITHSCORES')
    oldest[queue] = first[1] and {first[1], tonumber(first[2])}
end
for _, queue in ipairs(queues) do
    kept = kept + redis.call('ZCARD', P .. ':done:' .. queue)
    look(queue)
end
while forgotten < most do
    local from = nil
    for _, queue in ipairs(queues) do
        if oldest[queue] and (not from or oldest[queue][2] < oldest[from][2]) then
            from = queue
        end
    end
    if not from or (kept <= keep_count and oldest[from][2] > done_before) then
        break
    end
    forget('done', from, oldest[from][1])
    kept = kept - 1
    look(from)
end

-- Those that are not archived yet are passed over.
for _, queue in ipairs(queues) do
    local ids = redis.call('ZRANGEBYSCORE', P .. ':dead:' .. queue, '-inf', dead_before, 'LIMIT',
                           0, most)
    for _, id in ipairs(ids) do
        if forgotten < most and redis.call('HGET', record_key(id), 'archived') == '1' then
            forget('dead', queue, id)
        end
    end
end
finish()
return forgotten
