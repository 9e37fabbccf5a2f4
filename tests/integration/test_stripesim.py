# SPDX-License-Identifier: MIT
"""The Stripe simulator takes calls as Stripe does, and its control endpoint its verbs."""

import base64
import http.client
import json
import threading
import time

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    INTENT, KEY, call, create, idle, receiver, sim, tap)

from support.process import wait_until
from support.programs import Stripesim

# Keys, versions, routes.

def test_a_call_without_a_key_is_refused_with_401(sim):
    status, headers, body = call(sim, "GET", "/v1/payment_intents",
                                 headers={"Authorization": ""})
    assert status == 401
    assert body["error"]["type"] == "invalid_request_error"
    assert headers["Request-Id"].startswith("req_")


def test_a_wrong_key_is_refused_without_showing_it(sim):
    status, _, body = call(sim, "GET", "/v1/events",
                           headers={"Authorization": "Bearer sk_live_abcdefghijklmnop"})
    assert status == 401
    assert "abcdefgh" not in json.dumps(body)


def test_the_key_may_come_as_basic_user(sim):
    status, _, _ = call(sim, "GET", "/v1/events", headers={
        "Authorization": "Basic " + base64.b64encode(
            f"{KEY}:".encode()).decode()})
    assert status == 200


def test_the_version_asked_for_is_echoed(sim):
    _, headers, _ = call(sim, "GET", "/v1/events", headers={"Stripe-Version": "2023-10-16"})
    assert headers["Stripe-Version"] == "2023-10-16"
    status, _, _ = call(sim, "GET", "/v1/events", headers={"Stripe-Version": "latest"})
    assert status == 400


def test_an_unknown_route_is_404(sim):
    status, _, body = call(sim, "GET", "/v1/nonsense")
    assert status == 404
    assert body["error"]["message"].startswith("Unrecognized request URL (GET: /v1/nonsense)")


def test_an_unknown_object_is_resource_missing(sim):
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.PaymentIntent.retrieve("pi_nothing")
    assert caught.value.http_status == 404
    assert caught.value.code == "resource_missing"
    assert caught.value.param == "intent"
    assert caught.value.json_body["error"]["request_log_url"].startswith("https://")


# Validation.

@pytest.mark.parametrize("form, code, param", [
    ({"currency": "eur"}, "parameter_missing", "amount"),
    ({"amount": "1000"}, "parameter_missing", "currency"),
    ({**INTENT, "amout": "3"}, "parameter_unknown", "amout"),
    ({**INTENT, "transfer_data[to]": "x"}, "parameter_unknown", "transfer_data[to]"),
    ({**INTENT, "amount": "10.5"}, "parameter_invalid_integer", "amount"),
    ({**INTENT, "amount": "-5"}, "parameter_invalid_integer", "amount"),
    ({**INTENT, "amount": "49"}, "amount_too_small", "amount"),
    ({**INTENT, "amount": "100000000"}, "amount_too_large", "amount"),
    ({**INTENT, "currency": "xyz"}, None, "currency"),
    ({**INTENT, "capture_method": "never"}, None, "capture_method"),
    ({**INTENT, "transfer_data[destination]": "acct_none"}, "resource_missing",
     "transfer_data[destination]"),
    ({**INTENT, "application_fee_amount": "10"}, None, "application_fee_amount"),
    ({**INTENT, "customer": ""}, "parameter_invalid_empty", "customer"),
    ({**INTENT, "expand[]": "amount"}, None, "expand"),
    ({**INTENT, "metadata[" + "k" * 41 + "]": "v"}, None, "metadata[" + "k" * 41 + "]"),
])
def test_a_bad_parameter_is_named_as_stripe_names_it(sim, form, code, param):
    status, _, body = call(sim, "POST", "/v1/payment_intents", form)
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"].get("code") == code
    assert body["error"]["param"] == param
    assert sim.control("summary")["counts"]["payment_intent"] == 0


def test_a_json_body_is_refused(sim):
    status, _, _ = call(sim, "POST", "/v1/payment_intents", {},
                        {"Content-Type": "application/json"})
    assert status == 400


