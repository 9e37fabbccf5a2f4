# SPDX-License-Identifier: MIT
"""HTTPS, as clients that know nothing of our code speak it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.certificate import Certificate, openssl
from support.events import encode, payment_event
from support.front_door import FrontDoor, Wire, webhook_request
from support.process import Process, accepts, free_port, wait_until
from support.programs import program, sanitizer_env
from support.servers import find_server

GET = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"


class SecureDoor(FrontDoor):
    """A front door with HTTPS beside HTTP."""

    def __init__(self, directory, redis_address, certificate, sets=None):
        self.secure_port = free_port()
        self.certificate = certificate
        super().__init__(directory, redis_address, sets={
            "api.tls_listen": f"127.0.0.1:{self.secure_port}",
            "api.tls_certificate_file": certificate.file,
            "api.tls_key_file": certificate.key_file, **(sets or {})})

    def is_ready(self):
        return super().is_ready() and (not self.sets["api.tls_listen"] or
                                       accepts(("127.0.0.1", self.secure_port)))

    def trust(self, trusted=None):
        context = ssl.create_default_context(cafile=(trusted or self.certificate).file)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def dial(self):
        return socket.create_connection(("127.0.0.1", self.secure_port), 10)

    def shake_hands(self, context=None, session=None):
        return Wire((context or self.trust()).wrap_socket(
            self.dial(), server_hostname="localhost", session=session))

    def reload(self):
        os.kill(self.pid, signal.SIGHUP)

    def memory_kib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


@pytest.fixture
def certificate(workdir):
    return Certificate(workdir)


@pytest.fixture
def make_door(workdir, redis_server, certificate):
    running = []

    def make(**sets):
        door = SecureDoor(workdir, redis_server.address, certificate, sets={
            key.replace("__", "."): value for key, value in sets.items()})
        running.append(door.start())
        door.wait_kept(encode(payment_event()))
        return door
    yield make
    for door in running:
        door.stop()


@pytest.fixture
def door(make_door):
    return make_door()


@pytest.mark.parametrize("version, suites", [
    (ssl.TLSVersion.TLSv1_2, ("ECDHE-ECDSA-AES256-GCM-SHA384",
                              "ECDHE-ECDSA-AES128-GCM-SHA256")),
    (ssl.TLSVersion.TLSv1_3, ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256")),
])
def test_both_versions_are_spoken_with_suites_that_authenticate(door, version, suites):
    context = door.trust()
    context.minimum_version = context.maximum_version = version
    with door.shake_hands(context) as wire:
        assert wire.socket.cipher()[0] in suites
        assert wire.socket.selected_alpn_protocol() == "http/1.1"
        assert wire.socket.compression() is None
        wire.send(GET)
        status, headers, body = wire.answer()
        assert (status, json.loads(body)) == (200, {"alive": True})
        assert headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_older_versions_are_refused(door, version):
    context = door.trust()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion[version]
    with pytest.raises(ssl.SSLError, match="(?i)alert protocol version"):
        door.shake_hands(context)


def test_suites_without_forward_secrecy_are_refused(door):
    context = door.trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("kRSA:ECDHE+SHA256:!AESGCM")
    with pytest.raises(ssl.SSLError, match="(?i)handshake failure"):
        door.shake_hands(context)


def test_a_client_that_wants_another_protocol_is_told_that_there_is_none(door):
    context = door.trust()
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no application protocol"):
        door.shake_hands(context)


def test_curl_speaks_with_it(door):
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--cacert", door.certificate.file,
         "--write-out", " %{http_version}",
         f"https://localhost:{door.secure_port}/healthz"],
        check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout == '{"alive":true} 1.1'


def test_a_session_is_resumed_by_its_ticket(door):
    context = door.trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with door.shake_hands(context) as wire:
        session = wire.socket.session
        wire.send(GET)
        assert wire.answer()[0] == 200
        wire.socket.unwrap()
    assert session.has_ticket
    with door.shake_hands(context, session=session) as wire:
        assert wire.socket.session_reused
        wire.send(GET)
        assert wire.answer()[0] == 200


def test_a_connection_stays_and_pipelined_requests_are_answered_in_order(door):
    with door.shake_hands() as wire:
        for _ in range(3):
            wire.send(GET)
            assert wire.answer()[0] == 200
        wire.send(GET + b"GET /nope HTTP/1.1\r\nHost: t\r\n\r\n" + GET * 300)
        assert [wire.answer()[0] for _ in range(302)] == [200, 404] + [200] * 300


def test_a_webhook_comes_through_whole_whatever_the_records(door):
    body = encode(payment_event())
    request = webhook_request(body)
    with door.shake_hands() as wire:
        wire.send(request)
        assert wire.answer()[0] == 200
        for at in range(0, len(request), 41):
            wire.send(request[at:at + 41])
        assert wire.answer()[0] == 200
    assert door.webhooks("known") >= 1


def test_a_large_body_comes_in_whole(door):
    event = payment_event()
    event["data"]["object"]["metadata"]["long"] = "x" * 500_000
    with door.shake_hands() as wire:
        wire.send(webhook_request(encode(event)))
        assert wire.answer()[0] == 200


def test_answers_larger_than_the_socket_takes_come_out_whole(door):
    """Nobody reads until all has been asked: the answers wait at the door."""
    count = 250
    expected = door.request("GET", "/api/openapi.yaml")[2]
    assert len(expected) * count > 8 << 20, "it must not fit into the socket"
    with door.shake_hands() as wire:
        wire.send(b"GET /api/openapi.yaml HTTP/1.1\r\nHost: t\r\n\r\n" * count)
        for _ in range(count):
            status, _, body = wire.answer()
            assert (status, body) == (200, expected)


def test_the_last_answer_ends_with_a_close_notify(door):
    with door.shake_hands() as wire:
        wire.socket.suppress_ragged_eofs = False
        wire.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert wire.answer()[1]["connection"] == "close"
        assert wire.is_closed()


def test_an_idle_connection_is_closed_with_a_close_notify(make_door):
    door = make_door(api__idle_ms=200)
    with door.shake_hands() as wire:
        wire.socket.suppress_ragged_eofs = False
        wire.send(GET)
        assert wire.answer()[0] == 200
        assert wire.is_closed()


def test_a_client_that_has_sent_its_end_gets_its_answer(door):
    """It sends close_notify and goes on reading."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = door.trust().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with door.dial() as wire:
        pump(client.do_handshake, wire, incoming, outgoing)
        client.write(webhook_request(encode(payment_event())))
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()
        wire.sendall(outgoing.read())
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        while more := wire.recv(65536):
            answer += more
    # What is in it cannot be read behind our own close_notify, but it is no mere alert.
    assert len(answer) > 300
    assert door.webhooks("new") == 2


