# SPDX-License-Identifier: MIT
"""The Stripe simulator books every movement of money where Stripe books it."""

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    call, create, idle, receiver, sim, tap)

AMICALE = "acct_1Amicale"
THEIRS = {"stripe_account": AMICALE}


@pytest.fixture
def amicale(sim):
    sim.control("accounts", {"id": AMICALE})
    return AMICALE


def sell(sim, outcome="succeeded", fee=100, **more):
    """A destination charge of 10.00, tapped."""
    intent = create(transfer_data={"destination": AMICALE},
                    **({"application_fee_amount": fee} if fee else {}), **more)
    tap(sim, intent, outcome)
    return stripe.PaymentIntent.retrieve(intent.id, expand=["latest_charge"])


def books(**scope):
    """(type, category, amount, fee, net) of a balance, oldest first."""
    listed = stripe.BalanceTransaction.list(limit=100, **scope)
    assert not listed.has_more
    return [(one.type, one.reporting_category, one.amount, one.fee, one.net)
            for one in reversed(listed.data)]


# A destination charge of 10.00 with a fee of 1.00.
CHARGE = ("charge", "charge", 1000, 40, 960)
TRANSFER = ("transfer", "transfer", -1000, 0, -1000)
FEE = ("application_fee", "platform_earning", 100, 0, 100)
PAYMENT = ("payment", "charge", 1000, 100, 900)


def test_a_destination_charge_is_booked_on_both_balances(sim, amicale):
    charge = sell(sim).latest_charge
    assert books() == [CHARGE, TRANSFER, FEE]
    assert books(**THEIRS) == [PAYMENT]
    fee, transfer, booked = stripe.BalanceTransaction.list(expand=["data.source"]).data
    assert booked.id == charge.balance_transaction
    assert (booked.source.id, booked.source.object) == (charge.id, "charge")
    assert [one.to_dict() for one in booked.fee_details] == [
        {"amount": 40, "application": None, "currency": "eur",
         "description": "Stripe processing fees", "type": "stripe_fee"}]
    assert (transfer.source.id, transfer.source.source_transaction) == (
        charge.transfer, charge.id)
    assert transfer.source.balance_transaction == transfer.id
    assert (fee.source.id, fee.source.balance_transaction) == (charge.application_fee, fee.id)
    payment, = stripe.BalanceTransaction.list(**THEIRS)
    assert payment.source == transfer.source.destination_payment
    assert [(one.amount, one.type) for one in payment.fee_details] == [
        (100, "application_fee")]
    assert payment.net == payment.amount - payment.fee


def test_a_charge_without_a_fee_books_none(sim, amicale):
    sell(sim, fee=None)
    assert books() == [CHARGE, TRANSFER]
    assert books(**THEIRS) == [("payment", "charge", 1000, 0, 1000)]


def test_what_is_declined_authorised_or_released_books_nothing(sim, amicale):
    sell(sim, "declined")
    waiting = sell(sim, capture_method="manual")
    assert waiting.latest_charge.balance_transaction is None
    released = sell(sim, capture_method="manual")
    stripe.PaymentIntent.cancel(released.id)
    assert (books(), books(**THEIRS)) == ([], [])


def test_a_partial_capture_books_all_and_what_goes_back_at_once(sim, amicale):
    intent = sell(sim, capture_method="manual")
    stripe.PaymentIntent.capture(intent.id, amount_to_capture=600)
    # 1.5 % of what was captured and 25 cents.
    assert books() == [("charge", "charge", 1000, 34, 966),
                       ("transfer", "transfer", -600, 0, -600), FEE,
                       ("refund", "partial_capture_reversal", -400, 0, -400)]
    assert books(**THEIRS) == [("payment", "charge", 600, 100, 500)]


