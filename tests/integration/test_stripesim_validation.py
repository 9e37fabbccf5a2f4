# SPDX-License-Identifier: MIT
"""What Stripe refuses, the simulator refuses in the same words, before anything happens."""

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    INTENT, KEY, call, create, idle, receiver, sim, tap)

BAD = stripe.error.InvalidRequestError
DESTINATION = {"transfer_data": {"destination": "acct_1Amicale"}}


def refused(error, send):
    """(status, code, param, message) of what the client raises; with a log's address."""
    with pytest.raises(error) as caught:
        send()
    told = caught.value.json_body["error"]
    assert caught.value.headers["Request-Id"].startswith("req_")
    assert caught.value.headers["Request-Id"] in told["request_log_url"]
    return (caught.value.http_status, told.get("code"), told.get("param"), told["message"])


# One row, one refusal: what is asked, and how it is answered.
CREATE = [
    ({"amount": None}, "parameter_missing", "amount", "Missing required param: amount."),
    ({"currency": None}, "parameter_missing", "currency", "Missing required param: currency."),
    ({"foo": "1"}, "parameter_unknown", "foo", "Received unknown parameter: foo"),
    ({"foo": "1", "bar": {"a": "b"}}, "parameter_unknown", "foo",
     "Received unknown parameters: foo, bar[a]"),
    ({"amount": "abc"}, "parameter_invalid_integer", "amount", "Invalid integer: abc"),
    ({"amount": "10.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 10.5"),
    ({"amount": ""}, "parameter_invalid_integer", "amount", "Invalid integer: "),
    ({"amount": 0}, "parameter_invalid_integer", "amount",
     "This value must be greater than or equal to 1."),
    ({"amount": 49}, "amount_too_small", "amount", "Amount must be at least €0.50 eur"),
    ({"amount": 100000000}, "amount_too_large", "amount",
     "Amount must be no more than €999,999.99"),
    ({"application_fee_amount": -1}, "parameter_invalid_integer", "application_fee_amount",
     "This value must be greater than or equal to 0."),
    ({"currency": "xyz"}, None, "currency", "Invalid currency: xyz."),
    ({"currency": ""}, "parameter_invalid_empty", "currency",
     "You passed an empty string for 'currency'."),
    ({"customer": ""}, "parameter_invalid_empty", "customer",
     "You passed an empty string for 'customer'. We assume empty values are an attempt to "
     "unset a parameter; however 'customer' cannot be unset. You should remove 'customer' "
     "from your request or supply a non-empty value."),
    ({"capture_method": "never"}, None, "capture_method",
     "Invalid capture_method: must be one of automatic, automatic_async, or manual"),
    ({"setup_future_usage": "never"}, None, "setup_future_usage",
     "Invalid setup_future_usage: must be one of off_session or on_session"),
    ({"confirm": "maybe"}, None, "confirm", "Invalid boolean: maybe"),
    ({"transfer_data": "acct_1Amicale"}, None, "transfer_data", "Invalid object"),
    ({"transfer_data": {"amount": 5}}, "parameter_missing", "transfer_data[destination]",
     "Missing required param: transfer_data[destination]."),
    ({"transfer_data": {"destination": "acct_none"}}, "resource_missing",
     "transfer_data[destination]", "No such destination: 'acct_none'"),
    ({"transfer_data": {"destination": "acct_1New"}},
     "insufficient_capabilities_for_transfer", None,
     "Your destination account needs to have at least one of the following capabilities "
     "enabled: transfers, crypto_transfers, legacy_payments"),
    ({"transfer_data": {"destination": "acct_1Amicale", "amount": 1001}}, None,
     "transfer_data[amount]", "The transfer amount must be less than or equal"),
    ({"transfer_data": {"destination": "acct_1Amicale", "amount": 5},
      "application_fee_amount": 5}, "parameters_exclusive", "transfer_data[amount]",
     "You may only specify one of these parameters"),
    ({"application_fee_amount": 10}, None, "application_fee_amount",
     "Can only apply an application_fee_amount when the PaymentIntent is attempting a "
     "direct payment (using an OAuth key or Stripe-Account header) or destination payment "
     "(using `transfer_data[destination]`)."),
    ({**DESTINATION, "application_fee_amount": 1001}, None, "application_fee_amount",
     "Your application fee must be less than or equal to the amount of the payment."),
    ({"on_behalf_of": "acct_none"}, "resource_missing", "on_behalf_of",
     "No such account: 'acct_none'"),
    ({"receipt_email": "nobody"}, "email_invalid", "receipt_email",
     "Invalid email address: nobody"),
    ({"statement_descriptor": "x" * 23}, None, "statement_descriptor", "Invalid string: "),
    ({"payment_method_types": "card"}, None, "payment_method_types", "Invalid array"),
    ({"payment_method_types": ["cheque"]}, "payment_intent_invalid_parameter",
     "payment_method_types", "The payment method type \"cheque\" is invalid."),
    ({"metadata": {"k" * 41: "v"}}, None, "metadata[" + "k" * 41 + "]",
     "Metadata keys can have up to 40 characters, but you passed in a key that is 41 "
     "characters."),
    ({"metadata": {"k": "é" * 501}}, None, "metadata[k]",
     "Metadata values can have up to 500 characters, but you passed in a value that is 501 "
     "characters."),
    ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata",
     "You can have at most 50 keys"),
    ({"metadata": "k"}, None, "metadata", "Invalid object"),
    ({"expand": ["amount"]}, None, "expand", "This property cannot be expanded (amount)."),
    ({"expand": "latest_charge"}, None, "expand", "Invalid array"),
]


