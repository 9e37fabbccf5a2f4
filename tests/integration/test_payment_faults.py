# SPDX-License-Identifier: MIT
"""Stripe failing in every way while payments are made, captured and refunded: never two
PaymentIntents, never two refunds, and whoever asked gets the answer, or a job that ends
right."""

import threading
import time

import pytest

from gate import Gate
from payments_room import PaymentsRoom, short_directory
from payments_three import CREATE, REFUND, Three
from support.process import wait_until

@pytest.fixture(scope="module")
def whole(mariadb_server):
    """The workers reach the simulator through a gate."""
    with short_directory() as directory:
        gate = Gate()
        room = PaymentsRoom(directory, mariadb_server,
                            settings={"stripe.api_base": gate.url})
        room.gate, gate.target = gate, room.sim.port
        room.start()
        yield room
        room.stop()
        gate.shut()


@pytest.fixture
def room(whole):
    whole.clear()
    yield whole
    whole.webhooks(withheld=False)
    assert whole.dead() == []


def end_rests(room):
    """As if the minute after a stored 500 were over."""
    for table in ("payment_intents", "refunds"):
        room.sql(f"UPDATE {table} SET first_sent_at = first_sent_at - INTERVAL 61 SECOND"
                 " WHERE MOD(send_step, 2) = 1")


@pytest.mark.parametrize("withheld", [False, True], ids=["told", "untold"])
@pytest.mark.parametrize("kind,times,more", [
    ("rate_limit", 1, {}),
    ("rate_limit", 2, {"retry_after": 2}),
    ("lock_timeout", 4, {}),
    ("unavailable", 4, {}),
    ("error_after", 1, {}),
    ("drop_before", 1, {}),
    ("drop_before", 4, {}),
    ("drop_after", 1, {}),
    ("drop_after", 4, {}),
    ("slow_answer", 1, {"ms": 2000}),
])
def test_who_asks_is_answered_while_stripe_fails(room, kind, times, more, withheld):
    three = Three(room, withheld)
    three.fault(kind, times, **more)
    three.begin()
    if times == 1:
        assert three.answered() == {"create": 200, "capture": 200, "refund": 200}
    three.end()


@pytest.mark.parametrize("withheld", [False, True], ids=["told", "untold"])
def test_a_500_without_effect_is_rested_over_and_sent_under_a_new_key(room, withheld):
    three = Three(room, withheld)
    three.fault("error_before")
    three.begin(prefer="wait=1")
    assert three.answered()["create"] == 202
    wait_until(lambda: room.sql_one("SELECT COUNT(*) FROM payment_intents"
                                    " WHERE send_step = 1"), "the rest begins")
    wait_until(lambda: room.sql_one("SELECT COUNT(*) FROM refunds WHERE send_step = 1"),
               "the other rest begins")
    end_rests(room)
    three.end()
    keys = [one["idempotency_key"].rpartition("/")[2] for one in room.intents()
            if one["amount"] == Three.MADE]
    assert keys == ["2"]


def test_nothing_is_sent_while_it_rests(room):
    room.fault("error_before", CREATE)
    answer = room.seller.create(prefer="wait=1")
    assert answer.status == 202
    wait_until(lambda: room.attempts(answer) >= 3, "three looks", 30)
    assert room.intents() == []
    assert room.sql_one("SELECT send_step FROM payment_intents") == 1
    end_rests(room)
    assert room.seller.finish(answer)[0] == 200
    assert len(room.intents()) == 1


def test_a_key_of_a_day_ago_is_looked_behind_and_not_used_again(room):
    room.webhooks(withheld=True)
    room.fault("drop_after", CREATE, times=200)
    answer = room.seller.create(prefer="wait=0")
    wait_until(room.intents, "the PaymentIntent is there, unseen")
    room.sql("UPDATE payment_intents SET first_sent_at = first_sent_at - INTERVAL 1 DAY")
    status, body = room.seller.finish(answer)
    assert status == 200 and body["client_secret"]
    (intent,) = room.intents()
    assert body["payment_intent_id"] == intent["id"]


def test_a_key_of_a_day_ago_that_made_nothing_rests_before_the_next(room):
    room.fault("drop_before", CREATE, times=200)
    answer = room.seller.create(prefer="wait=0")
    wait_until(lambda: room.attempts(answer) >= 1, "an attempt")
    room.sql("UPDATE payment_intents SET first_sent_at = first_sent_at - INTERVAL 1 DAY")
    wait_until(lambda: room.sql_one("SELECT send_step FROM payment_intents") == 1, "a rest")
    assert room.intents() == []
    room.sim.control("faults", method="DELETE")
    end_rests(room)
    assert room.seller.finish(answer)[0] == 200
    (intent,) = room.intents()
    assert intent["idempotency_key"].endswith("/2")


def test_a_seller_who_is_renamed_between_two_sendings_pays_once(room):
    room.webhooks(withheld=True)
    room.fault("drop_after", CREATE, times=3)
    answer = room.seller.create(prefer="wait=0")
    wait_until(room.intents, "the PaymentIntent is there, unseen")
    ((before,), (other,)) = room.sql("SELECT encrypted_name FROM users WHERE id IN (11, 12)"
                                     " ORDER BY id")
    room.sql("UPDATE users SET encrypted_name = %s WHERE id = 11", (other,))
    try:
        status, body = room.seller.finish(answer)
    finally:
        room.sql("UPDATE users SET encrypted_name = %s WHERE id = 11", (before,))
    assert status == 200
    (intent,) = room.intents()
    assert body["payment_intent_id"] == intent["id"]


