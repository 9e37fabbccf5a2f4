# SPDX-License-Identifier: MIT
"""A worker at its work: turns, groups, lanes, retries, what it cannot read, leaving."""

import json
import re
import signal
import time

import pytest

from support.process import wait_until
from support.stack import SHORT_LEASE
from worker_room import PREFIX, Room


@pytest.fixture
def room(workdir, mariadb_server, request):
    room = Room(workdir, mariadb_server, settings=getattr(request, "param", {})).start()
    yield room
    room.stop()


def settled_order(worker):
    return re.findall(r"^<6>settled id=(\S+)", worker.log_text(), re.MULTILINE)


def test_one_job_of_b_behind_1000_of_a_is_among_the_next_2_x_slots(room):
    slots = 8
    room.enqueue(*[{"id": f"a:{number}", "kind": "test.noop", "tenant": "1"}
                   for number in range(1000)])
    room.enqueue({"id": "b", "kind": "test.noop", "tenant": "2"})
    room.worker(sets={"worker.slots": slots})
    room.wait_done(1001)
    # The token counts the takes.
    assert room.number("b", "token") <= 2 * slots


def test_live_has_its_slots_while_webhooks_flood(room):
    room.enqueue(*[(f"flood:{number}", "test.nap", "60000") for number in range(100)])
    worker = room.worker(sets={"worker.slots": 8})
    wait_until(lambda: room.counts()["leased"] == 3, "the flood fills its share")
    room.enqueue(*[(f"live:{number}", "test.live", "1") for number in range(4)])
    for number in range(4):  # none of the flood has ended by then
        room.wait_state(f"live:{number}", "done")
    assert room.counts()["leased"] == 3  # half of the six that serve every lane
    assert room.counts()["done"] == 4
    worker.kill9()


def test_a_group_is_handled_at_once_and_each_job_is_settled(room):
    room.enqueue(*[{"id": f"g:{number}", "kind": "test.group", "tenant": "5"}
                   for number in range(50)])
    worker = room.worker()
    room.wait_done(50)
    together = room.stack.sql("SELECT together, COUNT(*) FROM test_groups GROUP BY together")
    assert together == ((50, 50),)
    assert len(settled_order(worker)) == 50


def test_a_group_with_a_bad_one_runs_one_by_one_and_only_that_one_is_dead(room):
    room.enqueue(*[{"id": f"g:{number}", "kind": "test.group", "tenant": "5",
                    "payload": "bad" if number == 3 else "good"} for number in range(20)])
    room.worker()
    room.wait_done(19)
    assert room.field("g:3", "state") == "dead"
    together = room.stack.sql("SELECT together, COUNT(*) FROM test_groups GROUP BY together")
    assert together == ((1, 19),)


@pytest.mark.parametrize("outcome,state,attempts", [
    ("LATER", "done", 2), ("UNSURE", "done", 2), ("NEVER", "dead", 0)])
def test_each_outcome_leads_where_it_should(room, outcome, state, attempts):
    room.enqueue(("job", "test.fail", f"{outcome} 2"))
    room.worker()
    room.wait_state("job", state)
    assert room.number("job", "attempt") == attempts
    assert room.history("job")[0]["outcome"] == outcome
    assert "told to end with" in room.history("job")[0]["text"]


def test_a_job_that_fails_too_often_is_dead_and_archived(room):
    room.enqueue(("job", "test.fail", "LATER 99"))
    room.worker()
    room.wait_state("job", "dead")
    assert room.field("job", "outcome") == "exhausted"
    assert room.number("job", "attempt") == 5
    wait_until(lambda: room.field("job", "archived") == "1", "archived")
    ((attempts, history),) = room.stack.sql("SELECT attempts, history FROM jobs_archive")
    assert attempts == 5 and len(json.loads(history)) == 5


def test_a_dead_job_that_the_archive_cannot_take_as_it_is_does_not_keep_others_out(room):
    room.enqueue(("odd", "test.noop", "unsealed"), ("plain", "test.noop", "unsealed"),
                 unsealed=True)
    room.redis.hset(f"{PREFIX}:job:odd", "refs", "pi_\xe9".encode())
    room.worker()
    for job in ("odd", "plain"):
        wait_until(lambda: room.field(job, "archived") == "1", f"{job} archived")
    rows = dict(room.stack.sql("SELECT job_id, last_fault FROM jobs_archive"))
    assert rows["odd"].startswith("archived without details: ")
    assert rows["plain"] == room.field("plain", "fault")


