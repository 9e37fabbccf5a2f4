-- SPDX-License-Identifier: MIT
-- lib - what the scripts of the queue share; the build puts it behind each one's first line.
--
-- KEYS[1] is the partition's prefix, `{tocsin}` or `{tocsin:N}`. Every other key is made from
-- it and so carries the same hash tag. schema/keys.md describes them all. The only clock
-- is Redis' own. Nothing here writes unless it is called.

local P = KEYS[1]

local RECORD_VERSION = '1'
local STATES = {'ready', 'leased', 'scheduled', 'done', 'dead'}
-- By priority, with the weight in the round. Nobody enqueues into the last one.
local LANES = {
    {'live', 16}, {'webhook', 8}, {'sync', 4}, {'mail', 2}, {'backfill', 1}, {'quarantine', 1},
}
local NEIGHBOURS = {'stripe', 'mariadb', 'smtp'}

local HISTORY_LINES = 10      -- attempts that a record remembers
local CRASHES_QUARANTINE = 2  -- then a job runs alone
local CRASHES_DEAD = 3        -- then it is poison
local DEFERRALS_FREE = 100    -- a further one burns an attempt, unless its neighbour is down
local DOWN_AFTER = 3          -- failures in a row until a neighbour counts as down
local PROBE_MS = 1000         -- from going down to the first probe; doubles with each that fails
local PROBE_MOST_MS = 5000
local NEWS_MS = 600000        -- what is known of a neighbour lapses without news for so long
local JUMP_MS = 5000          -- a clock that moved further than this has jumped
local RESULT_MS = 900000
local WAKE_MOST = 64

-- Who may go where. `move` refuses anything else.
local MOVES = {
    ready = {leased = true, scheduled = true, done = true},
    leased = {ready = true, scheduled = true, done = true, dead = true},
    scheduled = {ready = true, done = true},
    dead = {ready = true, done = true},
    done = {},
}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- --- figures and waking, written once at a script's end ------------------------------------

local totals = {}
local woken = false -- something became ready, or may be taken again

local function count(name)
    totals[name] = (totals[name] or 0) + 1
end

-- --- sorted sets, one by one or together ---------------------------------------------------

-- Inside `together`: set -> member -> score, or false when it leaves; and new records, each
-- its key, with its fields, and by its key with its fingerprint.
local gathered, records, macs = nil, {}, {}

local function gather(key, member, score)
    local changes = gathered[key]
    if not changes then
        changes = {}
        gathered[key] = changes
    end
    changes[member] = score
end

local function zadd(key, score, member)
    if gathered then
        gather(key, member, score)
    else
        redis.call('ZADD', key, score, member)
    end
end

local function zrem(key, member)
    if gathered then
        gather(key, member, false)
    else
        redis.call('ZREM', key, member)
    end
end

