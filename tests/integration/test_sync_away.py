# SPDX-License-Identifier: MIT
"""POST /api/payments/batch-sync while MariaDB is not there, or is there and says nothing:
the sales go to the queue all the same."""

import concurrent.futures
import json
import time

import pytest

from payments_room import short_directory
from phone_room import FLUSH, PhoneRoom, item, items, verdicts
from support.process import wait_until


@pytest.fixture
def room():
    """Nobody takes the jobs, and the sellers' sessions are remembered."""
    with short_directory() as directory:
        room = PhoneRoom(directory, None, workers=1, settings={"api.loops": 1})
        try:
            room.start()
            wait_until(room.stack.api.is_all_ready, "the front door to have seen its neighbours")
            room.stop_workers()
            room.known = items(1)
            for person in (room.seller, room.second):
                assert room.flush(person, room.known).status == 202
            yield room
        finally:
            room.stop()


def test_without_mariadb_everything_goes_to_the_queue(room):
    room.stack.mariadb.kill9()
    sales = items(100) + [{"amount": 3}]
    first = room.flush(room.seller, sales, key="k")
    assert first.status == 202, first
    assert verdicts(first) == ["queued"] * 100 + ["rejected"]
    assert room.flush(room.seller, sales, key="k").json == first.json
    assert verdicts(room.flush(room.seller, room.known)) == ["duplicate"]
    waited = room.flush(room.seller, items(1), prefer="wait=1")
    assert (waited.status, verdicts(waited)) == (202, ["queued"])
    assert room.batch(room.seller, first).status == 503
    room.stack.mariadb.start()
    room.start_workers()
    assert room.wait_done(room.seller, first)["outcomes"] == {
        "waiting": 0, "recorded": 100, "conflict": 0, "rejected": 1, "failed": 0}


def test_while_mariadb_hangs_everything_goes_to_the_queue(room):
    """One phone finds out, and the others do not wait for what it waited for."""
    queues = [items(50) for _ in range(20)]
    room.stack.mariadb.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(len(queues)) as pool:
            answers = list(pool.map(lambda sales: room.flush(room.seller, sales), queues))
        began = time.monotonic()
        more = room.flush(room.second, items(50), key="k")
        another = room.flush(room.second, items(50), key="k")
        took_s = time.monotonic() - began
    finally:
        room.stack.mariadb.thaw()
    assert [answer.status for answer in answers] == [202] * 20
    assert {word for answer in answers for word in verdicts(answer)} == {"queued"}
    assert (more.status, another.status, another.code) == (202, 422, "idempotency_mismatch")
    assert took_s < 2.0  # as long as one of them waits for MariaDB
    room.start_workers()
    for answer in [*answers, more]:
        assert room.wait_done(room.seller if answer is not more else room.second,
                              answer)["outcomes"]["recorded"] == 50


def test_what_is_being_taken_in_is_bounded(room):
    """Thirty megabytes at once, which nobody can look up."""
    bodies = [json.dumps({"transactions": [item()]}).encode() for _ in range(30)]
    bodies = [body[:-1] + b" " * ((1 << 20) - len(body)) + b"}" for body in bodies]
    room.stack.mariadb.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
            answers = list(pool.map(lambda body: room.seller.post(FLUSH, body), bodies))
    finally:
        room.stack.mariadb.thaw()
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) >= 6, [answer.status for answer in answers]
    assert {answer.status for answer in answers if answer not in refused} == {202}
    assert all(2 <= int(answer.headers["Retry-After"]) <= 6 for answer in refused)
    again = [room.seller.post(FLUSH, body) for body in bodies]
    assert [answer.status for answer in again] == [202] * 30


def test_a_crowd_that_waits_leaves_the_line_to_others(room):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(room.flush, room.seller, items(1), prefer="wait=25")
                   for _ in range(50)]
        wait_until(lambda: len(room.jobs("sync.batch")) == 52, "all to be accepted")
        room.stack.mariadb.freeze()
        try:  # two of 32 have a thread
            wait_until(lambda: room.metric("tocsin_reads_waiting") >= 30, "the line to grow",
                       every_s=0.005)
            assert max(room.metric("tocsin_reads_waiting") for _ in range(50)) <= 32
        finally:
            room.stack.mariadb.thaw()
        room.start_workers()
        assert {one.result().status for one in waiting} == {200}
