# SPDX-License-Identifier: MIT
"""Webhook endpoints are registered at the simulator as at Stripe, and get their events."""

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    create, idle, receiver, sim, tap)


def register(receiver, path="/registered", types=("*",), **more):
    return stripe.WebhookEndpoint.create(url=receiver.url + path, enabled_events=list(types),
                                         **more)


def got(receiver, path):
    return [one for one in receiver.received if one[0] == path]


def test_an_endpoint_shows_its_secret_once(sim, receiver):
    made = register(receiver, api_version="2024-06-20", description="Tocsin",
                    metadata={"a": "b"}, types=["charge.succeeded", "refund.created"])
    assert made.secret.startswith("whsec_")
    assert (made.status, made.api_version, made.livemode) == ("enabled", "2024-06-20", False)
    assert made.enabled_events == ["charge.succeeded", "refund.created"]
    assert made.application is None
    again = stripe.WebhookEndpoint.retrieve(made.id)
    assert "secret" not in again
    listed, = stripe.WebhookEndpoint.list()
    assert "secret" not in listed and listed.id == made.id
    connect = register(receiver, connect=True)
    assert connect.application is not None and connect.api_version is None
    assert made.delete().deleted is True
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.WebhookEndpoint.retrieve(made.id)
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_an_endpoint_gets_the_events_it_was_registered_for_under_its_own_secret(sim, receiver):
    platform = register(receiver, types=["charge.succeeded"])
    connect = register(receiver, path="/theirs", connect=True)
    tap(sim, create())
    sim.control("accounts", {"id": "acct_1One"})
    sim.control("accounts/acct_1One/stage", {"stage": "restricted"})
    idle(sim)
    (_, headers, body), = got(receiver, "/registered")
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], platform.secret)
    assert event.type == "charge.succeeded"
    for _, headers, body in got(receiver, "/theirs"):
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"],
                                               connect.secret)
        assert event.account == "acct_1One"
    assert len(got(receiver, "/theirs")) == len(got(receiver, "/connect")) > 0
    assert len(got(receiver, "/platform")) == 3


def test_a_changed_disabled_and_deleted_endpoint_gets_what_it_wants_then(sim, receiver):
    made = register(receiver)
    create()
    idle(sim)
    stripe.WebhookEndpoint.modify(made.id, url=receiver.url + "/moved",
                                  enabled_events=["payment_intent.canceled"])
    stripe.PaymentIntent.cancel(create().id)
    idle(sim)
    assert (len(got(receiver, "/registered")), len(got(receiver, "/moved"))) == (1, 1)
    changed = stripe.WebhookEndpoint.modify(made.id, disabled=True)
    assert changed.status == "disabled"
    stripe.PaymentIntent.cancel(create().id)
    idle(sim)
    stripe.WebhookEndpoint.modify(made.id, disabled=False, enabled_events=["*"])
    made.delete()
    create()
    idle(sim)
    assert (len(got(receiver, "/registered")), len(got(receiver, "/moved"))) == (1, 1)


@pytest.mark.parametrize("change, code, param", [
    ({"url": None}, "parameter_missing", "url"),
    ({"url": "tocsin.test/webhook"}, "url_invalid", "url"),
    ({"enabled_events": None}, "parameter_missing", "enabled_events"),
    ({"enabled_events": "*"}, None, "enabled_events"),
    ({"enabled_events": ["charge.succeeded", "refund.failed"]}, None, "enabled_events[1]"),
    ({"enabled_events": ["nonsense"]}, None, "enabled_events[0]"),
    ({"api_version": "2024-06-21"}, None, "api_version"),
    ({"connect": "yes"}, None, "connect"),
    ({"secret": "whsec_mine"}, "parameter_unknown", "secret"),
])
def test_a_bad_endpoint_is_refused(sim, change, code, param):
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.WebhookEndpoint.create(**{"url": "http://127.0.0.1:9/x",
                                         "enabled_events": ["*"], **change})
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (
        400, code, param)


def test_there_are_at_most_sixteen_endpoints(sim):
    for _ in range(16):
        made = stripe.WebhookEndpoint.create(url="https://tocsin.test/x", enabled_events=["*"])
    with pytest.raises(stripe.error.InvalidRequestError, match="maximum of 16"):
        stripe.WebhookEndpoint.create(url="https://tocsin.test/x", enabled_events=["*"])
    made.delete()
    stripe.WebhookEndpoint.create(url="https://tocsin.test/x", enabled_events=["*"])


def test_reset_forgets_registered_endpoints(sim, receiver):
    register(receiver)
    sim.control("reset", {})
    create()
    idle(sim)
    assert got(receiver, "/registered") == []
    assert list(stripe.WebhookEndpoint.list()) == []
