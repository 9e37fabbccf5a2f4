# SPDX-License-Identifier: MIT
"""Phones that hand over what they sold offline, over HTTP."""

import itertools
import json
import urllib.parse
from datetime import datetime, timedelta, timezone

from payments_room import PaymentsRoom
from support.process import wait_until

FLUSH = "/api/payments/batch-sync"
PREFIX = "{tocsin}"
names = itertools.count(1)


def stamp(seconds_ago=0, **more):
    """RFC 3339 in UTC, so long ago by our clock; more: days, hours, minutes."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds_ago, **more)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def item(local_id=None, amount=1000, method="cash", **more):
    """One sale of a phone's queue; what is None is left out."""
    one = {"local_id": local_id or f"phone-{next(names):06d}", "amount": amount,
           "created_at": stamp(60), "payment_method": method, **more}
    return {name: value for name, value in one.items() if value is not None}


def items(count, **more):
    return [item(**more) for _ in range(count)]


class PhoneRoom(PaymentsRoom):
    def flush(self, person, sales, device="phone-1", key=None, prefer=None, language=None,
              headers=None, **more):
        return person.post(FLUSH, {"device_id": device, "transactions": sales, **more},
                           key=key, prefer=prefer, language=language, headers=headers)

    def batch(self, person, answer):
        return person.get(urllib.parse.urlsplit(answer.headers["Location"]).path)

    def wait_done(self, person, answer, timeout_s=30.0):
        """The batch as GET tells it, once every item came to its end."""
        def done():
            batch = self.batch(person, answer)
            assert batch.status == 200, batch
            return batch.json if batch.json["done"] == batch.json["total"] else None
        return wait_until(done, "the batch to be done", timeout_s, every_s=0.05)

    def clear(self):
        for table in ("sync_conflicts", "sync_batches", "jobs_archive"):
            self.sql(f"DELETE FROM {table}")
        super().clear()
        self.redis.flushall()

    def rows(self, person=None):
        """local_id -> (amount, method) of every sale, or of one seller's."""
        found = self.sql("SELECT local_id, amount, payment_method, pompier_id"
                         " FROM payment_intents WHERE local_id IS NOT NULL")
        return {name: (amount, method) for name, amount, method, who in found
                if person is None or who == person.id}

    def jobs(self, kind):
        """Names of all jobs of a kind that Redis knows."""
        found = []
        for key in self.redis.scan_iter(f"{PREFIX}:job:*", 1000):
            if self.redis.hget(key, "kind") == kind:
                found.append(key.removeprefix(f"{PREFIX}:job:"))
        return sorted(found)

    def metric(self, start):
        for line in self.stack.api.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(start + " "):
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(start)


def verdicts(answer):
    return [result["status"] for result in answer.json["results"]]


def error_codes(result):
    return [(error["field"], error["code"]) for error in result["errors"]]


def as_bytes(body):
    return json.dumps(body).encode()
