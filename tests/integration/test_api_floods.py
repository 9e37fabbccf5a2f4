# SPDX-License-Identifier: MIT
"""Floods from one address: of tokens that nobody knows, and of connections. Whoever else
comes goes on, behind the same address too when their session is known."""

import contextlib
import itertools
import select
import socket
import time

import pytest

from session_room import PASSWORD, SETTINGS, Town, hash_of, timed
from support.client import Client
from support.directory import short_directory
from support.front_door import FrontDoor, Wire
from support.process import wait_until
from support.programs import Api
from support.stack import Stack

PLACES = 256  # FLOODS_TOKENS
READERS = 2
HANGS = {**SETTINGS, "api.readers": READERS, "api.read_ms": 60000}  # as long as a test likes
GET = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
FLOOD_S = 1.0
WIRES = 4 * PLACES
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def town():
    with short_directory() as directory, Stack(directory, settings=HANGS) as stack:
        yield Town(stack)


# --- tokens ---------------------------------------------------------------------------------


def unknown():
    return f"{next(numbers):043d}"


def ask(town, address, token):
    """A wire on which somebody's session has been asked for."""
    wire = Wire(socket.create_connection(("127.0.0.1", town.stack.api.port), 60))
    send(wire, address, token)
    return wire


def send(wire, address, token):
    wire.send(f"GET /api/session HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: {address}\r\n"
              f"Authorization: Bearer {token}\r\n\r\n".encode())


def is_answered(wire):
    return bool(select.select([wire.socket], [], [], 0)[0])


def metric(town, name):
    text = town.stack.api.request("GET", "/metrics")[2].decode()
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return int(line.split()[1])


def waits(town, address, token):
    """A wire whose request waits for MariaDB, which hangs; None: it was answered at once."""
    before = metric(town, "tocsin_reads_waiting")
    wire = ask(town, address, token)
    wait_until(lambda: is_answered(wire) or metric(town, "tocsin_reads_waiting") > before,
               "an answer, or a place in line")
    return None if is_answered(wire) else wire


@contextlib.contextmanager
def full(town, addresses):
    """MariaDB hangs, and PLACES tokens that nobody knows are looked for at the addresses."""
    town.stack.mariadb.freeze()
    try:
        wires = [ask(town, address, unknown())
                 for address in itertools.islice(itertools.cycle(addresses), PLACES)]

        def is_full():
            for wire in filter(is_answered, wires):  # its threads run on for a moment
                assert wire.answer()[0] == 401
                send(wire, addresses[0], unknown())
            return metric(town, "tocsin_reads_waiting") == PLACES - READERS
        wait_until(is_full, "all places to be taken")
        yield
    finally:
        town.stack.mariadb.thaw()
    for wire in wires:
        assert wire.answer()[0] == 401
        wire.close()


def forget(town, client):
    """What is remembered of a session, in the front door and in Redis."""
    with town.stack.redis.client() as redis:
        redis.delete("{tocsin}:session:" + hash_of(client.token))
        redis.publish("{tocsin}:ended", "token " + hash_of(client.token))


def test_beyond_its_places_an_address_gets_429_and_another_goes_on(town):
    address, refused = town.address(), metric(town, "tocsin_tokens_refused_total")
    with full(town, [address]):
        answer = town.client(address, token=unknown()).get("/api/session")
        assert (answer.status, answer.code) == (429, "too_many_requests")
        assert answer.headers["Retry-After"] == "1"
        assert metric(town, "tocsin_tokens_refused_total") == refused + 1
        # Who has no token at all is not looked for.
        assert town.client(address).get("/api/session").status == 401
        elsewhere = waits(town, town.address(), unknown())
        assert elsewhere
    assert elsewhere.answer()[0] == 401
    assert town.client(address, token=unknown()).get("/api/session").status == 401


