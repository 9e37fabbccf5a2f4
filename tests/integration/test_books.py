# SPDX-License-Identifier: MIT
"""What reconciliation finds: each difference is named once, and closes itself when it is
gone."""

import differences
import pytest
from proof_room import clean_books, sums


@pytest.fixture(scope="module")
def room(mariadb_server):
    with clean_books(mariadb_server) as room:
        yield room


@pytest.fixture(autouse=True)
def nothing_is_left(room):
    yield
    room.sim.control("faults", method="DELETE")
    assert room.open() == {}


def test_clean_books_have_no_findings(room):
    """Partial captures, releases, failed refunds, disputes lost and won, fees given back."""
    shown = {row[0] for row in room.sql("SELECT DISTINCT category FROM balance_transactions")}
    assert {"charge", "refund", "partial_capture_reversal", "refund_failure", "dispute",
            "dispute_reversal", "transfer", "transfer_reversal", "platform_earning",
            "platform_earning_refund", "payout"} <= shown
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
    for plant in differences.ALL:
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


def test_two_sales_with_each_other_s_payment_intent_are_told_of_once_each(room):
    """Whatever else differs between them then."""
    one, other = room.sql(
        "SELECT id, stripe_payment_intent_id, amount FROM payment_intents WHERE status ="
        " 'succeeded' AND stripe_charge_id IS NOT NULL ORDER BY amicale_id, id LIMIT 1"), room.sql(
        "SELECT id, stripe_payment_intent_id, amount FROM payment_intents WHERE status ="
        " 'succeeded' AND stripe_charge_id IS NOT NULL ORDER BY amicale_id DESC, id LIMIT 1")
    (one,), (other,) = one, other
    assert one[2] != other[2]

    def link(first, second):
        change = "UPDATE payment_intents SET stripe_payment_intent_id = %s WHERE id = %s"
        room.write((change, (None, one[0])), (change, (second, other[0])),
                   (change, (first, one[0])))
    link(other[1], one[1])
    room.reconcile()
    assert set(room.open()) == {("payment_charge", one[1]), ("payment_charge", other[1])}
    link(one[1], other[1])
    room.reconcile()
    assert room.open() == {}


def test_an_open_finding_stays_when_its_row_changes_meanwhile(room):
    """The run cannot compare it, which does not make it right."""
    (kind, subject, *_), undo = room.wrong_amount()
    room.reconcile()
    room.write(("UPDATE payment_intents SET updated_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR"
                " WHERE stripe_payment_intent_id = %s", (subject,)))
    runs = room.reconcile()
    assert set(room.open()) == {(kind, subject)}
    assert runs[1]["closed_count"] == 0
    undo()
    room.reconcile()
    assert room.open() == {}


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
