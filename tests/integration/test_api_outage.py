# SPDX-License-Identifier: MIT
"""The front door while its neighbours are away, and while it leaves."""

import concurrent.futures
import http.client
import json
import signal
import socket
import struct
import threading
import time

import pytest
from support.events import encode, payment_event
from support.front_door import FrontDoor, webhook_request
from support.process import free_port, wait_until
from support.programs import program
from support.servers import Redis

GET = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture
def door(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address) as running:
        running.wait_kept(encode(payment_event()))
        yield running


@pytest.fixture
def patient_door(workdir, redis_server):
    """Whoever waits for Redis there waits so long that it shows."""
    with FrontDoor(workdir, redis_server.address, sets={"api.redis_ms": 10000}) as running:
        running.wait_kept(encode(payment_event()))
        yield running


def timed_post(door):
    """(status, seconds) of a fresh event on a fresh connection."""
    body = encode(payment_event())
    started = time.monotonic()
    status = door.post(body)
    return status, time.monotonic() - started


def test_without_redis_the_answer_is_503_at_once_and_it_recovers(patient_door, redis_server):
    door = patient_door
    redis_server.kill9()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: timed_post(door), range(40)))
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 5
    redis_server.start()
    door.wait_kept(encode(payment_event()))
    assert door.webhooks("unavailable") >= 40


def test_a_503_is_a_problem_in_json(door, redis_server):
    redis_server.kill9()
    body = encode(payment_event())
    with door.connect() as wire:
        wire.send(webhook_request(body))
        status, headers, answer = wire.answer()
        assert status == 503
        assert json.loads(answer)["code"] == "unavailable"
        assert "connection" not in headers
        assert headers["retry-after"] == "1"
        wire.send(GET)
        assert wire.answer()[0] == 200
    redis_server.start()


def test_a_frozen_redis_gives_503_within_the_limit_and_it_recovers(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address, sets={"api.redis_ms": 100}) as door:
        door.wait_kept(encode(payment_event()))
        redis_server.freeze()
        try:
            first, took_s = timed_post(door)
            more = [timed_post(door)[0] for _ in range(11)]
        finally:
            redis_server.thaw()
        assert {first, *more} == {503}
        assert took_s < 1.4, "it waited until Redis was taken for gone"
        door.wait_kept(encode(payment_event()))


def test_a_silent_redis_is_noticed_before_a_client_has_to(patient_door, redis_server):
    door = patient_door
    redis_server.freeze()
    try:
        # Each of the two loops has a connection of its own.
        wait_until(lambda: door.log_text().count("redis is away") >= 2, "the breaks")
        status, seconds = timed_post(door)
        assert status == 503
        assert seconds < 5, "it waited for a Redis that it knew to be away"
    finally:
        redis_server.thaw()
    door.wait_kept(encode(payment_event()))
    assert "redis is back" in door.log_text()


def test_clients_that_leave_before_their_answer_do_no_harm(door, redis_server):
    linger = struct.pack("ii", 1, 0)  # close sends a reset
    redis_server.freeze()
    try:
        for number in range(20):
            with door.connect() as wire:
                wire.send(webhook_request(encode(payment_event())) * 2)
                if number % 2:
                    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    finally:
        redis_server.thaw()
    wait_until(lambda: door.metric("tocsin_requests_waiting") == 1, "none waits any more")
    wait_until(lambda: door.metric("tocsin_connections") == 1, "none is connected any more")
    door.wait_kept(encode(payment_event()))


def test_what_was_acknowledged_outlives_a_killed_redis(door, redis_server):
    kept = []
    stop = threading.Event()

    def send():
        while not stop.is_set():
            made = payment_event()
            try:
                if door.post(encode(made)) == 200:
                    kept.append(made["id"])
            except (OSError, http.client.HTTPException):
                pass
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(kept) > 200, "some load")
    redis_server.kill9()
    seen = len(kept)
    redis_server.start()
    wait_until(lambda: len(kept) > seen + 100, "load after the restart")
    stop.set()
    for thread in threads:
        thread.join()
    with redis_server.client() as client:
        missing = [name for name in kept if not client.exists("{tocsin}:job:" + name)]
    assert missing == []


def test_forgotten_scripts_are_loaded_again(door, redis_server):
    with redis_server.client() as client:
        for _ in range(5):
            client.script_flush()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                statuses = list(pool.map(lambda _: timed_post(door)[0], range(32)))
            assert set(statuses) == {200}


def test_a_full_redis_gives_503_and_it_recovers(workdir):
    with Redis(workdir, options=["maxmemory 4mb"]) as full, \
            FrontDoor(workdir, full.address) as door:
        door.wait_kept(encode(payment_event()))
        wait_until(lambda: door.post(encode(payment_event(description="x" * 200000))) == 503,
                   "a full Redis")
        with full.client() as client:
            client.config_set("maxmemory", "64mb")
        door.wait_kept(encode(payment_event()))


def test_user_and_password_are_given(workdir):
    (workdir / "password").write_text("sesame\n")
    (workdir / "wrong").write_text("simsim\n")
    with Redis(workdir, options=["user door on >sesame ~* &* +@all"]) as locked:
        for file, status in (("password", 200), ("wrong", 503)):
            with FrontDoor(workdir, locked.address, name=file, sets={
                    "redis.username": "door",
                    "redis.password_file": workdir / file}) as door:
                if status == 200:
                    door.wait_redis()
                else:
                    wait_until(lambda log=door.log_text: "WRONGPASS" in log(), "the refusal")
                assert door.post(encode(payment_event())) == status


