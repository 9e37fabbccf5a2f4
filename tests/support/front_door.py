# SPDX-License-Identifier: MIT
"""The front door with a Redis and nothing else: what most of its tests need.

MariaDB is absent unless a socket is given: the webhook does not need it."""

import socket
import time
from pathlib import Path

import stripe

from .process import wait_until
from .programs import Api
from .stack import Stack, key_ring

PLATFORM_SECRETS = ("whsec_platform_new", "whsec_platform_old")
CONNECT_SECRETS = ("whsec_connect",)


class FrontDoor(Api):
    """Api with a settings file of its own. `sets` are further settings."""

    def __init__(self, directory, redis_address, sets=None, environment=None, name="api"):
        directory = Path(directory)
        config = directory / f"{name}.conf"
        super().__init__(directory, config, name=name, sets=sets, environment=environment)
        for file, text in (("ring", key_ring()), ("webhook", lines(PLATFORM_SECRETS)),
                           ("connect", lines(CONNECT_SECRETS))):
            if not (directory / file).exists():
                Stack.write_private(directory / file, text)
        config.write_text(
            f"[redis]\naddress = {redis_address}\n"
            f"[mariadb]\nsocket = {directory}/no-mariadb.sock\n"
            f"[seal]\nkeys_file = {directory}/ring\n"
            f"[stripe]\nwebhook_secrets_file = {directory}/webhook\n"
            f"connect_webhook_secrets_file = {directory}/connect\n"
            # A machine with much to do lets Redis wait for longer than a client may.
            "[log]\nlevel = debug\n[api]\nloops = 2\nredis_ms = 1000\n")

    def post(self, body, secret=PLATFORM_SECRETS[0], at_s=None, header=None, **words):
        """The status of one webhook, signed by the official library."""
        header = header if header is not None else signature(body, secret, at_s)
        headers = {"Stripe-Signature": header} if header else {}
        return self.request("POST", "/api/stripe/webhook", body, headers, **words)[0]

    def wait_kept(self, body, timeout_s=60.0):
        """Until an event is taken: Redis is there, or there again."""
        self.wait_redis()
        wait_until(lambda: self.post(body) == 200, "a webhook taken", timeout_s)

    def metric(self, line_start):
        """The value of one line of /metrics."""
        for line in self.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(line_start + " "):
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(line_start)

    def webhooks(self, result):
        return int(self.metric(f'tocsin_webhooks_total{{result="{result}"}}'))

    def connect(self, timeout_s=10.0):
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout_s))


class Wire:
    """A connection on which a test writes what bytes it likes."""

    def __init__(self, connection):
        self.socket = connection
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next answer: (status, {lowercase header: value}, body)."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in
                   (line.split(": ", 1) for line in rest)}
        status = int(first.split(" ")[1])
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed behind {self.buffer!r}")
        self.buffer += data

    def is_closed(self):
        """Waits (as long as the socket's timeout) for the other side's end."""
        if self.buffer:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def lines(words):
    return "".join(word + "\n" for word in words)


def signature(body, secret=PLATFORM_SECRETS[0], at_s=None):
    """Made by python3-stripe, which knows nothing of our code."""
    stamp = int(time.time() if at_s is None else at_s)
    made = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return f"t={stamp},v1={made}"


def webhook_request(body, secret=PLATFORM_SECRETS[0], extra=b""):
    """A whole signed POST as bytes."""
    return (b"POST /api/stripe/webhook HTTP/1.1\r\nHost: test\r\n"
            b"Content-Type: application/json\r\nStripe-Signature: "
            + signature(body, secret).encode() + b"\r\n" + extra
            + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
