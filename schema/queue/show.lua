#!lua flags=no-writes
-- SPDX-License-Identifier: MIT
-- show - one job's record.
--
-- KEYS[1]  the partition's prefix
-- ARGV     id
-- Reply    records (one or none), as lib.lua's `records_of` puts them
return records_of({ARGV[1]}, true)
