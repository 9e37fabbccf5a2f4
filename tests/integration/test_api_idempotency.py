# SPDX-License-Identifier: MIT
"""Requests that come again under their Idempotency-Key."""

import concurrent.futures
import hashlib
import http.client

import pytest

from support.process import wait_until
from waiting_room import PREFIX, WaitingRoom


@pytest.fixture
def room(workdir, mariadb_server):
    room = WaitingRoom(workdir, mariadb_server).start()
    yield room
    room.stop()


def replayed(answer):
    return answer.headers.get("Idempotent-Replayed")


def test_the_same_request_gets_the_same_answer_again(room):
    seller = room.person()
    sale = room.cash(seller)
    room.worker()
    first = room.void(seller, sale, key="sale-1")
    assert (first.status, replayed(first)) == (200, None)
    for prefer in (None, "wait=5", "respond-async"):
        again = room.void(seller, sale, key="sale-1", prefer=prefer)
        assert (again.status, replayed(again)) == (200, "true")
        assert again.json == first.json
    assert len(room.asked_jobs()) == 1


def test_a_refusal_is_given_again_too(room):
    seller = room.person()
    room.worker()
    first = room.void(seller, 999999, key="k")
    again = room.void(seller, 999999, key="k", language="en")
    assert (first.status, again.status) == (404, 404)
    assert (replayed(first), replayed(again)) == (None, "true")


def test_another_body_under_the_key_is_refused(room):
    seller = room.person()
    sale = room.cash(seller)
    room.worker()
    assert room.void(seller, sale, key="k").status == 200
    for other in (room.void(seller, sale, "another reason", key="k"),
                  room.void(seller, room.cash(seller), key="k")):
        assert (other.status, other.code) == (422, "idempotency_mismatch")


def test_another_route_under_the_key_is_refused(room):
    admin = room.person("admin")
    sale = room.cash(admin)
    room.worker()
    assert room.void(admin, sale, key="k").status == 200
    other = admin.post(f"/api/payments/{sale}/refund", {}, key="k")
    assert (other.status, other.code) == (422, "idempotency_mismatch")


def test_a_key_is_its_users_own(room):
    first, second = room.person(), room.person()
    sales = [room.cash(first), room.cash(second)]
    room.worker()
    answers = [room.void(person, sale, key="k")
               for person, sale in zip((first, second), sales)]
    assert [(answer.status, replayed(answer)) for answer in answers] == [(200, None)] * 2


def test_while_the_first_is_in_flight_the_second_is_told_so(room):
    seller = room.person()
    sale = room.cash(seller)
    first = room.void(seller, sale, key="k", prefer="respond-async")
    assert first.status == 202
    second = room.void(seller, sale, key="k")
    assert (second.status, second.code) == (409, "idempotency_in_flight")
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Retry-After"] == "1"
    assert second.json["about"]["job_id"] == first.json["id"]
    room.worker()
    seller.wait_job(second)
    third = room.void(seller, sale, key="k")
    assert (third.status, replayed(third)) == (200, "true")


def test_of_many_at_once_one_is_done(room):
    seller = room.person()
    sale = room.cash(seller)
    room.worker()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: room.void(seller, sale, key="k"), range(16)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 and not replayed(answer) for answer in answers) == 1
    assert len(room.asked_jobs()) == 1


def test_the_answer_outlives_the_result_and_the_job_in_redis(room):
    seller = room.person()
    sale = room.cash(seller)
    room.worker()
    first = room.void(seller, sale, key="k")
    (name,) = room.asked_jobs()
    room.redis.delete(f"{PREFIX}:result:{name}")
    expired = room.void(seller, sale, key="k")
    room.redis.flushall()
    forgotten = room.void(seller, sale, key="k")
    for again in (expired, forgotten):
        assert (again.status, replayed(again)) == (200, "true")
        assert again.json == first.json