def test_a_user_who_may_not_ask_for_redis_settings_is_warned_about_and_served(workdir):
    (workdir / "password").write_text("sesame\n")
    with Redis(workdir, options=["user door on >sesame ~* &* +@all -config"]) as guarded, \
            FrontDoor(workdir, guarded.address, sets={
                "redis.username": "door",
                "redis.password_file": workdir / "password"}) as door:
        wait_until(lambda: json.loads(door.request("GET", "/readyz")[2])["redis"], "Redis seen")
        assert "redis_durability_unknown" in door.log_text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_redis_may_be_named_by_host_and_port(workdir, host):
    if host == "localhost" and b"__tsan_init" in program("tocsin-api").read_bytes():
        pytest.skip("ThreadSanitizer does not know the threads that glibc looks up names in")
    port = free_port()
    with Redis(workdir, port=port), FrontDoor(workdir, f"{host}:{port}") as door:
        door.wait_kept(encode(payment_event()))


def test_several_partitions_share_the_events(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address, sets={"redis.partitions": 3}) as door:
        door.wait_kept(encode(payment_event()))
        for _ in range(60):
            assert door.post(encode(payment_event())) == 200
    with redis_server.client() as client:
        counts = [sum(1 for _ in client.scan_iter(f"{{tocsin:{n}}}:job:*")) for n in range(3)]
    assert sum(counts) == 61
    assert min(counts) > 5


def test_it_warns_when_redis_may_lose_what_it_is_given(workdir):
    options = ["appendonly no", "maxmemory-policy allkeys-lru"]
    with Redis(workdir, options=options) as careless, \
            FrontDoor(workdir, careless.address) as door:
        wait_until(lambda: door.log_text().count("REDIS MAY LOSE") >= 2, "the warnings")


def test_readiness_tells_who_is_missing(door, redis_server):
    def ready():
        status, _, body = door.request("GET", "/readyz")
        return status, json.loads(body)
    wait_until(lambda: ready()[1]["redis"], "Redis seen")
    assert ready() == (503, {"ready": False, "redis": True, "mariadb": False, "workers": 0})
    redis_server.kill9()
    wait_until(lambda: not ready()[1]["redis"], "Redis missed")
    assert door.request("GET", "/healthz")[0] == 200
    redis_server.start()


@pytest.mark.stack(workers=1)
def test_with_everything_there_it_is_ready(stack):
    def ready():
        return stack.api.is_all_ready()
    wait_until(ready, "readiness")
    _, _, body = stack.api.request("GET", "/readyz")
    assert json.loads(body) == {"ready": True, "redis": True, "mariadb": True, "workers": 1}


def test_sigterm_answers_what_is_in_flight_and_leaves(patient_door, redis_server):
    door = patient_door
    redis_server.freeze()
    try:
        with door.connect() as waiting, door.connect() as idle:
            idle.send(GET)
            assert idle.answer()[0] == 200
            waiting.send(webhook_request(encode(payment_event())))
            wait_until(lambda: door.metric("tocsin_requests_waiting") >= 2, "it waits")
            door.signal(signal.SIGTERM)
            status, headers, _ = waiting.answer()
            assert (status, headers["connection"]) == (503, "close")
            assert idle.is_closed()
            assert door.wait_exit() == 0
    finally:
        redis_server.thaw()


def test_sigterm_lets_a_request_that_is_coming_in_come_in(door):
    request = webhook_request(encode(payment_event()))
    with door.connect() as wire:
        wire.send(request[:50])
        wait_until(lambda: door.metric("tocsin_connections") >= 2, "it is connected")
        door.signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in door.log_text(since_start=True), "it stops")
        wire.send(request[50:])
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert door.wait_exit() == 0


def test_sigterm_waits_no_longer_than_its_limit(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address, sets={"api.drain_ms": 300}) as door:
        with door.connect() as wire:
            wire.send(b"GET / HTTP/1.1\r\n")
            wait_until(lambda: door.metric("tocsin_connections") >= 2, "it is connected")
            started = time.monotonic()
            door.signal(signal.SIGTERM)
            assert door.wait_exit() == 0
            assert time.monotonic() - started < 5


def test_under_load_sigterm_loses_no_answer(door):
    """Each request on a connection of its own gets an answer or finds no listener. Linux lets
    one connection into a queue of length nought, which nobody can then accept."""
    dropped = []
    refused = threading.Event()

    def send():
        while not refused.is_set():
            try:
                wire = door.connect()
            except ConnectionRefusedError:
                refused.set()
                return
            with wire:
                try:
                    wire.send(webhook_request(encode(payment_event())))
                    wire.answer()
                except (EOFError, ConnectionError) as error:
                    dropped.append(error)
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: door.webhooks("new") > 200, "some load")
    door.signal(signal.SIGTERM)
    assert door.wait_exit() == 0
    for thread in threads:
        thread.join()
    assert len(dropped) <= 1, dropped


def test_a_unix_socket_is_served_and_removed(workdir, redis_server):
    path = workdir / "api.sock"
    with FrontDoor(workdir, redis_server.address) as first:
        first.stop()
        first.sets["api.listen"] = f"unix:{path}"
        first.is_ready = path.exists
        first.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
        first.stop()
        assert not path.exists()


def test_metrics_are_for_allowed_addresses_only(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address,
                   sets={"api.metrics_allow": "192.0.2.0/24"}) as door:
        assert door.request("GET", "/metrics")[0] == 403
        assert door.request("GET", "/healthz")[0] == 200
