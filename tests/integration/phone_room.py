# SPDX-License-Identifier: MIT
"""Phones that hand over what they sold offline, over HTTP."""

import itertools
import json
import socket
import urllib.parse
from datetime import datetime, timedelta, timezone

from payments_room import PaymentsRoom
from support.process import start_all, stop_all, wait_until

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
        body = {"device_id": device, "transactions": sales, **more}
        body = {name: value for name, value in body.items() if value is not None}
        return person.post(FLUSH, body, key=key, prefer=prefer, language=language,
                           headers=headers)

    def batch(self, person, answer):
        return person.get(urllib.parse.urlsplit(answer.headers["Location"]).path)

    def wait_done(self, person, answer, timeout_s=60.0, ask_again=()):
        """The batch as GET tells it, once every item came to its end; ask_again: statuses
        after which a phone asks again."""
        def done():
            batch = self.batch(person, answer)
            if batch.status in ask_again:
                return None
            assert batch.status == 200, batch
            return batch.json if batch.json["done"] == batch.json["total"] else None
        return wait_until(done, "the batch to be done", timeout_s, every_s=0.05)

    def clear(self):
        crowded = self.redis.dbsize() > 1000
        self.forget_jobs()  # what a test left behind needs no worker
        if crowded:  # the front door counts once a second
            wait_until(lambda: self.metric("tocsin_sync_backlog", None) == 0,
                       "no backlog is seen")
        for table in ("sync_conflicts", "sync_batches", "jobs_archive"):
            self.sql(f"DELETE FROM {table}")
        super().clear()

    def stop_workers(self):
        stop_all(self.stack.workers)

    def start_workers(self):
        start_all(self.stack.workers)

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

    def metric(self, start, *unknown):
        """Its value; where the page does not tell it, `unknown` if given."""
        for line in self.stack.api.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(start + " "):
                return float(line.rsplit(" ", 1)[1])
        if not unknown:
            raise KeyError(start)
        return unknown[0]


def verdicts(answer):
    return [result["status"] for result in answer.json["results"]]


def error_codes(result):
    return [(error["field"], error["code"]) for error in result["errors"]]


def as_bytes(body):
    return json.dumps(body).encode()


class Stream:
    """Server-sent events of one batch, read from a socket as they come."""

    def __init__(self, person, path, version="1.1", accept="text/event-stream", timeout_s=30):
        self.socket = socket.create_connection((person.url.hostname, person.url.port),
                                               timeout_s)
        self.socket.sendall(
            f"GET {path} HTTP/{version}\r\nHost: t\r\nAccept: {accept}\r\n"
            f"Authorization: Bearer {person.token}\r\n\r\n".encode())
        self.raw = b""     # as it came
        self.buffer = b""  # without its chunks' lengths
        self.ended = False
        head = self._until(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in
                        (line.partition(": ") for line in rest)}
        self.chunked = self.headers.get("transfer-encoding") == "chunked"

    def _more(self):
        data = self.socket.recv(65536)
        self.raw += data
        return data != b""

    def _until(self, end):
        while end not in self.raw:
            if not self._more():
                raise EOFError(self.raw)
        head, _, self.raw = self.raw.partition(end)
        return head

    def _piece(self):
        """The next bytes of the body; b"" at its end."""
        if not self.chunked:
            while not self.raw and self._more():
                pass
            piece, self.raw = self.raw, b""
            return piece
        length = int(self._until(b"\r\n"), 16)
        while len(self.raw) < length + 2:
            if not self._more():
                raise EOFError("in the middle of a chunk")
        piece, self.raw = self.raw[:length], self.raw[length + 2:]
        return piece

    def block(self):
        """The next block of lines, without its empty line; None at the end."""
        while b"\n\n" not in self.buffer:
            piece = self._piece()
            if not piece:
                assert self.buffer == b"", self.buffer
                self.ended = True
                return None
            self.buffer += piece
        block, _, self.buffer = self.buffer.partition(b"\n\n")
        return block.decode()

    def event(self):
        """(name, data) of the next event; None at the end. Comments are skipped."""
        while (block := self.block()) is not None:
            lines = dict(line.partition(": ")[::2] for line in block.split("\n"))
            if "event" in lines:
                return lines["event"], json.loads(lines["data"])
        return None

    def events(self):
        found = []
        while (event := self.event()) is not None:
            found.append(event)
        return found

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
