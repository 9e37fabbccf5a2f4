# SPDX-License-Identifier: MIT
"""Crash trials: something is killed under load, started again, and the account must
balance. An event that was acknowledged and then lost would be missing from it, because the
simulator only sends again what was refused."""

from .play import Marks, perform, settle
from .process import wait_until
from .seed import seed_demo

PROCESSED = "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL"


def counts(stack):
    return stack.stripesim.control("summary?payments=0&refunds=0&disputes=0")["webhooks"]


class Trial:
    """One load, during which the caller kills what it likes."""

    def __init__(self, stack, payments, rate):
        """`rate` payments begin each second; each means three to eight webhooks."""
        self.stack = stack
        demo = seed_demo(stack)
        self.marks = Marks(stack)
        stack.stripesim.control("webhooks", {"retry_first_ms": 100, "retry_most_ms": 1000,
                                             "retries": 100, "timeout_ms": 5000,
                                             "duplicate_percent": 10, "reorder_ms": 200})
        perform(stack, demo, payments, rate=max(1, rate // 2))

    def wait_processed(self, more):
        """Until so many more events were processed."""
        wanted = self.stack.sql_one(PROCESSED) + more
        wait_until(lambda: self.stack.sql_one(PROCESSED) >= wanted,
                   f"{more} more events to be processed", 60)

    def wait_accepted(self, more):
        """Until so many more webhooks were accepted, and the first of their jobs is done.
        However slow the workers are, the rest of the load is still to come."""
        processed = self.stack.sql_one(PROCESSED)
        wanted = counts(self.stack)["delivered"] + more
        wait_until(lambda: counts(self.stack)["delivered"] >= wanted,
                   f"{more} more webhooks to be accepted", 60)
        wait_until(lambda: self.stack.sql_one(PROCESSED) > processed, "one to be processed",
                   60)

    def kill_worker(self, worker):
        worker.kill9()
        worker.start()

    def kill_redis(self):
        """It stays away until webhooks were refused for want of it."""
        refused = counts(self.stack)["failed"]
        self.stack.redis.kill9()
        wait_until(lambda: counts(self.stack)["failed"] > refused,
                   "a webhook to be refused while Redis is away", 30)
        self.stack.redis.start()

    def kill_mariadb(self):
        """It stays away until more webhooks were accepted, so that their jobs wait for it."""
        self.stack.mariadb.kill9()
        accepted = counts(self.stack)["delivered"]
        wait_until(lambda: counts(self.stack)["delivered"] >= accepted + 20,
                   "webhooks to be accepted while MariaDB is away", 30)
        self.stack.mariadb.start()

    def finish(self):
        return settle(self.stack, self.marks)