def test_a_key_that_lost_its_leave_says_nothing_of_what_was_made(room):
    paid = room.paid(1500)
    room.wait_quiet()
    room.webhooks(withheld=True)
    for path in (CREATE, REFUND):
        room.fault("drop_after", path, times=3)
        room.fault("forbidden", path)
    made = room.seller.create(1100, prefer="wait=0")
    refund = room.admin.act("refund", paid, {"amount": 700}, prefer="wait=0")
    assert [room.seller.finish(made)[0], room.admin.finish(refund)[0]] == [200, 200]
    assert sorted(intent["amount"] for intent in room.intents()) == [1100, 1500]
    assert [one["amount"] for one in room.refunds()] == [700]


def test_a_key_without_leave_is_refused_at_once(room):
    room.fault("forbidden", CREATE)
    answer = room.seller.create(local_id="s")
    assert (answer.status, answer.code) == (422, "stripe_refused"), answer
    assert room.seller.create(local_id="s").status == 200
    assert len(room.intents()) == 1


def test_a_list_that_is_not_shown_is_asked_for_again(room):
    room.webhooks(withheld=True)
    room.fault("error_after", CREATE)
    room.fault("forbidden", CREATE, method="GET")
    answer = room.seller.create(prefer="wait=0")
    status, body = room.seller.finish(answer)
    (intent,) = room.intents()
    assert (status, body["payment_intent_id"]) == (200, intent["id"])


@pytest.mark.parametrize("withheld", [False, True], ids=["told", "untold"])
def test_stripe_that_stalls_for_30_s_makes_nothing_twice(room, withheld):
    three = Three(room, withheld)
    three.fault("stall_after" if withheld else "stall_before", ms=30000)
    began = time.monotonic()
    three.begin()
    assert set(three.answered().values()) == {202}
    assert time.monotonic() - began < 20  # nobody waits as long as Stripe stalls
    three.end(timeout_s=120)


def test_stripe_that_refuses_connections_is_waited_for(room):
    three = Three(room)
    room.gate.shut()
    three.begin(prefer="wait=1")
    assert set(three.answered().values()) == {202}
    room.gate.open()
    three.end()


def test_two_identical_requests_while_stripe_fails_are_one(room):
    room.fault("drop_after", CREATE, times=4)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        room.seller.create(1500, local_id="twice"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = [room.seller.finish(answer) for answer in answers]
    assert {status for status, _ in bodies} == {200}
    assert len({body["payment_intent_id"] for _, body in bodies}) == 1
    assert len(room.intents()) == 1


def test_two_refunds_at_once_while_stripe_fails_stay_below_what_was_received(room):
    paid = room.paid(1500)
    room.fault("drop_after", REFUND, times=3)
    room.fault("error_after", REFUND, times=1)
    answers = []
    threads = [threading.Thread(target=lambda person=person: answers.append(
        person.finish(person.act("refund", paid, {"amount": 1000}))))
        for person in (room.admin, room.people[32])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.wait_quiet()
    assert sorted(status for status, _ in answers) == [200, 422]
    assert [refund["amount"] for refund in room.refunds()] == [1000]
    assert room.row(paid.json["id"], "status, amount_refunded") == ("partially_refunded", 1000)


def test_a_cancel_while_the_creation_is_unanswered_leaves_nothing_to_pay(room):
    room.fault("drop_after", CREATE, times=200)
    asked = room.seller.create(local_id="gone", prefer="wait=0")
    room.stack.wait_sql(
        "SELECT COUNT(*) FROM payment_intents WHERE first_sent_at IS NOT NULL", 1)
    payment = room.sql_one("SELECT id FROM payment_intents")
    cancel = room.second.act("cancel", payment, prefer="wait=0")
    room.sim.control("faults", method="DELETE")
    canceled = room.second.finish(cancel)
    status, body = room.seller.finish(asked)
    room.wait_quiet()
    assert canceled[0] == 200 and canceled[1]["status"] == "canceled"
    # Whichever of the two jobs runs first: the creation may end before it is canceled.
    assert body.get("code") == "wrong_state" or (
        status == 200 and body["status"] in ("requires_payment_method", "canceled"))
    assert room.row(payment) == "canceled"
    assert [intent["status"] for intent in room.intents()] in ([], ["canceled"])


def test_a_refund_that_has_begun_is_ended_though_its_asker_was_disabled(room):
    paid = room.paid(1500)
    room.fault("drop_before", REFUND, times=200)
    answer = room.people[32].act("refund", paid, {"amount": 600}, prefer="wait=0")
    room.stack.wait_sql("SELECT COUNT(*) FROM refunds WHERE first_sent_at IS NOT NULL", 1)
    room.sql("UPDATE users SET disabled_at = UTC_TIMESTAMP(3) WHERE id = 32")
    try:
        room.sim.control("faults", method="DELETE")
        room.stack.wait_sql("SELECT status FROM refunds", "succeeded")
    finally:
        room.sql("UPDATE users SET disabled_at = NULL WHERE id = 32")
    assert answer.status == 202
    assert [refund["amount"] for refund in room.refunds()] == [600]
