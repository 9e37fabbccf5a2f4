# SPDX-License-Identifier: MIT
"""What answers say to browsers, what proxies say of clients, and clients that leave."""

import base64
import concurrent.futures
import hashlib
import html.parser
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import urllib.request

import pytest
from support.certificate import Certificate
from support.events import encode, payment_event
from support.front_door import FrontDoor, Wire, webhook_request
from support.process import Process, accepts, free_port, wait_until
from support.programs import ROOT, program
from support.servers import find_server
from waiting_room import WaitingRoom

ADMIN = "https://admin.example.org"
LOCAL = "http://localhost:3000"
STRANGER = "https://evil.example"
EXPOSED = ("Location, Retry-After, Idempotent-Replayed, Preference-Applied, RateLimit, "
           "RateLimit-Policy, Link, ETag, Request-Id, X-Request-Id")


@pytest.fixture
def make_door(workdir, redis_server):
    running = []

    def make(**sets):
        door = FrontDoor(workdir, redis_server.address,
                         sets={"api.cors_origins": f"{ADMIN} {LOCAL}", **{
                             key.replace("__", "."): value for key, value in sets.items()}})
        running.append(door.start())
        return door
    yield make
    for door in running:
        door.stop()


@pytest.fixture
def door(make_door):
    return make_door()


@pytest.fixture
def room(workdir, mariadb_server):
    room = WaitingRoom(workdir, mariadb_server,
                       settings={"api.cors_origins": ADMIN}).start()
    yield room
    room.stop()


# Headers of every answer.

@pytest.mark.parametrize("method, path", [
    ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/api/session"), ("GET", "/nowhere"),
    ("DELETE", "/healthz"), ("POST", "/api/stripe/webhook"), ("GET", "/api/openapi.yaml"),
    ("GET", "/stripe/success"), ("GET", "/stripe/refresh"), ("OPTIONS", "/api/session"),
])
def test_every_answer_keeps_a_browser_from_guessing_framing_and_telling(door, method, path):
    _, headers, _ = door.request(method, path)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    (policy,) = headers.get_all("Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert len(headers.get_all("Cache-Control")) == 1
    assert headers["Server"] is None
    assert headers["Strict-Transport-Security"] is None


def test_what_is_no_request_is_refused_with_the_same_headers(door):
    with door.connect() as wire:
        wire.send(b"NONSENSE\r\n\r\n")
        status, headers, _ = wire.answer()
    assert status == 400
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/healthz", "/api/session", "/nowhere", "/metrics"])
def test_nothing_personal_and_no_error_is_kept_by_a_cache(door, path):
    assert door.request("GET", path)[1]["Cache-Control"] == "no-store"


# Pages of other origins.

def test_a_page_that_may_call_gets_its_lines(door):
    _, headers, _ = door.request("GET", "/api/openapi.yaml", headers={"Origin": ADMIN})
    assert headers["Access-Control-Allow-Origin"] == ADMIN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Expose-Headers"] == EXPOSED
    assert headers["Vary"] == "Origin"
    assert door.request("GET", "/api/openapi.yaml", headers={"Origin": LOCAL})[1][
        "Access-Control-Allow-Origin"] == LOCAL


@pytest.mark.parametrize("origin", [
    None, STRANGER, "null", "http://admin.example.org", ADMIN + ":8443", ADMIN + "/",
    ADMIN + ".evil.example", ADMIN.upper()])
def test_other_pages_get_none_but_the_answer_varies_all_the_same(door, origin):
    _, headers, _ = door.request("GET", "/api/openapi.yaml",
                                 headers={"Origin": origin} if origin else {})
    assert headers["Access-Control-Allow-Origin"] is None
    assert headers["Access-Control-Expose-Headers"] is None
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize("method, path, headers, body, status", [
    ("GET", "/api/nowhere", {}, None, 404),
    ("DELETE", "/api/openapi.yaml", {}, None, 405),
    ("GET", "/api/session", {}, None, 401),
    ("POST", "/api/login", {"Content-Type": "text/plain"}, b"x", 415),
    ("POST", "/api/login", {"Content-Type": "application/json"}, b"{", 400),
    ("POST", "/api/login", {"Content-Type": "application/json"}, b"{}", 422),
    pytest.param("POST", "/api/login", {"Content-Type": "application/json"},
                 b" " * 2000000, 413, id="too large"),
])
def test_errors_carry_the_lines_so_that_the_page_sees_the_problem(
        door, method, path, headers, body, status):
    found = door.request(method, path, body, {"Origin": ADMIN, **headers})
    assert found[0] == status
    assert found[1]["Access-Control-Allow-Origin"] == ADMIN
    assert found[1]["Vary"] == "Origin"
    assert json.loads(found[2])["status"] == status


@pytest.mark.parametrize("method, path", [
    ("POST", "/api/stripe/webhook"), ("GET", "/api/webhooks/stripe"),
    ("OPTIONS", "/api/stripe/webhook"), ("GET", "/metrics"), ("GET", "/healthz"),
    ("GET", "/readyz"), ("GET", "/nowhere"), ("OPTIONS", "/metrics")])
def test_what_machines_call_has_no_lines_for_pages(door, method, path):
    _, headers, _ = door.request(method, path, headers={
        "Origin": ADMIN, "Access-Control-Request-Method": "POST"})
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["Vary"] is None


def preflight(door, path, origin, method="POST"):
    return door.request("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"})