def test_a_settlement_that_redis_refuses_makes_one_job_dead_and_keeps_no_other_waiting(room):
    room.redis.set(f"{PREFIX}:done:webhook:test.noop", "no sorted set")
    jobs = [(f"row:{number}", "test.row", "") for number in range(10)]
    room.enqueue(*jobs[:5], ("refused", "test.noop", ""), *jobs[5:])
    worker = room.worker()
    room.wait_state("refused", "dead")
    for job in jobs:
        room.wait_state(job[0], "done")
    assert "WRONGTYPE" in room.field("refused", "fault")
    assert "settle_refused id=refused" in worker.log_text()
    assert "<4>settle_stale" not in worker.log_text()


def test_a_job_that_redis_lets_neither_be_done_nor_dead_counts_its_attempts(room):
    for state in ("done", "dead"):
        room.redis.set(f"{PREFIX}:{state}:webhook:test.noop", "no sorted set")
    room.enqueue(("refused", "test.noop", ""))
    worker = room.worker()
    room.wait_state("refused", "scheduled")
    assert room.number("refused", "attempt") == 1
    assert "WRONGTYPE" in room.field("refused", "fault")
    assert worker.log_text().count("settle_refused id=refused") == 2
    room.redis.delete(f"{PREFIX}:done:webhook:test.noop")
    room.wait_state("refused", "done")
    assert [line["outcome"] for line in room.history("refused")] == ["LATER", "DONE"]


def test_a_payload_that_does_not_open_is_dead_with_the_reason_and_the_worker_goes_on(room):
    room.enqueue(("broken", "test.noop", "this was never sealed"), unsealed=True)
    room.enqueue(("sound", "test.noop", ""))
    worker = room.worker()
    room.wait_state("broken", "dead")
    room.wait_state("sound", "done")
    assert room.field("broken", "fault").startswith("seal ")
    assert room.field("broken", "outcome") == "never"
    assert worker.pid is not None


def test_a_payload_that_does_not_decode_is_dead_with_the_reason(room):
    room.enqueue(("audit:broken", "audit.write", "{\"who\":"),
                 ("audit:empty", "audit.write", "{}"), ("sound", "test.noop", ""))
    room.worker()
    room.wait_state("audit:broken", "dead")
    room.wait_state("audit:empty", "dead")
    room.wait_state("sound", "done")
    for job in ("audit:broken", "audit:empty"):
        assert room.field(job, "outcome") == "never"
    assert "lacks who, verb, what or at_ms" in room.field("audit:empty", "fault")


def test_a_record_of_an_unknown_version_waits_and_is_reported(room):
    room.enqueue(("future", "test.noop", ""), ("sound", "test.noop", ""))
    room.redis.hset(f"{PREFIX}:job:future", "version", "9")
    worker = room.worker()
    room.wait_state("sound", "done")
    room.wait_state("future", "scheduled")
    wait_until(lambda: "unknown_versions jobs=1" in worker.log_text(), "it is reported")


def test_many_records_of_an_unknown_version_hold_nobody_up(room):
    jobs = [(f"future:{number}", "test.noop", "") for number in range(1000)]
    room.enqueue(*jobs, ("sound", "test.noop", ""))
    pipeline = room.redis.pipeline(transaction=False)
    for name, _, _ in jobs:
        pipeline.hset(f"{PREFIX}:job:{name}", "version", "9")
    pipeline.execute()
    room.redis.delete(f"{PREFIX}:wake")  # nothing hurries the worker but what it finds
    room.worker()
    room.wait_state("sound", "done", timeout_s=15)
    assert room.counts()["scheduled"] == 1000


