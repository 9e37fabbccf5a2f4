# SPDX-License-Identifier: MIT
"""The webhook route: what is taken, what is refused, and what Redis holds afterwards."""

import concurrent.futures
import hashlib
import hmac
import json
import time

import pytest
from support.events import encode, event, payment_event, sign
from support.front_door import CONNECT_SECRETS, PLATFORM_SECRETS, FrontDoor, signature
from support.process import wait_until


@pytest.fixture
def door(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address) as running:
        running.wait_kept(encode(payment_event()))
        yield running


def jobs(redis_server):
    """Names of all jobs."""
    with redis_server.client() as client:
        return {key.split(b":job:", 1)[1].decode()
                for key in client.scan_iter("{tocsin}:job:*", count=1000)}


def job(redis_server, name):
    with redis_server.client() as client:
        return {key.decode(): value
                for key, value in client.hgetall("{tocsin}:job:" + name).items()}


def test_an_event_signed_by_the_official_library_becomes_a_job(door, redis_server):
    made = payment_event(amicale_id=42, pompier_id=7)
    assert door.post(encode(made)) == 200
    record = job(redis_server, made["id"])
    assert record["kind"] == b"stripe.event"
    assert record["lane"] == b"webhook"
    assert record["tenant"] == b"42"
    assert made["data"]["object"]["id"] in record["refs"].decode()


def test_what_lies_in_redis_is_sealed(door, redis_server):
    made = payment_event(receipt_email="acheteur@example.org")
    assert door.post(encode(made)) == 200
    with redis_server.client() as client:
        for key in client.scan_iter("*", count=1000):
            assert b"acheteur" not in client.dump(key)


@pytest.mark.parametrize("secret", PLATFORM_SECRETS + CONNECT_SECRETS)
def test_any_of_the_configured_secrets_is_good(door, secret):
    assert door.post(encode(payment_event()), secret) == 200


def test_the_alias_takes_events_too(door):
    body = encode(payment_event())
    status, _, answer = door.request("POST", "/api/webhooks/stripe", body,
                                     {"Stripe-Signature": signature(body)})
    assert (status, json.loads(answer)) == (200, {"received": True})


def test_one_of_several_signatures_is_enough_and_other_schemes_are_passed_over(door):
    body = encode(payment_event())
    good = signature(body)
    stamp, value = good.split(",")
    assert door.post(body, header=f"{stamp},v1={'0' * 64},{value},v0={'1' * 64}") == 200
    assert door.post(body, header=f"{stamp},v0={value[3:]},v1={'0' * 64}") == 400


@pytest.mark.parametrize("result, make", [
    ("signature_wrong", lambda body: signature(body, "whsec_of_another")),
    ("signature_wrong", lambda body: signature(body + b" ")),
    ("signature_missing", lambda body: ""),
    ("signature_malformed", lambda body: "v1=" + "0" * 64),
    ("signature_malformed", lambda body: "nonsense"),
    ("signature_old", lambda body: signature(body, at_s=time.time() - 310)),
    ("signature_future", lambda body: signature(body, at_s=time.time() + 310)),
])
def test_a_bad_signature_is_counted_and_nothing_is_kept(door, redis_server, result, make):
    made = payment_event()
    body = encode(made)
    before = door.webhooks(result)
    assert door.post(body, header=make(body)) == 400
    assert door.webhooks(result) == before + 1
    assert made["id"] not in jobs(redis_server)


