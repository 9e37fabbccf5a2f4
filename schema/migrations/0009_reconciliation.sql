-- SPDX-License-Identifier: MIT
-- The books held against Stripe's: each comparison, and each difference that it found.

-- name is the job's, which names the period, so that each period has one run.
CREATE TABLE reconciliation_runs (
    id BIGINT NOT NULL AUTO_INCREMENT,
    name VARCHAR(200) NOT NULL,
    amicale_id BIGINT NULL,
    from_day DATE NULL,
    to_day DATE NULL,
    state ENUM('running', 'finished', 'failed') NOT NULL DEFAULT 'running',
    checked_count BIGINT NOT NULL DEFAULT 0,
    opened_count BIGINT NOT NULL DEFAULT 0,
    closed_count BIGINT NOT NULL DEFAULT 0,
    totals JSON NULL,
    last_fault VARCHAR(255) NULL,
    started_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    finished_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY name (name),
    KEY amicale (amicale_id, started_at),
    KEY started (started_at),
    CONSTRAINT reconciliation_runs_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- kind says what is wrong (unattributed, unknown_account, ...), subject which object, and
-- amount how much is at stake. One finding of a kind and subject is open at a time:
-- is_open is NULL once it was closed. detail names the other objects.
CREATE TABLE reconciliation_findings (
    id BIGINT NOT NULL AUTO_INCREMENT,
    kind VARCHAR(64) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    amicale_id BIGINT NULL,
    amount BIGINT NOT NULL DEFAULT 0,
    currency CHAR(3) NOT NULL DEFAULT 'eur',
    detail JSON NULL,
    opened_run_id BIGINT NULL,
    closed_run_id BIGINT NULL,
    opened_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    seen_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    closed_at DATETIME(3) NULL,
    closed_by VARCHAR(255) NULL,
    is_open TINYINT AS (IF(closed_at IS NULL, 1, NULL)) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY one_open (kind, subject, is_open),
    KEY subject (subject),
    KEY amicale (amicale_id, closed_at),
    KEY open (closed_at, opened_at),
    KEY opened_run (opened_run_id),
    KEY closed_run (closed_run_id),
    CONSTRAINT reconciliation_findings_amicale
        FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT reconciliation_findings_opened_run
        FOREIGN KEY (opened_run_id) REFERENCES reconciliation_runs (id),
    CONSTRAINT reconciliation_findings_closed_run
        FOREIGN KEY (closed_run_id) REFERENCES reconciliation_runs (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
