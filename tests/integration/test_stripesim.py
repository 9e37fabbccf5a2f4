# SPDX-License-Identifier: MIT
"""The Stripe simulator behaves like Stripe, also when it is told to misbehave."""

import base64
import http.client
import http.server
import json
import threading
import time
import urllib.parse

import pytest
import stripe
from support.process import wait_until
from support.programs import Stripesim

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
SECRET = "whsec_of_the_platform"
CONNECT_SECRET = "whsec_of_the_accounts"


class Receiver:
    """An endpoint for webhooks. `statuses` are answered first, then 200."""

    def __init__(self):
        self.received = []  # (path, headers, body)
        self.statuses = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.received.append((self.path, dict(self.headers), body))
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                if status // 100 == 3:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.serve(self.server)

    @staticmethod
    def serve(server):
        # Looking often whether to stop makes stopping quick.
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01},
                         daemon=True).start()

    def events(self):
        with self.lock:
            return [json.loads(body) for _, _, body in self.received]

    def types(self):
        return [event["type"] for event in self.events()]

    def clear(self):
        with self.lock:
            self.received.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    endpoint = Receiver()
    yield endpoint
    endpoint.close()


@pytest.fixture
def sim(workdir, receiver, monkeypatch):
    (workdir / "platform").write_text(SECRET + "\n")
    (workdir / "connect").write_text(CONNECT_SECRET + "\n")
    simulator = Stripesim(workdir, receiver.url + "/platform", workdir / "platform",
                          workdir / "connect",
                          options=["--connect-webhook-url", receiver.url + "/connect"])
    monkeypatch.setattr(stripe, "api_base", simulator.url)
    monkeypatch.setattr(stripe, "api_key", KEY)
    monkeypatch.setattr(stripe, "max_network_retries", 0)
    with simulator:
        # One at a time, so that the order of arrival is the order of the events.
        simulator.control("webhooks", {"concurrency": 1, "retry_first_ms": 10})
        yield simulator


def idle(sim, wait_ms=20000):
    answer = sim.control(f"idle?wait_ms={wait_ms}")
    assert answer["idle"], answer
    return answer["webhooks"]


def call(sim, method, path, form=None, headers=None, timeout_s=20):
    """(status, headers, decoded body); raises when the connection is dropped."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=timeout_s)
    body = urllib.parse.urlencode(form) if form is not None else None
    send = {"Authorization": f"Bearer {KEY}"}
    if body is not None:
        send["Content-Type"] = "application/x-www-form-urlencoded"
    send.update(headers or {})
    try:
        connection.request(method, path, body, send)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()


INTENT = {"amount": "1000", "currency": "eur", "payment_method_types[]": "card_present"}


def create(**more):
    return stripe.PaymentIntent.create(amount=1000, currency="eur",
                                       payment_method_types=["card_present"], **more)


def tap(sim, intent, outcome="succeeded", **more):
    return sim.control(f"payment_intents/{intent.id}/tap", {"outcome": outcome, **more})


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


def test_a_reader_tells_how_its_payment_ended(sim, receiver):
    sim.control("readers", {"id": "tmr_one", "label": "Centre"})
    good, bad = create(), create()
    tap(sim, good, reader="tmr_one")
    tap(sim, bad, "declined", reader="tmr_one")
    idle(sim)
    told = [(event["type"], event["data"]["object"]["action"]) for event in receiver.events()
            if event["type"].startswith("terminal.")]
    assert [kind for kind, _ in told] == ["terminal.reader.action_succeeded",
                                          "terminal.reader.action_failed"]
    assert told[0][1]["process_payment_intent"]["payment_intent"] == good.id
    assert told[1][1]["failure_code"] == "card_declined"


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
    sim.control("accounts/acct_1Two/payout", {})
    paid, failed = (stripe.Payout.retrieve(one["id"], **theirs) for one in made)
    assert (paid.status, failed.status) == ("paid", "failed")
    assert paid.to_dict_recursive() == made[0]
    assert [one.id for one in stripe.Payout.list(**theirs)] == [failed.id, paid.id]
    assert [one.id for one in stripe.Payout.list(status="paid", **theirs)] == [paid.id]
    assert [one.id for one in stripe.Payout.list(destination=failed.destination, **theirs)] == [
        failed.id]
    assert list(stripe.Payout.list()) == []
    for scope in ({}, {"stripe_account": "acct_1Two"}):
        with pytest.raises(stripe.error.InvalidRequestError) as caught:
            stripe.Payout.retrieve(paid.id, **scope)
        assert (caught.value.http_status, caught.value.code, caught.value.param) == (
            404, "resource_missing", "payout")


def test_readers_are_retrieved_and_listed_of_their_account_alone(sim):
    theirs = {"stripe_account": "acct_1One"}
    sim.control("accounts", {"id": "acct_1One"})
    ours = sim.control("readers", {"label": "Nous", "location": "tml_1"})["object"]
    sim.control("readers", {"id": "tmr_theirs", "account": "acct_1One"})
    assert stripe.terminal.Reader.retrieve(ours["id"]).to_dict_recursive() == ours
    assert [one.id for one in stripe.terminal.Reader.list()] == [ours["id"]]
    assert [one.id for one in stripe.terminal.Reader.list(location="tml_1")] == [ours["id"]]
    assert list(stripe.terminal.Reader.list(location="tml_2")) == []
    assert list(stripe.terminal.Reader.list(status="offline")) == []
    assert [one.id for one in stripe.terminal.Reader.list(**theirs)] == ["tmr_theirs"]
    intent = create(**theirs)
    tap(sim, intent, reader="tmr_theirs")
    action = stripe.terminal.Reader.retrieve("tmr_theirs", **theirs).action
    assert action.process_payment_intent.payment_intent == intent.id
    for reader, scope in (("tmr_theirs", {}), (ours["id"], theirs)):
        with pytest.raises(stripe.error.InvalidRequestError) as caught:
            stripe.terminal.Reader.retrieve(reader, **scope)
        assert (caught.value.http_status, caught.value.code, caught.value.param) == (
            404, "resource_missing", "reader")


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
    sim.control("faults", {"kind": "stall_after", "ms": 300, "times": 1})
    with pytest.raises(TimeoutError):
        call(sim, "POST", "/v1/payment_intents", INTENT, timeout_s=0.1)
    assert sim.control("summary")["counts"]["payment_intent"] == 1
    sim.control("faults", {"kind": "slow_answer", "ms": 300, "times": 1})
    with pytest.raises(TimeoutError):
        call(sim, "GET", "/v1/payment_intents", timeout_s=0.1)
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


def test_an_events_object_stays_as_it_was(sim):
    intent = create()
    event = stripe.Event.list(limit=1).data[0]
    tap(sim, intent)
    assert stripe.Event.retrieve(event.id).data.object.status == "requires_payment_method"


def test_charges_are_expanded_in_lists(sim):
    tap(sim, create())
    listed = stripe.PaymentIntent.list(expand=["data.latest_charge.payment_intent"]).data[0]
    assert listed.latest_charge.payment_intent.id == listed.id


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
    sim.control("webhooks", {"reorder_ms": 300})
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


def test_events_carry_the_api_version_they_are_told(sim, receiver):
    sim.control("settings", {"api_version": "2025-01-27.acacia"})
    create()
    idle(sim)
    assert receiver.events()[0]["api_version"] == "2025-01-27.acacia"
