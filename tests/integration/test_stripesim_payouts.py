# SPDX-License-Identifier: MIT
"""The Stripe simulator pays balances out, and takes back what the banks refuse."""

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    create, idle, receiver, sim, tap)

ONE, TWO = "acct_1One", "acct_1Two"


@pytest.fixture
def accounts(sim):
    for account in (ONE, TWO):
        sim.control("accounts", {"id": account})


def sell(sim, account, amount=None):
    tap(sim, create(transfer_data={"destination": account,
                                   **({"amount": amount} if amount else {})}))


def available(account):
    return stripe.Balance.retrieve(stripe_account=account).available[0].amount


def lines(payout, account):
    listed = stripe.BalanceTransaction.list(payout=payout, stripe_account=account, limit=100)
    return [(one.type, one.net) for one in reversed(listed.data)]


def test_an_automatic_payout_takes_everything_and_tells_what_it_is_made_of(sim, accounts):
    sell(sim, ONE, 700)
    sell(sim, ONE, 800)
    payout = sim.control(f"accounts/{ONE}/payout", {})["object"]
    assert (payout["amount"], payout["status"], payout["automatic"],
            payout["reconciliation_status"]) == (1500, "paid", True, "completed")
    assert lines(payout["id"], ONE) == [("payment", 700), ("payment", 800),
                                        ("payout", -1500)]
    assert available(ONE) == 0
    assert stripe.Balance.retrieve(stripe_account=ONE).pending[0].amount == 0
    sell(sim, ONE, 100)
    second = sim.control(f"accounts/{ONE}/payout", {})["object"]
    assert lines(second["id"], ONE) == [("payment", 100), ("payout", -100)]
    assert second["destination"] == payout["destination"]
    found, = stripe.BalanceTransaction.list(payout=second["id"], type="payout",
                                            stripe_account=ONE, expand=["data.source"])
    assert (found.id, found.source.id) == (second["balance_transaction"], second["id"])


def test_a_payout_that_fails_gives_the_money_back_to_the_next_one(sim, accounts, receiver):
    sell(sim, ONE, 700)
    failed = sim.control(f"accounts/{ONE}/payout", {"fails": True})["object"]
    assert (failed["status"], failed["failure_code"], failed["failure_message"]) == (
        "failed", "account_closed", "The bank account has been closed.")
    back = stripe.BalanceTransaction.retrieve(failed["failure_balance_transaction"],
                                              stripe_account=ONE)
    assert (back.type, back.reporting_category, back.net, back.source) == (
        "payout_failure", "payout_reversal", 700, failed["id"])
    paid = sim.control(f"accounts/{ONE}/payout", {})["object"]
    assert lines(paid["id"], ONE) == [("payout_failure", 700), ("payout", -700)]
    # A bank may say no after it was paid.
    sim.control(f"payouts/{paid['id']}/fail", {"code": "no_account"})
    assert stripe.Payout.retrieve(paid["id"], stripe_account=ONE).failure_code == "no_account"
    idle(sim)
    told = [(event["type"], event["account"]) for event in receiver.events()
            if event["type"].startswith("payout.")]
    assert told == [(f"payout.{what}", ONE) for what in
                    ("created", "failed", "created", "paid", "failed")]
    assert all(path == "/connect" for path, _, body in receiver.received
               if b'"payout.' in body)


def test_the_payouts_of_a_day_are_made_of_every_balance_that_has_something(sim, accounts):
    sell(sim, ONE, 900)
    made = sim.control("payouts", {})["payouts"]
    # The platform keeps 100 of which Stripe took 40.
    assert [one["amount"] for one in made] == [60, 900]
    assert stripe.Payout.list().data[0].id == made[0]["id"]
    sell(sim, TWO, 900)
    made = sim.control("payouts", {"platform": False, "fails_percent": 100})["payouts"]
    assert [(one["amount"], one["status"]) for one in made] == [(900, "failed")]
    assert sim.control("payouts", {"platform": False, "status": "in_transit"})[
        "payouts"][0]["status"] == "in_transit"
    assert sim.control("payouts", {"platform": False})["payouts"] == []


