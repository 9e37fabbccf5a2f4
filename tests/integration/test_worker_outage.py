# SPDX-License-Identifier: MIT
"""Workers whose neighbours go away under load and come back."""

import threading
import time

import pytest

from redis_proxy import RedisProxy
from support.process import wait_until
from support.stack import SHORT_LEASE
from worker_room import PREFIX, Room

pytestmark = pytest.mark.threads

QUICK = {"worker.beat_ms": 200, "worker.dead_after_ms": 3000, "worker.slots": 16,
         "mariadb.connect_ms": 1000, "mariadb.query_ms": 2000}


@pytest.fixture
def room(workdir, mariadb_server):
    room = Room(workdir, mariadb_server, settings=QUICK).start()
    yield room
    room.stop()


@pytest.fixture
def own_room(workdir):
    room = Room(workdir, settings=QUICK).start()
    yield room
    room.stop()


class Load:
    """Enqueues rows from a thread until stopped."""

    def __init__(self, room, batch=10, every_s=0.05):
        self.room, self.batch, self.every_s = room, batch, every_s
        self.count, self.failures = 0, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(self.every_s):
            jobs = [(f"row:{self.count + number}", "test.row", "")
                    for number in range(self.batch)]
            try:
                self.room.enqueue(*jobs)
            except AssertionError as failure:  # Redis is away: the same names again
                self.failures.append(failure)
                continue
            self.count += self.batch


def mariadb_away(room, seconds):
    workers = [room.worker("first"), room.worker("second")]
    with Load(room) as load:
        wait_until(lambda: room.rows() > 30, "rows are written")
        room.stack.mariadb.kill9()
        gone = time.monotonic()
        wait_until(lambda: room.redis.hget(f"{PREFIX}:neighbour:mariadb", "down_since")
                   not in (None, b"0"), "MariaDB counts as down", timeout_s=30)
        wait_until(lambda: time.monotonic() - gone > seconds, "the outage to be over",
                   timeout_s=seconds + 60)
        room.stack.mariadb.start()
    room.wait_done(2 * load.count, timeout_s=60)
    assert room.counts()["dead"] == 0
    assert room.rows() == load.count and room.sum() == load.count
    attempts = [room.number(f"row:{number}", "attempt") for number in range(load.count)]
    assert max(attempts) == 0
    assert all(worker.pid is not None for worker in workers)


def test_mariadb_killed_under_load_costs_no_job_and_no_attempt(own_room):
    mariadb_away(own_room, 5)


def test_a_mariadb_that_only_reads_pauses_what_writes_and_burns_no_attempt(own_room):
    """As after a failover, until the programs are pointed at the new primary."""
    own_room.stack.sql("SET GLOBAL read_only = 1")
    own_room.enqueue(*[(f"row:{number}", "test.row", "") for number in range(8)])
    own_room.worker()
    wait_until(lambda: own_room.redis.hget(f"{PREFIX}:neighbour:mariadb", "down_since")
               not in (None, b"0"), "MariaDB counts as down")
    own_room.stack.sql("SET GLOBAL read_only = 0")
    own_room.wait_done(16)
    assert own_room.rows() == 8
    assert all(own_room.number(f"row:{number}", "attempt") == 0 for number in range(8))


def test_redis_killed_under_load_and_restarted_has_every_effect_once(room):
    workers = [room.worker("first"), room.worker("second")]
    with Load(room) as load:
        for _ in range(2):
            before = room.rows()
            wait_until(lambda b=before: room.rows() > b + 30, "rows are written")
            room.stack.redis.kill9()
            wait_until(lambda: all("link_lost who=fetcher" in worker.log_text()
                                   for worker in workers), "the workers notice")
            room.stack.redis.start()
    room.wait_done(2 * load.count, timeout_s=60)
    assert room.rows() == load.count and room.sum() == load.count
    assert room.counts()["dead"] == 0
    for worker in workers:
        assert worker.pid is not None
        # The other one may have done all the work before this one was back.
        wait_until(lambda w=worker: "link_back who=fetcher" in w.log_text(),
                   "the worker is back")
        assert worker.log_text().count("link_back who=fetcher") <= 2
        # It was told once each time, however often it was tried.
        assert worker.log_text().count("link_lost who=fetcher") <= 6


def test_forgotten_scripts_under_load_cost_nothing(room):
    room.worker("first")
    room.worker("second")
    with Load(room) as load:
        for _ in range(30):
            before = room.rows()
            wait_until(lambda b=before: room.rows() > b, "rows are written")
            room.redis.script_flush()
    room.wait_done(2 * load.count, timeout_s=60)
    assert room.rows() == load.count and room.sum() == load.count
    assert all(room.number(f"row:{number}", "attempt") == 0
               and room.number(f"row:{number}", "crashes") == 0
               for number in range(load.count))


def test_a_finished_job_waits_for_redis_and_is_settled_when_it_is_back(room):
    # With few beats it is the settlement that finds Redis away.
    worker = room.worker(sets={"worker.beat_ms": 5000, "worker.dead_after_ms": 30000})
    with room.stack.mariadb.client(database="tocsin", autocommit=False) as holder, \
            holder.cursor() as cursor:
        cursor.execute("SELECT total FROM test_sum FOR UPDATE")  # the handler waits here
        room.enqueue(("row", "test.row", ""))
        room.wait_state("row", "leased")
        room.stack.redis.kill9()
        holder.rollback()
    wait_until(lambda: room.rows() == 1, "the handler has committed")
    wait_until(lambda: "link_lost who=settler" in worker.log_text(), "it is noticed")
    room.stack.redis.start()
    room.wait_state("row", "done")
    # The worker writes its line after Redis has answered.
    wait_until(lambda: "settled id=row " in worker.log_text(), "it is told")
    assert room.number("row", "token") == 1  # it was run once
    assert worker.log_text().count("settled id=row ") == 1
    assert room.number("row", "crashes") == 0