def test_a_preflight_is_answered_from_the_table_of_routes(door):
    status, headers, body = preflight(door, "/api/login", ADMIN)
    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == ADMIN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, Idempotency-Key, Prefer, Accept-Language")
    assert headers["Access-Control-Max-Age"] == "7200"
    assert headers["Vary"] == "Origin"
    assert headers["Allow"] == "POST, OPTIONS"
    readers = preflight(door, "/api/terminal/readers", ADMIN, "GET")[1]
    assert readers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"


def test_a_preflight_of_a_stranger_tells_nothing(door):
    status, headers, _ = preflight(door, "/api/login", STRANGER)
    assert status == 204
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["Vary"] == "Origin"


def test_a_preflight_of_an_unknown_path_is_not_found(door):
    status, headers, _ = preflight(door, "/api/nowhere", ADMIN)
    assert status == 404
    assert headers["Access-Control-Allow-Origin"] == ADMIN


@pytest.mark.parametrize("path, allow", [
    ("/healthz", "GET, HEAD, OPTIONS"), ("/api/stripe/webhook", "POST, OPTIONS"),
    ("/api/terminal/readers", "GET, HEAD, POST, OPTIONS")])
def test_options_without_an_origin_names_the_methods(door, path, allow):
    status, headers, body = door.request("OPTIONS", path)
    assert (status, headers["Allow"], body) == (204, allow, b"")
    assert headers["Access-Control-Allow-Methods"] is None


