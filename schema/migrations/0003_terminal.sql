-- SPDX-License-Identifier: MIT
-- What takes the cards: readers, and the Android phones certified for Tap to Pay.

-- A reader that Tocsin did not register has amicale_id NULL. location is Stripe's tml_ id.
CREATE TABLE terminal_readers (
    id BIGINT NOT NULL AUTO_INCREMENT,
    stripe_reader_id VARCHAR(255) NULL,
    amicale_id BIGINT NULL,
    label VARCHAR(255) NOT NULL DEFAULT '',
    location VARCHAR(255) NULL,
    status VARCHAR(32) NOT NULL DEFAULT '',
    device_type VARCHAR(64) NOT NULL DEFAULT '',
    serial_number VARCHAR(255) NULL,
    last_seen_at DATETIME(3) NULL,
    last_action VARCHAR(64) NULL,
    last_action_status VARCHAR(32) NULL,
    last_failure_code VARCHAR(100) NULL,
    last_failure_message VARCHAR(500) NULL,
    livemode BOOLEAN NOT NULL DEFAULT FALSE,
    revision INT NOT NULL DEFAULT 0,
    last_event_id VARCHAR(255) NULL,
    last_event_created DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_reader_id (stripe_reader_id),
    KEY amicale (amicale_id),
    KEY location (location),
    CONSTRAINT terminal_readers_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Names are compared without regard to case and accents: phones spell them as they like.
CREATE TABLE android_certified_devices (
    id BIGINT NOT NULL AUTO_INCREMENT,
    manufacturer VARCHAR(100) NOT NULL COLLATE utf8mb4_unicode_ci,
    model VARCHAR(100) NOT NULL COLLATE utf8mb4_unicode_ci,
    model_identifier VARCHAR(100) NOT NULL COLLATE utf8mb4_unicode_ci,
    tap_to_pay_certified BOOLEAN NOT NULL DEFAULT TRUE,
    certification_date DATE NULL,
    min_android_version INT NOT NULL,
    country CHAR(2) NOT NULL DEFAULT 'FR',
    last_verified DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY one_row_a_device (manufacturer, model_identifier, country),
    KEY manufacturer_model (manufacturer, model),
    KEY country (country, tap_to_pay_certified),
    CONSTRAINT android_certified_devices_version_is_sensible
        CHECK (min_android_version BETWEEN 1 AND 99)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
