-- SPDX-License-Identifier: MIT
-- The books proved complete: jobs that come with each period, a copy of Stripe's balance
-- transactions, and the walks through its events.

-- A job that is named by its period is done once, however often its name was enqueued.
CREATE TABLE periodic_runs (
    name VARCHAR(200) NOT NULL,
    kind VARCHAR(64) NOT NULL,
    started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    finished_at DATETIME(3) NULL,
    PRIMARY KEY (name),
    KEY kind (kind, started_at),
    KEY started (started_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every movement of money as Stripe's balances have it. account is '' for the platform's
-- balance, else the connected account whose balance it is. source_id is the object that
-- moved the money (ch_, re_, dp_, po_, tr_, fee_, fr_, py_ ...), stripe_charge_id and
-- stripe_payment_intent_id the sale behind it, as far as Stripe tells.
CREATE TABLE balance_transactions (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_balance_transaction_id VARCHAR(255) NOT NULL,
    account VARCHAR(255) NOT NULL DEFAULT '',
    type VARCHAR(64) NOT NULL,
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL DEFAULT 0,
    net BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    source_id VARCHAR(255) NULL,
    source JSON NULL,
    stripe_charge_id VARCHAR(255) NULL,
    stripe_payment_intent_id VARCHAR(255) NULL,
    destination_account_id VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    stripe_created DATETIME(3) NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY once (stripe_balance_transaction_id),
    KEY account (account, stripe_created),
    KEY source (source_id),
    KEY charge (stripe_charge_id),
    KEY payment (stripe_payment_intent_id),
    KEY amicale (amicale_id, type, stripe_created),
    CONSTRAINT balance_transactions_amicale
        FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- gap_count: events that the last walk found missing and that are not in the ledger yet.
-- complete_until never lies behind one of these.
ALTER TABLE event_cursors
    ADD COLUMN gap_count BIGINT NOT NULL DEFAULT 0 AFTER gaps_found;

-- plan names the run that planned this one; the plan's own run has it NULL, and compares
-- what belongs to no amicale.
ALTER TABLE reconciliation_runs
    ADD COLUMN plan VARCHAR(200) NULL AFTER name,
    ADD KEY plan (plan, state);
