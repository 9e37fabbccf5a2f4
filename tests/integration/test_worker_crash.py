# SPDX-License-Identifier: MIT
"""Workers that die: at each step of a job's journey, in a handler, again and again."""

import time

import pytest

from support.process import wait_until
from worker_room import PREFIX, Room

# In the order of the journey (worker/crash_point.h; the two in brackets are the handler's).
STEPS = ("taken", "begun", "opened", "uncommitted", "committed", "handled", "settling",
         "settled")
# A dead worker is to be noticed soon, so that the tests are.
QUICK = {"worker.beat_ms": 200, "worker.dead_after_ms": 1000, "worker.slots": 8}


@pytest.fixture
def room(workdir, mariadb_server, request):
    settings = getattr(request, "param", QUICK)
    room = Room(workdir, mariadb_server, settings=settings).start()
    yield room
    room.stop()


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_at_any_step_has_its_effect_exactly_once(room, step):
    jobs = [(f"row:{number}", "test.row", "") for number in range(40)]
    assert room.enqueue(*jobs) == 40
    crashing = room.worker("crashing", start=False,
                           environment={"TOCSIN_CRASH_AT": f"{step}:3"})
    crashing.start(wait=False)
    assert crashing.wait_exit() == -9
    room.worker("second")
    room.wait_done(80)  # each with its follow-up
    assert room.rows() == 40
    assert room.sum() == 40
    audits = "SELECT COUNT(*), COUNT(DISTINCT job_id) FROM audit_log"
    assert room.stack.sql(audits) == ((40, 40),)
    assert room.counts()["dead"] == 0


@pytest.mark.parametrize("step", ("opened", "committed", "settled"))
def test_a_group_killed_at_any_step_is_written_exactly_once(room, step):
    room.enqueue(*[{"id": f"group:{number}", "kind": "test.group", "tenant": "7"}
                   for number in range(50)])
    crashing = room.worker("crashing", start=False, environment={"TOCSIN_CRASH_AT": step})
    crashing.start(wait=False)
    if step == "committed":  # only test.row passes there
        room.wait_done(50)
        crashing.kill9()
    else:
        assert crashing.wait_exit() == -9
    room.worker("second")
    room.wait_done(50)
    assert room.stack.sql_one("SELECT COUNT(*) FROM test_groups") == 50


@pytest.mark.parametrize("room", [{"worker.slots": 8}], indirect=True)
def test_jobs_of_a_dead_worker_run_elsewhere_within_10_seconds(room):
    room.worker("first")
    room.worker("second")
    # As many as one of them may have: whoever lives has room for them.
    room.enqueue(*[(f"nap:{number}", "test.nap", "60000") for number in range(3)])
    wait_until(lambda: room.counts()["leased"] == 3, "3 jobs running")
    names = {number: room.field(f"nap:{number}", "worker") for number in range(3)}
    (doomed,) = [worker for worker in room.workers if f":{worker.pid}:" in names[0]]
    victims = [number for number in range(3) if f":{doomed.pid}:" in names[number]]
    doomed.kill9()
    began = time.monotonic()
    for number in victims:
        wait_until(lambda n=number: room.field(f"nap:{n}", "worker") not in (None, names[n]),
                   "another worker has it")
    # Ten, and five for a machine that does much else.
    assert time.monotonic() - began < 15
    assert all(room.number(f"nap:{number}", "crashes") == 1 for number in victims)
    for worker in room.workers:
        if worker.pid is not None:
            worker.kill9()


def test_poison_goes_dead_after_quarantine_and_the_others_survive(room):
    room.enqueue(("poison", "test.crash", "99"),
                 *[(f"nap:{number}", "test.nap", "30") for number in range(40)])

    # Whoever dies is started again, as systemd would.
    def settled():
        for worker in room.workers:
            if worker.pid is None:
                worker.start(wait=False)
        return room.field("poison", "state") == "dead"
    room.worker("first", start=False)
    room.worker("second", start=False)
    wait_until(settled, "the poison is dead", timeout_s=60)
    room.wait_done(40)
    assert room.field("poison", "outcome") == "poison"
    assert room.number("poison", "crashes") == 3
    assert room.field("poison", "lane") == "quarantine"
    innocent = [room.number(f"nap:{number}", "crashes") for number in range(40)]
    assert max(innocent) <= 2  # in the third crash the poison was alone
    wait_until(lambda: room.field("poison", "archived") == "1", "the poison archived")
    archived = room.stack.sql("SELECT job_id, reason, crashes FROM jobs_archive")
    assert archived == (("poison", "poison", 3),)


def test_while_one_worker_becomes_empty_for_a_quarantined_job_the_other_goes_on(room):
    room.enqueue(("twice", "test.crash", "2"))
    for _ in range(2):
        doomed = room.worker("doomed", start=False)
        doomed.start(wait=False)
        assert doomed.wait_exit() == -9
        room.workers.remove(doomed)
    # With four slots one row is a worker's share: both are busy when the job's second crash
    # is noticed, and as long as somebody holds what the rows wait for.
    with room.stack.mariadb.client(database="tocsin", autocommit=False) as holder, \
            holder.cursor() as cursor:
        cursor.execute("SELECT total FROM test_sum FOR UPDATE")
        room.enqueue(*[(f"row:{number}", "test.row", "") for number in range(2)])
        for name in ("first", "second"):
            room.worker(name, sets={"worker.slots": 4, "worker.dead_after_ms": 4000,
                                    "mariadb.query_ms": 60000})
        for number in range(2):
            room.wait_state(f"row:{number}", "leased")
        assert room.field("row:0", "worker") != room.field("row:1", "worker")
        wait_until(lambda: room.field("twice", "lane") == "quarantine", "it is in quarantine")
        wait_until(lambda: room.redis.get(f"{PREFIX}:drainer"), "one becomes empty")
        for number in range(5):
            room.enqueue((f"live:{number}", "test.live", "1"),
                         (f"noop:{number}", "test.noop", ""))
            room.wait_state(f"live:{number}", "done")
            room.wait_state(f"noop:{number}", "done")
        assert room.counts()["leased"] == 2, "a row is over: anybody could take again"
        assert room.field("twice", "state") == "ready"
        holder.rollback()
    room.wait_state("twice", "done")
    wait_until(lambda: not room.redis.exists(f"{PREFIX}:drainer"), "the turn is over")


def test_a_job_that_crashed_twice_runs_alone_and_is_done(room):
    room.enqueue(("twice", "test.crash", "2"))

    def settled():
        for worker in room.workers:
            if worker.pid is None:
                worker.start(wait=False)
        return room.field("twice", "state") == "done"
    room.worker("first", start=False)
    wait_until(settled, "the job is done", timeout_s=60)
    assert room.number("twice", "crashes") == 2
    assert room.field("twice", "lane") == "quarantine"