def test_a_long_job_stays_with_its_worker_beyond_the_lease(room):
    room.enqueue(("nap", "test.nap", "7500"))
    first = room.worker("first", sets=SHORT_LEASE)
    room.wait_state("nap", "leased")
    room.worker("second", sets=SHORT_LEASE)
    room.wait_state("nap", "done")
    assert room.number("nap", "token") == 1
    assert "lease_lost" not in first.log_text()


def test_a_worker_started_before_redis_works_when_redis_comes(room):
    room.enqueue(("job", "test.noop", ""))
    room.stack.redis.stop()
    worker = room.worker()
    wait_until(lambda: "link_lost who=fetcher" in worker.log_text(), "it notices")
    room.stack.redis.start()
    room.wait_state("job", "done")


def test_a_frozen_worker_that_thaws_settles_nothing_that_another_has_done(room):
    first = room.worker("first")
    room.enqueue(("nap", "test.nap", "1500"))
    room.wait_state("nap", "leased")
    first.freeze()
    room.worker("second")
    wait_until(lambda: room.number("nap", "token") == 2, "another has it", timeout_s=20)
    room.wait_state("nap", "done")
    first.thaw()
    wait_until(lambda: "settle_stale id=nap" in first.log_text(), "the first is refused")
    assert room.field("nap", "state") == "done"
    assert [line["outcome"] for line in room.history("nap")] == ["CRASHED", "DONE"]


def test_a_take_whose_reply_comes_late_is_not_run(room):
    """The beats have given the jobs back by then, so another worker may have them."""
    room.enqueue(("late", "test.nap", "10"))
    with RedisProxy(room.stack.redis.socket, hold=[b"late"]) as proxy:
        worker = room.worker(sets={"redis.address": proxy.address, "redis.command_ms": 30000})
        room.wait_state("late", "leased")
        room.wait_state("late", "ready")
        proxy.let_go()
        room.wait_state("late", "done")
        assert "take_late jobs=1" in worker.log_text()
        assert "settle_stale" not in worker.log_text()
        assert [line["outcome"] for line in room.history("late")] == ["DONE"]
        worker.stop()


def test_what_could_not_be_settled_goes_back_when_the_worker_leaves(room):
    room.enqueue(("row", "test.row", ""))
    with RedisProxy(room.stack.redis.socket, swallow=[b"DONE"]) as proxy:
        worker = room.worker(sets={"redis.address": proxy.address, "redis.command_ms": 300,
                                   "worker.drain_ms": 1000})
        wait_until(lambda: proxy.kept > 0, "the settlement is on its way")
        worker.stop()
        assert "unsettled jobs=1" in worker.log_text()
        assert "lease_lost" not in worker.log_text()
    assert room.field("row", "state") == "ready"
    room.worker("second")
    room.wait_done(2)
    assert room.sum() == 1 and room.number("row", "crashes") == 0


def test_who_waits_for_an_answer_passes_a_flood_that_redis_settles_slowly(room):
    """Script calls that settle pass one at a time. Meanwhile the worker takes no more than
    it may hold, and what is live waits for the call that is under way and for its own."""
    flood, held_most = 1000, 400
    room.enqueue(*[{"id": f"flood:{number}", "kind": "test.group", "tenant": "5"}
                   for number in range(flood)])
    with RedisProxy(room.stack.redis.socket, step=b'"outcome":') as proxy:
        worker = room.worker(sets={
            "redis.address": proxy.address, "redis.command_ms": 60000,
            "worker.dead_after_ms": 60000})
        wait_until(lambda: room.stack.sql_one("SELECT COUNT(*) FROM test_groups") >= 160,
                   "a long line", 20)
        room.enqueue({"id": "live", "kind": "test.row", "lane": "live"})
        wait_until(lambda: room.rows() == 1, "the live one to have run", 20)
        passed, live_at, most = 0, None, 0
        while room.counts()["done"] <= flood:
            wait_until(lambda: proxy.kept > passed or room.counts()["done"] > flood,
                       "the next script call", 20)
            most = max(most, room.counts()["leased"])
            if live_at is None and room.field("live", "state") == "done":
                live_at = passed
            passed += 1
            proxy.let_one()
        proxy.let_go()
        room.wait_done(flood + 2)  # and what the row has written of it
        assert live_at <= 3
        assert most <= held_most
        worker.stop()


def test_an_archive_that_hangs_does_not_hold_up_what_is_due(room):
    with room.stack.mariadb.client(database="tocsin") as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES jobs_archive WRITE")
        room.enqueue(("bad", "test.noop", ""), unsealed=True)
        room.worker(sets={"mariadb.query_ms": 20000})
        room.wait_state("bad", "dead")
        wait_until(lambda: room.stack.sql(
            "SELECT 1 FROM information_schema.processlist"
            " WHERE db = 'tocsin' AND state LIKE 'Waiting for table%%'"), "the archive hangs")
        room.enqueue({"id": "soon", "kind": "test.noop", "delay_ms": 100})
        room.wait_state("soon", "done", timeout_s=15)
        assert room.field("bad", "archived") == "0"
        cursor.execute("UNLOCK TABLES")
    wait_until(lambda: room.field("bad", "archived") == "1", "the dead job is archived")


def test_a_redis_that_is_not_durable_is_told_about_at_the_start(room):
    room.redis.config_set("appendfsync", "everysec")
    worker = room.worker()
    wait_until(lambda: "redis_not_durable" in worker.log_text(), "it is told about")
    assert 'appendfsync is \\"everysec\\"' in worker.log_text()
