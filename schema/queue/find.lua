#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- find - the job that a reference is the name of, then those that carry it, newest first.
--
-- KEYS[1]  the partition's prefix
-- ARGV     reference, most
-- Reply    records without payloads, as lib.lua's `records_of` puts them
local most = tonumber(ARGV[2])
local ids = redis.call('ZRANGE', P .. ':ref:' .. ARGV[1], 0, most - 1, 'REV')
if redis.call('EXISTS', record_key(ARGV[1])) == 1 then
    table.insert(ids, 1, ARGV[1])
    ids[most + 1] = nil
end
return records_of(ids, false)
