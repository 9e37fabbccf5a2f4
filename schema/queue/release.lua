#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- release - jobs that were taken but not begun go back to their turns: no attempt, no crash.
--
-- KEYS[1]  the partition's prefix
-- ARGV     for each job: id, token
-- Reply    how many went back; those whose token is stale stay as they are
-- Atomic.
local back = 0
for i = 1, #ARGV, 2 do
    local job = job_of(ARGV[i])
    if job and job.state == 'leased' and job.token == ARGV[i + 1] then
        give_back(ARGV[i], job)
        back = back + 1
    end
end
finish()
return back