def test_the_addresses_of_an_ipv6_network_have_their_places_together(town):
    with full(town, [f"2001:db8:5:5::{number}" for number in range(1, 10)]):
        assert town.client("2001:db8:5:5:ffff::1",
                           token=unknown()).get("/api/session").status == 429
        beside = waits(town, "2001:db8:5:6::1", unknown())
        assert beside
    assert beside.answer()[0] == 401


def test_behind_the_same_address_a_session_that_memory_or_redis_has_goes_on(town):
    address = town.address()
    user, _ = town.user()
    in_memory = town.session(user)
    for _ in range(20):  # on connections of both loops
        assert in_memory.get("/api/session").status == 200
    in_memory.headers["X-Forwarded-For"] = address
    with Api(town.stack.dir, town.stack.config, name="beside") as beside:
        beside.wait_redis()

        def read_beside():
            client = town.session(user)
            assert Client(beside.url, token=client.token).get("/api/session").status == 200
            return client

        def is_in_redis():
            client, reads = read_beside(), metric(town, "tocsin_reads_total")
            assert client.get("/api/session").status == 200
            return metric(town, "tocsin_reads_total") == reads
        wait_until(is_in_redis, "what was read beside to be believed here")
        in_redis = read_beside()
        in_redis.headers["X-Forwarded-For"] = address
        with full(town, [address]):
            assert in_memory.get("/api/session").status == 200
            assert in_redis.get("/api/session").status == 200


def test_behind_the_same_address_a_session_that_was_let_in_before_is_read_anew(town):
    address = town.address()
    user, _ = town.user()
    before, new = town.session(user), town.session(user)
    assert before.get("/api/session").status == 200
    with full(town, [address]):
        forget(town, before)
        wire = wait_until(lambda: waits(town, address, before.token), "it to be forgotten")
        assert waits(town, address, new.token) is None  # as good as one that nobody has
    assert wire.answer()[0] == 200
    new.headers["X-Forwarded-For"] = address
    assert new.get("/api/session").status == 200


def test_behind_the_same_address_who_has_just_signed_in_is_let_in(town):
    address = town.address()
    _, email = town.user()
    client = town.client(address)
    client.login(email, PASSWORD)
    with full(town, [address]):
        wire = waits(town, address, client.token)
        assert wire
    assert wire.answer()[0] == 200


def test_a_session_that_has_ended_is_as_unknown_as_any_other(town):
    address = town.address()
    user, _ = town.user()
    client = town.session(user)
    assert client.get("/api/session").status == 200
    town.stack.sql("DELETE FROM sessions WHERE token_hash = %s", (hash_of(client.token),))
    forget(town, client)
    wait_until(lambda: client.get("/api/session").status == 401, "it to be forgotten")
    client.headers["X-Forwarded-For"] = address
    with full(town, [address]):
        assert client.get("/api/session").status == 429


def test_places_are_left_when_mariadb_does_not_answer(town):
    address, api = town.address(), town.stack.api
    api.sets["api.read_ms"] = 1000
    api.restart()
    api.wait_redis()
    town.stack.mariadb.freeze()
    try:
        wires = [ask(town, address, unknown()) for _ in range(PLACES)]
        assert {wire.answer()[0] for wire in wires} <= {401, 503}
        for wire in wires:
            send(wire, address, unknown())
        assert [wire.answer()[0] for wire in wires] == [503] * PLACES
    finally:
        town.stack.mariadb.thaw()
        del api.sets["api.read_ms"]
        api.restart()
        api.wait_redis()
    for wire in wires:
        wire.close()


