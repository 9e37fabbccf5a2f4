#!lua
-- SPDX-License-Identifier: MIT
-- enqueue - new jobs, at most 128, in one atomic step.
--
-- KEYS[1]  the partition's prefix
-- ARGV     number of jobs, then each job as lib.lua's `add` reads it
-- Reply    one integer a job: 0 it is new; 1 the name is known with the same body, or one of
--          the two came without a fingerprint; 2 the name is known with another body. Of 1
--          and 2 nothing changes but the totals: the first one's fingerprint stays.
-- Refused with -OOM, whole, when Redis is at its memory limit.
local verdicts, i = {}, 2
together(function()
    for n = 1, tonumber(ARGV[1]) do
        verdicts[n] = add(i)
        i = after_job(i)
    end
end)
finish()
return verdicts
