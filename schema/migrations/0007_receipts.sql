-- SPDX-License-Identifier: MIT
-- What was mailed to buyers: one row for each template and subject, for ever.

-- subject is the payment (pi_..., or payment:<id> for cash and cheques) of a receipt and
-- the refund (re_...) of a notice. The row says `sending` before the message is handed
-- over, `sent` after the server took it, `waiting` when it was surely not taken and will be
-- tried again, `failed` when the server refused it for good. A row found `sending` is one
-- whose answer was lost: it is sent once more under the same message_id (unsure_sends says
-- so), and when that answer is lost too it is `unsure` until an operator decides.
-- sealed_to has the context 'receipts.sealed_to'; NULL once it was erased.
CREATE TABLE receipts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    template VARCHAR(32) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    payment_id BIGINT NULL,
    refund_id BIGINT NULL,
    state ENUM('waiting', 'sending', 'sent', 'unsure', 'failed') NOT NULL
        DEFAULT 'waiting',
    number VARCHAR(40) NULL,
    message_id VARCHAR(255) NOT NULL,
    sealed_to VARBINARY(1024) NULL,
    to_erase_at DATETIME(3) NULL DEFAULT (CURRENT_TIMESTAMP(3) + INTERVAL 13 MONTH),
    attempts INT NOT NULL DEFAULT 0,
    unsure_sends INT NOT NULL DEFAULT 0,
    last_fault VARCHAR(255) NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
        ON UPDATE CURRENT_TIMESTAMP(3),
    sent_at DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY one_for_ever (template, subject),
    UNIQUE KEY number (number),
    UNIQUE KEY message_id (message_id),
    KEY subject (subject),
    KEY payment (payment_id),
    KEY refund (refund_id),
    KEY state (state, updated_at),
    KEY to_erase (to_erase_at),
    CONSTRAINT receipts_payment FOREIGN KEY (payment_id) REFERENCES payment_intents (id),
    CONSTRAINT receipts_refund FOREIGN KEY (refund_id) REFERENCES refunds (id),
    CONSTRAINT receipts_sent_has_its_moment CHECK (state <> 'sent' OR sent_at IS NOT NULL),
    CONSTRAINT receipts_an_address_has_an_end
        CHECK (sealed_to IS NULL OR to_erase_at IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
