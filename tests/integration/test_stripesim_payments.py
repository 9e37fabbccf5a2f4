# SPDX-License-Identifier: MIT
"""The simulator's payments, refunds and disputes pass through Stripe's states."""

import pytest
import stripe
from stripesim_room import create, idle, receiver, sim, tap  # noqa: F401  (fixtures)

from support.process import wait_until

# States.

def test_a_tap_makes_created_then_charge_then_succeeded(sim, receiver):
    intent = create(metadata={"amicale_id": "7", "nom": "Zoé"}, receipt_email="z@example.test")
    tap(sim, intent)
    idle(sim)
    assert receiver.types() == ["payment_intent.created", "charge.succeeded",
                                "payment_intent.succeeded"]
    created, charge, succeeded = [event["data"]["object"] for event in receiver.events()]
    assert created["status"] == "requires_payment_method"
    assert created["latest_charge"] is None
    assert succeeded["status"] == "succeeded"
    assert succeeded["amount_received"] == 1000
    assert succeeded["latest_charge"] == charge["id"]
    assert succeeded["metadata"] == {"amicale_id": "7", "nom": "Zoé"}
    receipt = charge["payment_method_details"]["card_present"]["receipt"]
    assert receipt["authorization_response_code"] == "00"
    assert all(receipt[name] for name in (
        "application_preferred_name", "dedicated_file_name", "application_cryptogram",
        "terminal_verification_results", "transaction_status_information",
        "cardholder_verification_method", "account_type", "authorization_code"))


def test_an_event_names_the_call_that_caused_it(sim, receiver):
    create(idempotency_key="the-key")
    idle(sim)
    event = receiver.events()[0]
    assert event["request"]["idempotency_key"] == "the-key"
    assert event["request"]["id"].startswith("req_")
    assert event["api_version"] == "2024-06-20"
    assert event["pending_webhooks"] == 1
    assert "account" not in event
    wait_until(lambda: stripe.Event.retrieve(event["id"]).pending_webhooks == 0,
               "the event to be delivered")


def test_a_declined_card_leaves_the_payment_open_with_the_error(sim, receiver):
    intent = create()
    tap(sim, intent, "insufficient_funds")
    after = stripe.PaymentIntent.retrieve(intent.id, expand=["latest_charge"])
    assert after.status == "requires_payment_method"
    assert after.last_payment_error.decline_code == "insufficient_funds"
    assert after.latest_charge.status == "failed"
    tap(sim, intent)
    assert stripe.PaymentIntent.retrieve(intent.id).last_payment_error is None
    idle(sim)
    assert receiver.types() == ["payment_intent.created", "charge.failed",
                                "payment_intent.payment_failed", "charge.succeeded",
                                "payment_intent.succeeded"]


def test_confirming_with_a_declined_card_answers_402(sim):
    with pytest.raises(stripe.error.CardError) as caught:
        stripe.PaymentIntent.create(amount=500, currency="eur", confirm=True,
                                    payment_method="pm_card_visa_chargeDeclined")
    error = caught.value.json_body["error"]
    assert caught.value.http_status == 402
    assert error["code"] == "card_declined"
    assert error["decline_code"] == "generic_decline"
    assert error["payment_intent"]["status"] == "requires_payment_method"


def test_a_manual_payment_waits_for_its_capture(sim, receiver):
    intent = create(capture_method="manual")
    tap(sim, intent)
    held = stripe.PaymentIntent.retrieve(intent.id)
    assert (held.status, held.amount_capturable) == ("requires_capture", 1000)
    captured = stripe.PaymentIntent.capture(intent.id)
    assert (captured.status, captured.amount_received) == ("succeeded", 1000)
    idle(sim)
    assert receiver.types() == ["payment_intent.created", "charge.succeeded",
                                "payment_intent.amount_capturable_updated",
                                "charge.captured", "payment_intent.succeeded"]
    assert receiver.events()[3]["data"]["previous_attributes"]["captured"] is False


