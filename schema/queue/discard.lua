#!lua
-- SPDX-License-Identifier: MIT
-- discard - an operator decides that a ready, scheduled or dead job shall not be done.
--
-- KEYS[1]  the partition's prefix
-- ARGV     id, who, why, number of audit jobs (0 or 1), that job as lib.lua's `add` reads it
-- Reply    verdict (0 done; 1 no such job; 2 its state does not allow it), its state now
-- Atomic. The job is done with the outcome "discarded", and who waits for it is told. The
-- audit job is enqueued only when it was done.
local id, job = ARGV[1], job_of(ARGV[1])
if not job then
    return {1, ''}
end
if not MOVES[job.state].done or job.state == 'leased' then
    return {2, job.state}
end
local history = remember(job, '"by":' .. cjson.encode(ARGV[2]) ..
                                  ',"outcome":"DISCARDED","text":' .. cjson.encode(ARGV[3]))
count('discarded')
move(id, job, 'done', job.lane, now, 'outcome', 'discarded', 'history', history, 'payload', '')
for _ = 1, tonumber(ARGV[4]) do
    add(5)
end
finish()
return {0, job.state}
