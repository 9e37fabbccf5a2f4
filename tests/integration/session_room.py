# SPDX-License-Identifier: MIT
"""A town with people who sign in: one stack for all tests of a module, with addresses of
their own for each, so that limits of one test do not meet those of another."""

import base64
import hashlib
import itertools
import secrets
import time

import pytest

from support.client import Client
from support.directory import short_directory
from support.programs import run_tocsin
from support.seed import seed_demo
from support.stack import Stack

PASSWORD = "caserne de Vannes"
SETTINGS = {"api.trusted_proxies": "127.0.0.1", "api.loops": 2, "log.level": "debug",
            "api.metrics_allow": "127.0.0.1 198.18.0.0/15"}  # Town's clients, and we


class Town:
    def __init__(self, stack):
        self.stack = stack
        self.numbers = itertools.count(1)
        self.amicale = seed_demo(stack)["amicale_id"]

    def user(self, role="pompier", amicale=None, password=PASSWORD):
        """(id, address) of a new person."""
        address = f"{role}{next(self.numbers)}@ville.example"
        of = () if role in ("viewer", "operator") else (
            "--amicale", amicale or self.amicale)
        made = run_tocsin(self.stack.config, "user", "add", "--role", role, "--email", address,
                          "--name", "Camille", *of, json_output=True, stdin=password + "\n")
        return int(made["user"]), address

    def address(self):
        """A client's address that no other test has."""
        number = next(self.numbers)
        return f"198.18.{number // 250}.{number % 250 + 1}"

    def client(self, address=None, **words):
        """Somebody who comes through a proxy that we trust."""
        return Client(self.stack.api.url,
                      headers={"X-Forwarded-For": address or self.address()}, **words)

    def signed_in(self, role="pompier", **words):
        """(client, user's id, user's address)"""
        user, address = self.user(role)
        client = self.client(**words)
        client.login(address, PASSWORD)
        return client, user, address

    def session(self, user, expires="NOW(3) + INTERVAL 30 DAY", created="NOW(3)",
                seen="NOW(3)"):
        """A client with a session that was written by hand."""
        token = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        client = self.client(token=token)
        self.stack.sql("INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at,"
                       f" expires_at) VALUES (%s, %s, {created}, {seen}, {expires})",
                       (hash_of(token), user))
        return client

    def tocsin(self, *words, **options):
        return run_tocsin(self.stack.config, *words, **options)


def hash_of(token):
    return hashlib.sha256(token.encode()).hexdigest()


def timed(call):
    """(seconds, what it returns)"""
    started = time.monotonic()
    result = call()
    return time.monotonic() - started, result


@pytest.fixture(scope="module")
def town():
    with short_directory() as directory, Stack(directory, settings=SETTINGS) as stack:
        yield Town(stack)
