# SPDX-License-Identifier: MIT
"""Books that were made by a play in the simulator, and their reconciliation."""

import contextlib
import datetime
import json
import secrets
import subprocess
import zoneinfo

from payments_room import PaymentsRoom, short_directory

from support.process import ProcessError, wait_until
from support.programs import build_dir, sanitizer_env

PAYMENT = "id, stripe_payment_intent_id, amount_received, amount, application_fee"
PARIS = zoneinfo.ZoneInfo("Europe/Paris")
STILL = {"books.margin_s": 0}
MIX = {"succeeded": 4, "captured": 1, "partially_captured": 3, "canceled": 1, "released": 1,
       "refunded": 2, "partially_refunded": 3, "refund_failed": 2, "disputed": 2,
       "dispute_won": 2, "declined_then_succeeded": 1}


def today():
    return datetime.datetime.now(PARIS).date()


class ProofRoom(PaymentsRoom):
    """Amicale 1 with acct_one, amicale 2 with acct_two, amicale 3 without an account; see
    PaymentsRoom."""

    AMICALES = 3
    apart = False

    def __init__(self, directory, mariadb, settings=None, **options):
        super().__init__(directory, mariadb, settings={**STILL, **(settings or {})}, **options)
        self.picked = {}

    def start(self):
        super().start()
        self.stack.tocsin("amicale", "add", "--name", "Amicale 3", "--email",
                          "bureau3@example.com", "--id", 3)
        return self

    def restart(self, **settings):
        """The workers anew, with these settings: books__margin_s=600. They plan, or their
        queue becomes empty."""
        self.stack.extra.update({name.replace("__", "."): value
                                 for name, value in settings.items()})
        self.stack.write_config()
        for worker in self.stack.workers:
            if worker.pid is not None:
                worker.stop()
            worker.start()
        if self.stack.extra.get("worker.plans") != "true":
            self.settle()

    def play(self, count, amicale=1, mix=None, **more):
        """Payments of that amicale's, with all that happened to them, in both books."""
        pompier, account = {1: (11, "acct_one"), 2: (21, "acct_two")}[amicale]
        self.sim.control("play", {
            "count": count, "rate": 0, "step_ms": 0, "amount_least": 600,
            "amount_most": 5000, "fee": 50, "destination": account, "mix": mix or MIX,
            "metadata": {"amicale_id": str(amicale), "pompier_id": str(pompier),
                         "local_id": f"{secrets.token_hex(4)}-{{n}}"}, **more})

    def payout(self, account="acct_one", **body):
        return self.sim.control(f"accounts/{account}/payout", body)

    def settle(self, timeout_s=60.0):
        self.wait_quiet(timeout_s)
        assert not self.dead()

    # Reconciling.

    def enqueue(self, name, **payload):
        job = "\t".join((name, "books.plan", "", "-", "0",
                         json.dumps({"run": name, **payload})))
        done = subprocess.run(
            [build_dir() / "tests/worker/tocsin-enqueue", self.stack.config],
            input=job + "\n", text=True, capture_output=True, check=False,
            env=sanitizer_env())
        if done.returncode != 0:
            raise ProcessError(f"tocsin-enqueue: {done.stderr}")

    def ask(self, amicale=None, first=None, last=None):
        """Asks for a run; its name."""
        name = f"books:ask:{secrets.token_hex(8)}"
        self.enqueue(name, **{"from": str(first or today() - datetime.timedelta(days=35)),
                              "to": str(last or today()), "amicale_id": amicale})
        return name

    def runs(self, name):
        """The plan's run and those that it planned, as {amicale: run}."""
        columns = ("state", "checked_count", "opened_count", "closed_count", "totals",
                   "last_fault", "finished_at", "compared_until")
        rows = self.sql(f"SELECT amicale_id, {', '.join(columns)} FROM reconciliation_runs"
                        " WHERE name = %s OR plan = %s", (name, name))
        return {row[0]: dict(zip(columns, row[1:])) for row in rows}

    def reconcile(self, amicale=None, first=None, last=None, walks=False, timeout_s=60.0):
        """A run that was asked for, once all of it has finished."""
        if not walks:
            self.stack.all_walked()
        name = self.ask(amicale, first, last)
        self.wait_finished(name, 1 if amicale else self.AMICALES, timeout_s)
        return self.runs(name)

    def wait_finished(self, name, amicales=AMICALES, timeout_s=60.0):
        def finished():
            runs = self.runs(name)
            states = {run["state"] for run in runs.values()}
            if "failed" in states:
                raise AssertionError(f"a run failed: {runs}")
            return len(runs) == amicales + 1 and states == {"finished"}
        wait_until(finished, f"{name} finished", timeout_s)

    def open(self, kinds=None):
        """The open findings of reconciliation, {(kind, subject): (amicale, amount)}."""
        rows = self.sql("SELECT kind, subject, amicale_id, amount FROM"
                        " reconciliation_findings WHERE closed_at IS NULL"
                        " AND opened_run_id IS NOT NULL")
        return {(row[0], row[1]): (row[2], row[3]) for row in rows
                if kinds is None or row[0] in kinds}

    def detail(self, kind, subject):
        return json.loads(self.sql_one(
            "SELECT detail FROM reconciliation_findings WHERE kind = %s AND subject = %s"
            " AND closed_at IS NULL", (kind, subject)))

    # Differences.

    def write(self, *statements):
        """Several statements in one transaction, whatever refers to what."""
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            for statement, values in statements:
                cursor.execute(statement, values)
            connection.commit()

    def take_out(self, table, where, values=()):
        """Deletes the rows; what puts them back."""
        columns = [row[0] for row in self.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema ="
            " 'tocsin' AND table_name = %s AND is_generated = 'NEVER'", (table,))]
        names = ", ".join(columns)
        rows = self.sql(f"SELECT {names} FROM {table} WHERE {where}", values)
        assert rows, f"{table} has no row where {where}"
        self.write((f"DELETE FROM {table} WHERE {where}", values))
        places = ", ".join(["%s"] * len(columns))
        return lambda: self.write(*(
            (f"INSERT INTO {table} ({names}) VALUES ({places})", row) for row in rows))

    def change(self, table, id_, **values):
        """Sets columns of the row; what sets them back."""
        names = list(values)
        (before,) = self.sql(f"SELECT {', '.join(names)} FROM {table} WHERE id = %s", (id_,))
        update = f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in names)} WHERE id = %s"
        self.write((update, (*values.values(), id_)))
        return lambda: self.write((update, (*before, id_)))

    def put_in(self, table, **values):
        """A new row; what takes it out."""
        self.write((f"INSERT INTO {table} ({', '.join(values)}) VALUES"
                    f" ({', '.join(['%s'] * len(values))})", tuple(values.values())))
        id_ = self.sql_one(f"SELECT MAX(id) FROM {table}")
        return lambda: self.write((f"DELETE FROM {table} WHERE id = %s", (id_,)))

    def pick(self, table, where, columns="id"):
        """The first row that is so; a dict. With `apart`, one that was not picked before."""
        names = [name.strip() for name in columns.split(",")]
        used = self.picked.setdefault(table, [0]) if self.apart else [0]
        rows = self.sql(f"SELECT {columns} FROM {table} WHERE {where}"
                        f" AND id NOT IN ({', '.join(map(str, used))}) ORDER BY id LIMIT 1")
        assert rows, f"the play made nothing of {table} where {where}"
        row = dict(zip(names, rows[0]))
        used.append(row["id"])
        return row

    def plain(self):
        """A payment of amicale 1 to which nothing happened."""
        return self.pick(
            "payment_intents", "amicale_id = 1 AND status = 'succeeded' AND amount_received ="
            " amount AND amount_refunded = 0"
            " AND id NOT IN (SELECT payment_id FROM refunds)"
            " AND id NOT IN (SELECT payment_id FROM disputes)", PAYMENT)

    def wrong_amount(self):
        """A small difference: its finding, and what undoes it."""
        payment = self.plain()
        back = self.change("payment_intents", payment["id"],
                           amount_received=payment["amount_received"] + 100)
        return ("payment_amount", payment["stripe_payment_intent_id"], 1, 100), back


def sums(run):
    """What a run compared: {"books": ..., "stripe": ..., "counts": ...}."""
    return json.loads(run["totals"])


@contextlib.contextmanager
def clean_books(mariadb, payments=30):
    """Books of two amicales in which nothing is wrong; `clean` are the runs that said so."""
    with short_directory() as directory:
        room = ProofRoom(directory, mariadb, workers=1)
        try:
            room.start()
            room.play(payments)
            room.play(payments // 2, amicale=2)
            room.settle()
            for account in ("acct_one", "acct_two"):
                room.payout(account, amount=1000)
                room.payout(account, amount=500, fails=True)
            room.settle()
            room.clean = room.reconcile()
            yield room
        finally:
            room.stop()
