# SPDX-License-Identifier: MIT
"""Amicales with accounts, their people signed in, a simulator that taps cards and fails on
demand, and what both sides have in their books."""

import base64
import hashlib
import json
import secrets
import urllib.parse
import urllib.request

from support.client import Client
from support.directory import short_directory  # noqa: F401 (tests take it from here)
from support.process import wait_until
from support.stack import Stack

PAID = ("succeeded", "partially_refunded", "refunded")
# Crashed workers and lost jobs are to be noticed soon, so that the tests are.
QUICK = {"worker.beat_ms": 200, "worker.dead_after_ms": 1000, "worker.slots": 8}


class Person(Client):
    """Somebody with a session, written as a login would have."""

    def __init__(self, room, user_id):
        super().__init__(room.stack.api.url, token=base64.urlsafe_b64encode(
            secrets.token_bytes(32)).decode().rstrip("="))
        self.id = user_id
        room.stack.sql(
            "INSERT INTO sessions (token_hash, user_id, expires_at)"
            " VALUES (%s, %s, UTC_TIMESTAMP(3) + INTERVAL 30 DAY)",
            (hashlib.sha256(self.token.encode()).hexdigest(), user_id))

    def create(self, amount=1500, amicale=1, key=None, prefer=None, **more):
        return self.post("/api/payments/create-intent",
                         {"amount": amount, "amicale_id": amicale, **more},
                         key=key, prefer=prefer)

    def act(self, verb, payment, body=None, **words):
        """`payment` is an id of either sort, or an answer about one."""
        if hasattr(payment, "json"):
            payment = payment.json["id"]
        return self.post(f"/api/payments/{payment}/{verb}", body or {}, **words)

    def finish(self, answer, timeout_s=60.0):
        """(status, body) in the end: what the answer says, or the job of a 202 came to."""
        if answer.status != 202:
            return answer.status, answer.json
        job = self.wait_job(answer, timeout_s)
        assert job["status"] == "done", job
        return job["answer"]["status"], job["answer"]["body"]