def test_a_refund_keeps_stripes_fee_and_takes_back_transfer_and_fee(sim, amicale):
    intent = sell(sim)
    refund = stripe.Refund.create(payment_intent=intent.id, amount=500,
                                  reverse_transfer=True, refund_application_fee=True,
                                  expand=["transfer_reversal"])
    assert books()[3:] == [
        ("refund", "refund", -500, 0, -500),
        ("transfer_refund", "transfer_reversal", 500, 0, 500),
        ("application_fee_refund", "platform_earning_refund", -50, 0, -50)]
    assert books(**THEIRS)[1:] == [("payment_refund", "refund", -500, 0, -500),
                                   ("adjustment", "fee", 50, 0, 50)]
    back, reversal, booked = stripe.BalanceTransaction.list(limit=3).data
    assert (booked.id, booked.source) == (refund.balance_transaction, refund.id)
    assert (reversal.id, reversal.source) == (
        refund.transfer_reversal.balance_transaction, refund.transfer_reversal.id)
    assert back.source.startswith("fr_")
    given, = (one for one in stripe.BalanceTransaction.list(**THEIRS)
              if one.type == "payment_refund")
    assert given.source == refund.transfer_reversal.destination_payment_refund


def test_a_refund_that_fails_later_is_booked_back(sim, amicale):
    intent = sell(sim)
    refund = stripe.Refund.create(payment_intent=intent.id)
    sim.control(f"refunds/{refund.id}/fail", {})
    assert books()[3:] == [("refund", "refund", -1000, 0, -1000),
                           ("refund_failure", "refund_failure", 1000, 0, 1000)]
    failed = stripe.Refund.retrieve(refund.id, expand=["failure_balance_transaction"])
    assert (failed.status, failed.failure_balance_transaction.source) == (
        "failed", refund.id)
    both = stripe.BalanceTransaction.list(source=refund.id).data
    assert [one.type for one in both] == ["refund_failure", "refund"]


def test_a_dispute_takes_its_fee_and_gives_it_back_when_won(sim, amicale):
    lost, won = sell(sim, fee=None), sell(sim, fee=None)
    disputes = [sim.control(f"payment_intents/{intent.id}/dispute", {})["object"]
                for intent in (lost, won)]
    for dispute, is_won in zip(disputes, (False, True)):
        shown, = dispute["balance_transactions"]
        assert (shown["type"], shown["source"]) == ("adjustment", dispute["id"])
        assert shown["description"] == f"Chargeback withdrawal for {dispute['charge']}"
        sim.control(f"disputes/{dispute['id']}/close", {"won": is_won})
    assert books()[4:] == [("adjustment", "dispute", -1000, 1500, -2500),
                           ("adjustment", "dispute", -1000, 1500, -2500),
                           ("adjustment", "dispute_reversal", 1000, -1500, 2500)]
    counts = [len(stripe.Dispute.retrieve(one["id"]).balance_transactions)
              for one in disputes]
    assert counts == [1, 2]
    assert stripe.BalanceTransaction.list(type="adjustment", limit=1).data[0].net == 2500


def test_a_direct_charge_is_booked_on_its_account(sim, amicale):
    intent = stripe.PaymentIntent.create(
        amount=1000, currency="eur", payment_method_types=["card_present"],
        application_fee_amount=100, **THEIRS)
    tap(sim, intent)
    assert books(**THEIRS) == [("charge", "charge", 1000, 140, 860)]
    assert books() == [FEE]
    booked, = stripe.BalanceTransaction.list(**THEIRS)
    assert [(one.type, one.amount) for one in booked.fee_details] == [
        ("application_fee", 100), ("stripe_fee", 40)]


# The list.

def test_transactions_are_found_by_type_source_currency_and_time(sim, amicale):
    first, second = sell(sim), sell(sim)
    charge = second.latest_charge
    booked, = stripe.BalanceTransaction.list(source=charge.id)
    assert booked.id == charge.balance_transaction
    assert [one.source for one in stripe.BalanceTransaction.list(type="charge")] == [
        charge.id, first.latest_charge.id]
    assert list(stripe.BalanceTransaction.list(currency="usd")) == []
    assert len(stripe.BalanceTransaction.list(created={"gte": booked.created - 60}).data) == 6
    assert list(stripe.BalanceTransaction.list(created={"gt": booked.created + 60})) == []
    # A balance shows its own alone.
    assert list(stripe.BalanceTransaction.list(source=charge.id, **THEIRS)) == []
    assert stripe.BalanceTransaction.retrieve(booked.id, expand=["source"]).source.id == (
        charge.id)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.BalanceTransaction.retrieve(booked.id, **THEIRS)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (
        404, "resource_missing", "id")


