# SPDX-License-Identifier: MIT
"""Differences to plant in books that a ProofRoom made: each function gives the finding,
(kind, subject, amicale, amount), and what undoes it."""

from proof_room import PAYMENT, today

OF_ONE = "payment_id IN (SELECT id FROM payment_intents WHERE amicale_id = 1)"


def payment_missing(room):
    """With all that hangs on it: its refund has no finding of its own."""
    payment = room.pick("payment_intents", "amicale_id = 1 AND status = 'partially_refunded'"
                        " AND amount = amount_received", PAYMENT)
    refunds = room.take_out("refunds", "payment_id = %s", (payment["id"],))
    back = room.take_out("payment_intents", "id = %s", (payment["id"],))
    return ("payment_missing", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), lambda: (back(), refunds())


def payment_unknown(room):
    """With a refund, which has no finding of its own."""
    payment = room.put_in("payment_intents", stripe_payment_intent_id="pi_nowhere",
                          amicale_id=1, pompier_id=11, amount=777, amount_received=777,
                          amount_refunded=200, status="partially_refunded",
                          sold_at=now(room), sale_day=today())
    refund = room.put_in(
        "refunds", stripe_refund_id="re_nowhere_too", amount=200, status="succeeded",
        payment_id=room.sql_one("SELECT MAX(id) FROM payment_intents"))
    return ("payment_unknown", "pi_nowhere", 1, 777), lambda: (refund(), payment())


def payment_without_intent(room):
    back = room.put_in("payment_intents", amicale_id=1, amount=800, amount_received=800,
                       status="succeeded", sold_at=now(room), sale_day=today())
    subject = f"payment:{room.sql_one('SELECT MAX(id) FROM payment_intents')}"
    return ("payment_unknown", subject, 1, 800), back


def payment_amount(room):
    return room.wrong_amount()


def payment_amount_refunded(room):
    payment = room.pick("payment_intents", "amicale_id = 1 AND status = 'partially_refunded'",
                        f"{PAYMENT}, amount_refunded")
    back = room.change("payment_intents", payment["id"],
                       amount_refunded=payment["amount_refunded"] - 7)
    return ("payment_amount", payment["stripe_payment_intent_id"], 1, 7), back


