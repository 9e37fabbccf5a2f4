#!lua
-- SPDX-License-Identifier: MIT
-- retry - an operator gives a dead or scheduled job another life, now.
--
-- KEYS[1]  the partition's prefix
-- ARGV     id, who, why, number of audit jobs (0 or 1), that job as lib.lua's `add` reads it
-- Reply    verdict (0 done; 1 no such job; 2 its state does not allow it), its state now
-- Atomic. Attempts, crashes and deferrals count from nought; the job goes back to its home
-- lane, also from quarantine. The audit job is enqueued only when it was done.
local id, job = ARGV[1], job_of(ARGV[1])
if not job then
    return {1, ''}
end
if job.state ~= 'dead' and job.state ~= 'scheduled' then
    return {2, job.state}
end
local history = remember(job, '"by":' .. cjson.encode(ARGV[2]) .. ',"outcome":"RETRIED","text":' ..
                                  cjson.encode(ARGV[3]))
count('retried')
move(id, job, 'ready', job.home, next_turns(job.home .. ':' .. job.kind, job), 'attempt', 0,
     'crashes', 0, 'deferrals', 0, 'outcome', '', 'history', history)
for _ = 1, tonumber(ARGV[4]) do
    add(5)
end
finish()
return {0, job.state}
