# SPDX-License-Identifier: MIT
"""The simulator's events, and how it delivers them."""

import json

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    CONNECT_SECRET, SECRET, call, create, idle, receiver, sim, tap)

from support.process import wait_until


def test_events_are_listed_newest_first_and_by_type(sim):
    intent = create()
    tap(sim, intent)
    kinds = [event.type for event in stripe.Event.list()]
    assert kinds == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]
    assert [event.type for event in stripe.Event.list(type="charge.*")] == ["charge.succeeded"]
    picked = stripe.Event.list(types=["payment_intent.created", "charge.succeeded"], limit=1)
    assert [event.type for event in picked.auto_paging_iter()] == [
        "charge.succeeded", "payment_intent.created"]
    status, _, body = call(sim, "GET", "/v1/events?" + "&".join(
        f"types[{n}]=charge.x{n}" for n in range(21)))
    assert status == 400 and body["error"]["param"] == "types"
    event = stripe.Event.list(limit=1).data[0]
    assert stripe.Event.retrieve(event.id).data.object.id == intent.id


def test_a_walk_back_in_time_fills_the_page_next_to_its_cursor(sim):
    made = [create().id for _ in range(5)]
    cursor = stripe.Event.list(limit=5).data[4].id
    page = stripe.Event.list(limit=2, ending_before=cursor)
    assert [event.data.object.id for event in page.data] == [made[2], made[1]]
    assert page.has_more
    page = stripe.Event.list(limit=2, ending_before=page.data[0].id)
    assert [event.data.object.id for event in page.data] == [made[4], made[3]]
    assert not page.has_more
    assert list(stripe.Event.list(ending_before=page.data[0].id)) == []


@pytest.mark.parametrize("query, code, param", [
    ("ending_before=evt_none", "resource_missing", "ending_before"),
    ("starting_after=evt_none", "resource_missing", "starting_after"),
    ("type=charge.*&types[]=charge.failed", "parameters_exclusive", None),
    ("limit=101", "parameter_invalid_integer", "limit")])
def test_a_bad_walk_over_events_is_refused(sim, query, code, param):
    status, _, body = call(sim, "GET", "/v1/events?" + query)
    assert (status, body["error"]["code"], body["error"].get("param")) == (400, code, param)


def test_a_cursor_of_another_account_is_unknown(sim):
    sim.control("accounts", {"id": "acct_1One"})
    sim.control("accounts/acct_1One/stage", {"stage": "restricted"})
    theirs = stripe.Event.list(stripe_account="acct_1One").data[0].id
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Event.list(ending_before=theirs)
    assert caught.value.code == "resource_missing"


def test_an_old_event_is_neither_listed_nor_retrieved(sim):
    create()
    old = stripe.Event.list().data[0]
    sim.control("settings", {"event_life_s": 1})
    wait_until(lambda: list(stripe.Event.list()) == [], "the event to be old")
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Event.retrieve(old.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Event.list(ending_before=old.id)
    assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")


def test_an_events_object_stays_as_it_was(sim):
    intent = create()
    event = stripe.Event.list(limit=1).data[0]
    tap(sim, intent)
    assert stripe.Event.retrieve(event.id).data.object.status == "requires_payment_method"


# Webhooks.

def test_webhooks_are_signed_and_printed_as_stripe_does(sim, receiver):
    create()
    idle(sim)
    path, headers, body = receiver.received[0]
    assert path == "/platform"
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
    assert event.type == "payment_intent.created"
    with pytest.raises(stripe.error.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], CONNECT_SECRET)
    assert body.startswith(b'{\n  "id": "evt_')
    assert body.decode() == json.dumps(json.loads(body), indent=2, ensure_ascii=False)


