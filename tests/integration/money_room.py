# SPDX-License-Identifier: MIT
"""The handlers of events and receipts with a real database and mail server, and a Stripe
whose objects the test sets: the order of everything is the test's."""

import copy
import json
import os
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support import events
from support.programs import build_dir, sanitizer_env
from support.stack import Stack


class Stripe:
    """Answers GET /v1/<collection>/<id> with `objects[id]`, and lists refunds of a charge.
    `on_get(path)` runs before an answer; `fail` is a status for everything."""

    def __init__(self):
        self.objects = {}
        self.asked = []
        self.on_get = None
        self.fail = None
        room = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_GET(self):
                room.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.asked.append(url.path)
        if self.on_get:
            self.on_get(url.path)
        if self.fail:
            return self.send(request, self.fail, {"error": {"type": "api_error"}})
        if url.path == "/v1/refunds":
            return self.send(request, 200, self.page(query))
        found = self.objects.get(url.path.rsplit("/", 1)[1])
        if found is None:
            return self.send(request, 404, {"error": {
                "type": "invalid_request_error", "code": "resource_missing",
                "message": "No such object"}})
        return self.send(request, 200, found)

    def page(self, query):
        """Newest first, as Stripe lists."""
        refunds = [one for one in reversed(list(self.objects.values()))
                   if one["object"] == "refund" and one["charge"] == query["charge"]]
        after = query.get("starting_after")
        if after:
            names = [one["id"] for one in refunds]
            refunds = refunds[names.index(after) + 1:]
        limit = min(int(query.get("limit", 10)), 3)  # small pages, to see them all walked
        return {"object": "list", "data": refunds[:limit], "has_more": len(refunds) > limit}

    @staticmethod
    def send(request, status, body):
        text = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.send_header("Request-Id", "req_test")
        request.end_headers()
        request.wfile.write(text)


class MoneyRoom:
    def __init__(self, directory, mariadb, settings=None, mail_options=None):
        self.stripe = Stripe()
        self.stack = Stack(directory, workers=0, mariadb=mariadb, mail_options=mail_options,
                           settings={"stripe.api_base": self.stripe.url,
                                     "stripe.total_ms": 3000, **(settings or {})})
        self.handles = []
        self.sql = self.stack.sql
        self.sql_one = self.stack.sql_one
        self.mail = self.stack.mail

    def start(self):
        self.stack.write_config()
        self.stack.create_database()
        self.stack.migrate()
        password = self.stack.secrets / "demo_password"
        self.stack.tocsin("amicale", "add", "--name", "Amicale de Pléneuf", "--email",
                          "bureau@pleneuf.example", "--id", "1")
        self.stack.tocsin("amicale", "add", "--name", "Amicale de Dol", "--email",
                          "bureau@dol.example", "--id", "2")
        for number, amicale in ((11, 1), (12, 1), (21, 2)):
            self.stack.tocsin("user", "add", "--role", "pompier", "--email",
                              f"p{number}@example.com", "--name", f"P {number}", "--amicale",
                              amicale, "--password-file", password, "--id", number)
        self.handle = self.open()
        return self

    def open(self):
        handle = Handle(self.stack.config)
        self.handles.append(handle)
        return handle

    def stop(self):
        for handle in self.handles:
            handle.close()
        self.stripe.stop()
        if self.mail.pid is not None:
            self.mail.stop()

    def clear(self):
        """Empty books; the amicales and their people stay."""
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            for table in ("receipts", "refunds", "disputes", "payouts", "terminal_readers",
                          "stripe_events", "reconciliation_findings", "payment_intents",
                          "stripe_accounts"):
                cursor.execute(f"DELETE FROM {table}")
        self.stripe.objects.clear()
        self.stripe.asked.clear()

    def event(self, made, handle=None):
        """Handles one event as the front door would give it; the handler's answer."""
        return (handle or self.handle).event(made)

    def findings(self):
        return {(kind, subject) for kind, subject in self.sql(
            "SELECT kind, subject FROM reconciliation_findings WHERE closed_at IS NULL")}


