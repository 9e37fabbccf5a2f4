#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- find - the jobs that carry a reference, newest first.
--
-- KEYS[1]  the partition's prefix
-- ARGV     reference, most
-- Reply    records without payloads, as lib.lua's `records_of` puts them
return records_of(redis.call('ZRANGE', P .. ':ref:' .. ARGV[1], 0, tonumber(ARGV[2]) - 1, 'REV'), false)