@pytest.mark.parametrize("change, code, param, message", CREATE)
def test_an_intent_is_refused_in_stripes_words(sim, change, code, param, message):
    sim.control("accounts", {"id": "acct_1Amicale"})
    sim.control("accounts", {"id": "acct_1New", "stage": "new"})
    asked = {"amount": 1000, "currency": "eur", "payment_method_types": ["card_present"],
             **change}
    status, *told, said = refused(BAD, lambda: stripe.PaymentIntent.create(**asked))
    assert (status, *told) == (400, code, param)
    assert said.startswith(message)
    assert sim.control("summary")["counts"]["payment_intent"] == 0


def test_what_is_at_the_limits_is_taken(sim):
    sim.control("accounts", {"id": "acct_1Amicale"})
    for asked in ({"amount": 50}, {"amount": 99999999}, {"currency": "EUR"},
                  {"metadata": {"k" * 40: "é" * 500}}, {"description": ""},
                  {"metadata": {f"k{n}": "v" for n in range(50)}},
                  {**DESTINATION, "application_fee_amount": 1000},
                  {**DESTINATION, "application_fee_amount": 0}):
        intent = stripe.PaymentIntent.create(**{
            "amount": 1000, "currency": "eur", "payment_method_types": ["card_present"],
            **asked})
        assert intent.currency == "eur"


def state(sim, name):
    """An intent in the state of that name."""
    intent = create(capture_method="automatic" if name == "succeeded" else "manual")
    if name == "canceled":
        stripe.PaymentIntent.cancel(intent.id)
    elif name != "requires_payment_method":
        tap(sim, intent)
    assert stripe.PaymentIntent.retrieve(intent.id).status == name
    return intent.id


MOVES = [
    ("capture", "requires_payment_method", {},
     "This PaymentIntent could not be captured because it has a status of "
     "requires_payment_method. Only a PaymentIntent with one of the following statuses may "
     "be captured: requires_capture."),
    ("capture", "canceled", {},
     "This PaymentIntent could not be captured because it has a status of canceled. Only a "
     "PaymentIntent with one of the following statuses may be captured: requires_capture."),
    ("capture", "succeeded", {},
     "This PaymentIntent could not be captured because it has already been captured."),
    ("cancel", "succeeded", {},
     "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a "
     "PaymentIntent with one of the following statuses may be canceled: "
     "requires_payment_method, requires_capture, requires_confirmation, requires_action, "
     "processing."),
    ("cancel", "canceled", {},
     "You cannot cancel this PaymentIntent because it has a status of canceled."),
    ("confirm", "requires_payment_method", {},
     "You cannot confirm this PaymentIntent because it's missing a payment method."),
]


