-- SPDX-License-Identifier: MIT
-- What callers of the front door ask for: whose job made a row, and how far the POST that
-- makes its object at Stripe has come (see 0002_money.sql for first_sent_at, send_step).

-- job_id names the job that wrote the row, and begins the Idempotency-Key of its POST.
ALTER TABLE payment_intents
    ADD COLUMN job_id VARCHAR(200) NULL AFTER sync_batch_id,
    ADD UNIQUE KEY job (job_id);

ALTER TABLE stripe_accounts
    ADD COLUMN job_id VARCHAR(200) NULL AFTER stripe_created,
    ADD UNIQUE KEY job (job_id);

-- The location of an amicale is a column of its row; so are the marks of its POST.
ALTER TABLE amicales
    ADD COLUMN location_job_id VARCHAR(200) NULL AFTER stripe_location_id,
    ADD COLUMN location_first_sent_at DATETIME(3) NULL AFTER location_job_id,
    ADD COLUMN location_send_step INT NOT NULL DEFAULT 0 AFTER location_first_sent_at;

ALTER TABLE terminal_readers
    ADD COLUMN job_id VARCHAR(200) NULL AFTER livemode,
    ADD COLUMN first_sent_at DATETIME(3) NULL AFTER job_id,
    ADD COLUMN send_step INT NOT NULL DEFAULT 0 AFTER first_sent_at,
    ADD UNIQUE KEY job (job_id);