def test_in_a_flood_of_tokens_honest_phones_are_answered(town):
    """How fast is printed."""
    address = town.address()
    user, _ = town.user()
    known = town.session(user)
    known.headers["X-Forwarded-For"] = address
    assert known.get("/api/session").status == 200
    wires = [ask(town, address, unknown()) for _ in range(WIRES)]
    new = [town.session(user) for _ in range(50)]
    statuses, times = [], {"known": [], "elsewhere": []}
    until = time.monotonic() + FLOOD_S
    while time.monotonic() < until or len(times["known"]) < 5:
        for sort, client in (("known", known), ("elsewhere", new.pop() if new else known)):
            took, answer = timed(lambda asker=client: asker.get("/api/session"))
            assert answer.status == 200
            times[sort].append(took * 1000)
        for wire in wires:
            statuses.append(wire.answer()[0])
            send(wire, address, unknown())
    for wire in wires:
        statuses.append(wire.answer()[0])
        wire.close()
    assert set(statuses) <= {401, 429} and 401 in statuses
    print(f"{len(statuses)} unknown tokens, {statuses.count(429)} refused with 429; honest: "
          + ", ".join(f"{sort} {sorted(took)[len(took) // 2]:.1f} ms (worst {max(took):.1f})"
                      for sort, took in times.items()))


# --- connections ----------------------------------------------------------------------------


@pytest.fixture
def make_door(workdir, redis_server):
    running = []

    def make(**sets):
        door = FrontDoor(workdir, redis_server.address, sets={
            key.replace("__", "."): value for key, value in sets.items()})
        running.append(door.start())
        return door
    yield make
    for door in running:
        door.stop()


def connect(door, source):
    return Wire(socket.create_connection(("127.0.0.1", door.port), 20,
                                         source_address=(source, 0)))


def is_let_in(wire):
    """Whether it is answered; else it is closed without a word."""
    try:
        wire.send(GET)
        return wire.answer()[0] == 200
    except (EOFError, ConnectionError):
        wire.close()
        return False


def test_beyond_its_share_of_connections_an_address_is_closed_and_another_comes_in(make_door):
    door = make_door(api__connections_max=8, api__connections_share=50)
    inside = [connect(door, "127.0.0.2") for _ in range(4)]  # whose clients say nothing
    wait_until(lambda: door.metric("tocsin_connections") == 5, "all are connected")
    for _ in range(3):
        assert connect(door, "127.0.0.2").is_closed()
    assert door.metric("tocsin_connections_refused_total") == 3
    took, other = timed(lambda: is_let_in(connect(door, "127.0.0.3")))
    print(f"another address is answered after {took * 1000:.1f} ms")
    assert other
    assert all(is_let_in(wire) for wire in inside)
    inside.pop().close()
    inside.append(wait_until(lambda: next(
        (wire for wire in [connect(door, "127.0.0.2")] if is_let_in(wire)), None),
        "a place that was left to be free"))
    assert not is_let_in(connect(door, "127.0.0.2"))
    for wire in inside:
        wire.close()
    wait_until(lambda: door.metric("tocsin_connections") == 1, "all have left")
    assert is_let_in(connect(door, "127.0.0.2"))
    assert "an address has its share of the connections" in door.log_text()
    assert "127.0.0.2" not in door.log_text()


def test_a_trusted_proxy_may_have_all_connections(make_door):
    door = make_door(api__connections_max=8, api__connections_share=10,
                     api__trusted_proxies="127.0.0.2")
    inside = [connect(door, "127.0.0.2") for _ in range(7)]
    assert all(is_let_in(wire) for wire in inside)
    assert door.metric("tocsin_connections_refused_total") == 0
    alone = connect(door, "127.0.0.3")  # a tenth of eight is one all the same
    assert is_let_in(alone)
    for wire in (*inside, alone):
        wire.close()


class Local(FrontDoor):
    """Listens at a Unix socket."""

    def __init__(self, directory, *words, **sets):
        self.path = str(directory / "door.sock")
        super().__init__(directory, *words, sets={**sets, "api.listen": f"unix:{self.path}"})

    def is_ready(self):
        with contextlib.suppress(OSError), self.connect():
            return True
        return False

    def connect(self, timeout_s=20.0):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return Wire(connection)


def test_whoever_comes_by_a_unix_socket_may_have_all_connections(workdir, redis_server):
    with Local(workdir, redis_server.address, **{"api.connections_max": 8,
                                                 "api.connections_share": 10}) as door:
        inside = [door.connect() for _ in range(8)]
        assert all(is_let_in(wire) for wire in inside)
        for wire in inside:
            wire.close()
