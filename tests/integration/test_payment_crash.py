# SPDX-License-Identifier: MIT
"""Workers that die at each step of making, capturing and refunding a payment, with Stripe's
webhooks arriving and without: nothing happens twice, and whoever asked is answered."""

import time

import pytest

from payments_room import PaymentsRoom, short_directory
from payments_three import Three
from support.process import start_all, stop_all
from support.programs import Worker


@pytest.fixture(scope="module")
def whole(mariadb_server):
    with short_directory() as directory:
        room = PaymentsRoom(directory, mariadb_server).start()
        yield room
        room.stop()


@pytest.fixture
def room(whole):
    whole.stack.start_programs()  # a test that failed may have left no worker
    whole.clear()
    yield whole
    whole.webhooks(withheld=False)
    assert whole.dead() == []


@pytest.mark.parametrize("step,withheld", [
    ("taken", False), ("opened", True), ("asked", False), ("marked", True),
    ("posted", False), ("posted", True), ("applied", False), ("applied", True),
    ("answered", True), ("handled", True), ("settling", True), ("settled", True)])
def test_a_worker_killed_at_any_step_makes_nothing_twice(room, step, withheld):
    three = Three(room, withheld, key=f"crash-{step}-{withheld}-{time.monotonic_ns()}")
    for name in three.asks():
        if step == "marked" and name == "capture":
            three.begin(prefer="wait=25", only=name)  # it has no marks
            three.answered()
            continue
        # The crashed worker may have held a receipt. It comes back once the worker is known
        # to be dead, and must not be what the next one crashes at.
        room.wait_quiet()
        stop_all(room.stack.workers)
        crashing = Worker(room.stack.config, "crashing", binary="tocsin-worker-test",
                          environment={"TOCSIN_CRASH_AT": step}).start()
        three.begin(prefer="wait=25", only=name)
        assert crashing.wait_exit() == -9
        start_all(room.stack.workers)
        three.answered()
    three.end()
