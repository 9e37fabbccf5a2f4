# SPDX-License-Identifier: MIT
"""The simulator keeps answers under their keys, and goes wrong when told to."""

import http.client
import threading
import time

import pytest
import stripe
from stripesim_room import INTENT, call, create, receiver, sim  # noqa: F401  (fixtures)

from support.process import wait_until

# Idempotency.

def test_the_same_key_replays_the_first_answer(sim):
    headers = {"Idempotency-Key": "k1"}
    first = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    turned = dict(reversed(list(INTENT.items())))
    again = call(sim, "POST", "/v1/payment_intents", turned, headers)
    assert again[2] == first[2]
    assert first[1]["Idempotent-Replayed"] is None
    assert again[1]["Idempotent-Replayed"] == "true"
    assert again[1]["Original-Request"] == first[1]["Request-Id"]
    assert again[1]["Request-Id"] != first[1]["Request-Id"]
    assert sim.control("summary")["counts"]["payment_intent"] == 1


def test_the_same_key_for_something_else_is_refused(sim):
    headers = {"Idempotency-Key": "k1"}
    call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    status, _, body = call(sim, "POST", "/v1/payment_intents",
                           {**INTENT, "amount": "2000"}, headers)
    assert (status, body["error"]["type"]) == (400, "idempotency_error")


def test_the_same_key_in_flight_is_409(sim):
    sim.control("faults", {"kind": "latency", "ms": 2000, "times": 1})
    headers = {"Idempotency-Key": "k1"}
    answers = []
    slow = threading.Thread(target=lambda: answers.append(
        call(sim, "POST", "/v1/payment_intents", INTENT, headers)))
    slow.start()
    wait_until(lambda: sim.control("faults")["faults"][0]["hits"] == 1, "the call to be held")
    status, _, body = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    assert (status, body["error"]["code"]) == (409, "idempotency_key_in_use")
    slow.join()
    assert answers[0][0] == 200
    assert call(sim, "POST", "/v1/payment_intents", INTENT, headers)[2] == answers[0][2]


def test_a_refused_parameter_leaves_the_key_free(sim):
    headers = {"Idempotency-Key": "k1"}
    assert call(sim, "POST", "/v1/payment_intents", {"amount": "x", "currency": "eur"},
                headers)[0] == 400
    assert call(sim, "POST", "/v1/payment_intents", INTENT, headers)[0] == 200


def test_keys_of_different_accounts_do_not_meet(sim):
    sim.control("accounts", {"id": "acct_1One"})
    headers = {"Idempotency-Key": "k1"}
    ours = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    theirs = call(sim, "POST", "/v1/payment_intents", INTENT,
                  {**headers, "Stripe-Account": "acct_1One"})
    assert ours[2]["id"] != theirs[2]["id"]


# Faults.

@pytest.mark.parametrize("kind, effects", [("error_before", 0), ("error_after", 1)])
def test_a_500_is_stored_under_its_key_whatever_its_effect(sim, kind, effects):
    sim.control("faults", {"kind": kind, "method": "POST", "path": "/v1/payment_intents",
                           "times": 1})
    headers = {"Idempotency-Key": "k1"}
    first = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    again = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    assert first[0] == again[0] == 500
    assert first[2]["error"]["type"] == "api_error"
    assert again[1]["Idempotent-Replayed"] == "true"
    assert sim.control("summary")["counts"]["payment_intent"] == effects
    headers = {"Idempotency-Key": "k2"}
    assert call(sim, "POST", "/v1/payment_intents", INTENT, headers)[0] == 200


@pytest.mark.parametrize("kind, effects", [
    ("drop_before", 0), ("drop_after", 1), ("stall_before", 0), ("stall_after", 1)])
def test_a_lost_answer_had_its_effect_or_not(sim, kind, effects):
    sim.control("faults", {"kind": kind, "method": "POST", "times": 1, "ms": 50})
    headers = {"Idempotency-Key": "k1"}
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    assert sim.control("summary")["counts"]["payment_intent"] == effects
    status, answer, _ = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    assert status == 200
    assert (answer["Idempotent-Replayed"] == "true") == (effects == 1)
    assert sim.control("summary")["counts"]["payment_intent"] == 1


