-- SPDX-License-Identifier: MIT
-- Money: the amicales' Stripe accounts, what was sold, and what went back.
--
-- last_event_id and last_event_created name the newest Stripe event that was applied to
-- the row. revision grows with every event that looked at the row, so that what was
-- retrieved from Stripe meanwhile is known to be older. first_sent_at and send_step belong to Stripe's Idempotency-Key: when the POST
-- that makes the object was first sent, and the step in its key.

-- An account whose amicale is not known has amicale_id NULL and a finding. The row is
-- written before Stripe is called, so stripe_account_id may still be NULL. An amicale has
-- one account at a time: serves_amicale_id is NULL once the account was deauthorized.
CREATE TABLE stripe_accounts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    amicale_id BIGINT NULL,
    stripe_account_id VARCHAR(255) NULL,
    charges_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    payouts_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    onboarding_completed BOOLEAN NOT NULL DEFAULT FALSE,
    requirements JSON NULL,
    capabilities JSON NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    deauthorized_at DATETIME(3) NULL,
    stripe_created DATETIME(3) NULL,
    first_sent_at DATETIME(3) NULL,
    send_step INT NOT NULL DEFAULT 0,
    synced_at DATETIME(3) NULL,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    serves_amicale_id BIGINT
        AS (IF(deauthorized_at IS NULL, amicale_id, NULL)) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY stripe_account_id (stripe_account_id),
    UNIQUE KEY serves_amicale (serves_amicale_id),
    KEY amicale (amicale_id),
    KEY not_onboarded (onboarding_completed, synced_at),
    CONSTRAINT stripe_accounts_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every sale: by card, in cash or by cheque. A payment that Tocsin did not make has