def pump(step, wire, incoming, outgoing):
    """Does a step of TLS over a socket."""
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            wire.sendall(outgoing.read())
            incoming.write(wire.recv(65536))
        finally:
            if outgoing.pending:
                wire.sendall(outgoing.read())


def test_a_body_that_is_cut_off_is_not_taken(door):
    """Without close_notify an end may be somebody else's doing. With a chunked body or a
    length it shows anyway; so here the request is whole, and what follows is cut."""
    before = door.webhooks("new")
    request = webhook_request(encode(payment_event()))
    wire = door.shake_hands()
    wire.send(request[:-5])
    raw = socket.socket(fileno=wire.socket.detach())
    raw.shutdown(socket.SHUT_WR)
    raw.settimeout(10)
    while raw.recv(65536):
        pass
    raw.close()
    assert door.request("GET", "/healthz")[0] == 200
    assert door.webhooks("new") == before


def test_http_spoken_to_the_https_port_is_closed_without_a_reset(door):
    with door.dial() as wire:
        wire.sendall(GET + b"x" * 20000)
        assert wire.recv(65536) == b""
    assert door.metric("tocsin_tls_refused_total") == 1
    assert door.request("GET", "/healthz")[0] == 200


def test_noise_on_the_https_port_harms_nobody(door):
    for noise in (b"\0" * 5000, os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"a" * 300):
        with door.dial() as wire:
            wire.sendall(noise)
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(65536):
                pass
    assert door.request("GET", "/healthz")[0] == 200