@pytest.mark.parametrize("move, name, asked, message", MOVES)
def test_a_move_in_the_wrong_state_shows_the_intent(sim, move, name, asked, message):
    intent = state(sim, name)
    with pytest.raises(BAD) as caught:
        getattr(stripe.PaymentIntent, move)(intent, **asked)
    error = caught.value.json_body["error"]
    assert (caught.value.http_status, error["code"]) == (
        400, "payment_intent_unexpected_state")
    assert error["message"].startswith(message)
    assert (error["payment_intent"]["id"], error["payment_intent"]["status"]) == (intent, name)


@pytest.mark.parametrize("asked, code, param, message", [
    ({"amount_to_capture": 1001}, "amount_too_large", "amount_to_capture",
     "The payment could not be captured because the requested capture amount is greater"),
    ({"amount_to_capture": 0}, "parameter_invalid_integer", "amount_to_capture",
     "This value must be greater than or equal to 1."),
    ({"application_fee_amount": 5}, None, "application_fee_amount",
     "Can only apply an application_fee_amount"),
    ({"amount": 5}, "parameter_unknown", "amount", "Received unknown parameter: amount"),
])
def test_a_bad_capture_leaves_the_intent_as_it_was(sim, asked, code, param, message):
    intent = state(sim, "requires_capture")
    status, *told, said = refused(BAD, lambda: stripe.PaymentIntent.capture(intent, **asked))
    assert (status, *told) == (400, code, param)
    assert said.startswith(message)
    assert stripe.PaymentIntent.retrieve(intent).status == "requires_capture"


def test_a_cancellation_needs_a_reason_that_stripe_knows(sim):
    intent = create().id
    told = refused(BAD, lambda: stripe.PaymentIntent.cancel(intent, cancellation_reason="x"))
    assert told == (400, None, "cancellation_reason",
                    "Invalid cancellation_reason: must be one of duplicate, fraudulent, "
                    "requested_by_customer, or abandoned")


REFUND = [
    ({"amount": 701}, 400, None, "amount",
     "Refund amount (€7.01) is greater than unrefunded amount on charge (€7.00)"),
    ({"amount": 0}, 400, "parameter_invalid_integer", "amount",
     "This value must be greater than or equal to 1."),
    ({"amount": "x"}, 400, "parameter_invalid_integer", "amount", "Invalid integer: x"),
    ({"reason": "abandoned"}, 400, None, "reason",
     "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"),
    ({"reverse_transfer": "yes"}, 400, None, "reverse_transfer", "Invalid boolean: yes"),
    ({"reverse_transfer": True}, 400, None, "reverse_transfer",
     "Cannot reverse transfer on charge ch_"),
    ({"refund_application_fee": True}, 400, None, "refund_application_fee",
     "Attempting to refund_application_fee on charge ch_"),
    ({"why": "x"}, 400, "parameter_unknown", "why", "Received unknown parameter: why"),
    ({"payment_intent": "pi_none"}, 404, "resource_missing", "payment_intent",
     "No such payment_intent: 'pi_none'"),
    ({"payment_intent": None, "charge": "ch_none"}, 404, "resource_missing", "charge",
     "No such charge: 'ch_none'"),
    ({"payment_intent": None}, 400, "parameter_missing", "payment_intent",
     "One of the following params should be provided for this request: payment_intent or "
     "charge."),
]


@pytest.mark.parametrize("change, status, code, param, message", REFUND)
def test_a_refund_is_refused_in_stripes_words(sim, change, status, code, param, message):
    intent = create()
    tap(sim, intent)
    stripe.Refund.create(payment_intent=intent.id, amount=300)
    *told, said = refused(BAD, lambda: stripe.Refund.create(
        **{"payment_intent": intent.id, **change}))
    assert told == [status, code, param]
    assert said.startswith(message)
    assert sim.control("summary")["counts"]["refund"] == 1