# Lists.

def test_a_list_is_walked_both_ways_without_gaps(sim):
    ids = [create().id for _ in range(25)][::-1]
    walked = [one.id for one in stripe.PaymentIntent.list(limit=4).auto_paging_iter()]
    assert walked == ids
    page = stripe.PaymentIntent.list(limit=10, starting_after=ids[4])
    assert ([one.id for one in page.data], page.has_more) == (ids[5:15], True)
    page = stripe.PaymentIntent.list(limit=3, ending_before=ids[5])
    assert ([one.id for one in page.data], page.has_more) == (ids[2:5], True)
    page = stripe.PaymentIntent.list(limit=10, ending_before=ids[5])
    assert ([one.id for one in page.data], page.has_more) == (ids[:5], False)
    page = stripe.PaymentIntent.list(limit=25)
    assert (len(page.data), page.has_more) == (25, False)


def test_a_list_is_cut_by_time_of_creation(sim):
    first = create()
    wait_until(lambda: int(time.time()) > first.created, "the next second")
    second = create()
    def ids(**created):
        return [one.id for one in stripe.PaymentIntent.list(created=created)]
    assert ids(gte=second.created) == [second.id]
    assert ids(gt=first.created) == [second.id]
    assert ids(lt=second.created) == [first.id]
    assert ids(lte=first.created) == [first.id]
    assert ids(gte=first.created, lte=second.created) == [second.id, first.id]
    assert ids(gt=second.created) == []


@pytest.mark.parametrize("query, code", [
    ("limit=0", "parameter_invalid_integer"), ("limit=101", "parameter_invalid_integer"),
    ("limit=x", "parameter_invalid_integer"), ("starting_after=pi_no", "resource_missing"),
    ("created[gte]=soon", "parameter_invalid_integer"), ("colour=red", "parameter_unknown")])
def test_a_bad_page_is_refused(sim, query, code):
    status, _, body = call(sim, "GET", "/v1/payment_intents?" + query)
    assert (status, body["error"]["code"]) == (400, code)


def test_charges_are_expanded_in_lists(sim):
    tap(sim, create())
    listed = stripe.PaymentIntent.list(expand=["data.latest_charge.payment_intent"]).data[0]
    assert listed.latest_charge.payment_intent.id == listed.id


# The play and the books.

MIX = {"succeeded": 4, "declined_then_succeeded": 1, "captured": 1, "canceled": 1,
       "refunded": 1, "partially_refunded": 1, "refund_failed": 1, "disputed": 1,
       "dispute_won": 1, "partially_captured": 1, "released": 1}


def test_a_play_makes_payments_whose_books_add_up(sim, receiver):
    sim.control("webhooks", {"concurrency": 8, "duplicate_percent": 10, "reorder_ms": 50})
    sim.control("play", {
        "count": 100, "mix": MIX, "destination": "acct_1Amicale",
        "metadata": {"amicale_id": "7", "numero": "{n}"},
        "receipt_email": "acheteur{n}@example.test", "receipt_percent": 50})
    counts = idle(sim, 60000)
    summary = sim.control("summary")
    assert summary["play"] == {"running": False, "begun": 100, "played": 100, "left": 0}
    assert len(summary["payments"]) == 100
    assert {one["metadata"]["numero"] for one in summary["payments"]} == {
        str(n) for n in range(1, 101)}
    assert {one["destination"] for one in summary["payments"]} == {"acct_1Amicale"}
    assert 20 < sum(one["receipt_email"] is not None for one in summary["payments"]) < 80
    got = receiver.events()
    made = {event["id"]: event for event in sim.control("events")["events"]}
    assert {event["id"] for event in got} == set(made)
    assert len(got) == len(made) + counts["duplicates"] == counts["delivered"]
    # Whoever reads nothing but the events comes to the same sums.
    received = {event["data"]["object"]["id"]: event["data"]["object"]["amount_received"]
                for event in got if event["type"] == "payment_intent.succeeded"}
    assert sum(received.values()) == summary["totals"]["amount_received"]
    refunds = {}
    for event in got:
        if event["type"] in ("refund.created", "refund.updated"):
            refund = event["data"]["object"]
            if refunds.get(refund["id"], {}).get("status") != "failed":
                refunds[refund["id"]] = refund
    assert sum(one["amount"] for one in refunds.values() if one["status"] != "failed") == (
        summary["totals"]["amount_refunded"])
    assert any(one["status"] == "failed" for one in refunds.values())
    assert {one["status"] for one in summary["disputes"]} == {"won", "lost"}