-- What zadd and zrem change in `work`, which must not read it, is written at its end, with a
-- command or two for each set. So it is when `work` fails: what it did before stays whole.
-- New records come last: a job whose set is refused is not known, and may be brought again.
local MEMBERS_MOST = 500 -- of a command
local function together(work)
    gathered = {}
    local done, fault = pcall(work)
    local sets = gathered
    gathered = nil
    for key, changes in pairs(sets) do
        local come, go = {}, {}
        for member, score in pairs(changes) do
            if score then
                come[#come + 1] = score
                come[#come + 1] = member
            else
                go[#go + 1] = member
            end
        end
        for i = 1, #come, 2 * MEMBERS_MOST do
            redis.call('ZADD', key, unpack(come, i, math.min(#come, i + 2 * MEMBERS_MOST - 1)))
        end
        for i = 1, #go, MEMBERS_MOST do
            redis.call('ZREM', key, unpack(go, i, math.min(#go, i + MEMBERS_MOST - 1)))
        end
    end
    for _, record in ipairs(records) do
        redis.call('HSET', record.key, unpack(record))
    end
    records, macs = {}, {}
    if not done then
        error(fault, 0)
    end
end

-- The last act of every script that counts or wakes.
local function finish()
    for name, number in pairs(totals) do
        redis.call('HINCRBY', P .. ':total', name, number)
    end
    if woken and redis.call('LLEN', P .. ':wake') < WAKE_MOST then
        redis.call('RPUSH', P .. ':wake', '1')
    end
end

-- --- queues and turns ------------------------------------------------------------------

-- Every "<lane>:<kind>" that ever held a job, in no order.
local function known_queues()
    return redis.call('HKEYS', P .. ':queues')
end

-- The same in the order of the lanes, then by name.
local function queue_names()
    local names, rank, place = known_queues(), {}, {}
    for i, lane in ipairs(LANES) do
        rank[lane[1]] = i
    end
    for _, name in ipairs(names) do
        place[name] = (rank[string.match(name, '^[^:]*')] or 9) .. name
    end
    table.sort(names, function(a, b)
        return place[a] < place[b]
    end)
    return names
end

-- Every queue that holds a ready or scheduled job is in P:open, so that take need not look at
-- all the others; it takes out those that have become empty.
local opened = {}
local function open_queue(queue)
    if not opened[queue] then
        opened[queue] = true
        redis.call('SADD', P .. ':open', queue)
    end
end

-- Turns are given in rounds: in `<queue>` to tenants, in `<queue>:<tenant>` to the members of
-- a tenant. A round's present turn is that of the job which was taken last.
local present_turns = {}
local function present_turn(round)
    local turn = present_turns[round]
    if not turn then
        turn = tonumber(redis.call('HGET', P .. ':turn', round) or 0)
        present_turns[round] = turn
    end
    return turn
end

-- Somebody's next turn in a round: behind their own last one, and never in the past, so who
-- comes late stands beside the first job of each other.
local last_turns = {} -- key -> who -> the last one given in this script
local function next_turn(round, who)
    local key = P .. ':turns:' .. round
    local given = last_turns[key] or {}
    local last = given[who] or tonumber(redis.call('ZSCORE', key, who) or 0)
    local turn = math.max(present_turn(round), last) + 1
    last_turns[key], given[who] = given, turn
    zadd(key, turn, who)
    return turn
end

-- New turns for a job that comes to a queue. The tenant's is returned; that of its member, if
-- it has one, is put down in `job`.
local function next_turns(queue, job)
    job.member_turn = job.member and next_turn(queue .. ':' .. job.tenant, job.member)
    return next_turn(queue, job.tenant)
end

-- Where the jobs of a tenant stand by their members' turns.
local function members_key(queue, tenant)
    return P .. ':members:' .. queue .. ':' .. tenant
end

-- Stands a job at a turn of its tenant's.
local function stand(id, job, queue, turn)
    zadd(P .. ':ready:' .. queue, turn, id)
    if job.group == '1' then
        zadd(P .. ':group:' .. queue .. ':' .. job.tenant, turn, id)
    end
end

-- What makes a job ready: it stands at its turns.
local function line_up(id, job, queue, turn)
    stand(id, job, queue, turn)
    open_queue(queue)
    if job.member then
        zadd(members_key(queue, job.tenant), job.member_turn, id)
    end
    woken = true
end

-- What ready jobs leave.
local function step_out(id, job, queue)
    zrem(P .. ':ready:' .. queue, id)
    if job.group == '1' then
        zrem(P .. ':group:' .. queue .. ':' .. job.tenant, id)
    end
    if job.member then
        zrem(members_key(queue, job.tenant), id)
    end
end

-- --- neighbours --------------------------------------------------------------------------

-- {failures, down_since, probe_at, wait, probe} or false, read once in a script.
local neighbours = {}
local function neighbour(name)
    local state = neighbours[name]
    if state == nil then
        local got = redis.call('HMGET', P .. ':neighbour:' .. name, 'failures', 'down_since',
                               'probe_at', 'wait', 'probe')
        state = got[1] and {
            failures = tonumber(got[1]), down_since = tonumber(got[2]),
            probe_at = tonumber(got[3]), wait = tonumber(got[4]), probe = got[5],
        }
        neighbours[name] = state
    end
    return state
end

local function neighbour_answered(name)
    local state = neighbour(name)
    if state then
        redis.call('DEL', P .. ':neighbour:' .. name)
        neighbours[name] = false
        woken = woken or state.down_since > 0
    end
end

-- One failure more, told by the attempt at job `id`.
local function neighbour_failed(name, id, fault)
    local state = neighbour(name)
    if not state then
        state = {failures = 0, down_since = 0, probe_at = 0, wait = PROBE_MS, probe = ''}
        neighbours[name] = state
    end
    state.failures = state.failures + 1
    if state.down_since == 0 and state.failures >= DOWN_AFTER then
        state.down_since, state.probe_at = now, now + PROBE_MS
    elseif state.probe == id then
        state.probe_at, state.probe = now + state.wait, ''
        state.wait = math.min(state.wait * 2, PROBE_MOST_MS)
    end
    redis.call('HSET', P .. ':neighbour:' .. name, 'failures', state.failures, 'down_since',
               state.down_since, 'probe_at', state.probe_at, 'wait', state.wait, 'probe',
               state.probe, 'fault', fault)
    redis.call('PEXPIRE', P .. ':neighbour:' .. name, NEWS_MS)
end

-- Job `id` is the one that finds out whether a neighbour is back, until `lease_end`.
local function neighbour_probe(name, id, lease_end)
    local state = neighbour(name)
    state.probe_at, state.probe = lease_end, id
    redis.call('HSET', P .. ':neighbour:' .. name, 'probe_at', lease_end, 'probe', id)
    redis.call('PEXPIRE', P .. ':neighbour:' .. name, NEWS_MS)
end

-- Job `id` is leased no more: if it was a probe that found nothing out, the next may start.
local function probe_over(id)
    for _, name in ipairs(NEIGHBOURS) do
        local state = neighbour(name)
        if state and state.probe == id then
            state.probe_at, state.probe = now, ''
            redis.call('HSET', P .. ':neighbour:' .. name, 'probe_at', now, 'probe', '')
        end
    end
end

-- --- jobs --------------------------------------------------------------------------------

local function record_key(id)
    return P .. ':job:' .. id
end

-- What the moves need to know of a job; nil when there is none.
local function job_of(id)
    local got = redis.call('HMGET', record_key(id), 'state', 'lane', 'kind', 'tenant', 'group',
                           'reply', 'home', 'attempt', 'max', 'crashes', 'deferrals', 'token',
                           'turn', 'worker', 'history', 'at', 'member', 'member_turn')
    if not got[1] then
        return nil
    end
    return {
        state = got[1], lane = got[2], kind = got[3], tenant = got[4], group = got[5],
        reply = got[6], home = got[7] or got[2], attempt = tonumber(got[8] or 0),
        max = tonumber(got[9]), crashes = tonumber(got[10] or 0),
        deferrals = tonumber(got[11] or 0), token = got[12], turn = tonumber(got[13] or 0),
        worker = got[14] or '', history = got[15] or '', at = tonumber(got[16]),
        member = got[17], member_turn = tonumber(got[18] or 0),
    }
end

-- The one function that moves a job between states. `score` is the turn of ready, the
-- lease's end of leased, the moment due of scheduled, the moment settled of done and dead.
-- Further arguments are fields of the record and their values. `job` needs state, lane,
-- kind, tenant, member, group and reply; to ready, its member's turn too.
local function move(id, job, to, lane, score, ...)
    local from, at = job.state, score
    if not MOVES[from][to] then
        error('no move from ' .. from .. ' to ' .. to .. ': ' .. id)
    end
    local old, new = job.lane .. ':' .. job.kind, lane .. ':' .. job.kind
    if from == 'ready' then
        step_out(id, job, old)
    else
        zrem(P .. ':' .. from .. ':' .. old, id)
    end
    if to == 'ready' then
        at = now
        line_up(id, job, new, score)
    else
        zadd(P .. ':' .. to .. ':' .. new, score, id)
    end
    if to == 'scheduled' then
        open_queue(new)
    end
    if from == 'leased' then
        probe_over(id)
    elseif from == 'dead' then
        redis.call('ZREM', P .. ':unarchived', id)
    end
    if to == 'dead' then
        redis.call('ZADD', P .. ':unarchived', score, id)
    end
    redis.call('HSET', record_key(id), 'state', to, 'lane', lane, 'at', at, ...)
    if (to == 'done' or to == 'dead') and job.reply ~= '' then
        redis.call('PUBLISH', P .. ':settled:' .. job.reply, id .. ' ' .. to)
    end
    job.state, job.lane = to, lane
end

-- The job's history with one line more. `members` is the inside of a JSON object.
local function remember(job, members)
    local line = '{"at":' .. now .. ',' .. members .. '}'
    if job.history == '' then
        return line
    end
    local kept = job.history
    local _, newlines = string.gsub(kept, '\n', '\n')
    if newlines + 1 >= HISTORY_LINES then
        kept = string.match(kept, '\n(.*)$')
    end
    return kept .. '\n' .. line
end

local function die(id, job, outcome, ...)
    count('dead')
    count(outcome)
    move(id, job, 'dead', job.lane, now, 'outcome', outcome, 'archived', '0', ...)
end

-- A leased job whose worker died under it, or let the lease run out. Says whether it is poison.
local function crash(id, job, why)
    local crashes, attempt = job.crashes + 1, job.attempt + 1
    local history = remember(job, '"worker":' .. cjson.encode(job.worker) ..
                                      ',"outcome":"CRASHED","text":' .. cjson.encode(why))
    count('crashed')
    if crashes >= CRASHES_DEAD or attempt >= job.max then
        local outcome = crashes >= CRASHES_DEAD and 'poison' or 'exhausted'
        die(id, job, outcome, 'crashes', crashes, 'attempt', attempt, 'fault', why, 'history',
            history)
        return outcome == 'poison'
    end
    local lane, turn = job.lane, job.turn
    if crashes >= CRASHES_QUARANTINE and lane ~= 'quarantine' then
        local queue = 'quarantine:' .. job.kind
        local needs = redis.call('HGET', P .. ':queues', lane .. ':' .. job.kind)
        redis.call('HSET', P .. ':queues', queue, needs)
        lane, turn = 'quarantine', next_turns(queue, job)
    end
    move(id, job, 'ready', lane, turn, 'home', job.home, 'crashes', crashes, 'attempt', attempt,
         'fault', why, 'history', history)
    return false
end

-- A leased job that was not begun goes back to its turns as if it had never been taken.
local function give_back(id, job)
    count('released')
    move(id, job, 'ready', job.lane, job.turn)
end

-- A worker that is no more becomes empty for nobody.
local function drain_no_more(worker)
    if redis.call('GET', P .. ':drainer') == worker then
        redis.call('DEL', P .. ':drainer')
    end
end

-- --- enqueuing -----------------------------------------------------------------------------

-- A new job stands in ARGV from `i` as: id, kind, lane, tenant, payload, mac, delay_ms, reply,
-- max attempts, group (1 when its kind has groups, else 0), needs (names of neighbours, by
-- commas), member ('' none), number of refs, refs. Returns where the next one stands.
local function after_job(i)
    return i + 13 + tonumber(ARGV[i + 12])
end

-- Enqueues the job at `i`. 0: it is new; 1: known with the same body; 2: with another one. Who
-- gives no fingerprint, now or when it was enqueued, says nothing of the body: it is the same.
local queues_seen = {}
local function add(i)
    local id, kind, lane, tenant, mac = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 5]
    local delay_ms, job = tonumber(ARGV[i + 6]), {tenant = tenant, group = ARGV[i + 9]}
    local key, queue, after = record_key(id), lane .. ':' .. kind, after_job(i)
    local known = macs[key] or redis.call('HGET', key, 'mac')
    if known then
        local same = known == mac or known == '' or mac == ''
        count(same and 'known' or 'conflict')
        return same and 1 or 2
    end
    count('enqueued')
    if ARGV[i + 11] ~= '' then
        job.member = ARGV[i + 11]
    end
    if not queues_seen[queue] then
        queues_seen[queue] = true
        redis.call('HSET', P .. ':queues', queue, ARGV[i + 10])
    end
    for r = i + 13, after - 1 do
        if ARGV[r] ~= id then -- its own name finds it without an index
            zadd(P .. ':ref:' .. ARGV[r], now, id)
        end
    end
    local state, at = 'ready', now
    if delay_ms > 0 then
        state, at = 'scheduled', now + delay_ms
        zadd(P .. ':scheduled:' .. queue, at, id)
        open_queue(queue)
    else
        line_up(id, job, queue, next_turns(queue, job))
    end
    local record = {
        'version', RECORD_VERSION, 'kind', kind, 'lane', lane, 'tenant', tenant, 'state', state,
        'at', at, 'mac', mac, 'enqueued', now, 'max', ARGV[i + 8], 'reply', ARGV[i + 7],
        'group', job.group, 'refs', table.concat(ARGV, ' ', i + 13, after - 1),
        'payload', ARGV[i + 4], unpack(job.member and {'member', job.member} or {}),
    }
    if gathered then
        record.key, macs[key] = key, mac
        records[#records + 1] = record
    else
        redis.call('HSET', key, unpack(record))
    end
    return 0
end

-- --- time ----------------------------------------------------------------------------------

-- Called first by every script that grants or ends leases. When the clock jumped, or
-- nobody looked at it for a while (no worker, no Redis), all that runs out by itself is
-- shifted by as much: what was left of it is left still. Adds the shift to P:clock for sweep.
local function tick()
    local at = redis.call('HGET', P .. ':clock', 'at')
    local shift = at and now - tonumber(at) or 0
    redis.call('HSET', P .. ':clock', 'at', now)
    if math.abs(shift) <= JUMP_MS then
        return
    end
    redis.call('HINCRBY', P .. ':clock', 'shifted', shift)
    for _, queue in ipairs(known_queues()) do
        local key = P .. ':leased:' .. queue
        local leased = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
        for i = 1, #leased, 2 do
            local lease_end = tonumber(leased[i + 1]) + shift
            redis.call('ZADD', key, lease_end, leased[i])
            redis.call('HSET', record_key(leased[i]), 'at', lease_end)
        end
    end
    local workers = redis.call('ZRANGE', P .. ':workers', 0, -1, 'WITHSCORES')
    for i = 1, #workers, 2 do
        redis.call('ZADD', P .. ':workers', tonumber(workers[i + 1]) + shift, workers[i])
    end
    for _, name in ipairs(NEIGHBOURS) do
        local state = neighbour(name)
        if state and state.down_since > 0 then
            state.probe_at = state.probe_at + shift
            redis.call('HSET', P .. ':neighbour:' .. name, 'probe_at', state.probe_at)
        end
    end
end

-- --- records for people ----------------------------------------------------------------------

-- Appends a job's record to a reply: RECORD_FIELDS texts, '' for what it has not. The fields
-- stand in the order that queue_read_records expects.
local function put_record(reply, id, with_payload)
    local got = redis.call('HMGET', record_key(id), 'kind', 'lane', 'tenant', 'worker', 'refs',
                           'fault', 'reply', 'mac', with_payload and 'payload' or '-', 'state',
                           'version', 'attempt', 'max', 'crashes', 'deferrals', 'enqueued', 'at',
                           'token', 'outcome', 'history', 'archived')
    if not got[1] then
        return false
    end
    reply[#reply + 1] = id
    for i = 1, 21 do
        reply[#reply + 1] = got[i] or ''
    end
    return true
end

-- A reply of records: cursor, partial (0 or 1), number of records, records.
local function records_of(ids, with_payload)
    local reply, number = {'', 0, 0}, 0
    for _, id in ipairs(ids) do
        if put_record(reply, id, with_payload) then
            number = number + 1
        end
    end
    reply[3] = number
    return reply
end
