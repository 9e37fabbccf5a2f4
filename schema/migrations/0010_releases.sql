-- SPDX-License-Identifier: MIT
-- Refunds that gave nothing back: at API version 2024-06-20 Stripe makes a refund of what
-- was authorised and not taken, when a part is captured and when the payment is canceled.

-- is_release: this refund stands for what was released. Computed from the payment's and
-- its refunds' rows, like the payment's amount_refunded, which leaves it out.
ALTER TABLE refunds
    ADD COLUMN is_release BOOLEAN NOT NULL DEFAULT FALSE AFTER fee_refunded;
