#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- results - how far jobs are, and what came of them.
--
-- KEYS[1]  the partition's prefix
-- ARGV     ids, at most 128
-- Reply    for each: state ('' when there is no such job), kind, attempt, enqueued_ms, sealed
--          result ('' none), left out (1 when its result did not fit into this reply, else
--          0), discarded (1 when an operator had it done, else 0)
-- A result outlives a record that was trimmed early: its job is then told as done. Results
-- of more than RESULTS_BYTES together are left out, never the first one: ask again for them.

local RESULTS_BYTES = 524288

local reply, bytes = {}, 0
for _, id in ipairs(ARGV) do
    local got = redis.call('HMGET', record_key(id), 'state', 'kind', 'attempt', 'enqueued',
                           'outcome')
    local state, result, left_out = got[1] or '', '', 0
    if state == '' or state == 'done' or state == 'dead' then
        result = redis.call('GET', P .. ':result:' .. id) or ''
        if state == '' and result ~= '' then
            state = 'done'
        end
        if bytes > 0 and bytes + #result > RESULTS_BYTES then
            result, left_out = '', 1
        end
        bytes = bytes + #result
    end
    for _, word in ipairs({state, got[2] or '', got[3] or '', got[4] or '', result, left_out,
                          got[5] == 'discarded' and 1 or 0}) do
        reply[#reply + 1] = word
    end
end
return reply