# So it is up to 2025-03-31.basil, whose changelog says what went:
# https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow

def test_capturing_a_part_refunds_the_rest(sim, receiver):
    intent = create(capture_method="manual")
    tap(sim, intent)
    idle(sim)
    receiver.clear()
    captured = stripe.PaymentIntent.capture(intent.id, amount_to_capture=600,
                                            expand=["latest_charge"])
    assert (captured.status, captured.amount, captured.amount_received) == (
        "succeeded", 1000, 600)
    charge = captured.latest_charge
    assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (
        600, 400, False)
    rest, = stripe.Refund.list(payment_intent=intent.id)
    assert (rest.amount, rest.status, rest.reason) == (400, "succeeded", None)
    assert rest.balance_transaction is not None
    idle(sim)
    assert receiver.types() == ["refund.created", "charge.refunded", "charge.captured",
                                "payment_intent.succeeded", "charge.refund.updated",
                                "refund.updated"]
    told = receiver.events()[2]["data"]
    assert told["object"]["amount_refunded"] == 400
    assert told["previous_attributes"] == {
        "amount_captured": 0, "amount_refunded": 0, "balance_transaction": None,
        "captured": False}
    stripe.Refund.create(payment_intent=intent.id)
    assert stripe.Charge.retrieve(charge.id).refunded is True
    assert [one.amount for one in stripe.Refund.list(charge=charge.id)] == [600, 400]


@pytest.mark.parametrize("why, reason", [
    ("requested_by_customer", "requested_by_customer"), ("abandoned", None)])
def test_cancelling_what_was_authorised_refunds_all_of_it(sim, receiver, why, reason):
    intent = create(capture_method="manual")
    tap(sim, intent)
    idle(sim)
    receiver.clear()
    canceled = stripe.PaymentIntent.cancel(intent.id, cancellation_reason=why,
                                           expand=["latest_charge"])
    assert (canceled.status, canceled.amount_received, canceled.amount_capturable) == (
        "canceled", 0, 0)
    charge = canceled.latest_charge
    assert (charge.captured, charge.amount_captured, charge.balance_transaction) == (
        False, None, None)
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    refund, = stripe.Refund.list(charge=charge.id)
    assert (refund.amount, refund.status, refund.reason, refund.balance_transaction) == (
        1000, "succeeded", reason, None)
    idle(sim)
    assert receiver.types() == ["refund.created", "charge.refunded",
                                "payment_intent.canceled", "charge.refund.updated",
                                "refund.updated"]


def test_capturing_more_than_was_authorised_is_refused(sim):
    intent = create(capture_method="manual")
    tap(sim, intent)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.PaymentIntent.capture(intent.id, amount_to_capture=1001)
    assert caught.value.code == "amount_too_large"


