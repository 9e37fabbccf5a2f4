-- SPDX-License-Identifier: MIT
-- The database and its three users: a template, run once by whoever sets up the server.
--
-- Replace the passwords (or use unix_socket authentication on one machine:
-- IDENTIFIED VIA unix_socket), and 'localhost' by the machines that may connect, with
-- REQUIRE SSL when they are not this one. Then: mariadb < grants.sql
--
--   tocsin           mariadb.user          the worker and the operator's verbs: reads, writes
--   tocsin_reader    mariadb.reader_user   the front door: may only read
--   tocsin_migrator  mariadb.user of the settings that `tocsin migrate` is run with; on a
--                    small installation, grant its rights to `tocsin` and leave it out

CREATE DATABASE IF NOT EXISTS tocsin CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE USER IF NOT EXISTS 'tocsin'@'localhost' IDENTIFIED BY 'change me';
GRANT SELECT, INSERT, UPDATE, DELETE ON tocsin.* TO 'tocsin'@'localhost';

CREATE USER IF NOT EXISTS 'tocsin_reader'@'localhost' IDENTIFIED BY 'change me';
GRANT SELECT ON tocsin.* TO 'tocsin_reader'@'localhost';

CREATE USER IF NOT EXISTS 'tocsin_migrator'@'localhost' IDENTIFIED BY 'change me';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES
    ON tocsin.* TO 'tocsin_migrator'@'localhost';
