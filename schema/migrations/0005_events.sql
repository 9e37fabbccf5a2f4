-- SPDX-License-Identifier: MIT
-- The ledger of Stripe's events, and how far it is known to be complete.

-- received_at says that we have it, processed_at that it was applied: a handler that
-- failed leaves processed_at NULL. result is what came of it: applied, stale, ignored,
-- recorded. object_id is data.object.id and stripe_payment_intent_id the payment that it
-- is about: an operator finds an event by either. sealed_body is the body as received,
-- for replay, under the context 'stripe_events.sealed_body'; NULL once it was erased.
CREATE TABLE stripe_events (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_event_id VARCHAR(255) NOT NULL,
    type VARCHAR(100) NOT NULL,
    endpoint ENUM('platform', 'connect', 'catchup') NOT NULL DEFAULT 'platform',
    account VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    object_id VARCHAR(255) NULL,
    stripe_payment_intent_id VARCHAR(255) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    api_version VARCHAR(64) NULL,
    stripe_created DATETIME(3) NULL,
    received_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    processed_at DATETIME(3) NULL,
    result VARCHAR(32) NULL,
    attempts INT NOT NULL DEFAULT 0,
    last_fault VARCHAR(255) NULL,
    sealed_body MEDIUMBLOB NULL,
    body_erase_at DATETIME(3) NULL DEFAULT (CURRENT_TIMESTAMP(3) + INTERVAL 90 DAY),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_event_id (stripe_event_id),
    KEY unprocessed (processed_at, received_at),
    KEY received (received_at),
    KEY account (account, stripe_created),
    KEY amicale (amicale_id),
    KEY object (object_id),
    KEY payment (stripe_payment_intent_id),
    KEY body_erase (body_erase_at),
    CONSTRAINT stripe_events_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT stripe_events_a_body_has_an_end
        CHECK (sealed_body IS NULL OR body_erase_at IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row for each walk through GET /v1/events: account is '' for the platform. The walk
-- begins again after last_event_id; everything created before complete_until is known.
CREATE TABLE event_cursors (
    account VARCHAR(255) NOT NULL DEFAULT '',
    walk VARCHAR(32) NOT NULL,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    complete_until DATETIME(3) NULL,
    gaps_found BIGINT NOT NULL DEFAULT 0,
    walked_at DATETIME(3) NULL,
    last_fault VARCHAR(255) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (account, walk),
    KEY walked (walked_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
