-- SPDX-License-Identifier: MIT
-- Which row of a file became which amicale, so that a file can be imported again.

-- import_lookup is the hex of the keyed fingerprint of the lowercased address that the
-- amicale was imported under, whatever its address is by now; NULL when it was added by
-- hand. Unique: of two imports at once, one adds it.
ALTER TABLE amicales
    ADD COLUMN import_lookup CHAR(64) NULL AFTER encrypted_email,
    ADD UNIQUE KEY import_lookup (import_lookup);