def test_the_same_seed_makes_the_same_choices(sim):
    def outcome():
        sim.control("reset", {"seed": 5})
        sim.control("play", {"count": 60, "mix": MIX})
        idle(sim, 60000)
        summary = sim.control("summary")
        return [(one["amount"], one["status"], one["amount_refunded"])
                for one in summary["payments"]], {one["id"] for one in summary["payments"]}
    (first, first_ids), (second, second_ids) = outcome(), outcome()
    assert first == second
    assert not first_ids & second_ids


def test_a_play_keeps_to_its_rate(sim):
    before = time.monotonic()
    sim.control("play", {"count": 30, "rate": 100, "step_ms": 20, "mix": {"captured": 1}})
    idle(sim)
    assert time.monotonic() - before >= 0.29
    assert sim.control("summary")["statuses"]["succeeded"] == 30


def test_reset_forgets_everything_also_what_is_held_and_under_way(sim, receiver):
    sim.control("webhooks", {"delay_ms": 60000})
    create()
    sim.control("faults", {"kind": "latency", "ms": 60000})
    failures = []

    def lost():
        try:
            call(sim, "GET", "/v1/events")
        except (http.client.HTTPException, ConnectionError) as failure:
            failures.append(failure)

    held = threading.Thread(target=lost)
    held.start()
    wait_until(lambda: sim.control("faults")["faults"][0]["hits"] == 1, "the call to be held")
    sim.control("reset", {})
    held.join(10)
    assert failures
    summary = sim.control("summary")
    assert set(summary["counts"].values()) == {0}
    assert summary["webhooks"]["outstanding"] == 0
    assert call(sim, "GET", "/v1/events")[2]["data"] == []
    assert receiver.received == []


def test_unknown_verbs_and_words_are_refused(sim):
    for verb, body in (("nonsense", {}), ("play", {"mix": {"nonsense": 1}}),
                       ("faults", {"kind": "nonsense"}), ("webhooks", {"nonsense": 1}),
                       ("payment_intents/pi_no/tap", {})):
        with pytest.raises(Exception, match="HTTP Error 4"):
            sim.control(verb, body)


def test_it_writes_its_port_and_leaves_cleanly(workdir):
    lonely = Stripesim(workdir, name="lonely", options=["--port-file", str(workdir / "port")])
    with lonely:
        assert (workdir / "port").read_text() == f"{lonely.port}\n"
        status, _, body = call(lonely, "POST", "/v1/payment_intents", INTENT)
        assert status == 200
        assert call(lonely, "GET", "/v1/events")[2]["data"][0]["pending_webhooks"] == 0
    assert lonely.pid is None


def test_it_leaves_cleanly_with_calls_held_waiters_and_webhooks_under_way(sim, receiver):
    sim.control("webhooks", {"delay_ms": 60000})
    create()
    sim.control("webhooks", {"delay_ms": 0})
    receiver.lock.acquire()
    try:
        create()
        sim.control("faults", {"kind": "latency", "ms": 60000})
        lost = []

        def ask(send):
            try:
                send()
            except (OSError, http.client.HTTPException) as failure:
                lost.append(failure)

        callers = [threading.Thread(target=ask, args=(send,)) for send in (
            lambda: call(sim, "GET", "/v1/events"),
            lambda: sim.control("idle?wait_ms=60000"))]
        for caller in callers:
            caller.start()
        wait_until(lambda: sim.control("faults")["faults"][0]["hits"] == 1,
                   "the call to be held")
        wait_until(lambda: sim.control("webhooks")["webhooks"]["attempts"] == 1,
                   "a webhook under way")
        sim.stop()
        for caller in callers:
            caller.join(10)
        assert len(lost) == 2
    finally:
        receiver.lock.release()