def payment_of_another_charge(room):
    payment = room.plain()
    back = room.change("payment_intents", payment["id"], stripe_charge_id="ch_of_another")
    return ("payment_charge", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def payment_currency(room):
    payment = room.plain()
    back = room.change("payment_intents", payment["id"], currency="chf")
    return ("payment_amount", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def payment_of_no_amicale(room):
    payment = room.plain()
    back = room.change("payment_intents", payment["id"], amicale_id=None)
    return ("payment_amicale", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def payment_missing_with_all_that_hangs_on_it(room):
    """The rows of its refunds or dispute are still there, of a payment that is not."""
    dispute = room.pick("disputes", f"{OF_ONE}", "id, payment_id")
    payment = room.pick("payment_intents", f"id = {dispute['payment_id']}", PAYMENT)
    refund = room.put_in("refunds", stripe_refund_id="re_of_a_missing_one", amount=10,
                         status="pending", payment_id=payment["id"])
    back = room.take_out("payment_intents", "id = %s", (payment["id"],))
    return ("payment_missing", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), lambda: (back(), refund())


def payment_absurd(room):
    payment = room.plain()
    huge = 9223372036854775000
    back = room.change("payment_intents", payment["id"], amount_received=huge)
    return ("payment_amount", payment["stripe_payment_intent_id"], 1,
            huge - payment["amount_received"]), back


def payment_status(room):
    """As if its webhook had never come: what was received is no finding of its own."""
    payment = room.plain()
    back = room.change("payment_intents", payment["id"], status="requires_payment_method",
                       amount_received=0)
    return ("payment_status", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def payment_status_of_a_refunded_one(room):
    payment = room.pick("payment_intents", "amicale_id = 1 AND status = 'refunded'", PAYMENT)
    back = room.change("payment_intents", payment["id"], status="succeeded")
    return ("payment_status", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def payment_status_of_a_canceled_one(room):
    """No money moved, but Stripe knows the PaymentIntent: it is not unknown."""
    payment = room.pick("payment_intents", "amicale_id = 1 AND status = 'canceled'", PAYMENT)
    back = room.change("payment_intents", payment["id"], status="succeeded",
                       amount_received=payment["amount"])
    return ("payment_status", payment["stripe_payment_intent_id"], 1, payment["amount"]), back


def payment_amicale(room):
    """Missing in the one amicale and unknown in the other it is not."""
    payment = room.plain()
    back = room.change("payment_intents", payment["id"], amicale_id=2)
    return ("payment_amicale", payment["stripe_payment_intent_id"], 1,
            payment["amount_received"]), back


def fee_amount(room):
    payment = room.plain()
    back = room.change("payment_intents", payment["id"],
                       application_fee=payment["application_fee"] + 3)
    return ("fee_amount", payment["stripe_payment_intent_id"], 1, 3), back


def refund_missing(room):
    refund = room.pick("refunds", f"{OF_ONE} AND status = 'succeeded' AND NOT is_release",
                       "id, stripe_refund_id, amount")
    back = room.take_out("refunds", "id = %s", (refund["id"],))
    return ("refund_missing", refund["stripe_refund_id"], 1, refund["amount"]), back


def refund_unknown(room):
    """The payment's own row stays as Stripe has it."""
    back = room.put_in("refunds", stripe_refund_id="re_nowhere", amount=123,
                       status="succeeded", payment_id=room.plain()["id"])
    return ("refund_unknown", "re_nowhere", 1, 123), back


def refund_amount(room):
    refund = room.pick("refunds", f"{OF_ONE} AND status = 'succeeded' AND NOT is_release",
                       "id, stripe_refund_id, amount")
    back = room.change("refunds", refund["id"], amount=refund["amount"] + 11)
    return ("refund_amount", refund["stripe_refund_id"], 1, 11), back


def refund_of_another_payment(room):
    refund = room.pick("refunds", f"{OF_ONE} AND status = 'succeeded' AND NOT is_release",
                       "id, stripe_refund_id, amount")
    back = room.change("refunds", refund["id"], payment_id=room.plain()["id"])
    return ("refund_payment", refund["stripe_refund_id"], 1, refund["amount"]), back


def refund_that_is_no_release(room):
    """The payment's sum is as if: only Stripe's movement says otherwise."""
    refund = room.pick(
        "refunds", f"{OF_ONE} AND status = 'succeeded' AND NOT is_release AND payment_id NOT"
        " IN (SELECT payment_id FROM refunds GROUP BY payment_id HAVING COUNT(*) > 1)",
        "id, stripe_refund_id, amount, payment_id")
    refund_back = room.change("refunds", refund["id"], is_release=1)
    back = room.change("payment_intents", refund["payment_id"], amount_refunded=0,
                       status="succeeded")
    return (("refund_status", refund["stripe_refund_id"], 1, refund["amount"]),
            lambda: (back(), refund_back()))


def refund_status(room):
    """A refund that failed, and the books do not know."""
    refund = room.pick("refunds", f"{OF_ONE} AND status = 'failed'",
                       "id, stripe_refund_id, amount")
    back = room.change("refunds", refund["id"], status="succeeded")
    return ("refund_status", refund["stripe_refund_id"], 1, refund["amount"]), back


def dispute_missing(room):
    dispute = room.pick("disputes", OF_ONE, "id, stripe_dispute_id, amount")
    back = room.take_out("disputes", "id = %s", (dispute["id"],))
    return ("dispute_missing", dispute["stripe_dispute_id"], 1, dispute["amount"]), back


def dispute_unknown(room):
    back = room.put_in("disputes", stripe_dispute_id="du_nowhere", amount=456,
                       status="needs_response", payment_id=room.plain()["id"])
    return ("dispute_unknown", "du_nowhere", 1, 456), back


def dispute_of_another_payment(room):
    dispute = room.pick("disputes", OF_ONE, "id, stripe_dispute_id, amount")
    back = room.change("disputes", dispute["id"], payment_id=room.plain()["id"])
    return ("dispute_payment", dispute["stripe_dispute_id"], 1, dispute["amount"]), back


def dispute_amount(room):
    dispute = room.pick("disputes", OF_ONE, "id, stripe_dispute_id, amount")
    back = room.change("disputes", dispute["id"], amount=dispute["amount"] + 5)
    return ("dispute_amount", dispute["stripe_dispute_id"], 1, 5), back


def dispute_status(room):
    dispute = room.pick("disputes", f"{OF_ONE} AND status = 'lost'",
                        "id, stripe_dispute_id, amount")
    back = room.change("disputes", dispute["id"], status="won")
    return ("dispute_status", dispute["stripe_dispute_id"], 1, dispute["amount"]), back


def payout_missing(room):
    back = room.take_out("payouts", "account = 'acct_one' AND status = 'failed'")
    subject = room.sql_one("SELECT source_id FROM balance_transactions WHERE type = 'payout'"
                           " AND account = 'acct_one' AND source_status = 'failed'")
    return ("payout_missing", subject, 1, 500), back


def payout_unknown(room):
    back = room.put_in("payouts", stripe_payout_id="po_nowhere", account="acct_one",
                       amicale_id=1, amount=999, status="paid", stripe_created=now(room))
    return ("payout_unknown", "po_nowhere", 1, 999), back


def payout_amount(room):
    payout = room.pick("payouts", "account = 'acct_one' AND status = 'paid'",
                       "id, stripe_payout_id, amount")
    back = room.change("payouts", payout["id"], amount=payout["amount"] - 10)
    return ("payout_amount", payout["stripe_payout_id"], 1, 10), back


def payout_of_another_account(room):
    payout = room.pick("payouts", "account = 'acct_one' AND status = 'paid'",
                       "id, stripe_payout_id, amount")
    back = room.change("payouts", payout["id"], account="acct_two")
    return ("payout_account", payout["stripe_payout_id"], 1, payout["amount"]), back


def payout_of_no_amicale(room):
    payout = room.pick("payouts", "account = 'acct_one' AND status = 'paid'",
                       "id, stripe_payout_id, amount")
    back = room.change("payouts", payout["id"], amicale_id=None)
    return ("payout_account", payout["stripe_payout_id"], 1, payout["amount"]), back


def payout_status(room):
    payout = room.pick("payouts", "account = 'acct_one' AND status = 'failed'",
                       "id, stripe_payout_id, amount")
    back = room.change("payouts", payout["id"], status="paid")
    return ("payout_status", payout["stripe_payout_id"], 1, payout["amount"]), back


def payout_of_the_platform(room):
    back = room.put_in("payouts", stripe_payout_id="po_platform", amount=998, status="paid",
                       stripe_created=now(room))
    return ("payout_unknown", "po_platform", None, 998), back


def totals(room):
    """Money that moved for no object that we know of."""
    back = room.put_in("balance_transactions", stripe_balance_transaction_id="txn_nowhere",
                       type="adjustment", amount=-321, net=-321, stripe_created=now(room))
    return ("totals", "disputes:0", None, 321), back


# No two of one kind and subject follow each other.
ALL = (payment_missing, payment_missing_with_all_that_hangs_on_it, payment_unknown,
       payment_without_intent, payment_amount, payment_amount_refunded, payment_currency,
       payment_of_another_charge, payment_absurd, payment_status,
       payment_status_of_a_refunded_one, payment_status_of_a_canceled_one, payment_amicale,
       fee_amount, payment_of_no_amicale, refund_missing, refund_unknown,
       refund_of_another_payment, refund_that_is_no_release, refund_amount, refund_status,
       dispute_missing, dispute_unknown, dispute_of_another_payment, dispute_amount,
       dispute_status, payout_missing, payout_of_another_account, payout_unknown,
       payout_of_no_amicale, payout_amount, payout_status, payout_of_the_platform, totals)


def now(room):
    """When money moved last: nothing holds that back from being compared."""
    return room.sql_one("SELECT MAX(stripe_created) FROM balance_transactions")
