-- SPDX-License-Identifier: MIT
-- Personal data goes after a time: from when on each row has held some.
--
-- address_since, body_since and payload_since are NULL once nothing is left to erase, so
-- that their indexes hold what is still kept, oldest first, and a shorter setting finds
-- the rows that are there. The columns ..._erase_at say what was promised when the row
-- was made; NULL means that it was erased, and that nothing may come back.
ALTER TABLE payment_intents
    ADD COLUMN address_since DATETIME(3)
        AS (IF(receipt_email_encrypted IS NULL, NULL, created_at)) STORED,
    DROP KEY receipt_email_erase,
    ADD KEY address_since (address_since);

ALTER TABLE receipts
    ADD COLUMN address_since DATETIME(3)
        AS (IF(sealed_to IS NULL, NULL, created_at)) STORED,
    DROP KEY to_erase,
    ADD KEY address_since (address_since);

-- By the mark that is erased with the body, so that no update of an event reads its body.
ALTER TABLE stripe_events
    ADD COLUMN body_since DATETIME(3)
        AS (IF(body_erase_at IS NULL, NULL, received_at)) STORED,
    DROP KEY body_erase,
    ADD KEY body_since (body_since);

ALTER TABLE jobs_archive
    ADD COLUMN payload_since DATETIME(3)
        AS (IF(sealed_payload IS NULL, NULL, died_at)) STORED,
    ADD KEY payload_since (payload_since);
