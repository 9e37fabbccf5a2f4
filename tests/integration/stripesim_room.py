# SPDX-License-Identifier: MIT
"""A simulator with an endpoint that keeps the webhooks it gets, and ways to call it."""

import http.client
import http.server
import json
import threading
import urllib.parse

import pytest
import stripe

from support.programs import Stripesim

KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
SECRET = "whsec_of_the_platform"
CONNECT_SECRET = "whsec_of_the_accounts"


class Receiver:
    """An endpoint for webhooks. `statuses` are answered first, then 200."""

    def __init__(self):
        self.received = []  # (path, headers, body)
        self.statuses = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.received.append((self.path, dict(self.headers), body))
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                if status // 100 == 3:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.serve(self.server)

    @staticmethod
    def serve(server):
        # Looking often whether to stop makes stopping quick.
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01},
                         daemon=True).start()

    def events(self):
        with self.lock:
            return [json.loads(body) for _, _, body in self.received]

    def types(self):
        return [event["type"] for event in self.events()]

    def clear(self):
        with self.lock:
            self.received.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    endpoint = Receiver()
    yield endpoint
    endpoint.close()


@pytest.fixture
def sim(workdir, receiver, monkeypatch):
    (workdir / "platform").write_text(SECRET + "\n")
    (workdir / "connect").write_text(CONNECT_SECRET + "\n")
    simulator = Stripesim(workdir, receiver.url + "/platform", workdir / "platform",
                          workdir / "connect",
                          options=["--connect-webhook-url", receiver.url + "/connect"])
    monkeypatch.setattr(stripe, "api_base", simulator.url)
    monkeypatch.setattr(stripe, "api_key", KEY)
    monkeypatch.setattr(stripe, "max_network_retries", 0)
    with simulator:
        # One at a time, so that the order of arrival is the order of the events.
        simulator.control("webhooks", {"concurrency": 1, "retry_first_ms": 10})
        yield simulator


def idle(sim, wait_ms=20000):
    answer = sim.control(f"idle?wait_ms={wait_ms}")
    assert answer["idle"], answer
    return answer["webhooks"]


def call(sim, method, path, form=None, headers=None, timeout_s=20):
    """(status, headers, decoded body); raises when the connection is dropped."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=timeout_s)
    body = urllib.parse.urlencode(form) if form is not None else None
    send = {"Authorization": f"Bearer {KEY}"}
    if body is not None:
        send["Content-Type"] = "application/x-www-form-urlencoded"
    send.update(headers or {})
    try:
        connection.request(method, path, body, send)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()


INTENT = {"amount": "1000", "currency": "eur", "payment_method_types[]": "card_present"}


def create(**more):
    return stripe.PaymentIntent.create(amount=1000, currency="eur",
                                       payment_method_types=["card_present"], **more)


def tap(sim, intent, outcome="succeeded", **more):
    return sim.control(f"payment_intents/{intent.id}/tap", {"outcome": outcome, **more})