def test_an_overrun_is_reported_and_the_job_does_not_run_twice(room):
    settings = {**SHORT_LEASE, "worker.beat_ms": 200, "worker.slots": 4}
    room.enqueue(("slow", "test.sleep", "2500"))  # its limit is 300 ms
    worker = room.worker("first", sets=settings)
    wait_until(lambda: "overrun id=slow" in worker.log_text(), "the overrun is reported")

    def about():
        name = room.field("slow", "worker")
        value = room.redis.hget(f"{PREFIX}:worker:{name}", "about")
        return json.loads(value) if value else {}
    told = wait_until(lambda: about().get("overruns") == 1 and about(),
                      "the beat tells of the overrun")
    assert told["running"][0]["id"] == "slow"
    room.wait_state("slow", "done")
    assert room.number("slow", "token") == 1  # it was taken once
    assert worker.log_text().count("overrun id=slow") == 1


def test_a_worker_with_a_stuck_handler_leaves_and_the_job_counts_as_crashed(room):
    room.enqueue(("stuck", "test.sleep", "60000"), ("other", "test.noop", ""))
    settings = {"worker.drain_ms": 1000, "worker.beat_ms": 200,
                "worker.dead_after_ms": 1000}
    worker = room.worker("first", sets=settings)
    assert worker.wait_exit() == 70
    room.worker("second", sets=settings)
    wait_until(lambda: room.number("stuck", "crashes") == 1, "it counts as crashed")
    assert room.field("other", "state") == "done"
    room.workers[1].kill9()


@pytest.mark.parametrize("room", [{"worker.drain_ms": 1000}], indirect=True)
def test_a_worker_told_to_leave_finishes_what_it_can_and_gives_back_the_rest(room):
    room.enqueue(("short", "test.nap", "700"), ("long", "test.nap", "30000"),
                 *[(f"waiting:{number}", "test.nap", "30000") for number in range(40)])
    worker = room.worker()
    wait_until(lambda: room.counts()["leased"] == 12, "the share is full")
    began = time.monotonic()
    worker.stop()
    assert time.monotonic() - began < 5
    assert room.field("short", "state") == "done"
    assert room.counts() == {"ready": 41, "leased": 0, "scheduled": 0, "done": 1, "dead": 0}
    assert room.number("long", "crashes") == 0 and room.number("long", "attempt") == 0
    assert room.redis.zcard(f"{PREFIX}:workers") == 0


def test_systemd_hears_that_it_is_ready_alive_and_leaving(room):
    worker = room.worker(environment={"WATCHDOG_USEC": "2000000"})
    wait_until(lambda: worker._notify.has("WATCHDOG=1"), "a sign of life")
    worker.stop()
    assert worker._notify.has("STOPPING=1")


def test_a_second_signal_cuts_the_leaving_short(room):
    room.enqueue(("long", "test.nap", "60000"))
    worker = room.worker(sets={"worker.drain_ms": 60000})
    room.wait_state("long", "leased")
    worker.signal(signal.SIGTERM)
    wait_until(lambda: "leaving" in worker.log_text(), "it is leaving")
    worker.signal(signal.SIGTERM)
    assert worker.wait_exit(timeout_s=10) == 0
    assert room.field("long", "state") == "ready"


def test_a_kind_waits_while_its_neighbour_is_down_and_burns_no_attempt(room, workdir):
    down = workdir / "down"
    down.touch()
    room.enqueue(*[(f"n:{number}", "test.neighbour", down) for number in range(30)],
                 ("other", "test.noop", ""))
    room.worker()
    room.wait_state("other", "done")
    wait_until(lambda: room.redis.hget(f"{PREFIX}:neighbour:smtp", "down_since")
               not in (None, b"0"), "the neighbour counts as down")
    down.unlink()
    room.wait_done(31)
    assert all(room.number(f"n:{number}", "attempt") == 0 for number in range(30))
    assert not room.redis.exists(f"{PREFIX}:neighbour:smtp")


@pytest.mark.parametrize("room", [{"redis.partitions": 3}], indirect=True)
def test_several_partitions_are_all_served(room):
    room.enqueue(*[(f"p:{number}", "test.row", "") for number in range(60)])
    room.worker()
    wait_until(lambda: room.stack.sql_one("SELECT COUNT(*) FROM audit_log") == 60,
               "all done with their follow-ups")
    assert room.sum() == 60


def test_wrong_words_and_wrong_settings_stop_the_start(room):
    wrong = room.worker(start=False, sets={"worker.slots": 0})
    wrong.start(wait=False)
    assert wrong.wait_exit() == 78
    assert "worker.slots" in wrong.log_text()