def test_a_refund_of_what_is_refunded_or_not_captured_is_refused(sim):
    done = state(sim, "succeeded")
    stripe.Refund.create(payment_intent=done)
    status, code, _, said = refused(BAD, lambda: stripe.Refund.create(payment_intent=done))
    assert (status, code) == (400, "charge_already_refunded")
    assert said.endswith("has already been refunded.")
    held = state(sim, "requires_capture")
    status, code, _, said = refused(BAD, lambda: stripe.Refund.create(payment_intent=held))
    assert said == f"This PaymentIntent ({held}) does not have a successful charge to refund."


# Keys, versions, routes.

@pytest.mark.parametrize("change, path, message", [
    ({"amount": 2000}, "/v1/payment_intents",
     "Keys for idempotent requests can only be used with the same parameters they were "
     "first used with. Try using a key other than 'k1' if you meant to execute a different "
     "request."),
    ({}, "/v1/refunds",
     "Keys for idempotent requests can only be used for the same endpoint they were first "
     "used for ('/v1/refunds' vs '/v1/payment_intents'). Try using a key other than 'k1' if "
     "you meant to execute a different request."),
])
def test_a_key_used_for_something_else_is_an_idempotency_error(sim, change, path, message):
    headers = {"Idempotency-Key": "k1"}
    call(sim, "POST", "/v1/payment_intents", INTENT, headers)
    status, _, body = call(sim, "POST", path, {**INTENT, **change}, headers)
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert body["error"]["message"] == message


def test_pythons_client_knows_an_idempotency_error(sim):
    create(idempotency_key="k1")
    with pytest.raises(stripe.error.IdempotencyError):
        create(idempotency_key="k1", description="other")
    with pytest.raises(stripe.error.IdempotencyError):
        create(idempotency_key="k" * 256)


@pytest.mark.parametrize("version", ["2024-06-21", "latest", "2024-06-20.acacia"])
def test_an_unknown_version_is_refused(sim, version):
    status, _, body = call(sim, "GET", "/v1/events", headers={"Stripe-Version": version})
    assert status == 400
    assert body["error"]["message"] == f"Invalid Stripe API version: {version}"


@pytest.mark.parametrize("key, message", [
    ("", "You did not provide an API key."),
    ("pk_test_1234567890abcdef", "Invalid API Key provided: pk_test_****cdef"),
    (KEY.replace("_test_", "_live_"), "Invalid API Key provided: sk_live_****"),
])
def test_a_key_that_is_none_is_an_authentication_error(sim, monkeypatch, key, message):
    status, headers, body = call(sim, "GET", "/v1/events",
                                 headers={"Authorization": f"Bearer {key}"})
    assert (status, body["error"]["type"]) == (401, "invalid_request_error")
    assert body["error"]["message"].startswith(message)
    assert headers["WWW-Authenticate"]
    if key:
        monkeypatch.setattr(stripe, "api_key", key)
        with pytest.raises(stripe.error.AuthenticationError):
            stripe.Event.list()


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/nonsense"), ("DELETE", "/v1/payment_intents/pi_1"), ("GET", "/v2/events"),
    ("POST", "/v1/payment_intents/pi_1/nonsense"), ("POST", "/v1/terminal/locations/a/b")])
def test_an_unknown_route_names_itself(sim, method, path):
    status, _, body = call(sim, method, path)
    assert status == 404
    assert body["error"]["message"] == (
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs "
        "or we can help at https://support.stripe.com/.")


# What a refund takes back.