def test_a_live_simulator_takes_live_keys_and_makes_live_objects(workdir):
    with Stripesim(workdir, name="live", options=["--livemode"]) as live:
        assert call(live, "POST", "/v1/payment_intents", INTENT)[0] == 401
        status, _, body = call(live, "POST", "/v1/payment_intents", INTENT,
                               {"Authorization": "Bearer sk_live_4eC39HqLyjWDarjt"})
        assert (status, body["livemode"]) == (200, True)


# What a play of many amicales is made of.

ACCOUNTS = ("acct_1One", "acct_1Two", "acct_1Three")
ALL_SCRIPTS = {**MIX, "refund_waited": 1, "declined": 1, "authorized": 1, "abandoned": 1}


def play_three(sim, count=300, **more):
    sim.control("play", {
        "count": count, "mix": ALL_SCRIPTS, "fee": 50, "fee_percent": 50,
        "destinations": [ACCOUNTS[0], {"account": ACCOUNTS[1], "weight": 3},
                         {"account": ACCOUNTS[2], "metadata": {"numero": "t{n}"}}],
        "metadata": {"numero": "{n}"}, **more})
    idle(sim, 60000)
    return sim.control("summary")


def test_a_play_is_spread_over_several_accounts(sim):
    sim.control("webhooks", {"withhold_percent": 100})
    summary = play_three(sim)
    numbers = {account: [one["metadata"]["numero"] for one in summary["payments"]
                         if one["destination"] == account] for account in ACCOUNTS}
    assert len(numbers[ACCOUNTS[1]]) > 1.5 * len(numbers[ACCOUNTS[0]]) > 0
    assert all(number.startswith("t") for number in numbers[ACCOUNTS[2]])
    assert sum(len(each) for each in numbers.values()) == 300
    balances = sim.control("balances")["balances"]
    platform = balances["platform"]
    assert set(platform) == {
        "charge", "refund", "refund.partial_capture_reversal", "refund_failure", "transfer",
        "transfer_refund", "application_fee", "application_fee_refund",
        "adjustment.dispute", "adjustment.dispute_reversal", "net"}
    assert 0 < platform["application_fee"]["count"] < platform["charge"]["count"]
    # Nothing is lost between the balances.
    theirs = [balances[account] for account in ACCOUNTS]
    assert sum(each["payment"]["amount"] for each in theirs) == -platform["transfer"]["amount"]
    assert sum(each["payment"]["fee"] for each in theirs) == (
        platform["application_fee"]["amount"])
    assert sum(each["payment_refund"]["amount"] for each in theirs) == (
        -platform["transfer_refund"]["amount"])
    assert sum(each["adjustment.fee"]["amount"] for each in theirs) == (
        -platform["application_fee_refund"]["amount"])
    assert (platform["charge"]["amount"] + platform["refund.partial_capture_reversal"]["amount"]
            == summary["totals"]["amount_received"])


def test_the_same_seed_plays_the_same_whatever_else_goes_on(sim):
    def outcome(step_ms):
        sim.control("reset", {"seed": 9})
        sim.control("webhooks", {"withhold_percent": 100})
        summary = play_three(sim, 60, step_ms=step_ms)
        return sorted((one["metadata"]["numero"], one["amount"], one["destination"],
                       one["status"], one["amount_refunded"], one["disputed"])
                      for one in summary["payments"])
    assert outcome(0) == outcome(3)


@pytest.mark.parametrize("order", [
    {"destinations": [{"metadata": {}}]}, {"destinations": [{"account": "acct_1", "weight": 0}]},
    {"fee_percent": 101}, {"fee": 600, "amount_least": 500}, {"count": -1}])
def test_a_play_that_cannot_be_is_refused(sim, order):
    with pytest.raises(Exception, match="HTTP Error 422"):
        sim.control("play", order)
