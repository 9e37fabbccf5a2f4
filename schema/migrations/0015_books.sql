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
-- moved the money (ch_, re_, dp_, po_, tr_, trr_, fee_, fr_, py_ ...); source_object,
-- _status, _currency, _amount, _taken (what was captured of it) and _back (what was given
-- back of that) are as Stripe showed it when the row was copied last; the balance itself
-- may be in another currency. source_of_id is what the source itself is a part of: a
-- reversal's refund or transfer, a returned fee's fee. stripe_charge_id and
-- stripe_payment_intent_id are the sale behind it, destination_account_id and amicale_id
-- whose sale it is, as far as Stripe or our rows tell. is_stirred: an event tells of it
-- that may still be on its way to us.
CREATE TABLE balance_transactions (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_balance_transaction_id VARCHAR(255) NOT NULL,
    account VARCHAR(255) NOT NULL DEFAULT '',
    type VARCHAR(64) NOT NULL,
    category VARCHAR(64) NULL,
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL DEFAULT 0,
    net BIGINT NOT NULL,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    source_id VARCHAR(255) NULL,
    source_object VARCHAR(64) NULL,
    source_status VARCHAR(32) NULL,
    source_currency CHAR(3) NULL,
    source_amount BIGINT NULL,
    source_taken BIGINT NULL,
    source_back BIGINT NULL,
    source_of_id VARCHAR(255) NULL,
    stripe_charge_id VARCHAR(255) NULL,
    stripe_payment_intent_id VARCHAR(255) NULL,
    destination_account_id VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    is_stirred BOOLEAN NOT NULL DEFAULT FALSE,
    stripe_created DATETIME(3) NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY once (stripe_balance_transaction_id),
    KEY account (account, stripe_created),
    KEY source (source_id, type),
    KEY source_of (source_of_id),
    KEY charge (stripe_charge_id, type),
    KEY payment (stripe_payment_intent_id, type),
    KEY amicale (amicale_id, type, stripe_created),
    CONSTRAINT balance_transactions_amicale
        FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- books_at is the moment by which a row belongs to a window that is reconciled.
ALTER TABLE payment_intents
    ADD COLUMN books_at DATETIME(3) AS (COALESCE(succeeded_at, sold_at)) STORED,
    ADD KEY books (amicale_id, books_at);
ALTER TABLE refunds
    ADD COLUMN books_at DATETIME(3) AS (COALESCE(stripe_created, created_at)) STORED,
    ADD KEY books (books_at);
ALTER TABLE disputes
    ADD COLUMN books_at DATETIME(3) AS (COALESCE(stripe_created, created_at)) STORED,
    ADD KEY books (books_at);
ALTER TABLE payouts
    ADD COLUMN books_at DATETIME(3) AS (COALESCE(stripe_created, created_at)) STORED,
    ADD KEY books (books_at);

-- gap_count: events that the last walk found missing and that are not in the ledger yet.
-- complete_until never lies behind one of these.
ALTER TABLE event_cursors
    ADD COLUMN gap_count BIGINT NOT NULL DEFAULT 0 AFTER gaps_found;

-- plan names the run that planned this one; the plan's own run has it NULL, and compares
-- what belongs to no amicale. compared_until: what happened from then on is not compared.
ALTER TABLE reconciliation_runs
    ADD COLUMN plan VARCHAR(200) NULL AFTER name,
    ADD COLUMN compared_until DATETIME(3) NULL AFTER to_day,
    ADD KEY plan (plan, state);

-- happened_at is the moment by which the finding belongs to a window: a run closes what it
-- did not see again in its own window, and nothing else.
ALTER TABLE reconciliation_findings
    ADD COLUMN happened_at DATETIME(3) NULL AFTER detail,
    ADD KEY happened (amicale_id, kind, happened_at);
