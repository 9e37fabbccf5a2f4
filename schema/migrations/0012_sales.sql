-- SPDX-License-Identifier: MIT
-- What statistics and lists of sales are read from.

-- application_fee_refunded is what the platform gave back of its fee.
--
-- amicale_day holds all that a day's sums need, so that a season's statistics read the
-- index alone. pompier_sales is in the order in which sales are listed: the newest page
-- is read from the index's end.
ALTER TABLE payment_intents
    ADD COLUMN application_fee_refunded BIGINT NOT NULL DEFAULT 0 AFTER application_fee,
    DROP KEY amicale_day,
    ADD KEY amicale_day (amicale_id, sale_day, payment_method, status, amount,
                         amount_received, amount_refunded, application_fee,
                         application_fee_refunded),
    DROP KEY pompier_sales,
    ADD KEY pompier_sales (pompier_id, sale_day, sold_at);
