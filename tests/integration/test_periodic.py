# SPDX-License-Identifier: MIT
"""Jobs named by their period: any number of workers makes each once, without a leader."""

import re

import pytest

from payments_room import short_directory
from periods_room import Periods
from support.process import wait_until

RUNS = "SELECT name, finished_at FROM periodic_runs WHERE kind = 'events.catchup'" \
       " AND name NOT LIKE '%%acct%%' ORDER BY name"


@pytest.fixture(scope="module")
def periods(mariadb_server):
    with short_directory() as directory:
        room = Periods(directory, mariadb_server).start()
        yield room
        room.stop()


@pytest.fixture
def room(periods):
    periods.clear()
    return periods


def settled(room):
    """How often a job of each name was settled as done, over the logs of all workers."""
    found = {}
    for worker in room.workers:
        for name in re.findall(r"settled id=(\S+) kind=events\.catchup .*outcome=DONE",
                               worker.log_text(since_start=True)):
            if "acct_" not in name:
                found[name] = found.get(name, 0) + 1
    return found


def test_four_workers_make_the_job_of_each_period_once_and_old_rows_go(room):
    for days in (39, 41):
        room.sql("INSERT INTO periodic_runs (name, kind, started_at, finished_at) VALUES"
                 " (%s, 'none', NOW(3) - INTERVAL %s DAY, NOW(3))", (f"none:{days}", days))
    for _ in range(4):
        room.worker()
    wait_until(lambda: len([name for name, finished in room.sql(RUNS) if finished]) >= 4,
               "four periods")
    room.stack.wait_sql("SELECT GROUP_CONCAT(name) FROM periodic_runs WHERE kind = 'none'",
                        "none:39")
    for worker in room.workers:
        worker.stop()
    done = settled(room)
    names = [name for name, _ in room.sql(RUNS)]
    assert all(re.fullmatch(r"catchup:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", name) for name in names)
    assert set(done) <= set(names) and len(done) >= 4
    assert set(done.values()) == {1}
    planned = "".join(worker.log_text(since_start=True) for worker in room.workers)
    for name in done:
        assert planned.count(f"planned id={name} ") == 1  # the others found it there


def test_a_period_begins_with_the_first_worker_at_once(room):
    room.worker(books__catchup_s=86400)
    wait_until(lambda: [finished for _, finished in room.sql(RUNS)], "the first period's row")
    ((name, _),) = room.sql(RUNS)
    assert re.fullmatch(r"catchup:\d{4}-\d\d-\d\dT00:00", name)


@pytest.mark.parametrize("step", ["period_begun", "period_ran"])
def test_a_worker_killed_in_the_middle_leaves_the_period_to_another(room, step):
    killed = room.worker(binary="tocsin-worker-test", start=False, books__catchup_s=86400,
                         books__reconcile_s=86400, environment={"TOCSIN_CRASH_AT": step})
    killed.start(wait=False)
    assert killed.wait_exit() == -9
    assert None in [finished for _, finished in room.sql(
        "SELECT name, finished_at FROM periodic_runs")]
    room.worker(books__catchup_s=86400)
    wait_until(lambda: [finished for _, finished in room.sql(RUNS)] not in ([], [None]),
               "the period to be finished")
    room.stack.wait_sql("SELECT COUNT(*) FROM periodic_runs WHERE finished_at IS NULL", 0)
    assert len(room.sql(RUNS)) == 1


def test_a_name_that_redis_forgot_is_not_done_again(room):
    room.worker(books__catchup_s=86400)
    wait_until(lambda: [finished for _, finished in room.sql(RUNS)] not in ([], [None]),
               "the first run")
    ((name, finished),) = room.sql(RUNS)
    walked = room.cursor()["walked_at"]
    room.stop_workers()
    room.stack.redis.client().flushall()
    second = room.worker(books__catchup_s=86400)
    wait_until(lambda: f"settled id={name} " in second.log_text(since_start=True), "the name to be settled")
    assert room.sql(RUNS) == ((name, finished),)
    assert room.cursor()["walked_at"] == walked


def test_a_period_whose_job_redis_lost_is_planned_once_more(room):
    room.stack.tocsin("pause", "kind:events.catchup", "--why", "a test")
    worker = room.worker(books__catchup_s=86400, books__reconcile_s=1)
    wait_until(lambda: "planned id=catchup:" in worker.log_text(since_start=True), "the job")
    assert room.sql(RUNS) == ()
    room.stack.redis.client().flushall()
    wait_until(lambda: [finished for _, finished in room.sql(RUNS)] not in ([], [None]),
               "the period to be finished")


@pytest.mark.threads
def test_a_planner_goes_on_when_redis_comes_back(room):
    worker = room.worker()
    wait_until(lambda: len(room.sql(RUNS)) >= 1, "a period")
    room.stack.redis.kill9()
    wait_until(lambda: "who=planner" in worker.log_text(since_start=True), "the planner to miss Redis")
    known = len(room.sql(RUNS))
    room.stack.redis.start()
    wait_until(lambda: len(room.sql(RUNS)) > known + 1, "periods after the outage")
    lines = [line for line in worker.log_text(since_start=True).splitlines() if "who=planner" in line]
    assert "link_lost" in lines[0] and "link_back" in lines[-1]  # each way to fail once
    assert sum("link_back" in line for line in lines) == 1


def test_a_worker_that_plans_nothing_does_what_others_plan(room):
    idle = room.worker(worker__plans="false", books__catchup_s=86400)
    room.worker(books__catchup_s=86400, worker__slots=4)
    wait_until(lambda: [finished for _, finished in room.sql(RUNS)] not in ([], [None]),
               "a period")
    assert "planned" not in idle.log_text(since_start=True)


def test_jobs_that_waited_for_stripe_are_all_done_once_it_is_back(room):
    room.sim.control("faults", {"kind": "unavailable", "path": "/v1/events"})
    worker = room.worker(stripe__total_ms=1000)
    wait_until(lambda: len(room.sql(RUNS)) >= 4, "periods that fail")
    waiting = {name for name, finished in room.sql(RUNS) if not finished}
    assert waiting
    room.sim.control("faults", method="DELETE")
    wait_until(lambda: waiting <= {name for name, finished in room.sql(RUNS) if finished},
               "all to be finished", 40)
    assert "state=dead" not in worker.log_text(since_start=True)