def test_two_balances_are_walked_without_gaps_though_they_grow_together(sim, amicale):
    for _ in range(7):
        sell(sim)
    ours = [one.id for one in stripe.BalanceTransaction.list(limit=100)]
    assert len(ours) == 21
    assert [one.id for one in
            stripe.BalanceTransaction.list(limit=2).auto_paging_iter()] == ours
    theirs = [one.id for one in stripe.BalanceTransaction.list(limit=3, **THEIRS)
              .auto_paging_iter()]
    assert len(theirs) == 7 and not set(theirs) & set(ours)
    page = stripe.BalanceTransaction.list(limit=2, ending_before=theirs[5], **THEIRS)
    assert ([one.id for one in page.data], page.has_more) == (theirs[3:5], True)


@pytest.mark.parametrize("query, code, param", [
    ("type=money", None, "type"), ("payout=po_none", "resource_missing", "payout"),
    ("starting_after=txn_none", "resource_missing", "starting_after"),
    ("expand[]=data.amount", None, "expand"), ("colour=red", "parameter_unknown", "colour")])
def test_a_bad_list_of_transactions_is_refused(sim, query, code, param):
    status, _, body = call(sim, "GET", "/v1/balance_transactions?" + query)
    assert (status, body["error"].get("code"), body["error"]["param"]) == (400, code, param)