def test_a_transfer_and_a_fee_are_taken_back_in_shares_that_add_up(sim, receiver):
    sim.control("accounts", {"id": "acct_1Amicale"})
    intent = create(application_fee_amount=101, **DESTINATION)
    tap(sim, intent)
    charge = stripe.PaymentIntent.retrieve(
        intent.id, expand=["latest_charge.transfer", "latest_charge.application_fee"]
    ).latest_charge
    assert (charge.transfer.amount, charge.transfer.destination) == (1000, "acct_1Amicale")
    assert charge.transfer.source_transaction == charge.id
    assert (charge.application_fee.amount, charge.application_fee.account) == (
        101, "acct_1Amicale")
    assert charge.transfer_data.destination == "acct_1Amicale"
    for amount, reversed_, given_back in ((333, 333, 33), (333, 666, 67), (334, 1000, 101)):
        refund = stripe.Refund.create(
            payment_intent=intent.id, amount=amount, reverse_transfer=True,
            refund_application_fee=True, expand=["transfer_reversal"])
        assert refund.transfer_reversal.amount == amount
        assert refund.transfer_reversal.source_refund == refund.id
        transfer = stripe.Transfer.retrieve(charge.transfer.id)
        fee = stripe.ApplicationFee.retrieve(charge.application_fee.id)
        assert (transfer.amount_reversed, fee.amount_refunded) == (reversed_, given_back)
    assert (transfer.reversed, fee.refunded) == (True, True)
    idle(sim)
    told = [event["data"] for event in receiver.events()
            if event["type"] == "application_fee.refunded"]
    assert [one["object"]["amount_refunded"] for one in told] == [33, 67, 101]
    assert [one["previous_attributes"]["amount_refunded"] for one in told] == [0, 33, 67]
    assert {one["object"]["id"] for one in told} == {fee.id}
    assert [one.amount for one in transfer.reversals.data] == [334, 333, 333]
    assert sum(one.amount for one in fee.refunds.data) == 101
    assert [one.id for one in stripe.Transfer.list(destination="acct_1Amicale")] == [
        transfer.id]
    assert fee.originating_transaction == charge.id
    assert fee.charge == charge.transfer.destination_payment
    assert [one.id for one in stripe.ApplicationFee.list(charge=fee.charge)] == [fee.id]
    assert [one.id for one in stripe.Charge.list(payment_intent=intent.id)] == [charge.id]


def test_a_refund_that_reverses_nothing_leaves_transfer_and_fee(sim):
    sim.control("accounts", {"id": "acct_1Amicale"})
    intent = create(application_fee_amount=100, capture_method="manual", **DESTINATION)
    tap(sim, intent)
    captured = stripe.PaymentIntent.capture(intent.id, amount_to_capture=600,
                                            expand=["latest_charge.transfer"])
    transfer = captured.latest_charge.transfer
    assert (transfer.amount, transfer.amount_reversed) == (600, 0)
    stripe.Refund.create(payment_intent=intent.id, amount=200)
    stripe.Refund.create(payment_intent=intent.id, amount=300, reverse_transfer=True)
    assert stripe.Transfer.retrieve(transfer.id).amount_reversed == 300
    fee = stripe.ApplicationFee.retrieve(captured.latest_charge.application_fee)
    assert (fee.amount, fee.amount_refunded) == (100, 0)


def test_the_summary_names_the_keys_that_made_things(sim):
    sim.control("accounts", {"id": "acct_1Placed"})
    account = stripe.Account.create(type="express", country="FR", idempotency_key="a")
    location = stripe.terminal.Location.create(
        display_name="x", idempotency_key="l", metadata={"amicale_id": "7"},
        address={"country": "FR", "line1": "1", "city": "Lyon", "postal_code": "69001"})
    stripe.terminal.Reader.create(registration_code="simulated-wpe", location=location.id,
                                  idempotency_key="r")
    intent = create(idempotency_key="p")
    tap(sim, intent)
    stripe.Refund.create(payment_intent=intent.id, idempotency_key="f")
    summary = sim.control("summary")
    for kind, keys in (("accounts", [None, "a"]), ("locations", ["l"]), ("readers", ["r"]),
                       ("payments", ["p"]), ("refunds", ["f"])):
        assert [one["idempotency_key"] for one in summary[kind]] == keys
    assert summary["accounts"][1]["id"] == account.id
    assert summary["locations"][0]["metadata"] == {"amicale_id": "7"}
