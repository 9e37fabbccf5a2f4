# SPDX-License-Identifier: MIT
"""A front door with people who are signed in, jobs for them to wait for, and crowds."""

import hashlib
import resource
import secrets
import select
import socket
import time
from pathlib import Path

from redis_proxy import RedisProxy
from support.client import Client
from support.process import wait_until
from worker_room import PREFIX, Room

CROWD_FILES = 16384  # descriptors, of this process and of the front door


class WaitingRoom(Room):
    """Room with a front door. `proxied`: it reaches Redis over self.proxy."""

    def __init__(self, directory, mariadb, settings=None, proxied=False, deaf=False):
        super().__init__(directory, mariadb, settings={
            "log.level": "debug", "api.loops": 1, "worker.beat_ms": 200,
            "worker.dead_after_ms": 1500, **(settings or {})})
        self.api = self.stack.api
        self.proxy = RedisProxy(self.stack.redis.socket, deaf=deaf) if proxied else None
        if proxied:
            self.api.sets["redis.address"] = self.proxy.address

    def start(self):
        super().start()
        self.api.start()
        self.api.wait_redis()
        return self

    def stop(self):
        try:
            super().stop()
        finally:
            if self.proxy:
                self.proxy.close()

    def amicale(self):
        """One of its own, without an account."""
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.execute("INSERT INTO amicales (encrypted_name, encrypted_email)"
                           " VALUES ('x', 'x')")
            connection.commit()
            return cursor.lastrowid

    def person(self, role="pompier", amicale_id=None, **client):
        """Somebody who has just signed in: a Client with `id`, `amicale_id`."""
        token = secrets.token_urlsafe(32)
        if amicale_id is None and role in ("pompier", "admin"):
            amicale_id = self.amicale()
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO users (amicale_id, role, encrypted_name, encrypted_email,"
                " email_lookup, password_hash) VALUES (%s, %s, 'x', 'x', %s, 'x')",
                (amicale_id, role, secrets.token_hex(32)))
            user = cursor.lastrowid
            cursor.execute(
                "INSERT INTO sessions (token_hash, user_id, expires_at)"
                " VALUES (%s, %s, NOW(3) + INTERVAL 1 DAY)",
                (hashlib.sha256(token.encode()).hexdigest(), user))
            connection.commit()
        person = Client(self.api.url, token=token, **client)
        person.id, person.amicale_id = user, amicale_id
        return person

    def cash(self, person, amount=1000):
        """A sale of the person's in cash, which may be voided; its id."""
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO payment_intents (amicale_id, pompier_id, amount, status,"
                " payment_method, amount_received, sold_at, sale_day)"
                " VALUES (%s, %s, %s, 'succeeded', 'cash', %s, UTC_TIMESTAMP(3), UTC_DATE())",
                (person.amicale_id, person.id, amount, amount))
            connection.commit()
            return cursor.lastrowid

    def void(self, person, sale, reason="erreur de saisie", **words):
        """A write whose job needs nothing but MariaDB."""
        return person.post(f"/api/payments/{sale}/void", {"reason": reason}, **words)

    def asked_jobs(self, kind="payment.void"):
        return [key.decode().removeprefix(f"{PREFIX}:job:")
                for key in self.redis.scan_iter(f"{PREFIX}:job:{kind}:*", 1000)]

    def jobs_of(self, person, count=1, payload='0 {"said":true}', kind="test.answer"):
        """Names of new jobs that are the person's to see; the front door is told when they
        are settled."""
        names = [f"{kind}:{person.id}:{secrets.token_hex(16)}" for _ in range(count)]
        assert self.enqueue(*[(name, kind, payload) for name in names]) == count
        channel = self.channel()
        pipe = self.redis.pipeline(transaction=False)
        for name in names:
            pipe.hset(f"{PREFIX}:job:{name}", "reply", channel)
        pipe.execute()
        return names

    def channel(self):
        """The reply channel of the front door's loop."""
        start = f"{PREFIX}:settled:"
        (found,) = wait_until(lambda: self.redis.pubsub_channels(start + "*"), "its channel")
        return found.decode().removeprefix(start)

    def metric(self, name):
        for line in self.api.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(name)

    def wait_awaited(self, jobs):
        wait_until(lambda: self.metric("tocsin_jobs_awaited") == jobs,
                   f"{jobs} jobs are waited for", 60)

    def rss_bytes(self):
        for line in Path(f"/proc/{self.api.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise KeyError("VmRSS")


class Crowd:
    """One request on each of many connections: GET /api/jobs/{id} for each of `names`."""

    def __init__(self, room, person, names, wait_s=25):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard >= CROWD_FILES, "a crowd needs more descriptors"
        self.room, self.names = room, names
        self.arrivals = {}  # name: (wall ms, bytes)
        self._parts, self._names = {}, {}
        self._poll = select.epoll()
        self._sockets = {}
        for name in names:
            one = socket.create_connection(("127.0.0.1", room.api.port), 30)
            one.sendall(f"GET /api/jobs/{name} HTTP/1.1\r\nHost: t\r\n"
                        f"Authorization: Bearer {person.token}\r\n"
                        f"Prefer: wait={wait_s}\r\n\r\n".encode())
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._names[one.fileno()] = name
            self._poll.register(one, select.EPOLLIN)

    def gather(self, timeout_s=60):
        """Until all were answered, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while len(self.arrivals) < len(self.names) and time.monotonic() < deadline:
            for fd, _ in self._poll.poll(0.2):
                name = self._names[fd]
                if name in self.arrivals:
                    self._poll.unregister(fd)  # it was cut afterwards
                    continue
                piece = self._sockets[fd].recv(65536)
                whole = self._parts.get(fd, b"") + piece
                self._parts[fd] = whole
                head, _, body = whole.partition(b"\r\n\r\n")
                at = head.find(b"Content-Length: ")
                if at >= 0 and len(body) >= int(head[at + 16:].split(b"\r\n", 1)[0]):
                    self.arrivals[name] = (time.time() * 1000, whole)
                elif not piece:
                    self._poll.unregister(fd)
        return self

    def lags_ms(self):
        """How long after their jobs were settled the answers came, from the least on."""
        pipe = self.room.redis.pipeline(transaction=False)
        for name in self.names:
            pipe.hget(f"{PREFIX}:job:{name}", "at")
        settled = [float(at) for at in pipe.execute()]
        return sorted(self.arrivals[name][0] - at for name, at in zip(self.names, settled))

    def close(self):
        self._poll.close()
        for one in self._sockets.values():
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
