# SPDX-License-Identifier: MIT
"""What every job that somebody asked for does before and after its own work: may they still,
does anybody wait, was it answered before. The work is the voiding of a cash sale."""

import json
import time

import pytest

from money_room import MoneyRoom

MAC, OTHER_MAC = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def module_room(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("m"), mariadb_server).start()
    yield room
    room.stop()


@pytest.fixture
def room(module_room):
    module_room.sql("DELETE FROM idempotency_keys")
    module_room.sql("UPDATE users SET disabled_at = NULL, amicale_id = 1 WHERE id = 11")
    module_room.clear()
    module_room.sql("INSERT INTO payment_intents (id, amicale_id, pompier_id, amount, status,"
                    " payment_method, sold_at, sale_day)"
                    " VALUES (700, 1, 11, 1000, 'succeeded', 'cash', '2026-11-22', '2026-11-22')")
    return module_room


def ask(room, job="payment.void:11:one", key="key", mac=MAC, at_ms=1764000000000,
        reason="erreur", until_ms=0, user=11, role="pompier", amicale=1):
    payload = {"user_id": user, "role": role, "amicale_id": amicale, "request_id": "req_1",
               "idempotency_key": key, "mac": mac if key else None, "at_ms": at_ms,
               "until_ms": until_ms, "body": {"payment": "700", "reason": reason}}
    answer = room.handle.run(job, "payment.void", json.dumps(payload).encode())
    assert answer["outcome"] == "DONE", answer
    return json.loads(answer["result"])


def status(room):
    return room.sql_one("SELECT status FROM payment_intents WHERE id = 700")


def keys(room):
    return room.sql("SELECT job_id, answer_status FROM idempotency_keys")


def test_an_answer_is_given_and_kept_sealed_for_its_time(room):
    answer = ask(room)
    assert answer["status"] == 200 and answer["body"]["status"] == "voided"
    assert keys(room) == (("payment.void:11:one", 200),)
    ((sealed, days),) = room.sql("SELECT sealed_answer, TIMESTAMPDIFF(DAY, UTC_TIMESTAMP(),"
                                 " expires_at + INTERVAL 1 HOUR) FROM idempotency_keys")
    assert b"voided" not in sealed and days == 30


def test_without_a_key_nothing_is_kept(room):
    assert ask(room, key=None)["status"] == 200
    assert keys(room) == ()


def test_the_same_job_again_is_no_replay_and_gives_the_same_answer(room):
    first = ask(room)
    again = ask(room)
    assert again == first and "replayed" not in again


def test_the_same_request_later_is_told_what_the_first_was(room):
    first = ask(room)
    for later in (ask(room, at_ms=1764000009999), ask(room, job="payment.void:11:two")):
        assert later.pop("replayed") is True
        assert later == first


def test_a_refusal_is_an_answer_that_is_kept_too(room):
    room.sql("UPDATE payment_intents SET status = 'canceled' WHERE id = 700")
    assert ask(room)["problem"] == "wrong_state"
    room.sql("UPDATE payment_intents SET status = 'succeeded' WHERE id = 700")
    again = ask(room, at_ms=1764000009999)
    assert (again["problem"], again["replayed"]) == ("wrong_state", True)
    assert again["about"] == {"status": "canceled",
                             "payment_method": "cash"} and status(room) == "succeeded"


def test_a_refusal_stays_one_when_its_job_comes_again(room):
    room.sql("UPDATE payment_intents SET status = 'canceled' WHERE id = 700")
    first = ask(room)
    room.sql("UPDATE payment_intents SET status = 'succeeded' WHERE id = 700")
    assert ask(room) == first and "replayed" not in first
    assert status(room) == "succeeded"


def test_a_key_with_another_request_is_a_mismatch(room):
    ask(room)
    assert ask(room, mac=OTHER_MAC, reason="autre")["problem"] == "idempotency_mismatch"
    assert keys(room) == (("payment.void:11:one", 200),)


def test_a_key_of_somebody_else_is_another_key(room):
    ask(room)
    answer = ask(room, job="payment.void:12:one", user=12, mac=OTHER_MAC)
    assert answer["problem"] == "role_not_allowed"  # not their sale; yet no mismatch


def test_a_key_whose_first_request_is_not_answered_is_in_flight(room):
    room.sql("INSERT INTO idempotency_keys (user_id, idempotency_key, request_mac, job_id,"
             " expires_at) VALUES (11, 'key', %s, 'payment.void:11:zero',"
             " UTC_TIMESTAMP(3) + INTERVAL 1 DAY)", (MAC,))
    assert ask(room)["problem"] == "idempotency_in_flight"
    assert status(room) == "succeeded"


def test_a_key_whose_time_is_over_is_free(room):
    ask(room)
    room.sql("UPDATE idempotency_keys SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND")
    room.sql("UPDATE payment_intents SET status = 'succeeded' WHERE id = 700")
    answer = ask(room, job="payment.void:11:new", mac=OTHER_MAC)
    assert answer["status"] == 200 and keys(room) == (("payment.void:11:new", 200),)


@pytest.mark.parametrize("change,problem", [
    ("disabled_at = UTC_TIMESTAMP(3)", "unauthenticated"),
    ("amicale_id = 2", "role_not_allowed"),
    ("role = 'admin'", "role_not_allowed"),
])
def test_who_may_no_more_is_told_so_and_the_key_stays_free(room, change, problem):
    room.sql(f"UPDATE users SET {change} WHERE id = 11")
    try:
        assert ask(room)["problem"] == problem
    finally:
        room.sql("UPDATE users SET disabled_at = NULL, amicale_id = 1, role = 'pompier'"
                 " WHERE id = 11")
    assert status(room) == "succeeded" and keys(room) == ()
    assert ask(room, at_ms=1764000009999)["status"] == 200


def test_nobody_of_that_number_is_told_so(room):
    assert ask(room, user=4711, key=None)["problem"] == "unauthenticated"


def test_what_nobody_waits_for_any_more_is_not_done(room):
    now_ms = int(time.time() * 1000)
    assert ask(room, until_ms=now_ms - 1000)["problem"] == "too_late"
    assert status(room) == "succeeded" and keys(room) == ()
    assert ask(room, until_ms=now_ms + 60000)["status"] == 200


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"user_id":11,"at_ms":1,"until_ms":0}',
                                     b'{"user_id":11,"role":"king","amicale_id":1,"at_ms":1,'
                                     b'"until_ms":0,"body":{}}'])
def test_a_payload_that_is_no_ask_is_never(room, payload):
    answer = room.handle.run("payment.void:11:bad", "payment.void", payload)
    assert answer["outcome"] == "NEVER"
