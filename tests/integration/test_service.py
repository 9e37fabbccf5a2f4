# SPDX-License-Identifier: MIT
"""What systemd sees: the units' promises, kept by the real programs."""

import subprocess
import time

import pytest

from support.notify import NotifySocket
from support.process import Process, free_port, wait_until
from support.programs import Api, Worker, program, sanitizer_env
from support.servers import find_server
from support.stack import Stack


@pytest.fixture
def servers(workdir, mariadb_server):
    """Everything that the programs need, without the programs."""
    stack = Stack(workdir, mariadb=mariadb_server)
    stack.start_servers()
    stack.create_database()
    stack.migrate()
    yield stack
    stack.stop()


@pytest.fixture
def notify(workdir):
    socket = NotifySocket(workdir / "systemd.notify")
    yield socket
    socket.close()


class Watched(Worker):
    """A worker that tells the test's own socket."""

    def prepare(self):
        pass

    def env(self):
        return {**sanitizer_env(), **self.environment}

    def is_ready(self):
        return True


@pytest.mark.parametrize("which", ["api", "worker"])
def test_a_program_says_ready_then_that_it_lives_and_then_that_it_stops(
        servers, notify, which):
    environment = {"NOTIFY_SOCKET": str(notify.path), "WATCHDOG_USEC": "2000000"}
    if which == "api":
        process = Api(servers.dir, servers.config, environment=environment)
    else:
        process = Watched(servers.config, environment=environment)
    process.start()
    wait_until(lambda: notify.has("READY=1"), "READY=1")
    began = time.monotonic()
    wait_until(lambda: notify.count("WATCHDOG=1") >= 4, "four signs of life")
    assert time.monotonic() - began < 4 * 2.0, "slower than the watchdog allows"
    process.stop()
    assert notify.has("STOPPING=1")
    assert notify.said.index("READY=1") < notify.said.index("STOPPING=1")


class Activated(Process):
    """The api behind a socket that it is handed, as tocsin-api.socket does."""

    def __init__(self, directory, config):
        super().__init__(directory, "activated")
        self.config = config
        self.port = free_port()

    def argv(self):
        keep = [f"--setenv={name}" for name in sanitizer_env()]
        return [find_server("systemd-socket-activate"),
                f"--listen=127.0.0.1:{self.port}", *keep, program("tocsin-api"),
                "--config", self.config, "--set", "api.listen=127.0.0.1:1"]

    def env(self):
        return sanitizer_env()

    def is_ready(self):
        return "Listening on" in self.log_text(since_start=True)


def test_the_front_door_serves_the_socket_that_it_is_handed(servers):
    """The address of the settings could not be listened at: port 1 is not free to use for
    an ordinary user, and nobody answers there for root."""
    activated = Activated(servers.dir, servers.config).start()
    door = Api(servers.dir, servers.config, port=activated.port, name="asked")
    assert door.request("GET", "/healthz")[0] == 200
    activated.stop()


def test_what_is_handed_over_must_be_a_socket_that_listens(servers):
    script = 'exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
    done = subprocess.run(["sh", "-c", script, "sh", program("tocsin-api"), "--config",
                           servers.config], check=False, capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 69
    assert "no socket that listens" in done.stderr


@pytest.mark.parametrize("binary", ["tocsin-api", "tocsin-worker", "tocsin"])
def test_an_unknown_setting_stops_the_start_with_its_place(servers, binary):
    bad = servers.dir / "bad.conf"
    bad.write_text(servers.config.read_text() + "[worker]\nslotz = 4\n")
    line = len(bad.read_text().splitlines())
    done = subprocess.run([program(binary), "--config", bad, "--check"], check=False,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert f"bad.conf:{line}" in done.stderr
    assert "slotz" in done.stderr


@pytest.mark.parametrize("binary, key, text, said", [
    ("tocsin-api", "seal.keys_file", "1 short", "seal.keys_file: "),
    ("tocsin-api", "stripe.webhook_secrets_file", "sk_test_1", "no secret (whsec_...)"),
    ("tocsin-api", "mariadb.reader_password_file", "", "is empty"),
    ("tocsin-api", "redis.password_file", "", "is empty"),
    ("tocsin-api", "api.metrics_allow", None, "api.metrics_allow: "),
    ("tocsin-api", "api.listen", None, "api.listen: "),
    ("tocsin-api", "redis.address", None, "redis.address: "),
    ("tocsin-worker", "redis.address", None, "redis.address: "),
    ("tocsin-worker", "seal.keys_file", "index", "a key is 32 bytes"),
    ("tocsin-worker", "seal.pii_keys_file", "", "seal.pii_keys_file: "),
    ("tocsin-worker", "mariadb.password_file", "", "is empty"),
    ("tocsin-worker", "redis.password_file", "", "is empty"),
    ("tocsin-worker", "stripe.secret_key_file", "", "is empty"),
    ("tocsin-worker", "stripe.secret_key_file", "sk_live_1", "a key of the other mode"),
])
def test_check_reads_the_files_that_the_program_needs(servers, binary, key, text, said):
    """Without starting anything: Redis and MariaDB are not asked."""
    value = "no address"
    if text is not None:
        value = servers.dir / "wrong"
        value.write_text(text + "\n" if text else "")
    done = subprocess.run([program(binary), "--config", servers.config, "--check", "--set",
                           f"{key}={value}"], check=False, capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 78
    assert said in done.stderr


@pytest.mark.parametrize("binary", ["tocsin-api", "tocsin-worker", "tocsin"])
def test_check_finds_nothing_wrong_with_good_settings_and_leaves(servers, binary):
    done = subprocess.run([program(binary), "--config", servers.config, "--check"],
                          check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
