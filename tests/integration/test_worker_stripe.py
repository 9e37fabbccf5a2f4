# SPDX-License-Identifier: MIT
"""The worker's Stripe client: against a server that misbehaves on demand, and against the
simulator."""

import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

from support.process import free_port
from support.programs import Stripesim, build_dir, sanitizer_env
from support.servers import Redis
from support.stack import key_ring

OBJECT = b'{"id": "pi_1", "object": "payment_intent"}'


class FakeStripe:
    """Answers each request with the next of `answers`: (status, headers, body), "drop" to
    close without an answer, or ("slow", seconds). Keeps what was asked."""

    def __init__(self):
        self.answers = []
        self.asked = []  # (method, path, headers, body)
        self.connections = set()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.asked.append((self.command, self.path, self.headers, body))
                fake.connections.add(self.client_address)
                answer = fake.answers.pop(0) if fake.answers else (200, {}, OBJECT)
                if answer == "drop":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if answer[0] == "slow":
                    fake.released.wait(answer[1])
                    self.close_connection = True
                    return
                status, headers, payload = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                try:
                    self.wfile.write(payload)
                except ConnectionError:
                    pass

            do_GET = do_POST = answer

            def log_message(self, *words):
                pass

        self.released = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def fake():
    fake = FakeStripe()
    yield fake
    fake.stop()


class Client:
    def __init__(self, directory, url, governed=False, **settings):
        self.words = ["governed"] if governed else []
        self.config = directory / "client.conf"
        for name in ("keys", "pii"):
            (directory / name).write_text(key_ring())
        (directory / "stripe_key").write_text("sk_test_of_this_test\n")
        values = {"api_base": url, "secret_key_file": directory / "stripe_key",
                  "connect_ms": 1000, "total_ms": 4000, **settings.get("stripe", {})}
        self.config.write_text(
            "[stripe]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
            + f"[seal]\nkeys_file = {directory / 'keys'}\n"
            + f"pii_keys_file = {directory / 'pii'}\n"
            + f"[redis]\naddress = {settings.get('redis', 'unix:' + str(directory / 'no'))}\n"
            + "connect_ms = 200\n")

    def calls(self, *calls):
        """Each call is (verb, path, account, key..., "name=value"...)."""
        done = subprocess.run(
            [build_dir() / "tests/worker/tocsin-stripe-calls", self.config, *self.words],
            input="".join("\t".join(call) + "\n" for call in calls), text=True,
            capture_output=True, check=False, timeout=60, env=sanitizer_env())
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def get(self, path="/v1/payment_intents/pi_1", *params, account=""):
        return self.calls(("get", path, account, *params))[0]

    def post(self, path="/v1/payment_intents", *params, account="", key="job:step"):
        return self.calls(("post", path, account, key, *params))[0]


@pytest.fixture
def client(workdir, fake):
    return Client(workdir, fake.url)


def error(status, wish=None, **fields):
    headers = {"Request-Id": "req_7"}
    if wish is not None:
        headers["Stripe-Should-Retry"] = wish
    body = {"error": {"type": "api_error", "message": "no", **fields}}
    return status, headers, json.dumps(body).encode()


def test_a_post_is_sent_as_stripe_wants_it(fake, client):
    answer = client.post("/v1/payment_intents", "amount=1000", "metadata[nom]=Zoé & Cie+1",
                         "payment_method_types[0]=card_present", account="acct_1")
    assert answer["outcome"] == "DONE" and answer["document"]["id"] == "pi_1"
    ((method, path, headers, body),) = fake.asked
    assert (method, path) == ("POST", "/v1/payment_intents")
    assert headers["Authorization"] == "Bearer sk_test_of_this_test"
    assert headers["Stripe-Version"] == "2024-06-20"
    assert headers["Stripe-Account"] == "acct_1"
    assert headers["Idempotency-Key"] == "job:step"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Expect" not in headers
    assert urllib.parse.parse_qsl(body.decode()) == [
        ("amount", "1000"), ("metadata[nom]", "Zoé & Cie+1"),
        ("payment_method_types[0]", "card_present")]