def test_tls_spoken_to_the_plain_port_is_a_bad_request(door):
    with pytest.raises(ssl.SSLError):
        door.trust().wrap_socket(socket.create_connection(("127.0.0.1", door.port), 10),
                                 server_hostname="localhost")
    assert door.metric('tocsin_http_refused_total{status="400"}') == 1


@pytest.mark.parametrize("speaks", [b"", b"\x16"])
def test_a_handshake_that_drips_is_cut(make_door, speaks):
    door = make_door(api__header_ms=1000)
    hello = ssl_hello(door)
    with door.dial() as wire:
        began = time.monotonic()
        with pytest.raises((ConnectionError, EOFError)):
            for byte in hello if speaks else b"":
                wire.sendall(bytes([byte]))
                wire.settimeout(0.1)
                try:
                    if wire.recv(1) == b"":
                        raise EOFError
                except TimeoutError:
                    pass
            wire.settimeout(10)
            if wire.recv(1) == b"":
                raise EOFError
        assert 0.9 < time.monotonic() - began < 8


def ssl_hello(door):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = door.trust().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_new_certificate_is_taken_while_connections_stay(door, workdir):
    new = Certificate(workdir, "renewed")
    context = door.trust()
    with door.shake_hands(context) as wire:
        assert wire.socket.getpeercert(binary_form=True) == door.certificate.der
        door.certificate.replace_by(new)
        door.reload()
        wait_until(lambda: served(door) == new.der, "the new certificate")
        wire.send(GET)
        assert wire.answer()[0] == 200
    assert "days_left=29" in door.log_text()
    assert 29 < (door.metric("tocsin_tls_certificate_expires_seconds")
                 - time.time()) / 86400 <= 30


def test_a_certificate_that_nobody_is_shown_is_told(make_door):
    door = make_door(api__tls_listen="")
    assert "nobody listens for HTTPS" in door.log_text()


@pytest.mark.threads
def test_certificates_change_under_many_handshakes(make_door, workdir):
    door = make_door(api__loops=2)
    pairs = [Certificate(workdir, "one"), Certificate(workdir, "two")]
    seen, stop = set(), threading.Event()

    def greet():
        while not stop.is_set():
            seen.add(served(door))

    greeters = [threading.Thread(target=greet) for _ in range(4)]
    for greeter in greeters:
        greeter.start()
    try:
        for turn in range(10):
            pair = pairs[turn % 2]
            door.certificate.replace_by(pair)
            seen.clear()
            door.reload()
            wait_until(lambda der=pair.der: der in seen, "it is served")
    finally:
        stop.set()
        for greeter in greeters:
            greeter.join()


def served(door):
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with door.shake_hands(context) as wire:
        return wire.socket.getpeercert(binary_form=True)


@pytest.mark.parametrize("spoil, said", [
    (lambda door, other: door.certificate.key_file.write_bytes(other.key_file.read_bytes()),
     "key values mismatch"),
    (lambda door, other: door.certificate.file.write_text("nothing"),
     "it is no PEM file of that kind"),
    (lambda door, other: door.certificate.file.unlink(), "No such file or directory"),
])
def test_a_bad_pair_leaves_the_old_one_in_use_and_says_so(door, workdir, spoil, said):
    old = door.certificate.der
    spoil(door, Certificate(workdir, "other"))
    door.reload()
    wait_until(lambda: "the old one stays" in door.log_text(), "the reload's end")
    assert said in door.log_text()
    assert served(door) == old


