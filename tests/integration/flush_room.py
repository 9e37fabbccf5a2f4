# SPDX-License-Identifier: MIT
"""Phones with queues of offline sales, which send them until they have an answer, whatever
is killed meanwhile; and what the books must hold of them."""

import datetime
import http.client
import random
import threading
from collections import Counter
from zoneinfo import ZoneInfo

from support.process import wait_until

PARIS = ZoneInfo("Europe/Paris")
# A phone sends the same again when it is told these, or nothing at all.
NOT_NOW = {(409, "idempotency_in_flight"), (429, "backlog_full"), (503, "unavailable")}


def sold(chance, number, name, method, email=None, **more):
    """An offline sale of the last days."""
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = now - datetime.timedelta(seconds=chance.randrange(4 * 86400), milliseconds=number)
    zone = chance.choice((datetime.timezone.utc, PARIS))
    sale = {"local_id": f"{name}-{number:04d}", "amount": chance.randrange(100, 50001),
            "created_at": moment.astimezone(zone).isoformat(timespec="milliseconds"),
            "payment_method": method, **more}
    return {**sale, "receipt_email": email} if email else sale


def cuts(chance, queue, most):
    """The queue in another order, in pieces of any size."""
    rest, found = chance.sample(queue, len(queue)), []
    while rest:
        size = chance.randint(1, most)
        found.append(rest[:size])
        rest = rest[size:]
    return found


class Sender(threading.Thread):
    """Hands over a queue in its cuts. `verdicts` has the last one of each sale, `batches`
    the names of what was accepted; the first failure is raised by finish()."""

    def __init__(self, person, device, pieces, keys=None):
        super().__init__(name=device, daemon=True)
        self.person = person
        self.device = device
        self.pieces = pieces
        self.keys = keys  # a prefix, when each request has an Idempotency-Key
        self.verdicts = {}
        self.batches = []
        self.lost = 0  # requests without an answer
        self.failure = None

    def run(self):
        try:
            for number, piece in enumerate(self.pieces):
                self.hand_over(number, piece)
        except BaseException as failure:
            self.failure = failure

    def hand_over(self, number, piece):
        body = {"device_id": self.device, "transactions": piece}
        key = self.keys and f"{self.keys}-{number}"
        answer = wait_until(lambda: self.attempt(body, key), f"{self.device}'s piece {number}",
                            60, every_s=0.1)
        results = answer.json["results"]
        assert [one["local_id"] for one in results] == [one["local_id"] for one in piece]
        self.verdicts.update((one["local_id"], one) for one in results)
        self.batches.append(answer.json["batch_id"])

    def attempt(self, body, key):
        try:
            answer = self.person.post("/api/payments/batch-sync", body, key=key)
        except (OSError, http.client.HTTPException):
            self.lost += 1
            return None
        if (answer.status, answer.code) in NOT_NOW:
            return None
        assert answer.status == 202, answer
        return answer

    def finish(self):
        self.join(120)
        assert not self.is_alive(), f"{self.device} did not come to its end"
        if self.failure:
            raise self.failure


def expected_days(queue):
    """{day: {method: [sales, cents]}} on the days in Paris."""
    days = {}
    for sale in queue:
        moment = datetime.datetime.fromisoformat(sale["created_at"])
        day = days.setdefault(moment.astimezone(PARIS).date().isoformat(), Counter())
        day[sale["payment_method"], "ventes"] += 1
        day[sale["payment_method"], "montant"] += sale["amount"]
    return days


def shown_days(stats):
    """The same of GET /api/amicales/{id}/stats."""
    return {day["date"]: Counter({(method, what): day[method][what]
                                  for method in ("card", "cash", "cheque")
                                  for what in ("ventes", "montant") if day[method][what]})
            for day in stats["days"]}


def check_books(room, amicale, queue):
    """The amicale's days are those of the queue, to the cent."""
    stats = room.people[31].get(f"/api/amicales/{amicale}/stats").json
    assert shown_days(stats) == expected_days(queue)
    assert stats["totals"]["total_montant"] == sum(one["amount"] for one in queue)


def check_batches(room, person, names):
    """Each is at its end, with all of its sales recorded."""
    def ended(name):
        shown = person.get(f"/api/batches/{name}")
        assert shown.status == 200, shown
        return shown.json if shown.json["done"] == shown.json["total"] else None
    for name in names:
        batch = wait_until(lambda name=name: ended(name), f"{name} to be done", 30)
        assert batch["outcomes"]["recorded"] == batch["total"], batch["outcomes"]


class Killer:
    """Kills a program when so many pieces of the senders were answered, and starts it."""

    def __init__(self, senders, seed):
        self.senders = senders
        self.chance = random.Random(seed)

    def answered(self):
        return sum(len(sender.batches) for sender in self.senders)

    def spread(self, victims):
        """Kills them in some order, all over the time in which the senders send."""
        pieces = sum(len(sender.pieces) for sender in self.senders)
        moments = sorted(self.chance.sample(range(1, max(pieces - 5, len(victims) + 1)),
                                            len(victims)))
        for moment, victim in zip(moments, self.chance.sample(victims, len(victims)),
                                  strict=True):
            wait_until(lambda moment=moment: self.answered() >= moment or not any(
                sender.is_alive() for sender in self.senders), "pieces to be answered", 60)
            victim.kill9()
            victim.start()
