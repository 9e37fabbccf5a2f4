# SPDX-License-Identifier: MIT
"""HTTP as a hostile, slow or clumsy client speaks it."""

import contextlib
import json
import os
import re
import resource
import select
import socket
import time
from pathlib import Path

import pytest
from support.events import encode, payment_event
from support.front_door import FrontDoor, webhook_request
from support.process import wait_until

GET = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
MIB = 1 << 20


@pytest.fixture
def make_door(workdir, redis_server):
    running = []

    def make(**sets):
        door = FrontDoor(workdir, redis_server.address,
                         sets={key.replace("__", "."): value for key, value in sets.items()})
        running.append(door.start())
        door.wait_kept(encode(payment_event()))
        return door
    yield make
    for door in running:
        door.stop()


@pytest.fixture
def door(make_door):
    return make_door()


def test_a_connection_serves_many_requests(door):
    with door.connect() as wire:
        for _ in range(5):
            wire.send(GET)
            status, headers, body = wire.answer()
            assert (status, json.loads(body)) == (200, {"alive": True})
            assert "connection" not in headers
            wire.send(webhook_request(encode(payment_event())))
            assert wire.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(door):
    with door.connect() as wire:
        body = encode(payment_event())
        wire.send(GET + webhook_request(body) + b"GET /nope HTTP/1.1\r\nHost: t\r\n\r\n"
                  + webhook_request(body) + GET)
        answers = [wire.answer() for _ in range(5)]
        assert [status for status, _, _ in answers] == [200, 200, 404, 200, 200]
        assert len({headers["x-request-id"] for _, headers, _ in answers}) == 5


def test_hundreds_of_pipelined_requests_come_through(door):
    with door.connect() as wire:
        wire.send(GET * 500)
        for _ in range(500):
            assert wire.answer()[0] == 200


def test_a_request_may_come_byte_by_byte(door):
    with door.connect() as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in webhook_request(encode(payment_event())):
            wire.send(bytes([byte]))
        assert wire.answer()[0] == 200


def test_a_chunked_body_is_taken(door):
    body = encode(payment_event())
    request = webhook_request(body)
    head = request[:len(request) - len(body)]
    head = head.replace(b"Content-Length: %d\r\n" % len(body),
                        b"Transfer-Encoding: chunked\r\n")
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7])
                      for i in range(0, len(body), 7))
    with door.connect() as wire:
        wire.send(head + pieces + b"0\r\n\r\n" + GET)
        assert [wire.answer()[0], wire.answer()[0]] == [200, 200]


def test_a_client_that_asks_first_is_told_to_go_on(door):
    body = encode(payment_event())
    request = webhook_request(body, extra=b"Expect: 100-continue\r\n")
    with door.connect() as wire:
        wire.send(request[:-len(body)])
        assert wire.answer()[0] == 100
        wire.send(body)
        assert wire.answer()[0] == 200


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: a-pony\r\nContent-Length: 1\r\n\r\n", 417),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 20000 + b"\r\n\r\n", 431),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n", 400),
])
def test_what_is_ambiguous_or_no_http_is_refused_and_ends_the_connection(
        door, request_bytes, status):
    with door.connect() as wire:
        wire.send(request_bytes + GET)
        answered, headers, body = wire.answer()
        assert answered == status
        assert headers["connection"] == "close"
        assert json.loads(body)["status"] == status
        assert wire.is_closed()


def test_too_large_a_body_is_refused_before_it_is_read(door):
    with door.connect() as wire:
        wire.send(b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
                  b"Content-Length: %d\r\n\r\n" % (MIB + 1))
        status, headers, body = wire.answer()
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["code"] == "too_large"


def test_the_413_is_seen_by_a_client_that_goes_on_sending(door):
    with door.connect() as wire:
        wire.send(b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
                  b"Content-Length: %d\r\n\r\n" % (3 * MIB))
        for _ in range(3):
            wire.send(b"x" * MIB)
        assert wire.answer()[0] == 413


