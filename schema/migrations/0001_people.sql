-- SPDX-License-Identifier: MIT
-- Who uses Tocsin: the amicales, their people, and who is signed in.
--
-- In every table: moments are DATETIME(3) in UTC (the programs set time_zone = '+00:00'),
-- amounts are integer cents, text compares byte by byte (Stripe's ids differ by case),
-- encrypted_ and sealed_ columns hold AES-256-GCM as common/base/seal.h writes it, with
-- '<table>.<column>' as their context.

CREATE TABLE amicales (
    id BIGINT NOT NULL AUTO_INCREMENT,
    encrypted_name VARBINARY(1024) NOT NULL,
    encrypted_email VARBINARY(1024) NULL,
    adresse1 VARCHAR(255) NOT NULL DEFAULT '',
    adresse2 VARCHAR(255) NOT NULL DEFAULT '',
    code_postal VARCHAR(10) NOT NULL DEFAULT '',
    ville VARCHAR(120) NOT NULL DEFAULT '',
    stripe_location_id VARCHAR(255) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY stripe_location (stripe_location_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A pompier and an admin belong to one amicale; a viewer and an operator to none.
-- email_lookup is the hex of the keyed fingerprint of the lowercased address.
CREATE TABLE users (
    id BIGINT NOT NULL AUTO_INCREMENT,
    amicale_id BIGINT NULL,
    role ENUM('pompier', 'admin', 'viewer', 'operator') NOT NULL,
    encrypted_name VARBINARY(1024) NOT NULL,
    encrypted_email VARBINARY(1024) NOT NULL,
    email_lookup CHAR(64) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    disabled_at DATETIME(3) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY email_lookup (email_lookup),
    KEY amicale (amicale_id, role),
    CONSTRAINT users_amicale FOREIGN KEY (amicale_id) REFERENCES amicales (id),
    CONSTRAINT users_role_has_its_amicale
        CHECK ((role IN ('pompier', 'admin')) = (amicale_id IS NOT NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- token_hash is the hex SHA-256 of the bearer token. Signing out deletes the row.
CREATE TABLE sessions (
    token_hash CHAR(64) NOT NULL,
    user_id BIGINT NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    last_seen_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    expires_at DATETIME(3) NOT NULL,
    PRIMARY KEY (token_hash),
    KEY user (user_id),
    KEY expires (expires_at),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
