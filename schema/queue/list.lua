#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- list - one page of the jobs in a state.
--
-- KEYS[1]  the partition's prefix
-- ARGV     state, lane ('' all), kind ('' all), tenant ('' all), cursor ('' from the start),
--          most, scan (records that may be looked at for the sake of the tenant)
-- Reply    records without payloads, as lib.lua's `records_of` puts them; the cursor is ''
--          on the last page; partial is 1 when the scan bound ended the page
-- Order: ready queue by queue as each would be taken (which tenant when is exact; of a
-- tenant's jobs that have members the one that goes is found by take), leased and scheduled by
-- their moment, done and dead newest first. The cursor is a position, "<queue> <score> <id>", and
-- not a job: pages neither repeat nor leave out a job that stays, whatever goes or comes.
-- O(log n) for each queue and each record.
local state, lane, kind, tenant, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local most, scan = tonumber(ARGV[6]), tonumber(ARGV[7])
local backwards = (state == 'done' or state == 'dead') and 'REV' or nil
local one_by_one = state == 'ready' -- turns of different queues do not compare

-- Bytewise, as Redis orders members; Lua's own < follows the server's locale.
local function less(a, b)
    for i = 1, math.min(#a, #b) do
        local x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then
            return x < y
        end
    end
    return #a < #b
end

-- Whether (score, id) comes before (other_score, other_id) on the way through the state.
local function before(score, id, other_score, other_id)
    if score ~= other_score then
        return (score < other_score) ~= (backwards ~= nil)
    end
    return id ~= other_id and less(id, other_id) ~= (backwards ~= nil)
end

local function range(key, from, to, ...)
    if backwards then
        return redis.call('ZRANGE', key, from, to, 'REV', ...)
    end
    return redis.call('ZRANGE', key, from, to, ...)
end

-- How many members of a key come up to and with the position: those with a score before it
-- are counted, the place among equal scores is found by halving.
local function rank_after(key, score, id)
    local low, high
    if backwards then
        low = redis.call('ZCOUNT', key, '(' .. score, '+inf')
        high = redis.call('ZCOUNT', key, score, '+inf')
    else
        low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
        high = redis.call('ZCOUNT', key, '-inf', score)
    end
    while low < high do
        local middle = math.floor((low + high) / 2)
        if before(0, id, 0, range(key, middle, middle)[1]) then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

local at_queue, at_score, at_id = string.match(cursor, '^(%S+) (%d+) (%S+)$')
if cursor ~= '' and not at_queue then
    return redis.error_reply('BADCURSOR the cursor is not one of list')
end

local queues, passed = {}, one_by_one and at_queue ~= nil
for _, name in ipairs(queue_names()) do
    local queue_lane, queue_kind = string.match(name, '^([^:]*):(.*)$')
    local at_it = name == at_queue
    if at_it then
        passed = false
    end
    if (lane == '' or lane == queue_lane) and (kind == '' or kind == queue_kind) and not passed then
        local key, rank = P .. ':' .. state .. ':' .. name, 0
        if at_score and (at_it or not one_by_one) then
            rank = rank_after(key, at_score, at_id)
        end
        queues[#queues + 1] = {name = name, key = key, rank = rank, ahead = {}, next = 1}
    end
end

-- A queue's next id and its score, as a number and as Redis writes it.
local page = math.min(most, 100)
local function head(queue)
    if not queue.ahead[queue.next] then
        if queue.exhausted then
            return nil
        end
        queue.ahead = range(queue.key, queue.rank, queue.rank + page - 1, 'WITHSCORES')
        queue.rank, queue.next = queue.rank + page, 1
        queue.exhausted = #queue.ahead < 2 * page
        if not queue.ahead[1] then
            return nil
        end
    end
    local score = queue.ahead[queue.next + 1]
    return queue.ahead[queue.next], tonumber(score), score
end

local function next_queue()
    local best, best_id, best_score = nil, nil, nil
    for _, queue in ipairs(queues) do
        local id, score = head(queue)
        if id and (not best or before(score, id, best_score, best_id)) then
            best, best_id, best_score = queue, id, score
            if one_by_one then
                return best
            end
        end
    end
    return best
end

local reply, number, looked, last = {'', 0, 0}, 0, 0, nil
local queue = next_queue()
while queue and number < most and looked < scan do
    local id, _, score = head(queue)
    queue.next = queue.next + 2
    looked = looked + 1
    last = queue.name .. ' ' .. score .. ' ' .. id
    if tenant == '' or redis.call('HGET', record_key(id), 'tenant') == tenant then
        if put_record(reply, id, false) then
            number = number + 1
        end
    end
    queue = next_queue()
end
if queue then
    reply[1] = last
    reply[2] = number < most and 1 or 0
end
reply[3] = number
return reply