class Handle:
    """One process that runs handlers, as a slot does."""

    def __init__(self, config):
        self.process = subprocess.Popen(
            [str(build_dir() / "tests/handlers/tocsin-handle"), str(config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **sanitizer_env()})

    def begin(self, name, kind, payload):
        """Gives the job and does not wait for what comes of it."""
        stdin = self.process.stdin
        stdin.write(f"{name}\t{kind}\t{len(payload)}\n".encode() + payload)
        stdin.flush()

    def run(self, name, kind, payload):
        self.begin(name, kind, payload)
        return self.answer()

    def answer(self):
        """What came of the job that was begun."""
        line = self.process.stdout.readline()
        assert line, f"tocsin-handle ended with {self.process.wait(10)}"
        return json.loads(line)

    def event(self, made):
        endpoint = "connect" if made.get("account") else "platform"
        first = f"received_ms={int(time.time() * 1000)} endpoint={endpoint}\n".encode()
        return self.run(made["id"], "stripe.event", first + events.encode(made))

    @staticmethod
    def receipt_job(template, subject):
        payload = json.dumps({"template": template, "subject": subject}).encode()
        return f"receipt:{subject}", "receipt.send", payload

    def receipt(self, template, subject):
        return self.run(*self.receipt_job(template, subject))

    def begin_receipt(self, template, subject):
        self.begin(*self.receipt_job(template, subject))

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        assert status == 0, f"tocsin-handle ended with {status}"


# --- objects in Stripe's shapes -----------------------------------------------------------

RECEIPT = {"account_type": "credit", "application_cryptogram": "DCCF2D0BBC4E8B5F",
           "application_preferred_name": "VISA CREDIT", "authorization_code": "123456",
           "authorization_response_code": "3030",
           "cardholder_verification_method": "online_pin",
           "dedicated_file_name": "A0000000031010",
           "terminal_verification_results": "0000008001",
           "transaction_status_information": "E800"}


class Life:
    """A payment with its charge and refunds: each step changes the objects as Stripe does
    and gives the event that tells of it, with the object as it was at that moment."""

    def __init__(self, amount=1500, amicale=1, pompier=11, email="acheteur@example.com",
                 capture="automatic", **metadata):
        self.now = 1764000000
        names = {"calendrier_annee": "2027", "pompier_name": "Jean"}
        if amicale:
            names["amicale_id"] = str(amicale)
        if pompier:
            names["pompier_id"] = str(pompier)
        if email:
            names["receipt_email"] = email
        names.update(metadata)
        self.intent = {
            "id": events.stripe_id("pi"), "object": "payment_intent", "amount": amount,
            "amount_capturable": 0, "amount_received": 0, "application_fee_amount": None,
            "canceled_at": None, "capture_method": capture, "created": self.now,
            "currency": "eur", "last_payment_error": None, "latest_charge": None,
            "livemode": False, "metadata": names, "receipt_email": None,
            "status": "requires_payment_method",
            "transfer_data": {"destination": "acct_pleneuf"}}
        self.charge = None
        self.refunds = []
        self.released = None  # the refund that gave back no money
        self.made = []

    @property
    def id(self):
        return self.intent["id"]

    def objects(self):
        return [self.intent, *([self.charge] if self.charge else []), *self.refunds]

    def tell(self, kind, thing, account=None):
        # Two events in three are of the same second as the one before.
        self.now += len(self.made) % 3 == 0
        made = events.event(kind, copy.deepcopy(thing), account=account, created=self.now)
        self.made.append(made)
        return made

    def create(self):
        return self.tell("payment_intent.created", self.intent)

    def status(self, status, kind=None, **changes):
        self.intent.update(status=status, **changes)
        return self.tell(f"payment_intent.{kind or status}", self.intent)

    def decline(self, code="card_declined", decline_code="insufficient_funds"):
        return self.status("requires_payment_method", "payment_failed", last_payment_error={
            "type": "card_error", "code": code, "decline_code": decline_code,
            "message": "Your card was declined."})

    def make_charge(self, captured=True):
        amount = self.intent["amount"]
        self.charge = {
            "id": events.stripe_id("ch"), "object": "charge", "amount": amount,
            "amount_captured": amount if captured else 0, "amount_refunded": 0,
            "captured": captured, "created": self.now, "currency": "eur",
            "livemode": False, "metadata": dict(self.intent["metadata"]), "paid": True,
            "payment_intent": self.id, "refunded": False, "status": "succeeded",
            "payment_method_details": {"type": "card_present", "card_present": {
                "brand": "visa", "last4": "4242", "receipt": dict(RECEIPT)}}}
        self.intent["latest_charge"] = self.charge["id"]
        return self.charge

    def succeed(self):
        """Stripe sends the charge's event beside the intent's."""
        self.make_charge()
        self.intent.update(status="succeeded", amount_received=self.intent["amount"],
                           last_payment_error=None)
        self.tell("charge.succeeded", self.charge)
        return self.tell("payment_intent.succeeded", self.intent)

    def authorize(self):
        """The money is set aside, not taken; of a life with capture="manual"."""
        self.tell("charge.succeeded", self.make_charge(captured=False))
        return self.status("requires_capture", "amount_capturable_updated",
                           amount_capturable=self.intent["amount"])

    def capture(self, amount=None):
        """What was set aside is taken, or a part of it; the rest is released."""
        amount = amount or self.intent["amount"]
        self.charge.update(captured=True, amount_captured=amount)
        self.release(self.intent["amount"] - amount)
        self.intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
        self.tell("charge.captured", self.charge)
        made = self.tell("payment_intent.succeeded", self.intent)
        self.settle_release()
        return made

    def cancel(self):
        if self.intent["status"] == "requires_capture":
            self.release(self.intent["amount"])
        made = self.status("canceled", canceled_at=self.now, amount_capturable=0)
        self.settle_release()
        return made

    def release(self, amount):
        """Stripe shows what it does not take as a refund."""
        if amount > 0:
            self.released = self.refund(amount, reason=None)

    def settle_release(self):
        if self.released:
            self.refund_to(self.released, "succeeded", "charge.refund.updated")

    @property
    def given_back(self):
        """What the buyer had paid and has again."""
        return sum(one["amount"] for one in self.refunds
                   if one["status"] == "succeeded" and one is not self.released)

    def refund(self, amount, status="succeeded", reason="requested_by_customer"):
        refund = {"id": events.stripe_id("re"), "object": "refund", "amount": amount,
                  "charge": self.charge["id"], "created": self.now, "currency": "eur",
                  "metadata": {}, "payment_intent": self.id, "status": status,
                  "reason": reason}
        self.refunds.append(refund)
        self.charge["amount_refunded"] += amount
        self.charge["refunded"] = self.charge["amount_refunded"] >= self.charge["amount"]
        self.tell("refund.created", refund)
        self.tell("charge.refunded", self.charge)
        return refund

    def refund_to(self, refund, status, kind="refund.updated"):
        if status in ("failed", "canceled"):
            self.charge["amount_refunded"] -= refund["amount"]
            self.charge["refunded"] = False
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
        return self.tell(kind, refund)

    def publish(self, stripe):
        """Stripe shows the objects as they now are."""
        for thing in self.objects():
            stripe.objects[thing["id"]] = copy.deepcopy(thing)


def dispute(life, status="needs_response", **fields):
    return {"id": events.stripe_id("dp"), "object": "dispute", "amount": life.intent["amount"],
            "charge": life.charge["id"] if life.charge else None, "created": life.now,
            "currency": "eur", "evidence_details": {"due_by": life.now + 600000},
            "livemode": False, "metadata": {}, "payment_intent": life.id,
            "reason": "fraudulent", "status": status, **fields}


def paid(room, life=None, charge=True):
    """A payment that succeeded; what follows from its events."""
    life = life or Life()
    life.create()
    life.succeed()
    life.publish(room.stripe)
    follow_ups = {}
    for made in life.made:
        if charge or made["type"] != "charge.succeeded":
            answer = room.event(made)
            assert answer["outcome"] == "DONE", answer
            follow_ups.update({one["id"]: one for one in answer["follow_ups"]})
    return life, follow_ups
