# SPDX-License-Identifier: MIT
"""Three payments on their way at once, whatever fails meanwhile, and what must be true of
them in the end."""

import threading

from payments_room import metadata

CREATE = "/v1/payment_intents"
CAPTURE = "/v1/payment_intents/{id}/capture"
REFUND = "/v1/refunds"


class Three:
    """A payment that is made, one that is captured in part, and one that is refunded in
    part, at once; and what must be true of them in the end."""

    MADE, CAPTURED, REFUNDED = 1100, 2000, 3000

    def __init__(self, room, withheld=False, key=None):
        self.room = room
        self.authorized = room.authorized(self.CAPTURED, receipt_email="b@example.com")
        self.paid = room.paid(self.REFUNDED, receipt_email="c@example.com")
        room.wait_quiet()
        room.webhooks(withheld)
        self.key = key
        self.answers = {}
        self.threads = []

    def asks(self):
        room, key = self.room, self.key
        return {
            "create": lambda prefer: room.seller.create(
                self.MADE, local_id="sale", receipt_email="a@example.com", key=key,
                prefer=prefer),
            "capture": lambda prefer: room.second.act(
                "capture", self.authorized, {"amount": 1500}, key=key, prefer=prefer),
            "refund": lambda prefer: room.admin.act(
                "refund", self.paid, {"amount": 700}, key=key, prefer=prefer)}

    def begin(self, prefer=None, only=None):
        def ask(name, request):
            self.answers[name] = request(prefer)
        for name, request in self.asks().items():
            if only in (None, name):
                self.threads.append(threading.Thread(target=ask, args=(name, request)))
                self.threads[-1].start()
        return self

    def answered(self):
        """The status of each answer as it came."""
        for thread in self.threads:
            thread.join()
        self.threads.clear()
        return {name: answer.status for name, answer in self.answers.items()}

    def end(self, timeout_s=60.0):
        """Checks both sides' books, then again once all withheld events have come."""
        self.answered()
        bodies = {}
        for name, answer in self.answers.items():
            status, bodies[name] = self.who(name).finish(answer, timeout_s)
            assert status == 200, (name, bodies[name])
        self.check(bodies)
        self.room.wait_quiet()
        self.check_mail()
        self.room.webhooks(withheld=False)
        self.room.sim.control("release", {})
        self.room.wait_quiet()
        self.check(bodies)
        self.check_mail()

    def who(self, name):
        return {"create": self.room.seller, "capture": self.room.second,
                "refund": self.room.admin}[name]

    def check(self, bodies):
        room = self.room
        intents = {}
        for intent in room.intents():
            intents.setdefault(metadata(intent)["payment_id"], []).append(intent)
        assert {len(same) for same in intents.values()} == {1}, intents
        assert len(intents) == room.sql_one("SELECT COUNT(*) FROM payment_intents") == 3
        for payment_id, (intent,) in intents.items():
            row = room.row(payment_id, "stripe_payment_intent_id, amount, amount_received")
            assert row == (intent["id"], intent["amount"], intent["amount_received"])
        made = bodies["create"]
        (intent,) = intents[str(made["id"])]
        assert made["payment_intent_id"] == intent["id"] and made["client_secret"]
        assert intent["amount"] == self.MADE
        assert bodies["capture"]["status"] == "succeeded"
        assert bodies["capture"]["amount_received"] == 1500
        assert intents[str(self.authorized.json["id"])][0]["amount_received"] == 1500
        (given,) = [refund for refund in room.refunds()
                    if refund["payment_intent"] == self.paid.json["payment_intent_id"]]
        assert (given["id"], given["amount"]) == (bodies["refund"]["refund"]["refund_id"], 700)
        assert room.row(self.paid.json["id"], "status, amount_refunded") == (
            "partially_refunded", 700)
        assert room.row(self.authorized.json["id"], "status, amount_refunded") == (
            "succeeded", 0)
        assert room.sql_one("SELECT COUNT(*) FROM refunds WHERE payment_id = %s",
                            (self.paid.json["id"],)) == 1

    def check_mail(self):
        """The two that are paid have one receipt each, the refund one notice."""
        sent = sorted((message["To"], message["Message-ID"])
                      for message in self.room.stack.mail.messages())
        assert [to for to, _ in sent] == ["b@example.com", "c@example.com", "c@example.com"]
        assert len({name for _, name in sent}) == len(sent)

    def fault(self, kind, times=1, **more):
        for path in (CREATE, CAPTURE, REFUND):
            self.room.fault(kind, path, times, **more)
