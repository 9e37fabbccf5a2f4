#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- take - leases ready jobs to a worker's idle slots.
--
-- KEYS[1]  the partition's prefix
-- ARGV     worker, live slots, general slots, quarantine (0: it may become empty for one; 1:
--          it is empty and takes one; 2: it may not become empty now), lease_ms,
--          then for each kind that the worker knows: name, most (general slots that it may
--          still fill), group_max, needs (names of neighbours, by commas)
-- Reply    jobs put aside because of their version, quarantine waits for this worker to
--          become empty (0 or 1), ms until
--          the next scheduled job is due (-1: none), number of jobs, then for each job:
--          id, kind, lane, tenant, payload, token, attempt, crashes, deferrals,
--          enqueued_ms, lease_end_ms, reply, group
-- Atomic. Live slots are filled from the lane live alone, general slots from every lane by
-- weight, until JOBS_MOST jobs are taken: who has idle slots left asks again. With quarantine = 1 it gives one quarantined job, while none other is out, and
-- nothing else. For a quarantined job one worker at a time becomes empty, while the others go
-- on: the first that asks is told and named in P:drainer, until it takes quarantined jobs, is
-- told of none any more, may not become empty, is gone, or has not asked for DRAIN_MS.
--
-- Whom it serves next, from the outside in: the lane whose pass is lowest, in it the kind
-- whose pass is lowest, in it the tenant whose turn is lowest, in it the member whose turn is
-- lowest. A pass grows by 16 / weight with each slot; who was idle starts at the present
-- pass, so idling saves nothing up.
local worker, lease_ms = ARGV[1], tonumber(ARGV[5])
local live_slots, general_slots = tonumber(ARGV[2]), tonumber(ARGV[3])
local quarantine, may_drain = ARGV[4] == '1', ARGV[4] == '0'
local STRIDE = 16
local PUT_ASIDE_MOST, PUT_ASIDE_MS = 64, 30000
local STRAYS_MOST = 1000
local JOBS_MOST = 256 -- no further slot then, lest Redis is held up by large groups
local DRAIN_MS = 60000 -- more than a worker gives itself to become empty

local lease_end = now + lease_ms
local want = math.max(1, live_slots + general_slots)
local reply, jobs, put_aside, strays = {0, 0, -1, 0}, 0, 0, 0
local gone = {}   -- ids that this call has dealt with
local token = nil -- the last one given out

tick()
redis.call('ZADD', P .. ':workers', now, worker)

-- --- what may be taken -----------------------------------------------------------------

local paused = {}
for _, what in ipairs(redis.call('HKEYS', P .. ':paused')) do
    paused[what] = true
end