def test_a_payout_by_hand_needs_the_money_and_can_be_canceled(sim, accounts, receiver):
    sell(sim, ONE, 700)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Payout.create(amount=500, currency="eur", stripe_account=ONE)
    # It is pending.
    assert (caught.value.code, caught.value.param) == ("balance_insufficient", "amount")
    sim.control("settings", {"available_days": 0})
    sell(sim, ONE, 700)
    payout = stripe.Payout.create(amount=500, currency="eur", metadata={"why": "rent"},
                                  statement_descriptor="RENT", stripe_account=ONE)
    assert (payout.status, payout.automatic, payout.reconciliation_status,
            payout.metadata.why) == ("pending", False, "not_applicable", "rent")
    assert payout.arrival_date % 86400 == 0 and payout.arrival_date > payout.created
    assert available(ONE) == 200
    with pytest.raises(stripe.error.InvalidRequestError, match="automatic transfers"):
        stripe.BalanceTransaction.list(payout=payout.id, stripe_account=ONE)
    canceled = stripe.Payout.cancel(payout.id, stripe_account=ONE)
    assert canceled.status == "canceled"
    back = stripe.BalanceTransaction.retrieve(canceled.failure_balance_transaction,
                                              stripe_account=ONE)
    assert (back.type, back.net) == ("payout_cancel", 500)
    assert available(ONE) == 700
    with pytest.raises(stripe.error.InvalidRequestError, match="canceled"):
        stripe.Payout.cancel(payout.id, stripe_account=ONE)
    idle(sim)
    assert receiver.types()[-2:] == ["payout.created", "payout.canceled"]


def test_a_payout_goes_its_way_step_by_step(sim, accounts, receiver):
    sell(sim, ONE, 700)
    payout = sim.control(f"accounts/{ONE}/payout", {"status": "pending"})["object"]["id"]
    for verb in ("send", "pay"):
        sim.control(f"payouts/{payout}/{verb}", {})
    idle(sim)
    assert [kind for kind in receiver.types() if kind.startswith("payout.")] == [
        "payout.created", "payout.updated", "payout.paid"]
    for verb in ("send", "cancel"):
        with pytest.raises(Exception, match="422"):
            sim.control(f"payouts/{payout}/{verb}", {})
    for order in ({}, {"amount": 0}, {"amount": 5, "status": "gone"}):
        with pytest.raises(Exception, match="422"):
            sim.control(f"accounts/{ONE}/payout", order)
    assert len(stripe.Payout.list(stripe_account=ONE).data) == 1


def test_an_account_that_is_restricted_pays_nothing_out(sim, accounts):
    sim.control("settings", {"available_days": 0})
    sell(sim, ONE, 700)
    sim.control(f"accounts/{ONE}/stage", {"stage": "restricted"})
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Payout.create(amount=500, currency="eur", stripe_account=ONE)
    assert caught.value.code == "payouts_not_allowed"
    assert sim.control("payouts", {"platform": False})["payouts"] == []


def test_payouts_are_listed_by_status_and_arrival(sim, accounts):
    for fails in (False, True, False):
        sim.control(f"accounts/{ONE}/payout", {"amount": 100, "fails": fails})
    def ids(**filters):
        return [one.id for one in stripe.Payout.list(stripe_account=ONE, **filters)]
    last, failed, first = stripe.Payout.list(stripe_account=ONE).data
    assert ids(status="paid") == [last.id, first.id]
    assert ids(status="paid", starting_after=last.id) == [first.id]
    assert ids(arrival_date={"gte": first.arrival_date}) == [last.id, failed.id, first.id]
    assert ids(arrival_date={"gt": last.arrival_date}) == []
    assert ids(arrival_date={"lt": first.arrival_date}) == []
    assert ids(created={"lte": last.created}) == [last.id, failed.id, first.id]
    assert ids(destination="ba_other") == []
