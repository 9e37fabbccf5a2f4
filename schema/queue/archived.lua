#!lua flags=allow-oom
-- SPDX-License-Identifier: MIT
-- archived - these dead jobs are in MariaDB now and may be trimmed.
--
-- KEYS[1]  the partition's prefix
-- ARGV     for each job: id, the moment at which it died (of the record that was archived)
-- Reply    how many were marked; a job that was retried meanwhile, even if it died again, is not
-- Atomic.
local marked = 0
for i = 1, #ARGV, 2 do
    local job = job_of(ARGV[i])
    if job and job.state == 'dead' and job.at == tonumber(ARGV[i + 1]) then
        redis.call('HSET', record_key(ARGV[i]), 'archived', '1')
        redis.call('ZREM', P .. ':unarchived', ARGV[i])
        marked = marked + 1
    end
end
return marked
