# SPDX-License-Identifier: MIT
"""Redis's two servers change places under load, as an operator makes them: FAILOVER waits
for the replica and promotes it, and the address of the settings moves there afterwards.
The old primary lives on as a replica and keeps its connections open."""

import threading
from collections import Counter

import pytest

from support.events import payment_event
from support.play import is_through
from support.process import free_port, wait_until
from support.servers import Redis
from support.stack import SHORT_LEASE, Stack

# A replica's first copy begins at once, not after the usual five seconds.
REPLICATION = ("repl-diskless-sync-delay 0",)
EVERY_S = 0.02


class Pair:
    """Two servers behind one name, a symbolic link to the socket of one of them."""

    def __init__(self, first, second):
        self.primary, self.replica = first, second
        self.name = first.dir / "redis-now.sock"
        self.name.symlink_to(first.socket)

    def join(self):
        with self.replica.client() as redis:
            redis.execute_command("REPLICAOF", "127.0.0.1", self.primary.port)
        self._wait_linked(self.replica)

    def swap(self):
        """Whoever is behind the name refuses to write from here on, until `move`."""
        with self.primary.client() as redis:
            redis.execute_command("FAILOVER", "TO", "127.0.0.1", self.replica.port)
        self._wait_linked(self.primary)
        self.primary, self.replica = self.replica, self.primary
        with self.primary.client() as redis:
            redis.script_flush()

    def move(self):
        fresh = self.name.with_suffix(".new")
        fresh.symlink_to(self.primary.socket)
        fresh.replace(self.name)

    @staticmethod
    def _wait_linked(server):
        def linked():
            with server.client() as redis:
                told = redis.info("replication")
            return told["role"] == "slave" and told["master_link_status"] == "up"
        wait_until(linked, f"{server.name} is a replica that is up to date")


class Load:
    """Webhooks from a thread until stopped: the status that each event got."""

    def __init__(self, stack):
        self.stack, self.answers, self.trouble = stack, {}, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()

    def _run(self):
        try:
            while not self._over.wait(EVERY_S):
                self.post(payment_event())
        except Exception as trouble:  # the test looks at it
            self.trouble.append(trouble)

    def post(self, event):
        self.answers[event["id"]] = status = self.stack.post(event)
        return status

    def wait_accepted(self, more):
        wanted = self.accepted() + more
        wait_until(lambda: self.trouble or self.accepted() >= wanted,
                   f"{more} more webhooks accepted")
        assert not self.trouble

    def wait_through(self):
        """Until an event of now is accepted, processed and settled: all are back."""
        event = payment_event()
        wait_until(lambda: self.post(event) == 200, "a webhook accepted")

        def settled():
            jobs = self.stack.tocsin("job", event["id"], json_output=True)["jobs"]
            return jobs[0]["state"] == "done"
        wait_until(settled, f"{event['id']} to be done")

    def accepted(self):
        return list(self.answers.values()).count(200)


@pytest.fixture
def pair_and_stack(workdir, mariadb_server):
    stack = Stack(workdir, settings=SHORT_LEASE, workers=2, mariadb=mariadb_server,
                  redis_options=REPLICATION)
    stack.redis.port = free_port()
    with Redis(workdir, "other", port=free_port(), options=REPLICATION) as other:
        pair = Pair(stack.redis, other)
        stack.extra["redis.address"] = f"unix:{pair.name}"
        with stack:
            pair.join()
            yield pair, stack


def test_a_failover_and_one_back_refuse_webhooks_meanwhile_and_lose_none(pair_and_stack):
    pair, stack = pair_and_stack
    pids = [process.pid for process in (stack.api, *stack.workers)]
    with Load(stack) as load:
        for _ in range(2):
            load.wait_accepted(40)
            pair.swap()
            assert [load.post(payment_event()) for _ in range(10)] == [503] * 10
            pair.move()
            load.wait_through()
    assert not load.trouble
    assert set(load.answers.values()) == {200, 503}
    acknowledged = {name for name, status in load.answers.items() if status == 200}

    wait_until(lambda: is_through(stack), "the queue to be empty")
    rows = stack.sql("SELECT stripe_event_id, processed_at IS NOT NULL FROM stripe_events")
    times = Counter(row[0] for row in rows)
    assert acknowledged <= {name for name, processed in rows if processed}
    assert set(times.values()) == {1}
    # Every event is about a payment of its own.
    assert stack.sql_one("SELECT COUNT(*) FROM payment_intents") == len(rows)
    dead = stack.tocsin("jobs", "--state", "dead", json_output=True)["jobs"]
    assert dead == []
    assert [process.pid for process in (stack.api, *stack.workers)] == pids
