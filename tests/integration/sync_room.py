# SPDX-License-Identifier: MIT
"""Offline sales as the front door's jobs carry them, put into the queue without it, and
what both sides' books say of them afterwards."""

import base64
import hashlib
import hmac
import json
import subprocess
import time
from datetime import datetime, timezone

from payments_room import PaymentsRoom
from support.process import ProcessError, start_all, stop_all, wait_until
from support.programs import Worker, build_dir, sanitizer_env

DAY_MS = 24 * 3600 * 1000


def moment_ms(text):
    """Of "2026-11-22T10:05:00Z", or another offset."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def sale(local_id, amount=1000, method="cash", pompier=11, amicale=1, sold=None, email=None,
         intent=None, is_conflict=False, device="phone-1", batch="bat_test"):
    """The payload of a job, as common/model/sale.c writes it."""
    now_ms = round(time.time() * 1000)
    payload = {"pompier_id": pompier, "amicale_id": amicale, "local_id": local_id,
               "amount": amount, "method": method, "intent": intent,
               "receipt_email": email,
               "sold_ms": now_ms if sold is None else moment_ms(sold),
               "received_ms": now_ms, "device_id": device, "batch_id": batch,
               "is_conflict": is_conflict or None}
    return {name: value for name, value in payload.items() if value is not None}


def name_of(payload):
    """The job's name, as the front door gives it; of another content one that differs alike."""
    name = f"sync:{payload['pompier_id']}:{payload['local_id']}"
    other = f"{name}/{payload['amount']}{payload['method']}"
    return other if payload.get("is_conflict") else name


class SyncRoom(PaymentsRoom):
    """The amicales of PaymentsRoom, whose phones hand over what they sold offline."""

    def enqueue(self, *sales, suffix="", lane=""):
        """Puts the sales into the queue; `suffix` makes names that Redis does not know,
        as after it forgot them. How many were new."""
        lines = []
        for one in sales:
            kind = "sync.card" if one["method"] == "card" else "sync.sale"
            lines.append("\t".join((name_of(one) + suffix, kind, lane,
                                    str(one["amicale_id"]), "0",
                                    json.dumps(one, ensure_ascii=False))))
        done = subprocess.run(
            [build_dir() / "tests/worker/tocsin-enqueue", self.stack.config],
            input="\n".join(lines) + "\n", text=True, capture_output=True, check=False,
            env=sanitizer_env())
        if done.returncode != 0:
            raise ProcessError(f"tocsin-enqueue: {done.stderr}")
        return int(dict(word.split("=") for word in done.stdout.split())["new"])

    def flush(self, *sales, suffix="", timeout_s=60.0):
        """The same, and all of them are settled."""
        self.enqueue(*sales, suffix=suffix)
        self.wait_quiet(timeout_s)

    def mac_of(self, amount, method):
        """The fingerprint of a sale, as front door and workers make it."""
        keys = dict(line.split(" ", 1) for line in
                    (self.stack.secrets / "redis_keys").read_text().splitlines())
        return hmac.new(base64.b64decode(keys["index"]),
                        f"job|sync.sale\0{amount}|{method}".encode(),
                        hashlib.sha256).hexdigest()

    def stop_workers(self):
        stop_all(self.stack.workers)

    def start_workers(self):
        start_all(self.stack.workers)

    def crash_at(self, steps):
        """For each (step, sales) a worker that takes these sales and dies at the step;
        nobody takes what it held until all of them are dead."""
        self.wait_quiet()
        self.stop_workers()
        for step, sales in steps:
            crashing = Worker(self.stack.config, "crashing", binary="tocsin-worker-test",
                              sets={"worker.dead_after_ms": 60000},
                              environment={"TOCSIN_CRASH_AT": step})
            self.enqueue(*sales)
            # It may come to the step at once: with an event of the one before, too.
            crashing.start(wait=False)
            assert crashing.wait_exit() == -9
        self.start_workers()
        self.wait_quiet(60)

    def clear(self):
        """Sales have the same names in many tests: Redis forgets them, too."""
        self.sql("DELETE FROM sync_conflicts")
        super().clear()
        self.redis.flushall()

    # Looking inside.

    def sale_row(self, local_id, columns="status", pompier=11):
        ((*values,),) = self.sql(
            f"SELECT {columns} FROM payment_intents WHERE pompier_id = %s AND local_id = %s",
            (pompier, local_id))
        return values[0] if len(values) == 1 else tuple(values)

    def rows(self):
        """local_id -> (amount, method, status) of every sale."""
        return {name: tuple(rest) for name, *rest in self.sql(
            "SELECT local_id, amount, payment_method, status FROM payment_intents")}

    def conflicts(self, columns="local_id, kind"):
        return self.sql(f"SELECT {columns} FROM sync_conflicts ORDER BY id")

    def job(self, name, field="state"):
        return self.redis.hget(f"{{tocsin}}:job:{name}", field)

    def wait_job(self, name, state, timeout_s=30.0):
        wait_until(lambda: self.job(name) == state, f"{name} {state}", timeout_s)


def utc(text):
    """A DATETIME(3) as pymysql gives it."""
    return datetime.fromtimestamp(moment_ms(text) / 1000, timezone.utc).replace(tzinfo=None)
