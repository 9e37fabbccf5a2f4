-- SPDX-License-Identifier: MIT
-- What operators did, and the jobs that died.

-- job_id is the audit.write job that wrote the row, so that a repeated job writes it once.
-- at is when the deed was done, created_at when the row was written.
CREATE TABLE audit_log (
    id BIGINT NOT NULL AUTO_INCREMENT,
    job_id VARCHAR(200) NOT NULL,
    who VARCHAR(255) NOT NULL,
    verb VARCHAR(64) NOT NULL,
    what VARCHAR(255) NOT NULL,
    why VARCHAR(1000) NOT NULL DEFAULT '',
    at DATETIME(3) NOT NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY job (job_id),
    KEY at (at),
    KEY what (what, at),
    KEY who (who, at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row for each death: a job that an operator retried may die again. reason is the
-- outcome of its record (poison, never, exhausted, ...), refs its references between
-- spaces, history a JSON array of its attempts. sealed_payload is as it was in Redis,
-- under the context '<job id>|<kind>'.
CREATE TABLE jobs_archive (
    id BIGINT NOT NULL AUTO_INCREMENT,
    job_id VARCHAR(200) NOT NULL,
    kind VARCHAR(64) NOT NULL,
    lane VARCHAR(32) NOT NULL,
    tenant VARCHAR(40) NOT NULL,
    version INT NOT NULL DEFAULT 1,
    reason VARCHAR(64) NOT NULL,
    attempts INT NOT NULL DEFAULT 0,
    crashes INT NOT NULL DEFAULT 0,
    deferrals INT NOT NULL DEFAULT 0,
    last_fault VARCHAR(500) NULL,
    history JSON NULL,
    refs VARCHAR(2600) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    mac CHAR(64) NULL,
    sealed_payload MEDIUMBLOB NULL,
    enqueued_at DATETIME(3) NULL,
    died_at DATETIME(3) NOT NULL,
    archived_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY one_a_death (job_id, died_at),
    KEY died (died_at),
    KEY kind (kind, died_at),
    KEY tenant (tenant, died_at),
    KEY refs (refs)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