-- amicale_id and pompier_id NULL and a finding. status is Stripe's, and `new` before
-- Stripe was asked, `failed` when it refused to make the intent, `refunded` and
-- `partially_refunded` computed from the refunds' rows, `voided` for a mistaken sale.
-- sold_at is the seller's clock, sale_day its day in Europe/Paris, created_at our clock.
-- card_receipt holds brand, last4 and the fields of the charge's card_present.receipt
-- that a receipt must show.
CREATE TABLE payment_intents (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_payment_intent_id VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    pompier_id BIGINT NULL,
    amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    status VARCHAR(32) NOT NULL,
    application_fee BIGINT NOT NULL DEFAULT 0,
    metadata JSON NULL,
    payment_method ENUM('card', 'cash', 'cheque') NOT NULL DEFAULT 'card',
    local_id VARCHAR(64) NULL,
    device_id VARCHAR(64) NULL,
    sync_batch_id VARCHAR(64) NULL,
    capture_method ENUM('automatic', 'manual') NOT NULL DEFAULT 'automatic',
    amount_received BIGINT NOT NULL DEFAULT 0,
    amount_capturable BIGINT NOT NULL DEFAULT 0,
    amount_refunded BIGINT NOT NULL DEFAULT 0,
    destination_account_id VARCHAR(255) NULL,
    stripe_charge_id VARCHAR(255) NULL,
    card_receipt JSON NULL,
    receipt_email_encrypted VARBINARY(1024) NULL,
    receipt_email_erase_at DATETIME(3) NULL
        DEFAULT (CURRENT_TIMESTAMP(3) + INTERVAL 13 MONTH),
    last_error_code VARCHAR(100) NULL,
    last_error_decline_code VARCHAR(100) NULL,
    last_error_message VARCHAR(500) NULL,
    voided_at DATETIME(3) NULL,
    voided_by BIGINT NULL,
    void_reason VARCHAR(500) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    sold_at DATETIME(3) NOT NULL,
    sale_day DATE NOT NULL,
    stripe_created DATETIME(3) NULL,
    succeeded_at DATETIME(3) NULL,
    canceled_at DATETIME(3) NULL,
    first_sent_at DATETIME(3) NULL,
    send_step INT NOT NULL DEFAULT 0,
    synced_at DATETIME(3) NULL,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_payment_intent_id (stripe_payment_intent_id),
    UNIQUE KEY sold_once (pompier_id, local_id),
    KEY amicale_day (amicale_id, sale_day),
    KEY pompier_sales (pompier_id, sold_at),
    KEY open_since (status, updated_at),
    KEY charge (stripe_charge_id),
    KEY batch (sync_batch_id),
    KEY voided_by (voided_by),
    KEY receipt_email_erase (receipt_email_erase_at),
    CONSTRAINT payment_intents_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT payment_intents_pompier FOREIGN KEY (pompier_id) REFERENCES users (id),
    CONSTRAINT payment_intents_voided_by FOREIGN KEY (voided_by) REFERENCES users (id),
    CONSTRAINT payment_intents_amounts_are_not_negative
        CHECK (amount >= 0 AND application_fee >= 0 AND amount_received >= 0
               AND amount_capturable >= 0 AND amount_refunded >= 0),
    CONSTRAINT payment_intents_status_is_known
        CHECK (status IN ('new', 'requires_payment_method', 'requires_confirmation',
                          'requires_action', 'processing', 'requires_capture',
                          'succeeded', 'partially_refunded', 'refunded', 'canceled',
                          'failed', 'voided')),
    CONSTRAINT payment_intents_only_cards_are_known_to_stripe
        CHECK (payment_method = 'card'
               OR (stripe_payment_intent_id IS NULL AND stripe_charge_id IS NULL)),
    CONSTRAINT payment_intents_an_address_has_an_end
        CHECK (receipt_email_encrypted IS NULL OR receipt_email_erase_at IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- status is Stripe's (pending, requires_action, succeeded, failed, canceled), and `new`
-- before Stripe was asked. job_id names the job that asked for it, NULL when it was made
-- elsewhere. payment_id is NULL for the refund of a charge without a PaymentIntent, which
-- has a finding.
CREATE TABLE refunds (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_refund_id VARCHAR(255) NULL,
    payment_id BIGINT NULL,
    stripe_charge_id VARCHAR(255) NULL,
    amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    status VARCHAR(32) NOT NULL,
    reason VARCHAR(64) NULL,
    failure_reason VARCHAR(64) NULL,
    fee_refunded BIGINT NOT NULL DEFAULT 0,
    requested_by BIGINT NULL,
    job_id VARCHAR(200) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    stripe_created DATETIME(3) NULL,
    first_sent_at DATETIME(3) NULL,
    send_step INT NOT NULL DEFAULT 0,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_refund_id (stripe_refund_id),
    UNIQUE KEY job (job_id),
    KEY payment (payment_id),
    KEY open_since (status, updated_at),
    KEY requested_by (requested_by),
    CONSTRAINT refunds_payment FOREIGN KEY (payment_id) REFERENCES payment_intents (id),
    CONSTRAINT refunds_requested_by FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT refunds_amounts_are_not_negative CHECK (amount >= 0 AND fee_refunded >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- status is Stripe's: warning_needs_response ... needs_response, under_review, won, lost.
CREATE TABLE disputes (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_dispute_id VARCHAR(255) NOT NULL,
    payment_id BIGINT NULL,
    stripe_charge_id VARCHAR(255) NULL,
    amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    status VARCHAR(32) NOT NULL,
    reason VARCHAR(64) NULL,
    evidence_due_by DATETIME(3) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    stripe_created DATETIME(3) NULL,
    closed_at DATETIME(3) NULL,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_dispute_id (stripe_dispute_id),
    KEY payment (payment_id),
    KEY charge (stripe_charge_id),
    KEY due (closed_at, evidence_due_by),
    CONSTRAINT disputes_payment FOREIGN KEY (payment_id) REFERENCES payment_intents (id),
    CONSTRAINT disputes_amount_is_not_negative CHECK (amount >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- account is the connected account that was paid out, NULL for the platform's own payouts.
-- amount is negative when Stripe collected from the bank account.
CREATE TABLE payouts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_payout_id VARCHAR(255) NOT NULL,
    account VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    amount BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    status VARCHAR(32) NOT NULL,
    arrival_date DATE NULL,
    failure_code VARCHAR(100) NULL,
    failure_message VARCHAR(500) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    stripe_created DATETIME(3) NULL,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_payout_id (stripe_payout_id),
    KEY account (account, arrival_date),
    KEY amicale (amicale_id, arrival_date),
    CONSTRAINT payouts_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