@pytest.mark.parametrize("key, value, said", [
    ("api.cors_origins", "*", "name the origins"),
    ("api.cors_origins", f"{ADMIN} admin.example.org", "does not begin with https://"),
    ("api.cors_origins", f"{ADMIN}/", "something behind it"),
    ("api.trusted_proxies", "nginx", "is no address and no network"),
    ("api.trusted_proxies", "unix 10.0.0.0/99", "is no address and no network"),
])
def test_a_wrong_word_stops_the_start_and_is_named(make_door, key, value, said):
    door = make_door()
    done = subprocess.run([program("tocsin-api"), "--config", door.config, "--check",
                           "--set", f"{key}={value}"], check=False, capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 78
    assert f"{key}: " in done.stderr
    assert said in done.stderr


# Proxies.

CLAIM = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


def test_a_trusted_proxy_is_believed_that_it_came_over_https(make_door):
    door = make_door(api__trusted_proxies="127.0.0.0/8", api__hsts_s=600)
    assert door.request("GET", "/healthz", headers=CLAIM)[1][
        "Strict-Transport-Security"] == "max-age=600"
    assert door.request("GET", "/healthz")[1]["Strict-Transport-Security"] is None
    assert door.request("GET", "/healthz", headers={"X-Forwarded-Proto": "https, http"})[1][
        "Strict-Transport-Security"] is None


def test_whoever_is_not_trusted_is_not_believed(make_door):
    door = make_door(api__trusted_proxies="192.0.2.0/24 unix")
    assert door.request("GET", "/healthz", headers=CLAIM)[1][
        "Strict-Transport-Security"] is None


def test_no_line_keeps_browsers_on_https_when_the_setting_says_so(make_door):
    door = make_door(api__trusted_proxies="127.0.0.1", api__hsts_s=0)
    assert door.request("GET", "/healthz", headers=CLAIM)[1][
        "Strict-Transport-Security"] is None


def check_device(door, forwarded):
    """The status of a request that is counted by its client's address."""
    return door.request(
        "POST", "/api/devices/check-tap-to-pay",
        json.dumps({"platform": "ios", "model": "iPhone14,5",
                    "os_version": "17.0"}).encode(),
        {"Content-Type": "application/json", "X-Forwarded-For": forwarded})[0]


def exhaust(door, forwarded):
    """Asks until it is too often; how often it was allowed."""
    for count in range(200):
        if check_device(door, forwarded) == 429:
            return count
    raise AssertionError("it is never too often")


def share_a_limit(door, forwarded, other):
    """Whether `other` is refused right after `forwarded` was. One request a second is
    allowed again, and may be this one, but not each time."""
    for _ in range(20):
        exhaust(door, forwarded)
        if check_device(door, other) == 429:
            return True
    return False


def test_limits_count_the_client_that_a_trusted_proxy_names(make_door):
    door = make_door(api__trusted_proxies="127.0.0.1")
    door.wait_kept(encode(payment_event()))
    assert exhaust(door, "203.0.113.9") > 1
    assert check_device(door, "203.0.113.10") != 429
    # What the client itself has put in front does not make it another.
    assert share_a_limit(door, "203.0.113.9", "198.51.100.1, 203.0.113.9")


def test_limits_count_the_peer_when_it_is_not_trusted(make_door):
    door = make_door()
    door.wait_kept(encode(payment_event()))
    assert share_a_limit(door, "203.0.113.9", "203.0.113.10")


def test_metrics_are_for_the_peer_whomever_it_speaks_for(make_door):
    door = make_door(api__trusted_proxies="127.0.0.1", api__metrics_allow="203.0.113.9")
    assert door.request("GET", "/metrics", headers=CLAIM)[0] == 403


def test_a_proxy_that_may_read_metrics_lets_nobody_else_read_them(make_door):
    door = make_door(api__trusted_proxies="127.0.0.1")
    assert door.request("GET", "/metrics")[0] == 200
    assert door.request("GET", "/metrics", headers=CLAIM)[0] == 403
    assert door.request("GET", "/metrics", headers={
        "X-Forwarded-For": "127.0.0.1, 203.0.113.9"})[0] == 403
    assert door.request("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"})[0] == 200


# Pages and the description.