def test_a_key_that_cannot_be_read_is_refused(room):
    seller = room.person()
    sale = room.cash(seller)
    for key in ("", " ", "two words", "x" * 256, "é".encode().decode("latin-1"), "a\tb"):
        answer = room.void(seller, sale, key=key)
        assert (answer.status, answer.code) == (400, "bad_idempotency_key"), key
    body = b'{"reason":"x"}'
    status, headers, _ = two_keys(room, seller, sale, body)
    assert status == 400
    assert room.asked_jobs() == []
    assert room.void(seller, sale, key="!" + "x" * 253 + "~",
                     prefer="respond-async").status == 202


def two_keys(room, person, sale, body):
    connection = http.client.HTTPConnection("127.0.0.1", room.api.port, timeout=20)
    connection.putrequest("POST", f"/api/payments/{sale}/void")
    for name, value in (("Authorization", f"Bearer {person.token}"),
                        ("Content-Type", "application/json"),
                        ("Content-Length", str(len(body))),
                        ("Idempotency-Key", "a"), ("Idempotency-Key", "a")):
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_the_job_of_a_key_has_its_name(room):
    seller = room.person()
    room.void(seller, room.cash(seller), key="sale-1", prefer="respond-async")
    name = hashlib.sha256(b"sale-1").hexdigest()[:32]
    assert room.asked_jobs() == [f"payment.void:{seller.id}:{name}"]


def test_a_dead_job_is_told_under_its_key_until_somebody_mends_it(room):
    seller = room.person()
    sale = room.cash(seller)
    first = room.void(seller, sale, key="k", prefer="respond-async")
    name = first.json["id"]
    sealed = room.redis.hget(f"{PREFIX}:job:{name}", "payload")
    room.redis.hset(f"{PREFIX}:job:{name}", "payload", b"damaged")
    room.worker()
    room.wait_state(name, "dead")
    for _ in range(2):
        answer = room.void(seller, sale, key="k")
        assert (answer.status, answer.code) == (500, "job_failed")
        assert answer.json["about"]["job_id"] == name
        assert answer.headers["Location"] == first.headers["Location"]
    room.redis.hset(f"{PREFIX}:job:{name}", "payload", sealed)
    room.stack.tocsin("retry", name, "--why", "mended")
    wait_until(lambda: room.void(seller, sale, key="k").status == 200, "the answer")


def test_a_job_that_dies_while_its_caller_waits_is_told(room):
    seller = room.person()
    sale = room.cash(seller)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(room.void, seller, sale, prefer="wait=20")
        room.wait_awaited(1)
        (name,) = room.asked_jobs()
        room.redis.hset(f"{PREFIX}:job:{name}", "payload", b"damaged")
        room.worker()
        answer = waiting.result()
    assert (answer.status, answer.code) == (500, "job_failed")
    assert answer.json["about"]["job_id"] == name


def test_an_answer_that_was_worth_nothing_is_asked_for_anew(room):
    seller = room.person()
    sale = room.cash(seller)
    assert seller.get("/api/session").status == 200  # now it is believed for a minute
    room.stack.sql("UPDATE users SET role = 'admin' WHERE id = %s", (seller.id,))
    room.worker()
    for _ in range(2):
        refused = room.void(seller, sale, key="k")
        assert (refused.status, refused.code) == (403, "role_not_allowed")
        assert not replayed(refused)
    room.stack.sql("UPDATE users SET role = 'pompier' WHERE id = %s", (seller.id,))
    good = room.void(seller, sale, key="k")
    assert (good.status, replayed(good)) == (200, None)
    again = room.void(seller, sale, key="k")
    assert (again.status, replayed(again)) == (200, "true")
    assert again.json == good.json


def test_what_an_operator_discarded_stays_undone(room):
    seller = room.person()
    sale = room.cash(seller)
    first = room.void(seller, sale, key="k", prefer="respond-async")
    room.stack.tocsin("discard", first.json["id"], "--why", "a mistake")
    room.worker()
    again = room.void(seller, sale, key="k")
    assert (again.status, again.code) == (500, "job_failed")
    assert room.stack.sql_one("SELECT status FROM payment_intents") == "succeeded"
