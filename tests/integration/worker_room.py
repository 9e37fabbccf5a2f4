# SPDX-License-Identifier: MIT
"""Workers with the kinds of the tests (tests/worker), real servers, and no front door."""

import json
import subprocess

from support.process import ProcessError, stop_all, wait_until
from support.programs import Worker, build_dir, sanitizer_env
from support.stack import Stack

TABLES = (
    "CREATE TABLE test_rows (job_id VARCHAR(200) PRIMARY KEY)",
    "CREATE TABLE test_sum (total BIGINT NOT NULL)",
    "INSERT INTO test_sum VALUES (0)",
    "CREATE TABLE test_groups (job_id VARCHAR(200) PRIMARY KEY, together INT NOT NULL)",
)
PREFIX = "{tocsin}"


class Room:
    """Servers and a database; workers are started by the test. Jobs are (id, kind, payload)
    or dicts with lane, tenant and delay_ms besides."""

    def __init__(self, directory, mariadb=None, settings=None):
        self.stack = Stack(directory, settings=settings, workers=0, mariadb=mariadb)
        self.workers = []
        self.redis = None

    def start(self):
        self.stack.start_servers()
        self.stack.create_database()
        self.stack.migrate()
        for statement in TABLES:
            self.stack.sql(statement)
        self.stack.stripesim.start()
        self.redis = self.stack.redis.client(decode_responses=False)
        return self

    def stop(self):
        stop_all([*self.workers, *self.stack.programs()], self.stack.servers())

    def worker(self, name="worker1", start=True, **options):
        """A worker of the tests; options as Worker's: sets, environment."""
        worker = Worker(self.stack.config, name, binary="tocsin-worker-test", **options)
        self.workers.append(worker)
        return worker.start() if start else worker

    def enqueue(self, *jobs, unsealed=False):
        """Puts the jobs into the queue and returns how many were new."""
        lines = []
        for job in jobs:
            if not isinstance(job, dict):
                job = dict(zip(("id", "kind", "payload"), job))
            lines.append("\t".join(str(word) for word in (
                job["id"], job["kind"], job.get("lane", ""), job.get("tenant", "-"),
                job.get("delay_ms", 0), job.get("payload", ""))))
        done = subprocess.run(
            [build_dir() / "tests/worker/tocsin-enqueue", self.stack.config,
             *(["--unsealed"] if unsealed else [])],
            input="\n".join(lines) + "\n", text=True, capture_output=True, check=False,
            env=sanitizer_env())
        if done.returncode != 0:
            raise ProcessError(f"tocsin-enqueue: {done.stderr}")
        return int(dict(word.split("=") for word in done.stdout.split())["new"])

    # Looking inside.

    def field(self, job, name):
        value = self.redis.hget(f"{PREFIX}:job:{job}", name)
        return value.decode() if value is not None else None

    def number(self, job, name):
        return int(self.field(job, name) or 0)

    def history(self, job):
        lines = (self.field(job, "history") or "").splitlines()
        return [json.loads(line) for line in lines]

    def counts(self):
        """Jobs by state, over all lanes and kinds."""
        found = dict.fromkeys(("ready", "leased", "scheduled", "done", "dead"), 0)
        for queue in self.redis.hkeys(f"{PREFIX}:queues"):
            for state in found:
                found[state] += self.redis.zcard(f"{PREFIX}:{state}:{queue.decode()}")
        return found

    def wait_state(self, job, state, timeout_s=60.0):
        wait_until(lambda: self.field(job, "state") == state, f"{job} {state}", timeout_s)

    def wait_done(self, count, timeout_s=60.0):
        """Until so many jobs are done and nothing waits or runs."""
        last = {}

        def finished():
            last.update(self.counts())
            return last["done"] == count and not (
                last["ready"] or last["leased"] or last["scheduled"])
        try:
            wait_until(finished, f"{count} jobs done", timeout_s)
        except TimeoutError:
            raise AssertionError(f"after {timeout_s:g} s: {last}") from None

    def sum(self):
        return self.stack.sql_one("SELECT total FROM test_sum")

    def rows(self):
        return self.stack.sql_one("SELECT COUNT(*) FROM test_rows")