def test_a_movement_is_seen_whole_through_what_links_to_it(sim, amicale):
    charge = sell(sim).latest_charge
    listed, = stripe.Charge.list(expand=["data.balance_transaction"])
    assert listed.balance_transaction.fee == 40
    intent, = stripe.PaymentIntent.list(expand=["data.latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.id == charge.balance_transaction
    fee, transfer, _ = stripe.BalanceTransaction.list(
        expand=["data.source.originating_transaction"]).data
    assert fee.source.originating_transaction.id == charge.id
    assert fee.source.charge.startswith("py_"), "what the account was paid"
    assert transfer.source.id == charge.transfer
    found = stripe.BalanceTransaction.retrieve(
        transfer.id, expand=["source.source_transaction.payment_intent"])
    assert found.source.source_transaction.payment_intent.id == intent.id


@pytest.mark.parametrize("path, expand", [
    ("/v1/balance_transactions", "source"), ("/v1/balance_transactions", "data.net"),
    ("/v1/balance_transactions", "data.source.amount"), ("/v1/charges", "data"),
    ("/v1/charges", "data.payment_intent.latest_charge.payment_intent.latest_charge"),
    ("/v1/balance", "available")])
def test_what_cannot_be_expanded_is_refused(sim, path, expand):
    status, _, body = call(sim, "GET", f"{path}?expand[]={expand}")
    assert (status, body["error"]["param"]) == (400, "expand")
    assert expand in body["error"]["message"]


# The balance.

def test_money_is_pending_until_its_day(sim, amicale):
    sell(sim)
    balance = stripe.Balance.retrieve()
    assert [(one.amount, one.currency) for one in balance.pending] == [(60, "eur")]
    assert [one.amount for one in balance.available] == [0]
    booked = stripe.BalanceTransaction.list(type="charge").data[0]
    assert (booked.status, booked.available_on % 86400) == ("pending", 0)
    assert 2 * 86400 < booked.available_on - booked.created <= 3 * 86400
    sim.control("settings", {"available_days": 0})
    sell(sim)
    balance = stripe.Balance.retrieve(**THEIRS)
    assert [one.amount for one in balance.available] == [900]
    assert [one.source_types.card for one in balance.pending] == [900]
    assert stripe.BalanceTransaction.list(limit=1).data[0].status == "available"


def test_balances_are_added_up_for_a_test(sim, amicale):
    intent = sell(sim)
    sell(sim)
    dispute = sim.control(f"payment_intents/{intent.id}/dispute", {})["object"]
    sim.control(f"disputes/{dispute['id']}/close", {"won": True})
    balances = sim.control("balances")["balances"]
    assert balances["platform"]["charge"] == {
        "count": 2, "amount": 2000, "fee": 80, "net": 1920}
    assert balances["platform"]["adjustment.dispute"]["net"] == -2500
    assert balances["platform"]["adjustment.dispute_reversal"]["net"] == 2500
    assert balances["platform"]["net"] == 2 * (960 - 1000 + 100)
    assert balances[AMICALE] == {
        "payment": {"count": 2, "amount": 2000, "fee": 200, "net": 1800}, "net": 1800}


# Refunds, disputes, transfers and fees in lists.

def test_a_refund_may_be_pending_until_it_is_settled(sim, amicale, receiver):
    sim.control("settings", {"refunds_wait": True})
    intent = sell(sim)
    refund = stripe.Refund.create(payment_intent=intent.id)
    assert (refund.status, refund.balance_transaction is None) == ("pending", False)
    idle(sim)
    assert "refund.updated" not in receiver.types()
    sim.control(f"refunds/{refund.id}/settle", {})
    assert stripe.Refund.retrieve(refund.id).status == "succeeded"
    idle(sim)
    assert receiver.types()[-2:] == ["charge.refund.updated", "refund.updated"]


def test_charges_refunds_and_disputes_are_listed_of_their_payment(sim, amicale):
    other, intent = sell(sim), create(transfer_data={"destination": AMICALE})
    tap(sim, intent, "declined")
    tap(sim, intent)
    charges = stripe.Charge.list(payment_intent=intent.id).data
    assert [one.status for one in charges] == ["succeeded", "failed"]
    refunds = [stripe.Refund.create(payment_intent=intent.id, amount=100).id
               for _ in range(3)][::-1]
    for scope in ({"payment_intent": intent.id}, {"charge": charges[0].id}):
        assert [one.id for one in stripe.Refund.list(limit=2, **scope)
                .auto_paging_iter()] == refunds
    page = stripe.Refund.list(charge=charges[0].id, starting_after=refunds[0], limit=1)
    assert ([one.id for one in page.data], page.has_more) == (refunds[1:2], True)
    assert list(stripe.Refund.list(payment_intent=other.id)) == []
    assert list(stripe.Charge.list(payment_intent="pi_none")) == []
    disputed = sim.control(f"payment_intents/{other.id}/dispute", {})["object"]["id"]
    assert [one.id for one in stripe.Dispute.list()] == [disputed]
    assert [one.id for one in stripe.Dispute.list(payment_intent=other.id)] == [disputed]
    assert list(stripe.Dispute.list(charge=charges[0].id)) == []


def test_what_was_taken_back_of_a_transfer_and_a_fee_is_listed(sim, amicale):
    charge = sell(sim).latest_charge
    for amount in (300, 200):
        stripe.Refund.create(charge=charge.id, amount=amount, reverse_transfer=True,
                             refund_application_fee=True)
    reversals = stripe.Transfer.list_reversals(charge.transfer).data
    assert [one.amount for one in reversals] == [200, 300]
    page = stripe.Transfer.list_reversals(charge.transfer, limit=1,
                                          starting_after=reversals[0].id)
    assert ([one.id for one in page.data], page.has_more) == ([reversals[1].id], False)
    assert stripe.Transfer.retrieve_reversal(charge.transfer, reversals[0].id).amount == 200
    back = stripe.ApplicationFee.list_refunds(charge.application_fee).data
    assert [one.amount for one in back] == [20, 30]
    assert stripe.ApplicationFee.retrieve_refund(charge.application_fee, back[1].id).id == (
        back[1].id)
    other = sell(sim).latest_charge
    for missing in (lambda: stripe.Transfer.retrieve_reversal(other.transfer, reversals[0].id),
                    lambda: stripe.Transfer.list_reversals("tr_none"),
                    lambda: stripe.ApplicationFee.retrieve_refund(
                        other.application_fee, back[0].id)):
        with pytest.raises(stripe.error.InvalidRequestError) as caught:
            missing()
        assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
