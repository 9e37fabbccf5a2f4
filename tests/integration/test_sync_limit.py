# SPDX-License-Identifier: MIT
"""POST /api/payments/batch-sync: how much one user may hand over. Nobody takes the jobs."""

import re

import pytest

from payments_room import short_directory
from phone_room import PhoneRoom, item, items, verdicts
from support.process import wait_until

MOST = 1000  # sync.user_most: 100 come back in a minute


@pytest.fixture(scope="module")
def shared(mariadb_server):
    with short_directory() as directory:
        room = PhoneRoom(directory, mariadb_server, workers=1,
                         settings={"api.loops": 1, "sync.user_most": MOST})
        try:
            room.start()
            room.stop_workers()
            yield room
        finally:
            room.stop()


@pytest.fixture
def room(shared):
    shared.clear()
    return shared


def left(answer):
    """What the answer says is left of the limit."""
    assert answer.headers["RateLimit-Policy"] == f'"offline";q={MOST};w=600'
    return int(re.fullmatch(r'"offline";r=(\d+);t=\d+', answer.headers["RateLimit"])[1])


def came_back(count):
    """Charges that may have come back while a test runs."""
    return range(count, count + 101)


def test_a_user_who_hands_over_too_much_is_asked_to_come_later_and_others_are_not(room):
    answer = room.flush(room.seller, items(MOST))
    assert answer.status == 202 and left(answer) in came_back(0)
    taken = room.jobs("sync.sale")
    refused = room.flush(room.seller, items(500), key="k")
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert 200 <= int(refused.headers["Retry-After"]) <= 300
    assert left(refused) in came_back(0)
    assert (room.jobs("sync.sale"), len(room.jobs("sync.batch"))) == (taken, 1)
    assert room.flush(room.second, items(MOST)).status == 202
    wait_until(lambda: room.flush(room.seller, items(1)).status == 202, "some to come back")


def test_what_is_sent_again_costs_nothing(room):
    sales = items(450)
    assert left(room.flush(room.seller, sales)) in came_back(550)
    for _ in range(4):
        again = room.flush(room.seller, sales)
        assert set(verdicts(again)) == {"duplicate"}
        assert left(again) >= 546  # each leaves a batch


def test_the_answer_of_a_key_that_comes_again_costs_nothing(room):
    sales = items(MOST)
    first = room.flush(room.seller, sales, key="k")
    again = room.flush(room.seller, sales, key="k")
    assert (first.status, again.status, again.json) == (202, 202, first.json)
    assert again.headers["RateLimit"] is None


def test_what_the_books_know_costs_nothing(room):
    sales = items(900)
    answer = room.flush(room.seller, sales)
    room.start_workers()
    room.wait_done(room.seller, answer)
    room.wait_quiet()
    room.stop_workers()
    again = room.flush(room.seller, sales)
    assert set(verdicts(again)) == {"duplicate"} and left(again) in came_back(99)


def test_a_request_without_a_good_item_costs_one_and_a_conflict_too(room):
    assert left(room.flush(room.seller, [{}] * MOST)) == MOST - 1
    # Of what came before, some may have come back.
    assert left(room.flush(room.seller, [item("one", 1000)])) in (MOST - 2, MOST - 1)
    conflict = room.flush(room.seller, [item("one", 2000)])
    assert verdicts(conflict) == ["conflict"]  # a job of its own
    assert left(conflict) in range(MOST - 3, MOST)


def test_two_amounts_of_a_name_in_one_request_are_two(room):
    answer = room.flush(room.seller, [item("one", 1000), item("one", 2000)] + [{}] * 10)
    assert verdicts(answer)[:2] == ["queued", "conflict"]
    assert left(answer) == MOST - 2


def test_what_redis_does_not_take_is_given_back_as_far_as_it_was_not_sent(room):
    room.flush(room.seller, items(1))
    before = room.redis.acl_getuser("default")
    room.redis.execute_command("ACL", "SETUSER", "default", "resetkeys", "~{tocsin}",
                               "~{tocsin}:limit:*")
    try:
        answer = room.flush(room.seller, items(900))
    finally:
        room.redis.execute_command("ACL", "SETUSER", "default", "~*")
    assert before["keys"] == room.redis.acl_getuser("default")["keys"]
    assert (answer.status, answer.code) == (503, "unavailable")
    # Two turns of 32 were on their way, and might have been taken.
    later = wait_until(lambda: (lambda answer: answer if answer.status == 202 else None)(
        room.flush(room.seller, items(1))), "the front door to go on")
    assert left(later) > 800