def test_a_large_post_waits_for_no_100_continue(fake, client):
    client.post("/v1/payment_intents", "description=" + "x" * 5000)
    assert "Expect" not in fake.asked[0][2]


def test_a_post_without_parameters_sends_an_empty_body(fake, client):
    assert client.post("/v1/payment_intents/pi_1/cancel")["outcome"] == "DONE"
    (_, _, headers, body), = fake.asked
    assert headers["Content-Length"] == "0" and body == b""


def test_a_get_carries_its_parameters_in_the_path_and_no_idempotency_key(fake, client):
    client.get("/v1/events", "limit=100", "types[0]=charge.refunded")
    (method, path, headers, _), = fake.asked
    assert (method, path) == ("GET", "/v1/events?limit=100&types[0]=charge.refunded")
    assert "Idempotency-Key" not in headers and "Stripe-Account" not in headers


def test_calls_share_one_connection(fake, client):
    answers = client.calls(*[("get", f"/v1/refunds/re_{number}", "") for number in range(5)])
    assert [answer["outcome"] for answer in answers] == ["DONE"] * 5
    assert len(fake.connections) == 1


@pytest.mark.parametrize("first", [error(429), error(409), error(503), error(500), "drop",
                                   error(400, wish="true")])
def test_a_read_is_repeated_when_that_can_help(fake, client, first):
    fake.answers = [first, (200, {"Request-Id": "req_8"}, OBJECT)]
    answer = client.get()
    assert answer["outcome"] == "DONE" and answer["request_id"] == "req_8"
    assert len(fake.asked) == 2


def test_a_write_is_repeated_under_the_same_key(fake, client):
    fake.answers = ["drop", error(503), (200, {}, OBJECT)]
    assert client.post(key="job:7:create")["outcome"] == "DONE"
    assert [asked[2]["Idempotency-Key"] for asked in fake.asked] == ["job:7:create"] * 3


def test_a_write_that_got_a_500_is_unsure_and_not_repeated(fake, client):
    fake.answers = [error(500)]
    answer = client.post()
    assert (answer["outcome"], answer["code"], answer["neighbour"]) == ("UNSURE", 500, "")
    assert "req_7" in answer["fault"]
    assert len(fake.asked) == 1


def test_what_stripe_says_not_to_repeat_is_not_repeated(fake, client):
    fake.answers = [error(409, wish="false")]
    answer = client.get()
    assert answer["outcome"] == "LATER" and len(fake.asked) == 1


def test_a_refusal_is_never_with_type_code_and_message(fake, client):
    fake.answers = [error(402, type="card_error", code="card_declined",
                          decline_code="lost_card", param="source", message="Non.")]
    answer = client.post()
    assert answer["outcome"] == "NEVER" and answer["code"] == 402
    assert answer["error_code"] == "card_declined"
    assert answer["decline_code"] == "lost_card" and answer["error_param"] == "source"
    assert answer["fault"] == "402 card_error card_declined: Non. (req_7)"
    assert "document" not in answer


def test_a_refused_key_is_later_and_counts_as_stripe_being_away(fake, client):
    fake.answers = [error(401)]
    answer = client.post()
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "stripe")


def test_retry_after_that_is_too_long_to_wait_for_goes_back_to_the_queue(fake, client):
    status, headers, body = error(429)
    fake.answers = [(status, {**headers, "Retry-After": "40"}, body)]
    answer = client.post()
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "")
    assert answer["retry_after_ms"] == 40000 and len(fake.asked) == 1


def test_a_lost_answer_is_later_for_a_read_and_unsure_for_a_write(fake, client):
    fake.answers = ["drop"] * 3
    read = client.get()
    assert (read["outcome"], read["neighbour"], read["code"]) == ("LATER", "stripe", 2)
    fake.answers = ["drop"] * 3
    write = client.post()
    assert (write["outcome"], write["neighbour"], write["code"]) == ("UNSURE", "", 2)


