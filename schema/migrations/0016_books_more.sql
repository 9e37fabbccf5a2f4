-- SPDX-License-Identifier: MIT
-- The proof of the books, gone on with: a list of events has one walk at a time.

-- walker is the job that walks the list now, and which run of it; it is another's to take
-- once walker_until is over.
ALTER TABLE event_cursors
    ADD COLUMN walker VARCHAR(255) NULL AFTER walked_at,
    ADD COLUMN walker_until DATETIME(3) NULL AFTER walker;