@pytest.mark.parametrize("status", [500, 400, 302, 429])
def test_what_is_not_2xx_is_sent_again_with_a_fresh_signature(sim, receiver, status):
    receiver.statuses = [status, status]
    create()
    counts = idle(sim)
    assert (counts["attempts"], counts["failed"], counts["delivered"]) == (3, 2, 1)
    bodies = {body for _, _, body in receiver.received}
    assert len(bodies) == 1
    for _, headers, body in receiver.received:
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)


def test_an_endpoint_that_is_away_gets_its_webhooks_when_it_is_back(sim, receiver):
    sim.control("webhooks", {"retry_first_ms": 20, "retry_most_ms": 50, "retries": 1000})
    port = receiver.server.server_address[1]
    receiver.close()
    create()
    wait_until(lambda: sim.control("webhooks")["webhooks"]["failed"] >= 2, "two failures")
    receiver.server = type(receiver.server)(("127.0.0.1", port),
                                            receiver.server.RequestHandlerClass)
    receiver.serve(receiver.server)
    assert idle(sim)["delivered"] == 1


def test_an_endpoint_that_does_not_answer_in_time_is_asked_again(sim, receiver):
    sim.control("webhooks", {"timeout_ms": 100, "retry_first_ms": 20, "retries": 1000})
    with receiver.lock:
        create()
        wait_until(lambda: sim.control("webhooks")["webhooks"]["failed"] >= 2, "two failures")
    assert idle(sim)["delivered"] == 1


def test_an_endpoint_that_never_answers_well_is_given_up(sim, receiver):
    sim.control("webhooks", {"retries": 2, "retry_first_ms": 1})
    receiver.statuses = [500] * 3
    create()
    counts = idle(sim)
    assert (counts["attempts"], counts["given_up"], counts["delivered"]) == (3, 1, 0)
    assert stripe.Event.list(delivery_success=False).data[0].pending_webhooks == 1


def test_every_event_comes_twice_when_told(sim, receiver):
    sim.control("webhooks", {"duplicate_percent": 100})
    create()
    assert idle(sim)["duplicates"] == 1
    ids = [event["id"] for event in receiver.events()]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_webhooks_come_out_of_order_when_told(sim, receiver):
    sim.control("webhooks", {"reorder_ms": 1000})
    made = [create().id for _ in range(20)]
    idle(sim)
    got = [event["data"]["object"]["id"] for event in receiver.events()]
    assert sorted(got) == sorted(made)
    assert got != made


def test_withheld_webhooks_come_only_when_released(sim, receiver):
    sim.control("webhooks", {"withhold_percent": 100})
    made = [create().id for _ in range(5)]
    assert idle(sim)["withheld"] == 5
    assert receiver.received == []
    assert len(stripe.Event.list().data) == 5
    assert sim.control("release", {})["released"] == 5
    assert idle(sim)["withheld"] == 0
    assert [event["data"]["object"]["id"] for event in receiver.events()] == made


def test_signatures_are_forged_or_left_out_when_told(sim, receiver):
    sim.control("webhooks", {"bad_signature_percent": 100})
    create()
    idle(sim)
    sim.control("webhooks", {"bad_signature_percent": 0, "no_signature_percent": 100})
    create()
    idle(sim)
    _, forged, body = receiver.received[0]
    with pytest.raises(stripe.error.SignatureVerificationError):
        stripe.Webhook.construct_event(body, forged["Stripe-Signature"], SECRET)
    assert "Stripe-Signature" not in receiver.received[1][1]


def test_an_event_is_sent_again_on_request(sim, receiver):
    create()
    idle(sim)
    sim.control(f"events/{receiver.events()[0]['id']}/send", {})
    idle(sim)
    first, again = receiver.events()
    assert (first.pop("pending_webhooks"), again.pop("pending_webhooks")) == (1, 0)
    assert first == again


def test_events_carry_the_api_version_they_are_told(sim, receiver):
    sim.control("settings", {"api_version": "2025-01-27.acacia"})
    create()
    idle(sim)
    assert receiver.events()[0]["api_version"] == "2025-01-27.acacia"