def test_an_endless_chunked_body_is_refused_at_the_limit(door):
    with door.connect() as wire:
        wire.send(b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(16):
            wire.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        wire.send(b"1\r\nx\r\n")
        assert wire.answer()[0] == 413


def test_what_a_refused_client_sends_is_thrown_away_only_for_a_while(door):
    with door.connect() as wire:
        wire.send(b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
                  b"Content-Length: %d\r\n\r\n" % (100 * MIB))
        assert wire.answer()[0] == 413
        started = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(100):
                wire.send(b"x" * MIB)
        assert time.monotonic() - started < 10


def test_bodies_that_together_are_too_much_get_503_and_the_rest_goes_on(make_door):
    door = make_door(api__loops=1)
    head = (b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
            b"Content-Length: %d\r\n\r\n" % MIB)
    wires = []
    refused = []
    for _ in range(200):
        wire = door.connect()
        wires.append(wire)
        try:
            wire.send(head + b"x" * (900 * 1024))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def are_refused():
        for wire in readable(set(wires) - set(refused)):
            with contextlib.suppress(EOFError, ConnectionResetError):
                assert wire.answer()[0] == 503
            refused.append(wire)
        return len(refused) > 10
    wait_until(are_refused, "more than ten to be refused")
    assert door.post(encode(payment_event())) == 200
    for wire in wires:
        wire.close()
    door.wait_kept(encode(payment_event(description="x" * (500 * 1024))))


def readable(wires):
    """Those for which there is an answer, or their end."""
    by_socket = {wire.socket: wire for wire in wires}
    return [by_socket[one] for one in select.select(list(by_socket), [], [], 0)[0]]


def test_what_comes_behind_a_request_waits_when_the_buffers_are_full(make_door, redis_server):
    door = make_door(api__loops=1, api__body_ms=120000, api__redis_ms=10000)
    head = (b"POST /api/stripe/webhook HTTP/1.1\r\nHost: t\r\n"
            b"Content-Length: %d\r\n\r\n" % MIB)
    with contextlib.ExitStack() as wires:
        sent = []

        def fill(bytes_, count):
            """Until a body that goes on beyond what is left is refused, and has left."""
            before = len(readable(sent))
            for _ in range(count):
                sent.append(wires.enter_context(door.connect()))
                sent[-1].send(head + b"x" * bytes_)
                assert door.request("GET", "/healthz")[0] == 200  # the loop had its turn
                if len(readable(sent)) > before:
                    break
            wait_until(lambda: door.metric("tocsin_connections")
                       == len(sent) - len(readable(sent)) + 1, "the refused to leave")
            assert len(readable(sent)) > before, "the buffers never filled"
        fill(520 * 1024, 140)
        fill(12 * 1024, 200)
        assert {wire.answer()[0] for wire in readable(sent)} == {503}
        redis_server.freeze()
        try:
            body = encode(payment_event())
            with door.connect() as wire:
                wire.send(webhook_request(body))
                wait_until(lambda: door.metric("tocsin_requests_waiting") == 2, "it waits")
                wire.send(webhook_request(encode(payment_event(description="y" * 12000))))
                assert door.request("GET", "/healthz")[0] == 200
                redis_server.thaw()
                assert wire.answer()[0] == 200
        finally:
            redis_server.thaw()
        assert door.request("GET", "/healthz")[0] == 200


def test_a_large_body_leaves_no_buffer_with_an_idle_connection(make_door):
    door = make_door(api__loops=1)
    large = webhook_request(b"x" * 1000 * 1024)
    with contextlib.ExitStack() as wires:
        for _ in range(140):
            wire = wires.enter_context(door.connect())
            wire.send(large)
            assert wire.answer()[0] == 400
        assert door.post(encode(payment_event(description="x" * (500 * 1024)))) == 200


@pytest.mark.parametrize("start, drip", [
    (b"GET / HTTP/1.1\r\nHost: t\r\nA: ", b"b"),
    (b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n", b"x"),
])
def test_a_sender_that_drips_is_cut(make_door, start, drip):
    door = make_door(api__header_ms=400, api__body_ms=400, api__idle_ms=60000)
    with door.connect(0.02) as wire:
        started = time.monotonic()
        wire.send(start)

        def answered():
            wire.send(drip)
            try:
                return wire.answer()
            except TimeoutError:
                return None
        status, headers, _ = wait_until(answered, "the cut", 10)
        assert (status, headers["connection"]) == (408, "close")
        assert 0.35 < time.monotonic() - started < 5


def test_a_silent_connection_is_closed(make_door):
    door = make_door(api__header_ms=200, api__idle_ms=200)
    with door.connect() as silent, door.connect() as idle:
        idle.send(GET)
        assert idle.answer()[0] == 200
        assert silent.is_closed()
        assert idle.is_closed()


def test_a_reader_that_does_not_read_is_cut(make_door):
    door = make_door(api__answer_ms=300)
    with door.connect() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.socket.settimeout(0.1)
        before = door.metric("tocsin_connections")
        try:
            while True:
                wire.send(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n" * 50)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        wait_until(lambda: door.metric("tocsin_connections") < before, "the cut", 10)


def test_who_does_not_read_is_cut_when_too_much_is_buffered(make_door):
    """Bodies that do not end take nearly all the buffers of a loop. What the kernel does not
    take of the answers that several clients do not read is more than the rest."""
    door = make_door(api__loops=1, api__answer_ms=60000, api__body_ms=60000)
    head = b"POST /api/login HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n"
    get = b"GET /api/openapi.yaml HTTP/1.1\r\nHost: t\r\n\r\n"
    wires = []
    for kib in [1024] * 127 + [512, 256, 128, 64]:
        wires.append(door.connect())
        wires[-1].send(head + b"x" * (kib * 600))
    for _ in range(8):
        wires.append(door.connect())
        wires[-1].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wires[-1].send(get * 100)
    wait_until(lambda: door.metric("tocsin_connections") <= len(wires), "the cut", 20)
    for wire in wires:
        wire.close()
    wait_until(lambda: door.request("POST", "/api/login", b"x" * 900000, {
        "Content-Type": "application/json"})[0] == 400, "room for a body again", 20)


def test_a_half_closed_client_still_gets_its_answer(door):
    with door.connect() as wire:
        wire.send(GET + webhook_request(encode(payment_event())))
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.answer()[0], wire.answer()[0]] == [200, 200]
        assert wire.is_closed()


def test_http_1_0_is_answered_and_closed_unless_it_asks_otherwise(door):
    with door.connect() as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (200, "keep-alive")
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert wire.is_closed()


def test_connections_beyond_the_limit_wait_for_a_place(make_door):
    door = make_door(api__connections_max=8, api__connections_share=100)
    inside = [door.connect() for _ in range(8)]
    for wire in inside:
        wire.send(GET)
        assert wire.answer()[0] == 200
    with door.connect(0.3) as late:
        late.send(GET)
        with pytest.raises(TimeoutError):
            late.answer()
        inside.pop().close()
        late.socket.settimeout(10)
        assert late.answer()[0] == 200
    for wire in inside:
        wire.close()


def test_when_descriptors_run_out_it_waits_and_goes_on(door):
    with door.connect() as inside:
        inside.send(GET)
        assert inside.answer()[0] == 200
        soft, hard = resource.prlimit(door.pid, resource.RLIMIT_NOFILE)
        limit = len(os.listdir(f"/proc/{door.pid}/fd")) + 5
        resource.prlimit(door.pid, resource.RLIMIT_NOFILE, (limit, hard))
        wires = [door.connect() for _ in range(20)]
        for wire in wires:
            wire.send(GET)
        wait_until(lambda: "no more connections" in door.log_text(), "the warning")
        inside.send(GET)
        assert inside.answer()[0] == 200
        resource.prlimit(door.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for wire in wires:
            assert wire.answer()[0] == 200
            wire.close()


class Narrow(FrontDoor):
    """May open few descriptors."""

    def argv(self):
        return ["prlimit", "--nofile=90:90", *super().argv()]


def test_clients_leave_the_descriptors_that_lead_to_redis(workdir, redis_server):
    with Narrow(workdir, redis_server.address) as door, contextlib.ExitStack() as wires:
        door.wait_kept(encode(payment_event()))
        first = wires.enter_context(door.connect())

        def kept():
            first.send(webhook_request(encode(payment_event())))
            return first.answer()[0] == 200
        assert kept()
        for _ in range(120):
            wires.enter_context(door.connect()).send(b"G")
        redis_server.stop()
        wait_until(lambda: not kept(), "the loss of Redis")
        redis_server.start()
        wait_until(kept, "Redis to be back while clients stay", 6)
        assert "descriptors allow fewer connections" in door.log_text()


def test_a_head_has_the_length_and_no_body(door):
    with door.connect() as wire:
        wire.send(b"HEAD /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        while b"\r\n\r\n" not in wire.buffer:
            wire._more()
        head = wire.buffer
        assert b"Content-Length: 14\r\n" in head
        assert head.endswith(b"\r\n\r\n")
        wire.buffer = b""
        wire.send(GET)
        assert wire.answer()[0] == 200


def test_unknown_paths_and_methods_have_their_problems(door):
    status, _, body = door.request("GET", "/api/nothing", headers={
        "Accept-Language": "en-GB,en;q=0.9,fr;q=0.8"})
    assert (status, json.loads(body)["title"]) == (404, "Not found")
    status, _, body = door.request("GET", "/api/nothing", headers={"Accept-Language": "de"})
    assert (status, json.loads(body)["title"]) == (404, "Introuvable")
    status, headers, body = door.request("DELETE", "/healthz")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert door.request("GET", "/api/stripe/webhook")[1]["Allow"] == "POST"
    assert door.request("BREW", "/healthz")[0] == 501
    assert door.request("GET", "/healthz/")[0] == 404


def test_every_answer_names_its_request_and_keeps_browsers_quiet(door):
    for path in ("/healthz", "/nope"):
        _, headers, _ = door.request("GET", path)
        assert headers["X-Request-Id"].startswith("req_")
        assert headers["Request-Id"] == headers["X-Request-Id"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_metrics_are_well_formed_and_count(door):
    for _ in range(3):
        assert door.post(encode(payment_event())) == 200
    wait_until(lambda: b"tocsin_jobs{" in door.request("GET", "/metrics")[2],
               "the queue's figures")
    status, headers, body = door.request("GET", "/metrics")
    assert (status, headers["Content-Type"]) == \
        (200, "text/plain; version=0.0.4; charset=utf-8")
    types, seen, names = {}, set(), []
    for line in body.decode().splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            assert name not in types, f"{name} is declared twice"
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? '
                                 r"[0-9.+-]+(?:e[+-]?[0-9]+)?", line)
            assert match, line
            name = re.sub("_(bucket|sum|count)$", "", match[1])
            assert name in types or match[1] in types, f"{line}: no type"
            assert line.rsplit(" ", 1)[0] not in seen, f"{line}: twice"
            seen.add(line.rsplit(" ", 1)[0])
            family = match[1] if match[1] in types else name
            if names[-1:] != [family]:
                assert family not in names, f"{line}: not beside its like"
                names.append(family)
    assert door.webhooks("new") >= 3
    buckets = [float(line.rsplit(" ", 1)[1]) for line in body.decode().splitlines()
               if line.startswith('tocsin_request_seconds_bucket{route="stripe_webhook"')]
    assert buckets == sorted(buckets)
    assert buckets[-1] == door.metric('tocsin_request_seconds_count{route="stripe_webhook"}')


def test_a_name_with_a_quote_leaves_the_metrics_well_formed(door, redis_server):
    with redis_server.client() as client:
        client.hset("{tocsin}:queues", 'webhook:od"d\\kind\n', "")
    wait_until(lambda: b'kind="od' in door.request("GET", "/metrics")[2], "the odd kind")
    odd = [line for line in door.request("GET", "/metrics")[2].decode().splitlines()
           if 'kind="od' in line]
    assert odd and all(r'kind="od\"d\\kind\n"' in line for line in odd)


@pytest.mark.plain  # AddressSanitizer keeps what was freed
def test_a_thousand_connections_leave_no_memory_behind(door):
    def once():
        wires = [door.connect() for _ in range(300)]
        for wire in wires:
            wire.send(webhook_request(encode(payment_event())))
        for wire in wires:
            assert wire.answer()[0] == 200
            wire.close()
        wait_until(lambda: door.metric("tocsin_connections") <= 1, "all closed")
    once()
    before = resident_kib(door.pid)
    for _ in range(4):
        once()
    assert resident_kib(door.pid) < before + 8 * 1024


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