def test_a_client_that_leaves_a_stalled_call_does_no_harm(sim):
    sim.control("faults", {"kind": "stall_after", "ms": 1500, "times": 1})
    with pytest.raises(TimeoutError):
        call(sim, "POST", "/v1/payment_intents", INTENT, timeout_s=0.2)
    wait_until(lambda: sim.control("summary")["counts"]["payment_intent"] == 1, "its effect")
    sim.control("faults", {"kind": "slow_answer", "ms": 1500, "times": 1})
    with pytest.raises(TimeoutError):
        call(sim, "GET", "/v1/payment_intents", timeout_s=0.2)
    sim.control("faults", {"kind": "latency", "ms": 400, "times": 1})
    assert call(sim, "GET", "/v1/payment_intents")[0] == 200


def test_a_rate_limit_says_when_to_come_back_and_keeps_nothing(sim):
    sim.control("faults", {"kind": "rate_limit", "times": 2, "retry_after": 3,
                           "should_retry": True})
    headers = {"Idempotency-Key": "k1"}
    for _ in range(2):
        status, answer, body = call(sim, "POST", "/v1/payment_intents", INTENT, headers)
        assert (status, body["error"]["code"]) == (429, "rate_limit")
        assert answer["Retry-After"] == "3"
        assert answer["Stripe-Should-Retry"] == "true"
    assert call(sim, "POST", "/v1/payment_intents", INTENT, headers)[0] == 200


def test_a_lock_timeout_is_a_429_of_its_own(sim):
    sim.control("faults", {"kind": "lock_timeout", "path": "/v1/payment_intents/{id}/cancel",
                           "times": 1, "should_retry": False})
    intent = create()
    status, answer, body = call(sim, "POST", f"/v1/payment_intents/{intent.id}/cancel", {})
    assert (status, body["error"]["code"]) == (429, "lock_timeout")
    assert answer["Retry-After"] is None
    assert answer["Stripe-Should-Retry"] == "false"
    assert stripe.PaymentIntent.cancel(intent.id).status == "canceled"


def test_faults_hit_their_route_alone_and_are_cleared(sim):
    sim.control("faults", {"kind": "error_before", "method": "GET", "path": "/v1/charges/*"})
    assert call(sim, "GET", "/v1/charges/ch_1")[0] == 500
    assert call(sim, "GET", "/v1/events")[0] == 200
    sim.control("faults", method="DELETE")
    assert call(sim, "GET", "/v1/charges/ch_1")[0] == 404


def test_latency_is_added_to_a_call(sim):
    sim.control("faults", {"kind": "latency", "ms": 150, "times": 1})
    before = time.monotonic()
    assert call(sim, "GET", "/v1/events")[0] == 200
    assert time.monotonic() - before >= 0.15


def test_a_fault_lets_the_first_calls_pass_when_told(sim):
    sim.control("faults", {"kind": "error_before", "method": "POST", "skip": 1, "times": 1,
                           "path": "/v1/payment_intents"})
    assert [call(sim, "POST", "/v1/payment_intents", INTENT)[0] for _ in range(3)] == [
        200, 500, 200]


@pytest.mark.parametrize("path, form, made", [
    ("/v1/accounts", {"type": "express", "country": "FR"}, "account"),
    ("/v1/terminal/locations", {
        "display_name": "x", "address[country]": "FR", "address[line1]": "1",
        "address[city]": "Lyon", "address[postal_code]": "69001"}, "terminal.location"),
    ("/v1/terminal/connection_tokens", {}, "terminal.connection_token"),
    ("/v1/webhook_endpoints", {"url": "https://tocsin.test/x", "enabled_events[]": "*"},
     "webhook_endpoint"),
])
def test_a_lost_answer_of_any_route_is_replayed_under_its_key(sim, path, form, made):
    sim.control("faults", {"kind": "drop_after", "method": "POST", "path": path, "times": 1})
    headers = {"Idempotency-Key": "k1"}
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        call(sim, "POST", path, form, headers)
    status, answer, _ = call(sim, "POST", path, form, headers)
    assert (status, answer["Idempotent-Replayed"]) == (200, "true")
    assert sim.control("summary")["counts"][made] == 1
