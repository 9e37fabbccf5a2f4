# SPDX-License-Identifier: MIT
"""The handlers of accounts, locations, readers and tokens with a real database and the
simulator, and without a queue: a test decides when a job runs, how often, and when it is
killed."""

import json
import secrets
import threading
import time

import stripe

from money_room import Handle
from support.process import wait_until
from support.stack import Stack

WHOLE, BARE, OTHER = 1, 2, 3  # amicales: complete, without an address, somebody else's
ADMIN, SELLER, STRANGER, OPERATOR = 101, 102, 103, 104
PEOPLE = {ADMIN: ("admin", WHOLE), SELLER: ("pompier", WHOLE), STRANGER: ("admin", OTHER),
          OPERATOR: ("operator", None)}


class ConnectRoom:
    def __init__(self, directory, mariadb, settings=None):
        self.stack = Stack(directory, workers=0, mariadb=mariadb, settings={
            "stripe.total_ms": 4000, "stripe.public_url": "https://tocsin.test",
            **(settings or {})})
        self.stack.stripesim.webhook_url = ""
        self.sim = self.stack.stripesim
        self.handles = []
        self.sql, self.sql_one = self.stack.sql, self.stack.sql_one

    def start(self):
        self.stack.write_config()
        self.stack.create_database()
        self.stack.migrate()
        address = ("--adresse1", "1 place de la Caserne", "--adresse2", "Bâtiment B",
                   "--code-postal", "22370", "--ville", "Pléneuf-Val-André")
        for number, name, more in ((WHOLE, "Amicale de Pléneuf", address),
                                   (BARE, "Amicale de Dol", ()),
                                   (OTHER, "Amicale de Bécherel", address)):
            self.stack.tocsin("amicale", "add", "--id", number, "--name", name, "--email",
                              f"bureau{number}@example.com", *more)
        for number, (role, amicale) in PEOPLE.items():
            self.stack.tocsin("user", "add", "--id", number, "--role", role, "--email",
                              f"u{number}@example.com", "--name", f"U {number}",
                              *(("--amicale", amicale) if amicale else ()),
                              "--password-file", self.stack.secrets / "demo_password")
        self.sim.start()
        stripe.api_base = self.sim.url
        stripe.api_key = self.stack.stripe_key
        stripe.api_version = "2024-06-20"
        stripe.max_network_retries = 0
        self.handle = self.open()
        return self

    def open(self):
        handle = Handle(self.stack.config)
        self.handles.append(handle)
        return handle

    def stop(self):
        for handle in self.handles:
            if handle.process.poll() is None:
                handle.close()
        self.sim.stop()

    def clear(self):
        """Nobody has an account, a location or a reader, here and at Stripe."""
        self.sim.control("reset", {})
        stripe.api_base = self.sim.url
        for table in ("reconciliation_findings", "stripe_events", "terminal_readers",
                      "stripe_accounts", "idempotency_keys"):
            self.execute(f"DELETE FROM {table}")
        self.execute("UPDATE amicales SET stripe_location_id = NULL, location_job_id = NULL,"
                     " location_first_sent_at = NULL, location_send_step = 0")

    def execute(self, statement, values=()):
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.execute(statement, values)

    def fault(self, kind, path, method="POST", **more):
        self.sim.control("faults", {"kind": kind, "path": path, "method": method, **more})

    # Asking.

    def job(self, kind, body, user=ADMIN, key=None, until_ms=0):
        """(name, kind, payload) as the front door gives them."""
        role, amicale = PEOPLE[user]
        payload = {"user_id": user, "role": role, "amicale_id": amicale or 0,
                   "request_id": "req_test", "at_ms": int(time.time() * 1000),
                   "until_ms": until_ms, "body": body}
        if key:
            payload |= {"idempotency_key": key, "mac": "0" * 64}
        return (f"{kind}:{user}:{secrets.token_hex(16)}", kind,
                json.dumps(payload).encode())

    def finish(self, job, handle=None, timeout_s=90.0):
        """Runs the job until it is done, as the queue would: the answer."""
        last = {}

        def ended():
            last.update((handle or self.handle).run(*job))
            assert last["outcome"] != "NEVER", last
            return last["outcome"] == "DONE"
        wait_until(ended, f"{job[0]} done ({last})", timeout_s, 0.1)
        return json.loads(last["result"])

    def ask(self, kind, body, user=ADMIN, **words):
        return self.finish(self.job(kind, body, user, **words))

    def good(self, kind, body, user=ADMIN, **words):
        answer = self.ask(kind, body, user, **words)
        assert answer.get("status") == 200, answer
        return answer["body"]

    def at_once(self, *jobs):
        """Each in a process of its own, all at the same time: their answers."""
        answers = [None] * len(jobs)

        def run(number, job):
            answers[number] = self.finish(job, self.open())
        threads = [threading.Thread(target=run, args=one) for one in enumerate(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert None not in answers
        return answers

    def killed(self, job, happened):
        """Begins the job, and kills its process once that has happened."""
        handle = self.open()
        handle.begin(*job)
        wait_until(happened, "what the job does at Stripe", 20.0)
        handle.kill9()

    # Looking at Stripe.

    @staticmethod
    def accounts():
        return list(stripe.Account.list(limit=100).data)

    @staticmethod
    def locations():
        return list(stripe.terminal.Location.list(limit=100).data)

    @staticmethod
    def readers():
        return list(stripe.terminal.Reader.list(limit=100).data)

    def onboard(self, account):
        """At Stripe, and told here."""
        self.sim.control(f"accounts/{account}/stage", {"stage": "onboarded"})
        self.good("account.refresh", {"account": account}, OPERATOR)
