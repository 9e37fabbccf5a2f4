# SPDX-License-Identifier: MIT
"""Servers with a database and no program running: where the command line is tested.

The queue is filled through its own scripts, as tests/integration/queue does.
"""

import sys
from pathlib import Path

import pytest

from support.stack import DATABASE, READER, WRITER, Stack

sys.path.insert(0, str(Path(__file__).resolve().parent / "queue"))

from queue_scripts import Kind, New, Queue, Settlement  # noqa: E402  (the path comes first)

EVENT = Kind("stripe.event", lane="webhook", max=25, needs="mariadb")
MAIL = Kind("receipt.send", lane="mail", max=30, needs="mariadb,smtp")
KINDS = (EVENT, MAIL, Kind("audit.write", lane="backfill", max=50, needs="mariadb"))


class Room(Stack):
    """Nothing but Redis and MariaDB runs. `bare`: the database is empty."""

    def __init__(self, directory, mariadb, settings=None):
        super().__init__(directory, settings=settings, workers=0, mariadb=mariadb)
        self.queue = None

    def open(self, bare=False):
        self.write_config()
        self.redis.start()
        self.create_database()
        if not bare:
            self.migrate()
        self.queue = Queue(self.redis.client(decode_responses=True))
        return self

    def close(self):
        self.queue.client.close()
        self.redis.stop()

    # Bringing jobs into a state.

    def ready(self, id_, kind=EVENT, **options):
        self.queue.enqueue(New(id_, kind, **options))

    def leased(self, id_, kind=EVENT, worker="w:1:1", **options):
        self.ready(id_, kind, **options)
        (job,) = self.queue.take(worker, [kind], general=1)["jobs"]
        assert job["id"] == id_
        return job

    def settled(self, id_, outcome, kind=EVENT, fault="", delay_ms=0, down="", **options):
        job = self.leased(id_, kind, **options)
        note = f'"worker":"w:1:1","outcome":"{outcome}","text":"{fault}"'
        self.queue.settle(Settlement(id_, job["token"], outcome, fault=fault, note=note,
                                     delay_ms=delay_ms, down=down, deferred=bool(down)))

    def state(self, id_):
        record = self.queue.show(id_)
        return record and record["state"]

    def audit_jobs(self):
        """The ids of the jobs that will write to the audit log."""
        records, _, _ = self.queue.list("ready", kind="audit.write", most=100)
        return [record["id"] for record in records]


@pytest.fixture
def bare_room(workdir, mariadb_server):
    """The database is empty."""
    room = Room(workdir, mariadb_server).open(bare=True)
    yield room
    room.close()


@pytest.fixture
def room(workdir, mariadb_server):
    """The database is migrated."""
    room = Room(workdir, mariadb_server).open()
    yield room
    room.close()


__all__ = ["DATABASE", "EVENT", "KINDS", "Kind", "MAIL", "New", "Queue", "READER", "Room",
           "Settlement", "WRITER", "bare_room", "room"]