def test_two_signature_headers_are_refused(door):
    body = encode(payment_event())
    with door.connect() as wire:
        line = b"Stripe-Signature: " + signature(body).encode() + b"\r\n"
        wire.send(b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n" + line + line
                  + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert wire.answer()[0] == 400


@pytest.mark.parametrize("result, body", [
    ("bad_json", b"this is no JSON"),
    ("bad_json", b""),
    ("bad_json", b'{"id":"evt_1","object":"event","type":"t"} and more'),
    ("bad_json", b'{"id":"evt_1","id":"evt_2","object":"event","type":"t"}'),
    ("bad_json", b'{"id":"evt_1","object":"event","type":"t","x":"\\u0000"}'),
    ("bad_json", b"[" * 40 + b"]" * 40),
    ("bad_event", b'{"object":"event","type":"t"}'),
    ("bad_event", b'{"id":"evt_1","type":"t"}'),
    ("bad_event", b'{"id":"evt_1","object":"charge","type":"t"}'),
    ("bad_event", b'{"id":"evt_1","object":"event"}'),
    ("bad_event", b'{"id":7,"object":"event","type":"t"}'),
])
def test_a_signed_body_that_is_no_event_is_refused(door, redis_server, result, body):
    before = jobs(redis_server)
    count = door.webhooks(result)
    status, headers, answer = door.request(
        "POST", "/api/stripe/webhook", body, {"Stripe-Signature": signature(body)})
    problem = json.loads(answer)
    assert status == 400
    assert headers["Content-Type"].startswith("application/problem+json")
    assert problem["code"] == result
    assert problem["request_id"] == headers["X-Request-Id"]
    assert door.webhooks(result) == count + 1
    assert jobs(redis_server) == before


def test_nothing_of_a_refused_body_is_logged(door):
    body = b'{"id":"evt_secret_word","object":"event"}'
    assert door.post(body) == 400
    assert door.post(body, header="t=1,v1=secret_word") == 400
    assert "secret_word" not in door.log_text()


def test_invalid_utf8_is_no_json(door):
    body = b'{"id":"evt_1","object":"event","type":"t","x":"\xff"}'
    stamp = int(time.time())
    made = hmac.new(PLATFORM_SECRETS[0].encode(), b"%d." % stamp + body, hashlib.sha256)
    assert door.post(body, header=f"t={stamp},v1={made.hexdigest()}") == 400


def test_duplicates_become_one_job(door, redis_server):
    made = payment_event()
    first = encode(made)
    again = encode({**made, "pending_webhooks": 3})
    before = jobs(redis_server)
    new, known = door.webhooks("new"), door.webhooks("known")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        bodies = [first, again] * 16
        assert set(pool.map(door.post, bodies)) == {200}
    assert jobs(redis_server) - before == {made["id"]}
    assert door.webhooks("new") == new + 1
    assert door.webhooks("known") == known + 31


def test_the_same_id_with_another_body_is_acknowledged_and_reported(door, redis_server):
    made = payment_event(amount=1500)
    assert door.post(encode(made)) == 200
    kept = job(redis_server, made["id"])
    made["data"]["object"]["amount"] = 9900
    assert door.post(encode(made)) == 200
    assert door.webhooks("conflict") == 1
    assert job(redis_server, made["id"])["payload"] == kept["payload"]
    assert f"the first one stays id={made['id']}" in door.log_text()


def test_a_live_event_in_test_mode_is_kept_and_told(door, redis_server):
    made = payment_event()
    made["livemode"] = True
    assert door.post(encode(made)) == 200
    assert made["id"] in jobs(redis_server)
    assert f"it is recorded and not applied id={made['id']}" in door.log_text()


def test_a_test_event_in_live_mode_is_acknowledged_and_not_kept(workdir, redis_server):
    live = payment_event()
    live["livemode"] = True
    made = payment_event()
    with FrontDoor(workdir, redis_server.address, sets={"stripe.livemode": "true"}) as door:
        door.wait_kept(encode(live))
        assert door.post(encode(made)) == 200
        assert door.webhooks("other_mode") == 1
    assert live["id"] in jobs(redis_server)
    assert made["id"] not in jobs(redis_server)


def test_a_thin_event_is_kept(door, redis_server):
    made = {"id": "evt_thin_1", "object": "v2.core.event", "type": "v1.billing.x",
            "livemode": False, "created": "2026-11-22T10:00:00.000Z",
            "related_object": {"id": "acct_9", "type": "account"}}
    assert door.post(encode(made)) == 200
    assert "acct_9" in job(redis_server, "evt_thin_1")["refs"].decode()


def test_an_unknown_account_belongs_to_nobody(door, redis_server):
    made = event("account.updated", {"id": "acct_1", "object": "account"}, account="acct_1")
    assert door.post(encode(made), CONNECT_SECRETS[0]) == 200
    assert job(redis_server, made["id"])["tenant"] == b"-"


def test_many_at_once_go_in_batches_and_each_is_kept(door, redis_server):
    made = [payment_event() for _ in range(400)]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda one: door.post(encode(one)), made)) == {200}
    assert {one["id"] for one in made} <= jobs(redis_server)


def test_a_large_event_is_kept_whole(door, redis_server):
    made = payment_event(description="x" * (900 * 1024))
    assert door.post(encode(made)) == 200
    assert len(job(redis_server, made["id"])["payload"]) > 900 * 1024


@pytest.mark.stack(workers=0)
def test_an_account_is_mapped_to_its_amicale(stack):
    with stack.mariadb.client(database="tocsin") as sql, sql.cursor() as cursor:
        cursor.execute("INSERT INTO amicales (encrypted_name) VALUES ('x')")
        amicale = cursor.lastrowid
        cursor.execute("INSERT INTO stripe_accounts (amicale_id, stripe_account_id) "
                       "VALUES (%s, 'acct_mapped')", (amicale,))

    def tenant(made, secret=stack.connect_webhook_secret):
        body = encode(made)
        assert stack.api.post_event(body, sign(body, secret)) == 200
        return job(stack.redis, made["id"])["tenant"].decode()

    def payout():
        return event("payout.paid", {"id": "po_1", "object": "payout"}, account="acct_mapped")

    def charge(**more):
        return event("charge.updated", {"id": "ch_1", "object": "charge", **more})
    wait_until(lambda: tenant(payout()) == str(amicale),
               "the account in the front door's table", 20)
    platform = stack.webhook_secret
    paid = {"destination": "acct_mapped"}
    assert tenant(charge(transfer_data=paid), platform) == str(amicale)
    assert tenant(charge(on_behalf_of="acct_mapped"), platform) == str(amicale)
    assert tenant(charge(transfer_data=paid, metadata={"amicale_id": "77"}), platform) == "77"
    assert tenant(charge(transfer_data={"destination": "acct_other"}), platform) == "-"
