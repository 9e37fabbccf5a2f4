-- SPDX-License-Identifier: MIT
-- What phones hand over when they reconnect, beyond 0006_sync.sql.
--
-- sync_batches.request_mac is the fingerprint of the request when it had an
-- Idempotency-Key, which then also names the batch. Whether a batch is finished follows
-- from the rows of its items and stands nowhere.
ALTER TABLE sync_batches
    ADD COLUMN request_mac CHAR(64) NULL AFTER device_id,
    DROP KEY finished,
    DROP COLUMN finished_at,
    ADD KEY received (received_at);

-- given_intent is the PaymentIntent that the phone named, '' when it named none: a sale for
-- which two of them are named may have been paid twice, and each is kept.
ALTER TABLE sync_conflicts
    ADD COLUMN given_intent VARCHAR(255) NOT NULL DEFAULT '' AFTER given_mac,
    DROP KEY once,
    ADD UNIQUE KEY once (pompier_id, local_id, given_mac, given_intent);

-- collect_until: the PaymentIntent was made a posteriori, for an offline sale that Stripe
-- knew nothing of; it is canceled when nobody has collected it by then.
ALTER TABLE payment_intents
    ADD COLUMN collect_until DATETIME(3) NULL AFTER sync_batch_id,
    ADD KEY collect_until (collect_until);
