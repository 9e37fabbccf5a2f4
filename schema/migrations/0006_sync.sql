-- SPDX-License-Identifier: MIT
-- What phones hand over after being offline, and the keys of requests sent twice.

-- id is the batch's public name. items is what was accepted and what was said of each:
-- [{"local_id":"...","status":"queued"}, ...]; how it ended is in payment_intents and
-- sync_conflicts under (pompier_id, local_id). skew_ms is the phone's clock less ours.
CREATE TABLE sync_batches (
    id VARCHAR(64) NOT NULL,
    amicale_id BIGINT NOT NULL,
    pompier_id BIGINT NOT NULL,
    device_id VARCHAR(64) NULL,
    item_count INT NOT NULL,
    queued_count INT NOT NULL DEFAULT 0,
    duplicate_count INT NOT NULL DEFAULT 0,
    conflict_count INT NOT NULL DEFAULT 0,
    rejected_count INT NOT NULL DEFAULT 0,
    amount_total BIGINT NOT NULL DEFAULT 0,
    items JSON NOT NULL,
    skew_ms BIGINT NULL,
    received_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    finished_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    KEY pompier (pompier_id, received_at),
    KEY amicale (amicale_id, received_at),
    KEY finished (finished_at),
    CONSTRAINT sync_batches_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT sync_batches_pompier FOREIGN KEY (pompier_id) REFERENCES users (id),
    CONSTRAINT sync_batches_counts_are_sensible
        CHECK (item_count BETWEEN 1 AND 1000
               AND queued_count + duplicate_count + conflict_count + rejected_count
                   <= item_count)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A name that came again with another content. given_mac is the fingerprint of what the
-- phone sent, so that the same conflict sent again stays one row.
CREATE TABLE sync_conflicts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    amicale_id BIGINT NOT NULL,
    pompier_id BIGINT NOT NULL,
    local_id VARCHAR(64) NOT NULL,
    given_mac CHAR(64) NOT NULL,
    payment_id BIGINT NULL,
    sync_batch_id VARCHAR(64) NULL,
    kind VARCHAR(64) NOT NULL,
    given JSON NOT NULL,
    opened_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    resolved_at DATETIME(3) NULL,
    resolved_by VARCHAR(255) NULL,
    resolution VARCHAR(500) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY once (pompier_id, local_id, given_mac),
    KEY amicale (amicale_id, resolved_at),
    KEY payment (payment_id),
    KEY open (resolved_at, opened_at),
    CONSTRAINT sync_conflicts_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT sync_conflicts_pompier FOREIGN KEY (pompier_id) REFERENCES users (id),
    CONSTRAINT sync_conflicts_payment
        FOREIGN KEY (payment_id) REFERENCES payment_intents (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- request_mac is the fingerprint of method, path and body; the answer is NULL while the
-- request is in flight.
CREATE TABLE idempotency_keys (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL,
    idempotency_key VARCHAR(255) NOT NULL,
    request_mac CHAR(64) NOT NULL,
    job_id VARCHAR(200) NULL,
    answer_status INT NULL,
    sealed_answer MEDIUMBLOB NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    answered_at DATETIME(3) NULL,
    expires_at DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY once (user_id, idempotency_key),
    KEY expires (expires_at),
    KEY job (job_id),
    CONSTRAINT idempotency_keys_user
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT idempotency_keys_answer_is_whole
        CHECK ((answer_status IS NULL) = (answered_at IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
