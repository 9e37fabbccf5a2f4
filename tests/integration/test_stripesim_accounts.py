# SPDX-License-Identifier: MIT
"""The simulator's connected accounts, and what belongs to each of them."""

import json

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    CONNECT_SECRET, SECRET, create, idle, receiver, sim)

# Connected accounts.

def test_an_account_is_onboarded_and_tells_so_on_the_connect_endpoint(sim, receiver):
    account = stripe.Account.create(
        type="express", country="FR", business_type="non_profit",
        capabilities={"card_payments": {"requested": True}, "transfers": {"requested": True}})
    assert account.charges_enabled is False
    assert account.requirements.currently_due
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        create(transfer_data={"destination": account.id})
    assert caught.value.code == "insufficient_capabilities_for_transfer"
    sim.control(f"accounts/{account.id}/stage", {"stage": "onboarded"})
    assert stripe.Account.retrieve(account.id).charges_enabled is True
    create(transfer_data={"destination": account.id})
    idle(sim)
    connect = [json.loads(body) for path, _, body in receiver.received if path == "/connect"]
    assert [event["type"] for event in connect] == [
        "account.application.authorized", "capability.updated", "capability.updated",
        "account.updated"]
    assert {event["account"] for event in connect} == {account.id}
    assert connect[3]["data"]["previous_attributes"]["charges_enabled"] is False
    for path, headers, body in receiver.received:
        secret = CONNECT_SECRET if path == "/connect" else SECRET
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)


def test_an_account_that_left_is_out_of_reach(sim, receiver):
    sim.control("accounts", {"id": "acct_1Gone"})
    sim.control("accounts/acct_1Gone/deauthorize", {})
    with pytest.raises(stripe.error.PermissionError) as caught:
        stripe.Account.retrieve("acct_1Gone")
    assert caught.value.json_body["error"]["code"] == "account_invalid"
    with pytest.raises(stripe.error.PermissionError):
        stripe.Event.list(stripe_account="acct_1Gone")
    idle(sim)
    assert receiver.types() == ["account.application.deauthorized"]


def test_an_accounts_objects_and_events_are_its_own(sim, receiver):
    sim.control("accounts", {"id": "acct_1One"})
    theirs = create(stripe_account="acct_1One")
    ours = create()
    assert stripe.PaymentIntent.retrieve(theirs.id, stripe_account="acct_1One").id == theirs.id
    with pytest.raises(stripe.error.InvalidRequestError):
        stripe.PaymentIntent.retrieve(theirs.id)
    assert [one.id for one in stripe.PaymentIntent.list()] == [ours.id]
    sim.control("accounts/acct_1One/payout", {"amount": 4200, "fails": True})
    kinds = [event.type for event in stripe.Event.list(stripe_account="acct_1One")]
    assert kinds == ["payout.failed", "payout.created", "payment_intent.created"]
    assert [event.type for event in stripe.Event.list()] == ["payment_intent.created"]
    idle(sim)
    assert sum(path == "/connect" for path, _, _ in receiver.received) == 3


def test_payouts_are_retrieved_and_listed_of_their_account_alone(sim):
    theirs = {"stripe_account": "acct_1One"}
    for account in ("acct_1One", "acct_1Two"):
        sim.control("accounts", {"id": account})
    made = [sim.control("accounts/acct_1One/payout", {"amount": 100, "fails": fails})["object"]
            for fails in (False, True)]
    sim.control("accounts/acct_1Two/payout", {"amount": 100})
    paid, failed = (stripe.Payout.retrieve(one["id"], **theirs) for one in made)
    assert (paid.status, failed.status) == ("paid", "failed")
    assert paid.to_dict_recursive() == made[0]
    assert [one.id for one in stripe.Payout.list(**theirs)] == [failed.id, paid.id]
    assert [one.id for one in stripe.Payout.list(status="paid", **theirs)] == [paid.id]
    assert [one.id for one in stripe.Payout.list(destination=failed.destination, **theirs)] == [
        failed.id, paid.id]
    assert list(stripe.Payout.list()) == []
    for scope in ({}, {"stripe_account": "acct_1Two"}):
        with pytest.raises(stripe.error.InvalidRequestError) as caught:
            stripe.Payout.retrieve(paid.id, **scope)
        assert (caught.value.http_status, caught.value.code, caught.value.param) == (
            404, "resource_missing", "payout")