class PaymentsRoom:
    """Amicale 1 with account acct_one: pompiers 11 and 12, admin 13. Amicale 2 with
    acct_two: pompier 21, admin 23. Viewer 31, operator 32."""

    PEOPLE = ((11, "pompier", 1), (12, "pompier", 1), (13, "admin", 1),
              (21, "pompier", 2), (23, "admin", 2), (31, "viewer", None),
              (32, "operator", None))

    def __init__(self, directory, mariadb, workers=2, worker_binary=None, settings=None):
        self.stack = Stack(directory, mariadb=mariadb, workers=workers,
                           worker_binary=worker_binary,
                           settings={**QUICK, **(settings or {})})
        self.sim = self.stack.stripesim
        self.sql, self.sql_one = self.stack.sql, self.stack.sql_one
        self.redis = None

    def start(self):
        self.stack.start()
        self.redis = self.stack.redis.client(decode_responses=True)
        for number, account in ((1, "acct_one"), (2, "acct_two")):
            self.stack.tocsin("amicale", "add", "--name", f"Amicale {number}", "--email",
                              f"bureau{number}@example.com", "--id", number)
            self.stack.tocsin("amicale", "account", number, account, "--onboarded")
            self.sim.control("accounts", {"id": account})
        password = self.stack.secrets / "demo_password"
        for number, name in ((11, "Zoé Le Goff"), (12, "Anne Kervella")):
            self.stack.tocsin("user", "add", "--role", "pompier", "--email",
                              f"u{number}@example.com", "--name", name, "--amicale", 1,
                              "--password-file", password, "--id", number)
        for number, role, amicale in self.PEOPLE[2:]:  # the rest need no password
            self.sql("INSERT INTO users (id, amicale_id, role, encrypted_name,"
                     " encrypted_email, email_lookup, password_hash)"
                     " SELECT %s, %s, %s, encrypted_name, encrypted_email, %s, '!'"
                     " FROM users WHERE id = 11",
                     (number, amicale, role, f"{number:064d}"))
        self.people = {number: Person(self, number) for number, _, _ in self.PEOPLE}
        self.seller, self.second, self.admin = (self.people[n] for n in (11, 12, 13))
        return self

    def stop(self):
        if self.redis:
            self.redis.close()
        self.stack.stop()

    def clear(self):
        """Nothing goes wrong, nobody has a limit, and the books are empty. What a test that
        failed left behind is forgotten, so that it costs no other test."""
        self.sim.control("faults", method="DELETE")
        try:
            self.wait_quiet(5)
        except TimeoutError:
            self.forget_jobs()
        self.sim.control("reset", {})
        for number, account in ((1, "acct_one"), (2, "acct_two")):
            self.sim.control("accounts", {"id": account})
            self.sql("UPDATE stripe_accounts SET charges_enabled = 1, deauthorized_at = NULL,"
                     " onboarding_completed = 1, amicale_id = %s"
                     " WHERE stripe_account_id = %s", (number, account))
        for table in ("receipts", "refunds", "disputes", "stripe_events", "reconciliation_findings",
                      "payment_intents", "idempotency_keys"):
            self.sql(f"DELETE FROM {table}")
        for name in self.redis.scan_iter("{tocsin}:limit:*", 1000):
            self.redis.delete(name)
        self.stack.mail.clear()

    # The simulator.

    def fault(self, kind, path, times=1, method="POST", **more):
        self.sim.control("faults", {"kind": kind, "path": path, "times": times,
                                    "method": method, **more})

    def webhooks(self, withheld):
        self.sim.control("webhooks", {"withhold_percent": 100 if withheld else 0})

    def tap(self, intent, outcome="succeeded"):
        return self.sim.control(f"payment_intents/{intent}/tap", {"outcome": outcome})

    def intents(self):
        return self.sim.control("summary")["payments"]

    def refunds(self):
        return self.sim.control("summary")["refunds"]

    def shown(self, path):
        """An object as Stripe's API shows it."""
        request = urllib.request.Request(
            f"{self.sim.url}/v1/{path}",
            headers={"Authorization": f"Bearer {self.stack.stripe_key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def made_elsewhere(self, path, **form):
        """An object that somebody made by other means than ours."""
        request = urllib.request.Request(
            f"{self.sim.url}/v1/{path}", data=urllib.parse.urlencode(form).encode(),
            headers={"Authorization": f"Bearer {self.stack.stripe_key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    # Our books.

    def row(self, payment_id, columns="status"):
        ((*values,),) = self.sql(f"SELECT {columns} FROM payment_intents WHERE id = %s",
                                 (payment_id,))
        return values[0] if len(values) == 1 else tuple(values)

    def wait_row(self, payment_id, status, timeout_s=60.0):
        self.stack.wait_sql("SELECT status FROM payment_intents WHERE id = %s", status,
                            (payment_id,), timeout_s)

    def wait_quiet(self, timeout_s=60.0):
        """Until no job waits or runs, and no webhook is on its way."""
        wait_until(self.stack.is_quiet, "all jobs settled", timeout_s)

    def forget_jobs(self):
        """What waits is forgotten; what a worker has already taken it may still write, so
        that is waited for."""
        if any(worker.pid is not None for worker in self.stack.workers):
            for state in ("ready", "scheduled"):
                for queue in self.redis.hkeys("{tocsin}:queues"):
                    self.redis.delete(f"{{tocsin}}:{state}:{queue}")
            wait_until(lambda: not self.stack.has_jobs(("leased",)),
                       "nobody to work on what was left")
        self.redis.flushall()

    def dead(self):
        return [name for queue in self.redis.hkeys("{tocsin}:queues")
                for name in self.redis.zrange(f"{{tocsin}}:dead:{queue}", 0, -1)]

    def attempts(self, answer):
        """How often the job of a 202 has failed."""
        job = answer.json["id"]
        return int(self.redis.hget(f"{{tocsin}}:job:{job}", "attempt") or 0)

    # A sale on its way.

    def paid(self, amount=1500, **more):
        """A payment that was tapped and is known to be paid; the answer of its creation."""
        made = self.seller.create(amount, **more)
        assert made.status == 200, made
        self.tap(made.json["payment_intent_id"])
        self.wait_row(made.json["id"], "succeeded")
        return made

    def authorized(self, amount=1500, **more):
        made = self.seller.create(amount, capture_method="manual", **more)
        assert made.status == 200, made
        self.tap(made.json["payment_intent_id"])
        self.wait_row(made.json["id"], "requires_capture")
        return made

    def cash(self, amount=1000, pompier=11, amicale=1, method="cash", status="succeeded"):
        """A sale as the phones' queue writes it; its id."""
        self.sql("INSERT INTO payment_intents (amicale_id, pompier_id, amount, status,"
                 " payment_method, amount_received, sold_at, sale_day)"
                 " VALUES (%s, %s, %s, %s, %s, %s, UTC_TIMESTAMP(3), UTC_DATE())",
                 (amicale, pompier, amount, status, method, amount))
        return self.sql_one("SELECT MAX(id) FROM payment_intents")


def metadata(payment):
    return payment["metadata"] if isinstance(payment["metadata"], dict) \
        else json.loads(payment["metadata"])
