# SPDX-License-Identifier: MIT
"""What reconciliation finds: each difference is named once, and closes itself when it is
gone."""

import pytest
from proof_room import PAYMENT, clean_books, sums, today

OF_ONE = "payment_id IN (SELECT id FROM payment_intents WHERE amicale_id = 1)"


@pytest.fixture(scope="module")
def room(mariadb_server):
    with clean_books(mariadb_server) as room:
        yield room


@pytest.fixture(autouse=True)
def nothing_is_left(room):
    yield
    room.sim.control("faults", method="DELETE")
    assert room.open() == {}


# --- what can differ: plants it; (kind, subject, amicale, amount) and what undoes it ------


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


PLANTS = (payment_missing, payment_unknown, payment_without_intent, payment_amount,
          payment_amount_refunded, payment_status, payment_status_of_a_refunded_one,
          payment_status_of_a_canceled_one, payment_amicale, fee_amount, refund_missing,
          refund_unknown, refund_amount, refund_status, dispute_missing, dispute_unknown,
          dispute_amount, dispute_status, payout_missing, payout_unknown, payout_amount,
          payout_status, payout_of_the_platform, totals)


def now(room):
    return room.sql_one("SELECT UTC_TIMESTAMP(3) - INTERVAL 1 SECOND")


# --- the tests ----------------------------------------------------------------------------


def test_clean_books_have_no_findings(room):
    """Partial captures, releases, failed refunds, disputes lost and won, fees given back."""
    shown = {row[0] for row in room.sql("SELECT DISTINCT category FROM balance_transactions")}
    assert {"charge", "refund", "partial_capture_reversal", "refund_failure", "dispute",
            "dispute_reversal", "transfer", "transfer_reversal", "platform_earning",
            "platform_earning_refund", "payout", "payout_reversal"} <= shown
    assert set(room.clean) == {None, 1, 2, 3}
    for amicale, run in room.clean.items():
        assert sums(run)["books"] == sums(run)["stripe"], amicale
        assert run["opened_count"] == run["closed_count"] == 0
    assert sums(room.clean[1])["stripe"]["payments"] == room.sql_one(
        "SELECT SUM(amount_received) FROM payment_intents WHERE amicale_id = 1")
    assert sums(room.clean[1])["counts"]["payouts"] == 2
    assert room.clean[1]["checked_count"] > 0



def test_each_difference_is_found_alone_and_closes_itself(room):
    """Each is undone when the next one is planted, so every run closes one."""
    undo, before = None, 0
    for plant in PLANTS:
        if undo:
            undo()
        (kind, subject, amicale, amount), undo = plant(room)
        runs = room.reconcile()
        assert room.open() == {(kind, subject): (amicale, amount)}, plant.__name__
        assert sum(run["opened_count"] for run in runs.values()) == 1
        assert sum(run["closed_count"] for run in runs.values()) == before
        assert runs[amicale]["opened_count"] == 1
        detail = room.detail(kind, subject)
        assert detail["reason"]
        assert ("books" in detail) or ("stripe" in detail)
        before = 1
    undo()
    room.reconcile()
    assert room.open() == {}
    assert room.sql("SELECT DISTINCT closed_by, closed_run_id IS NOT NULL FROM"
                    " reconciliation_findings WHERE opened_run_id IS NOT NULL"
                    ) == (("reconciliation", 1),)


def test_a_difference_says_what_both_sides_have(room):
    payment = room.plain()
    undo = room.change("payment_intents", payment["id"], amount_received=1)
    room.reconcile()
    detail = room.detail("payment_amount", payment["stripe_payment_intent_id"])
    assert detail["payment_id"] == payment["id"]
    assert detail["charge"].startswith("ch_")
    assert detail["books"]["received"] == 1
    assert detail["stripe"]["received"] == payment["amount_received"]
    undo()
    room.reconcile()


def test_findings_of_others_are_not_touched(room):
    room.write(("INSERT INTO reconciliation_findings (kind, subject, amicale_id, happened_at)"
                " VALUES ('unattributed', 'pi_other', 1, UTC_TIMESTAMP(3)),"
                " ('payment_overdue', 'job_other', NULL, NULL)", ()))
    room.reconcile()
    assert room.sql_one("SELECT COUNT(*) FROM reconciliation_findings WHERE subject IN"
                        " ('pi_other', 'job_other') AND closed_at IS NULL") == 2
    room.sql("DELETE FROM reconciliation_findings WHERE subject IN ('pi_other', 'job_other')")


def test_a_charge_of_the_dashboard_is_told_of_once(room):
    """It has a row and the finding `unattributed`: it is not missing besides."""
    made = room.made_elsewhere("payment_intents", amount=1300, currency="eur",
                               **{"payment_method_types[]": "card_present"})
    room.tap(made["id"])
    room.settle()
    room.reconcile()
    assert room.open() == {}
    assert room.sql_one("SELECT COUNT(*) FROM reconciliation_findings WHERE subject = %s"
                        " AND kind = 'unattributed' AND closed_at IS NULL", (made["id"],)) == 1


def test_a_transfer_of_another_amount_is_found(room):
    made = room.made_elsewhere(
        "payment_intents", amount=1300, currency="eur",
        **{"payment_method_types[]": "card_present", "metadata[amicale_id]": 1,
           "metadata[pompier_id]": 11, "transfer_data[destination]": "acct_one",
           "transfer_data[amount]": 1000})
    room.tap(made["id"])
    room.settle()
    room.reconcile()
    ((kind, subject), (amicale, amount)), = room.open().items()
    assert (kind, amicale, amount) == ("transfer_amount", 1, 300)
    assert subject.startswith("tr_")
    room.write(("UPDATE reconciliation_findings SET closed_at = UTC_TIMESTAMP(3)"
                " WHERE kind = 'transfer_amount'", ()))