class Page(html.parser.HTMLParser):
    """What stands in a page: tags, attributes, text by language, the style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.style, self.words = set(), [], "", []
        self._inside = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self._inside.append(tag)

    def handle_data(self, data):
        if self._inside and self._inside[-1] == "style" and not self.style:
            self.style = data
        else:
            self.words.append(data)


@pytest.mark.parametrize("path, french, english", [
    ("/stripe/success", "Vous pouvez fermer cette page", "You can close this page"),
    ("/stripe/refresh", "demander un nouveau lien", "ask for a new link"),
])
def test_a_page_needs_nothing_but_itself_and_its_policy_lets_it_show(
        door, path, french, english):
    status, headers, body = door.request("GET", path)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = Page(body.decode())
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "form", "a"})
    assert not {name for name, _ in page.attributes} & {"style", "src", "href", "onload"}
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in headers["Content-Security-Policy"]
    text = " ".join(" ".join(page.words).split())
    assert french in text
    assert english in text
    assert text.index(french) < text.index(english)


@pytest.mark.parametrize("path", ["/stripe/success", "/stripe/refresh",
                                  "/api/openapi.yaml"])
def test_what_a_client_has_already_is_not_sent_again(door, path):
    status, headers, body = door.request("GET", path)
    tag = headers["ETag"]
    assert status == 200
    assert headers["Cache-Control"] == "no-cache"
    for known in (tag, f'W/{tag}', f'"other", {tag}', "*"):
        again = door.request("GET", path, headers={"If-None-Match": known})
        assert (again[0], again[1]["ETag"], again[2]) == (304, tag, b"")
        assert again[1]["Content-Length"] is None
    assert door.request("GET", path, headers={"If-None-Match": '"other"'})[0] == 200
    head = door.request("HEAD", path)
    assert (head[0], head[1]["Content-Length"], head[2]) == (200, str(len(body)), b"")


def test_the_description_is_the_file_that_it_was_built_from(door):
    status, headers, body = door.request("GET", "/api/openapi.yaml")
    assert (status, headers["Content-Type"]) == (200, "application/yaml")
    assert body.startswith(b"# SPDX-License-Identifier: MIT\n")
    assert b"\nopenapi: 3.1" in body
    assert headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()[:32]}"'


# Clients that leave, and those that only seem to.

def ask_and_wait(room, person, name, connection):
    connection.sendall(f"GET /api/jobs/{name} HTTP/1.1\r\nHost: t\r\n"
                       f"Authorization: Bearer {person.token}\r\n"
                       f"Prefer: wait=20\r\n\r\n".encode())
    room.wait_awaited(1)


def dial(room):
    return socket.create_connection(("127.0.0.1", room.api.port), 30)


def test_a_client_that_sends_no_more_and_still_reads_gets_its_answer(room):
    person = room.person()
    (name,) = room.jobs_of(person)
    with Wire(dial(room)) as wire:
        ask_and_wait(room, person, name, wire.socket)
        wire.socket.shutdown(socket.SHUT_WR)
        room.worker()
        status, _, body = wire.answer()
        assert (status, json.loads(body)["status"]) == (200, "done")
        assert wire.is_closed()


@pytest.mark.parametrize("half_closed", [False, True])
def test_a_client_that_resets_is_noticed_while_it_waits(room, half_closed):
    person = room.person()
    (name,) = room.jobs_of(person)
    connection = dial(room)
    ask_and_wait(room, person, name, connection)
    if half_closed:
        connection.shutdown(socket.SHUT_WR)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    room.wait_awaited(0)


@pytest.fixture
def secure_room(workdir, mariadb_server):
    certificate = Certificate(workdir)
    port = free_port()
    room = WaitingRoom(workdir, mariadb_server, settings={
        "api.tls_listen": f"127.0.0.1:{port}", "api.tls_key_file": certificate.key_file,
        "api.tls_certificate_file": certificate.file}).start()
    room.dial_tls = lambda: ssl.create_default_context(
        cafile=certificate.file).wrap_socket(
            socket.create_connection(("127.0.0.1", port), 30), server_hostname="localhost")
    yield room
    room.stop()


def test_over_tls_an_end_that_is_not_said_is_leaving(secure_room):
    person = secure_room.person()
    (name,) = secure_room.jobs_of(person)
    secure = secure_room.dial_tls()
    ask_and_wait(secure_room, person, name, secure)
    with socket.socket(fileno=secure.detach()) as bare:
        bare.shutdown(socket.SHUT_WR)
        secure_room.wait_awaited(0)


def test_over_tls_a_wait_ends_with_its_answer(secure_room):
    person = secure_room.person()
    (name,) = secure_room.jobs_of(person)
    with Wire(secure_room.dial_tls()) as wire:
        ask_and_wait(secure_room, person, name, wire.socket)
        secure_room.worker()
        status, headers, body = wire.answer()
        assert (status, json.loads(body)["status"]) == (200, "done")
        assert headers["strict-transport-security"]


def test_what_comes_behind_a_waiting_request_is_answered_after_it(room):
    person = room.person()
    (name,) = room.jobs_of(person)
    with Wire(dial(room)) as wire:
        ask_and_wait(room, person, name, wire.socket)
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        room.worker()
        assert json.loads(wire.answer()[2])["status"] == "done"
        assert json.loads(wire.answer()[2]) == {"alive": True}


class Unix(FrontDoor):
    """A front door on a Unix socket."""

    def __init__(self, directory, redis_address, sets):
        super().__init__(directory, redis_address, sets={
            "api.listen": f"unix:{directory}/door.sock", **sets})

    def is_ready(self):
        return accepts(self.dir / "door.sock")

    def connect(self, timeout_s=10.0):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        connection.connect(str(self.dir / "door.sock"))
        return Wire(connection)


@pytest.mark.parametrize("trusted, hsts", [("unix", "max-age=31536000"), ("", None)])
def test_a_unix_socket_is_a_proxys_when_the_setting_says_so(
        workdir, redis_server, trusted, hsts):
    door = Unix(workdir, redis_server.address, {"api.trusted_proxies": trusted}).start()
    try:
        with door.connect() as wire:
            wire.send(b"GET /healthz HTTP/1.1\r\nHost: t\r\nX-Forwarded-Proto: https\r\n"
                      b"X-Forwarded-For: 203.0.113.9\r\n\r\n")
            status, headers, _ = wire.answer()
            assert (status, headers.get("strict-transport-security")) == (200, hsts)
    finally:
        door.stop()


# Behind a real proxy, set up as docs/operating.md says.

def documented(language, holds):
    """The block of docs/operating.md in this language that holds these words."""
    text = (ROOT / "docs" / "operating.md").read_text()
    (found,) = [block for block in re.findall(rf"```{language}\n(.*?)```", text, re.S)
                if holds in block]
    return found


def settings_blocks():
    text = (ROOT / "docs" / "operating.md").read_text()
    return [block for block in re.findall(r"```ini\n(.*?)```", text, re.S)
            if block.startswith("[api]")]


@pytest.mark.parametrize("block", settings_blocks(), ids=lambda block: block.split()[1])
def test_the_settings_of_the_page_are_good_ones(make_door, workdir, block):
    door = make_door()
    certificate = Certificate(workdir)
    block = block.replace("/etc/tocsin/tls/fullchain.pem", str(certificate.file))
    block = block.replace("/etc/tocsin/tls/privkey.pem", str(certificate.key_file))
    config = workdir / "page.conf"
    config.write_text(door.config.read_text() + block)
    subprocess.run([program("tocsin-api"), "--config", config, "--check"], check=True,
                   timeout=30)


def test_the_drop_in_of_the_page_fits_the_unit(workdir):
    for name in ("tocsin-api.service", "tocsin-api.socket", "tocsin-api-tls.socket"):
        unit = (ROOT / "systemd" / name).read_text()
        (workdir / name).write_text(
            unit.replace("/usr/bin/tocsin-api", str(program("tocsin-api"))))
    drop_in = workdir / "tocsin-api.service.d" / "tls.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(documented("ini", "LoadCredential=tls.key"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no",
         workdir / "tocsin-api.service", workdir / "tocsin-api-tls.socket"],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}, check=False,
        capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Nginx(Process):
    """nginx with the block of the documentation; only addresses and files are ours."""

    def __init__(self, directory, door, certificate):
        super().__init__(directory, "nginx")
        self.port = free_port()
        block = documented("nginx", "proxy_pass")
        for theirs, ours in (
                ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
                ("listen [::]:443 ssl http2;", ""),
                ("/etc/ssl/tocsin/fullchain.pem", str(certificate.file)),
                ("/etc/ssl/tocsin/privkey.pem", str(certificate.key_file)),
                ("http://127.0.0.1:8080", f"http://127.0.0.1:{door.port}")):
            assert theirs in block, theirs
            block = block.replace(theirs, ours)
        paths = "".join(f"{kind}_temp_path {directory}/nginx-{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "nginx.conf").write_text(
            f"daemon off; pid {directory}/nginx.server; worker_processes 1;\n"
            "events { worker_connections 256; }\n"
            f"http {{ access_log off;\n{paths}{block}}}\n")

    def argv(self):
        return [find_server("nginx"), "-e", "stderr", "-p", self.dir,
                "-c", self.dir / "nginx.conf"]

    def is_ready(self):
        return accepts(("127.0.0.1", self.port))


@pytest.fixture
def behind_nginx(make_door, workdir):
    door = make_door(api__trusted_proxies="127.0.0.1")
    door.wait_kept(encode(payment_event()))
    certificate = Certificate(workdir)
    nginx = Nginx(workdir, door, certificate).start()
    yield lambda *words: subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--cacert", certificate.file,
         *words[1:], f"https://localhost:{nginx.port}{words[0]}"],
        check=True, capture_output=True, timeout=30).stdout.decode()
    nginx.stop()


def test_behind_nginx_as_documented_clients_are_known_and_metrics_are_hidden(
        behind_nginx, workdir):
    answer = behind_nginx("/api/openapi.yaml", "--head")
    assert "strict-transport-security: max-age=31536000" in answer.lower()
    assert behind_nginx("/metrics").split()[1] == "404"
    assert behind_nginx("/healthz").split()[1] == "404"
    # A client that claims to be another is counted as itself.
    body = json.dumps({"platform": "ios", "model": "iPhone14,5", "os_version": "17.0"})
    def claim(number):
        return behind_nginx("/api/devices/check-tap-to-pay", "--data", body, "--header",
                            "Content-Type: application/json", "--header",
                            f"X-Forwarded-For: 203.0.113.{number}").split()[1]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # one is allowed each second
        assert "429" in pool.map(claim, range(200))
    (workdir / "event.json").write_bytes(request_body := encode(payment_event()))
    header = re.search(rb"Stripe-Signature: ([^\r]+)", webhook_request(request_body))[1]
    answer = behind_nginx("/api/stripe/webhook", "--data-binary",
                          f"@{workdir}/event.json", "--header",
                          f"Stripe-Signature: {header.decode()}")
    assert answer.split()[1] == "200"
