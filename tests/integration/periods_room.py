# SPDX-License-Identifier: MIT
"""Jobs that come with their periods: servers, the simulator, the front door and workers that
plan, with periods of a second. Each test begins with empty books; workers are its own."""

import contextlib

import stripe

from support.process import wait_until
from support.programs import Worker
from support.seed import DEMO_ACCOUNT, meet_stripe, seed_demo
from support.stack import Stack

# Catch-up every second, everything else only as a test wants it.
PERIODS = {"worker.plans": "true", "worker.slots": 8, "books.catchup_s": 1,
           "books.catchup_accounts_s": 86400, "books.reconcile_s": 86400,
           "books.open_s": 86400, "worker.beat_ms": 200, "worker.dead_after_ms": 1000}
TABLES = ("receipts", "refunds", "disputes", "payouts", "terminal_readers", "stripe_events",
          "reconciliation_findings", "event_cursors", "periodic_runs", "jobs_archive",
          "audit_log", "payment_intents")
PROCESSED = "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL"


class Periods:
    def __init__(self, directory, mariadb, settings=None):
        self.stack = Stack(directory, workers=0, mariadb=mariadb,
                           settings={**PERIODS, **(settings or {})})
        self.sim = self.stack.stripesim
        self.sql, self.sql_one = self.stack.sql, self.stack.sql_one
        self.workers = []

    def start(self):
        self.stack.start_servers()
        self.stack.create_database()
        self.stack.migrate()
        self.demo = seed_demo(self.stack)
        self.sim.start()
        self.stack.api.start()
        self.stack.api.wait_redis()
        stripe.api_base = self.sim.url
        stripe.api_key = self.stack.stripe_key
        stripe.api_version = "2024-06-20"
        stripe.max_network_retries = 0
        return self

    def stop(self):
        self.stop_workers()
        self.stack.stop()

    def clear(self):
        """Empty books and an empty queue; the demo amicale and its account stay."""
        self.stop_workers()
        self.stack.redis.client().flushall()
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM {table}")
            cursor.execute("DELETE FROM stripe_accounts WHERE stripe_account_id <> %s",
                           (DEMO_ACCOUNT,))
            cursor.execute("UPDATE stripe_accounts SET deauthorized_at = NULL")
        self.sim.control("reset", {})
        self.sim.control("faults", method="DELETE")
        meet_stripe(self.stack)
        self.webhooks(withhold_percent=0)

    def worker(self, binary=None, start=True, environment=None, **sets):
        """Settings as books__catchup_s=2."""
        worker = Worker(self.stack.config, f"worker{len(self.workers) + 1}", binary=binary,
                        sets={name.replace("__", "."): value for name, value in sets.items()},
                        environment=environment)
        self.workers.append(worker)
        return worker.start() if start else worker

    def stop_workers(self):
        while self.workers:
            with contextlib.ExitStack() as leaving:
                leaving.callback(self.workers.pop().stop)

    # Stripe.

    def webhooks(self, **how):
        self.sim.control("webhooks", {"retry_first_ms": 20, "retry_most_ms": 200, **how})

    def play(self, count, mix=None, **more):
        self.sim.control("play", {
            "count": count, "destination": DEMO_ACCOUNT, "metadata": {
                "amicale_id": str(self.demo["amicale_id"]),
                "pompier_id": str(self.demo["pompier_id"]), "local_id": "local-{n}"},
            **({"mix": mix} if mix else {}), **more})
        answer = self.sim.control("idle?wait_ms=60000")
        assert answer["idle"], answer

    def events(self, connect=False):
        """The ids of the events of handled types, of the platform or of accounts."""
        handled = self.handled(connect)
        return {event["id"] for event in self.sim.control("events")["events"]
                if bool(event["account"]) == connect and event["type"] in handled}

    @staticmethod
    def handled(connect):
        rest = ("payout.paid", "payout.failed")
        accounts = ("account.updated", "account.application.authorized", "capability.updated",
                    "account.application.deauthorized", *rest)
        return accounts if connect else (
            "payment_intent.created", "payment_intent.processing",
            "payment_intent.requires_action", "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded", "payment_intent.payment_failed",
            "payment_intent.canceled", "charge.succeeded", "charge.refunded",
            "charge.refund.updated", "refund.created", "refund.updated",
            "application_fee.refunded", "charge.dispute.created", "charge.dispute.updated",
            "charge.dispute.closed", "terminal.reader.action_succeeded",
            "terminal.reader.action_failed", *rest)

    # Looking.

    def cursor(self, walk="money", account=""):
        """The row of event_cursors as a dict; None when there is none."""
        names = ("last_event_id", "last_event_created", "complete_until", "gaps_found",
                 "gap_count", "walked_at", "last_fault")
        found = self.sql(f"SELECT {', '.join(names)} FROM event_cursors"
                         " WHERE account = %s AND walk = %s", (account, walk))
        return dict(zip(names, found[0])) if found else None

    def ledger(self, endpoint=None):
        return {event for event, of in self.sql(
            "SELECT stripe_event_id, endpoint FROM stripe_events"
            " WHERE processed_at IS NOT NULL") if endpoint in (None, of)}

    def wait_ledger(self, wanted, timeout_s=60):
        """Until these events are processed, maybe among others that webhooks brought."""
        wait_until(lambda: wanted <= self.ledger(),
                   f"{len(wanted)} events in the ledger", timeout_s)

    def wait_walked(self, walk="money", account="", times=1, timeout_s=60):
        """Until walks that begin from now on have come to their end; the last one's row."""
        for _ in range(times):
            before = self.cursor(walk, account)
            since = before and before["walked_at"]
            wait_until(lambda: (self.cursor(walk, account) or {}).get("walked_at") not in
                       (None, since), "a walk", timeout_s)
        return self.cursor(walk, account)

    def wait_complete(self, walk="money", account="", timeout_s=60):
        """Until a walk finds no gap, and the list complete up to its own second."""
        def complete():
            row = self.cursor(walk, account)
            return row and row["walked_at"] and row["gap_count"] == 0 and \
                row["complete_until"] == row["walked_at"].replace(microsecond=0)
        wait_until(complete, f"the walk {walk} of {account or 'the platform'} to be complete",
                   timeout_s)
        return self.cursor(walk, account)

    def field(self, job, name):
        return self.stack.redis.client(decode_responses=True).hget(f"{{tocsin}}:job:{job}",
                                                                    name)

    def wait_state(self, job, state, timeout_s=60):
        wait_until(lambda: self.field(job, "state") == state, f"{job} {state}", timeout_s)