@pytest.mark.parametrize("act", ["capture", "cancel", "confirm"])
def test_a_final_payment_is_not_moved(sim, act):
    intent = create()
    tap(sim, intent)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        getattr(stripe.PaymentIntent, act)(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.json_body["error"]["payment_intent"]["status"] == "succeeded"


def test_a_canceled_payment_says_why_and_cannot_be_tapped(sim, receiver):
    intent = create()
    canceled = stripe.PaymentIntent.cancel(intent.id, cancellation_reason="abandoned")
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at >= canceled.created
    with pytest.raises(Exception, match="422"):
        tap(sim, intent)
    idle(sim)
    assert receiver.types() == ["payment_intent.created", "payment_intent.canceled"]


def test_a_payment_passes_through_action_and_processing(sim, receiver):
    intent = create()
    for outcome in ("requires_action", "processing", "succeeded"):
        tap(sim, intent, outcome)
    idle(sim)
    assert receiver.types() == [
        "payment_intent.created", "payment_intent.requires_action",
        "payment_intent.processing", "charge.succeeded", "payment_intent.succeeded"]


def test_metadata_is_set_and_unset_name_by_name(sim):
    intent = create(metadata={"a": "1", "b": "2"})
    changed = stripe.PaymentIntent.modify(intent.id, metadata={"a": "", "c": "3"})
    assert changed.metadata == {"b": "2", "c": "3"}


def test_an_amount_is_changed_only_while_the_payment_is_open(sim):
    intent = create()
    assert stripe.PaymentIntent.modify(intent.id, amount=1500).amount == 1500
    tap(sim, intent)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.PaymentIntent.modify(intent.id, amount=1600)
    assert caught.value.code == "payment_intent_unexpected_state"


# Refunds and disputes.

def test_refunds_add_up_to_the_charge_and_no_further(sim, receiver):
    intent = create()
    tap(sim, intent)
    idle(sim)
    receiver.clear()
    first = stripe.Refund.create(payment_intent=intent.id, amount=300,
                                 reason="requested_by_customer")
    assert first.status == "succeeded"
    idle(sim)
    assert receiver.types() == ["refund.created", "charge.refunded",
                                "charge.refund.updated", "refund.updated"]
    refunded = receiver.events()[1]["data"]
    assert refunded["object"]["amount_refunded"] == 300
    assert refunded["previous_attributes"] == {"amount_refunded": 0}
    with pytest.raises(stripe.error.InvalidRequestError, match="greater than unrefunded"):
        stripe.Refund.create(payment_intent=intent.id, amount=701)
    stripe.Refund.create(charge=first.charge)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Refund.create(payment_intent=intent.id)
    assert caught.value.code == "charge_already_refunded"
    assert stripe.Charge.retrieve(first.charge).refunded is True
    assert [one.amount for one in stripe.Refund.list(payment_intent=intent.id)] == [700, 300]


def test_a_refund_that_fails_later_gives_the_charge_back(sim, receiver):
    intent = create()
    tap(sim, intent)
    refund = stripe.Refund.create(payment_intent=intent.id)
    sim.control(f"refunds/{refund.id}/fail", {})
    failed = stripe.Refund.retrieve(refund.id)
    assert failed.status == "failed"
    assert failed.failure_reason == "expired_or_canceled_card"
    charge = stripe.Charge.retrieve(refund.charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    idle(sim)
    last = receiver.events()[-1]
    assert last["type"] == "refund.updated"
    assert last["data"]["previous_attributes"]["status"] == "succeeded"


def test_an_open_payment_cannot_be_refunded(sim):
    with pytest.raises(stripe.error.InvalidRequestError, match="does not have a successful"):
        stripe.Refund.create(payment_intent=create().id)
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Refund.create(amount=5)
    assert caught.value.code == "parameter_missing"


def test_a_refund_reverses_a_transfer_only_where_there_is_one(sim):
    sim.control("accounts", {"id": "acct_1Amicale"})
    plain, moved = create(), create(transfer_data={"destination": "acct_1Amicale"})
    tap(sim, plain)
    tap(sim, moved)
    with pytest.raises(stripe.error.InvalidRequestError, match="Cannot reverse transfer"):
        stripe.Refund.create(payment_intent=plain.id, reverse_transfer=True)
    refund = stripe.Refund.create(payment_intent=moved.id, reverse_transfer=True)
    assert refund.transfer_reversal.startswith("trr_")
    assert stripe.Charge.retrieve(refund.charge).transfer.startswith("tr_")


def test_a_dispute_is_opened_answered_and_closed(sim, receiver):
    intent = create()
    tap(sim, intent)
    dispute = sim.control(f"payment_intents/{intent.id}/dispute", {})["object"]
    sim.control(f"disputes/{dispute['id']}/answer", {})
    sim.control(f"disputes/{dispute['id']}/close", {"won": False})
    assert stripe.Dispute.retrieve(dispute["id"]).status == "lost"
    assert stripe.Charge.retrieve(dispute["charge"]).disputed is True
    idle(sim)
    events = receiver.events()[3:]
    assert [event["type"] for event in events] == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn",
        "charge.dispute.updated", "charge.dispute.closed"]
    assert events[3]["data"]["previous_attributes"] == {"status": "under_review"}