@pytest.mark.parametrize("then", [error(409), error(429)])
def test_a_write_of_which_one_answer_was_lost_is_unsure_whatever_comes_then(fake, client, then):
    fake.answers += ["drop", then, then]
    answer = client.post()
    assert (answer["outcome"], answer["neighbour"]) == ("UNSURE", "")
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in fake.asked}) == 1


def test_nobody_there_is_later_also_for_a_write(workdir):
    client = Client(workdir, f"http://127.0.0.1:{free_port()}")
    answer = client.post()
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "stripe")
    assert "cannot be reached" in answer["fault"]


def test_a_call_ends_within_its_limit(fake, workdir):
    client = Client(workdir, fake.url, stripe={"total_ms": 1500})
    fake.answers = [("slow", 30)] * 3
    began = time.monotonic()
    assert client.post()["outcome"] == "UNSURE"
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("body", [b"<html>", b'{"a":1,"a":2}', b"{" + b" " * (9 << 20) + b"}"],
                         ids=["no JSON", "a name twice", "too long"])
def test_an_answer_that_cannot_be_read_is_doubtful_for_a_write(fake, client, body):
    fake.answers = [(200, {}, body)]
    assert client.post()["outcome"] == "UNSURE"
    fake.answers = [(200, {}, body)]
    assert client.get()["outcome"] == "LATER"


def test_a_redirect_is_not_followed(fake, client):
    fake.answers = [(302, {"Location": "http://127.0.0.1:9/"}, b"{}")]
    assert client.get()["outcome"] == "LATER"
    assert len(fake.asked) == 1


def test_the_governor_paces_calls_and_learns_from_a_429(fake, workdir):
    with Redis(workdir) as redis:
        client = Client(workdir, fake.url, governed=True, redis=redis.address,
                        stripe={"rate_per_s": 5})
        began = time.monotonic()
        client.calls(*[("get", "/v1/refunds/re_1", "")] * 12)
        assert time.monotonic() - began > 1
        fake.answers = [error(429), (200, {}, OBJECT)]
        assert client.get()["outcome"] == "DONE"
        with redis.client() as inside:
            assert float(inside.hget("{tocsin}:governor", "rate")) <= 2.5


def test_without_redis_calls_go_on_at_the_slots_own_pace(fake, workdir):
    client = Client(workdir, fake.url, governed=True, stripe={"rate_per_s": 160})
    began = time.monotonic()
    answers = client.calls(*[("get", "/v1/refunds/re_1", "")] * 6)
    took = time.monotonic() - began
    assert [answer["outcome"] for answer in answers] == ["DONE"] * 6
    assert 1 <= took < 15  # 32 slots at 160 a second: 200 ms each


def test_the_simulator_is_called_like_stripe(workdir):
    with Stripesim(workdir) as sim:
        client = Client(workdir, sim.url)
        created = client.post("/v1/payment_intents", "amount=1500", "currency=eur",
                              "payment_method_types[0]=card", "metadata[local_id]=é1",
                              key="job:create")
        assert created["outcome"] == "DONE", created
        intent = created["document"]["id"]
        again = client.post("/v1/payment_intents", "amount=1500", "currency=eur",
                            "payment_method_types[0]=card", "metadata[local_id]=é1",
                            key="job:create")
        assert again["document"]["id"] == intent
        other = client.post("/v1/payment_intents", "amount=1600", "currency=eur",
                            key="job:create")
        assert (other["outcome"], other["error_type"]) == ("NEVER", "idempotency_error")
        found = client.get(f"/v1/payment_intents/{intent}")
        assert found["document"]["metadata"] == {"local_id": "é1"}
        missing = client.get("/v1/payment_intents/pi_none")
        assert (missing["outcome"], missing["code"]) == ("NEVER", 404)
        assert missing["error_code"] == "resource_missing"