@pytest.mark.parametrize("sets, said", [
    ({"api.tls_key_file": ""}, "api.tls_key_file is"),
    ({"api.tls_certificate_file": ""}, "api.tls_certificate_file is"),
    ({"api.tls_certificate_file": "", "api.tls_key_file": ""}, "since api.tls_listen is set"),
    ({"api.tls_key_file": "{other}.key"}, "api.tls_key_file: cannot use"),
    ({"api.tls_key_file": "{dir}/locked.key"}, "it is protected by a password"),
    ({"api.tls_key_file": "{dir}/tls.pem"}, "it is no PEM file of that kind"),
    ({"api.tls_certificate_file": "{dir}/tls.key"}, "it is no PEM file of that kind"),
    ({"api.tls_listen": "no address"}, "api.tls_listen: "),
    ({"api.tls_listen": "unix:/tmp/x"}, "HTTPS needs host:port"),
])
def test_check_names_what_is_wrong_with_a_certificate(door, workdir, sets, said):
    Certificate(workdir, "other")
    openssl("ec", "-aes256", "-passout", "pass:secret", "-in", door.certificate.key_file,
            "-out", workdir / "locked.key")
    words = [program("tocsin-api"), "--config", door.config, "--check"]
    for key, value in {**door.sets, **sets}.items():
        value = str(value).format(dir=workdir, other=workdir / "other")
        words += ["--set", f"{key}={value}"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 78
    assert said in done.stderr


@pytest.mark.plain
def test_a_thousand_handshakes_leave_no_memory_behind(make_door):
    door = make_door(api__loops=1)

    def greet(count):
        for _ in range(count):
            with door.shake_hands() as wire:
                wire.send(GET)
                assert wire.answer()[0] == 200
    greet(300)
    before = door.memory_kib()
    greet(1000)
    assert door.memory_kib() - before < 1024


def test_what_is_under_way_over_https_is_answered_before_it_stops(door):
    with door.shake_hands() as wire:
        wire.send(GET[:10])
        door.request("GET", "/healthz")
        os.kill(door.pid, signal.SIGTERM)
        wait_until(lambda: "stopping" in door.log_text(), "the signal's effect")
        wire.send(GET[10:])
        assert wire.answer()[0] == 200


# Sockets that systemd hands over.

class Activated(Process):
    """The front door behind sockets with names, as the units hand them over."""

    def __init__(self, door, names, sets):
        super().__init__(door.dir, "activated")
        self.door, self.names, self.sets = door, names, sets
        self.ports = [free_port() for _ in names]

    def argv(self):
        words = [find_server("systemd-socket-activate"), f"--fdname={':'.join(self.names)}"]
        words += [f"--listen=127.0.0.1:{port}" for port in self.ports]
        words += [f"--setenv={name}" for name in sanitizer_env()]
        words += [program("tocsin-api"), "--config", self.door.config]
        for key, value in self.sets.items():
            words += ["--set", f"{key}={value}"]
        return words

    def env(self):
        return sanitizer_env()

    def is_ready(self):
        return self.log_text(since_start=True).count("Listening on") == len(self.names)


@pytest.mark.parametrize("names", [("http", "https"), ("https", "tocsin-api.socket")])
def test_sockets_that_are_handed_over_are_told_apart_by_name(door, names):
    sets = {"api.tls_certificate_file": door.certificate.file,
            "api.tls_key_file": door.certificate.key_file, "api.listen": "127.0.0.1:1"}
    activated = Activated(door, names, sets).start()
    ports = dict(zip(names, activated.ports))
    secure = ports.pop("https")
    (plain,) = ports.values()
    for url in (f"http://localhost:{plain}", f"https://localhost:{secure}"):
        done = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--cacert",
                               door.certificate.file, f"{url}/healthz"], check=True,
                              capture_output=True, timeout=30)
        assert done.stdout == b'{"alive":true}'
    activated.stop()


@pytest.mark.parametrize("names, said", [
    (("https",), "api.tls_certificate_file is not set"),
    (("a", "b"), "two of them for HTTP"),
])
def test_sockets_that_fit_no_setting_stop_the_start(door, names, said):
    script = ('exec 3<&0 4<&0; export LISTEN_FDS=$1 LISTEN_FDNAMES=$2 LISTEN_PID=$$; '
              'shift 2; exec "$@"')
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = subprocess.run(
            ["sh", "-c", script, "sh", str(len(names)), ":".join(names),
             program("tocsin-api"), "--config", door.config], check=False,
            stdin=listening, capture_output=True, text=True, timeout=30)
    assert done.returncode == 69
    assert said in done.stderr