-- A kind is shut while a neighbour that it needs is down and must not be probed yet. Of the
-- kinds that the worker knows those matter that have jobs.
local kinds, places = {}, {}
local function look_at_neighbours(kind)
    kind.shut, kind.probes = false, {}
    for name in string.gmatch(kind.needs, '[^,]+') do
        local state = neighbour(name)
        if state and state.down_since > 0 then
            kind.shut = kind.shut or state.probe_at > now
            kind.probes[#kind.probes + 1] = name
        end
    end
end
for i = 6, #ARGV, 4 do
    places[ARGV[i]] = i
end
local function kind_named(name)
    local i = places[name]
    if i and not kinds[name] then
        kinds[name] = {
            name = name, place = i, most = tonumber(ARGV[i + 1]),
            group_max = tonumber(ARGV[i + 2]), needs = ARGV[i + 3],
        }
        look_at_neighbours(kinds[name])
    end
    return kinds[name]
end

-- The job that stands at a queue's next turn, and that turn, read ahead `queue.want` at a time.
local function head(queue)
    while put_aside < PUT_ASIDE_MOST and strays < STRAYS_MOST do
        local id = queue.ahead[queue.next]
        if not id then
            if queue.exhausted then
                return nil
            end
            queue.ahead = redis.call('ZRANGE', queue.key, 0, queue.want - 1, 'WITHSCORES')
            -- A first one that was dealt with would come again for ever: it should have left.
            queue.next = 1
            queue.exhausted = #queue.ahead < 2 * queue.want or gone[queue.ahead[1]]
        elseif gone[id] then
            queue.next = queue.next + 2
        else
            return id, tonumber(queue.ahead[queue.next + 1])
        end
    end
    return nil
end

local names, lanes, lane_named = redis.call('SMEMBERS', P .. ':open'), {}, {}
local rounds = {''} -- and members, whose passes are wanted
for _, row in ipairs(LANES) do
    local lane = {name = row[1], stride = STRIDE / row[2], queues = {}}
    lane_named[lane.name] = lane
    if lane.name ~= 'quarantine' then
        lanes[#lanes + 1] = lane
    end
    rounds[#rounds + 1] = lane.name
    rounds[#rounds + 1] = '/' .. lane.name
end
for _, name in ipairs(names) do
    local lane_name, kind_name = string.match(name, '^([^:]*):(.*)$')
    local lane, kind = lane_named[lane_name], kind_named(kind_name)
    if kind and not (paused['all'] or paused['lane:' .. lane_name] or
                        paused['kind:' .. kind_name]) then
        lane.queues[#lane.queues + 1] = {
            name = name, lane = lane, kind = kind, key = P .. ':ready:' .. name, ahead = {},
            next = 1, want = want, exhausted = false,
        }
        rounds[#rounds + 1] = lane_name .. '/' .. kind_name
    end
end
for _, lane in pairs(lane_named) do
    table.sort(lane.queues, function(a, b)
        return a.kind.place < b.kind.place
    end)
end

-- --- whose turn it is --------------------------------------------------------------------

-- P:pass holds for each round ("" of the lanes, "<lane>" of a lane's kinds) the present pass
-- under "<round>", and the members' under "<round>/<member>".
local passes, new_passes = {}, {}
for i, pass in ipairs(redis.call('HMGET', P .. ':pass', unpack(rounds))) do
    passes[rounds[i]] = pass and tonumber(pass)
end

local function pass_of(round, member)
    return math.max(passes[round .. '/' .. member] or 0, passes[round] or 0)
end

local function charge(round, member, stride)
    local pass, field = pass_of(round, member), round .. '/' .. member
    passes[round], new_passes[round] = pass, pass
    passes[field], new_passes[field] = pass + stride, pass + stride
end

-- The queue of the lane that is next; nil when there is nothing to take.
local function queue_next(lane, general)
    local best, best_pass = nil, nil
    for _, queue in ipairs(lane.queues) do
        local kind = queue.kind
        if not kind.shut and (not general or kind.most > 0) and head(queue) then
            local pass = pass_of(lane.name, kind.name)
            if not best or pass < best_pass then
                best, best_pass = queue, pass
            end
        end
    end
    return best
end

local function next_of_all(general)
    local best, best_pass = nil, nil
    for _, lane in ipairs(lanes) do
        local pass = pass_of('', lane.name)
        if not best or pass < best_pass then
            local queue = queue_next(lane, general)
            if queue then
                best, best_pass = queue, pass
            end
        end
    end
    return best
end

-- --- taking ----------------------------------------------------------------------------------

-- The job as `move` and the reply need it; nil when it cannot be taken: its record is of
-- another version, then it waits and is counted, or it is not there at all (somebody deleted
-- it). Then the id is no job and leaves its queue, and the tenant's sets if it was met there.
local function open_record(queue, id, tenant)
    local record = redis.call('HMGET', record_key(id), 'version', 'tenant', 'payload', 'attempt',
                              'crashes', 'deferrals', 'enqueued', 'reply', 'group', 'member')
    local job = {
        state = 'ready', lane = queue.lane.name, kind = queue.kind.name, tenant = record[2],
        payload = record[3], attempt = tonumber(record[4] or 0),
        crashes = tonumber(record[5] or 0), deferrals = tonumber(record[6] or 0),
        enqueued = tonumber(record[7]), reply = record[8], group = record[9],
        member = record[10],
    }
    if record[1] == RECORD_VERSION then
        return job
    end
    gone[id] = true
    if not record[1] then
        strays = strays + 1
        step_out(id, {group = tenant and '1', member = tenant, tenant = tenant}, queue.name)
        return nil
    end
    put_aside = put_aside + 1
    count('put_aside')
    move(id, job, 'scheduled', job.lane, now + PUT_ASIDE_MS, 'fault',
         'the record has version ' .. record[1] .. ', this release knows ' .. RECORD_VERSION)
    return nil
end

-- The jobs of a tenant's members by their turns, as many as a slot may take.
local function line_of(queue, tenant)
    local key = members_key(queue.name, tenant)
    local ids = redis.call('ZRANGE', key, 0, queue.kind.group_max - 1, 'WITHSCORES')
    return {tenant = tenant, key = key, ids = ids, at = 1}
end

-- Who goes at a turn of a tenant's, where the job `stands` stands: if that has a member, the
-- next in line; else itself. The job, opened, with its id and the turn at which it stood
-- itself; nil when it cannot be taken.
local function call_up(queue, line, stands)
    local id, stood, member_turn = line.ids[line.at], nil, nil
    if id and (id == stands or redis.call('ZSCORE', line.key, stands)) then
        member_turn, line.at = tonumber(line.ids[line.at + 1]), line.at + 2
    else
        id = stands
    end
    if id ~= stands then
        stood = redis.call('ZSCORE', queue.key, id)
        if not stood then
            strays = strays + 1
            redis.call('ZREM', line.key, id) -- taken by a release that knows no members
            return nil
        end
    end
    local job = open_record(queue, id, line.tenant)
    if job then
        job.id, job.stood, job.member_turn = id, stood, member_turn
    end
    return job
end

-- When a job goes where `stands` stood, that one, `other`, stands where the job did: the
-- tenant's turns stay what they are. What was read ahead of the queue is so no more.
local function change_turns(queue, stands, other, job)
    if job.stood then
        stand(stands, other, queue.name, job.stood)
        queue.ahead, queue.next, queue.want, queue.exhausted = {}, 1, 1, false
    end
end

-- The last turn taken in each round.
local turns_taken = {}
local function take_turn(round, turn)
    turns_taken[round] = math.max(turns_taken[round] or 0, turn)
end

local function hand_over(id, job, turn, group)
    gone[id] = true
    token = (token or tonumber(redis.call('GET', P .. ':token') or 0)) + 1
    jobs = jobs + 1
    count('taken')
    local turns = {'turn', turn}
    if job.member_turn then
        take_turn(job.lane .. ':' .. job.kind .. ':' .. job.tenant, job.member_turn)
        turns = {'turn', turn, 'member_turn', job.member_turn}
    end
    move(id, job, 'leased', job.lane, lease_end, 'token', token, 'worker', worker, unpack(turns))
    for _, value in ipairs({
        id, job.kind, job.lane, job.tenant, job.payload, token, job.attempt, job.crashes,
        job.deferrals, job.enqueued, lease_end, job.reply, group,
    }) do
        reply[#reply + 1] = value
    end
end

-- The tenant's next turns, with who stands there, as many as a slot may take; and where those
-- next in its members' line stand. Read once: what moves is followed here.
local function read_turns(queue, line)
    local key = P .. ':group:' .. queue.name .. ':' .. line.tenant
    local rows = redis.call('ZRANGE', key, 0, queue.kind.group_max - 2, 'WITHSCORES')
    local turns = {line = line, stands = {}, at = {}, place = {}, has_member = {}, stood = {}}
    for i = 1, #rows, 2 do
        local place = (i + 1) / 2
        turns.stands[place], turns.at[place] = rows[i], tonumber(rows[i + 1])
        turns.place[rows[i]] = place
    end
    local ids = {}
    for i = line.at, #line.ids, 2 do
        ids[#ids + 1] = line.ids[i]
    end
    if #ids > 0 and #rows > 0 then
        for i, turn in ipairs(redis.call('ZMSCORE', queue.key, unpack(ids))) do
            turns.stood[ids[i]] = turn
        end
        for i, turn in ipairs(redis.call('ZMSCORE', line.key, unpack(turns.stands))) do
            turns.has_member[turns.stands[i]] = turn
        end
    end
    return turns
end

-- As call_up, of what was read.
local function call_up_next(queue, turns, stands)
    local line, stood, member_turn = turns.line, nil, nil
    local id = line.ids[line.at]
    if id and (id == stands or turns.has_member[stands]) then
        member_turn, line.at = tonumber(line.ids[line.at + 1]), line.at + 2
    else
        id = stands
    end
    if id ~= stands then
        stood = turns.stood[id]
        if not stood then
            strays = strays + 1
            zrem(line.key, id) -- taken by a release that knows no members
            return nil
        end
    end
    local job = open_record(queue, id, line.tenant)
    if job then
        job.id, job.stood, job.member_turn = id, stood, member_turn
    elseif turns.place[id] then
        turns.stands[turns.place[id]] = false
    end
    return job
end

-- Adds to a slot the jobs that the tenant's next turns bring, a mix of its members. One that
-- crashed before is passed over.
local slots_filled = 0
local function fill_up(queue, line)
    local turns, next = read_turns(queue, line), 1
    local other = {group = '1', tenant = line.tenant}
    for _ = 2, queue.kind.group_max do
        while turns.stands[next] == false do
            next = next + 1
        end
        local stands = turns.stands[next]
        local job = stands and call_up_next(queue, turns, stands)
        if not stands then
            break
        elseif job and job.crashes == 0 then
            local place = turns.place[job.id]
            if job.stood then
                change_turns(queue, stands, other, job)
                turns.stood[stands], turns.place[stands] = job.stood, place
                if place then
                    turns.stands[place] = stands
                end
            end
            hand_over(job.id, job, turns.at[next], slots_filled)
            next = next + 1
        elseif job and not job.member_turn then
            next = next + 1
        end
    end
end

-- Fills one slot from the queue. A group is of one tenant; a job that crashed before, a probe
-- and a quarantined job go alone.
local function serve(queue)
    local stands, turn = head(queue)
    local first, kind = open_record(queue, stands), queue.kind
    local job, id, line = first, stands, nil
    if first and first.member then
        line = line_of(queue, first.tenant)
        job = call_up(queue, line, stands)
        id = job and job.id
    end
    if not job then
        return false
    end
    slots_filled = slots_filled + 1
    take_turn(queue.name, turn)
    change_turns(queue, stands, first, job)
    hand_over(id, job, turn, slots_filled)
    if #kind.probes > 0 then
        for _, name in ipairs(kind.probes) do
            neighbour_probe(name, id, lease_end)
        end
        for _, other in pairs(kinds) do
            look_at_neighbours(other)
        end
    elseif kind.group_max > 1 and job.crashes == 0 and job.lane ~= 'quarantine' then
        together(function()
            fill_up(queue, line or line_of(queue, job.tenant))
        end)
    end
    charge(queue.lane.name, kind.name, 1)
    return true
end

local waits = lane_named.quarantine
local quarantined = false -- a quarantined job is out
for _, name in ipairs(known_queues()) do
    if string.find(name, '^quarantine:') and redis.call('EXISTS', P .. ':leased:' .. name) == 1 then
        quarantined = true
    end
end

local filled = true
if quarantine then
    local queue = not quarantined and queue_next(waits, false)
    while queue and not serve(queue) do
        queue = queue_next(waits, false)
    end
else
    for _ = 1, live_slots do
        local queue = queue_next(lane_named.live, false)
        while queue and not serve(queue) do
            queue = queue_next(lane_named.live, false)
        end
        filled = filled and queue ~= nil
    end
    for _ = 1, general_slots do
        if jobs >= JOBS_MOST then
            filled = true
            break
        end
        local queue = next_of_all(true)
        while queue and not serve(queue) do
            queue = next_of_all(true)
        end
        if not queue then
            filled = false
            break
        end
        queue.kind.most = queue.kind.most - 1
        charge('', queue.lane.name, queue.lane.stride)
    end
end

-- --- what is written down --------------------------------------------------------------------

if token then
    redis.call('SET', P .. ':token', token)
end
local pairs_of_passes = {}
for field, pass in pairs(new_passes) do
    pairs_of_passes[#pairs_of_passes + 1] = field
    pairs_of_passes[#pairs_of_passes + 1] = pass
end
if #pairs_of_passes > 0 then
    redis.call('HSET', P .. ':pass', unpack(pairs_of_passes))
end
for round, turn in pairs(turns_taken) do
    if turn > present_turn(round) then
        redis.call('HSET', P .. ':turn', round, turn)
        redis.call('ZREMRANGEBYSCORE', P .. ':turns:' .. round, '-inf', turn)
    end
end

-- Who filled all slots and left something wakes the next fetcher, once. Behind as many strays
-- as one call drops may stand a job.
if filled and jobs > 0 and not quarantine and next_of_all(false) and
    redis.call('LLEN', P .. ':wake') == 0 then
    woken = true
end
woken = woken or strays >= STRAYS_MOST

for _, name in ipairs(names) do
    local first = redis.call('ZRANGE', P .. ':scheduled:' .. name, 0, 0, 'WITHSCORES')
    if first[1] then
        local due = math.max(0, tonumber(first[2]) - now)
        reply[3] = reply[3] < 0 and due or math.min(reply[3], due)
    elseif redis.call('EXISTS', P .. ':ready:' .. name) == 0 then
        redis.call('SREM', P .. ':open', name)
    end
end
local drainer = redis.call('GET', P .. ':drainer')
if may_drain and (drainer or worker) == worker and not quarantined and queue_next(waits, false) then
    redis.call('SET', P .. ':drainer', worker, 'PX', DRAIN_MS)
    reply[2] = 1
elseif drainer == worker then
    redis.call('DEL', P .. ':drainer')
end
reply[1], reply[4] = put_aside, jobs
finish()
return reply
