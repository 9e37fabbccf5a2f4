#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- unarchived - dead jobs that are not in MariaDB yet, oldest first.
--
-- KEYS[1]  the partition's prefix
-- ARGV     most
-- Reply    records with their payloads, as lib.lua's `records_of` puts them
return records_of(redis.call('ZRANGE', P .. ':unarchived', 0, tonumber(ARGV[1]) - 1), true)
