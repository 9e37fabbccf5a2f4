# SPDX-License-Identifier: MIT
"""The neighbours: a private Redis, MariaDB and mail server in a directory.

Nothing listens outside the directory, apart from ports of the loopback where asked for.
The programs of this project are in programs.py, everything together in stack.py.
"""

import email
import email.policy
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pymysql
import redis

from .process import Process, ProcessError, accepts, free_port

# What schema/grants.sql gives the writer of a small installation, who also migrates.
WRITER_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"

HERE = Path(__file__).resolve().parent


def find_server(name):
    """A server's binary: Debian puts some where only root's PATH looks."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise ProcessError(f"{name} is not installed; ./dev test installs it")
    return path


class Redis(Process):
    """Keeps what it is given: append-only file, fsync before every answer."""

    def __init__(self, directory, name="redis", port=0, options=()):
        super().__init__(directory, name)
        self.port = port
        self.options = list(options)  # "maxmemory 8mb" and the like; later ones win
        self.socket = self.dir / f"{name}.sock"
        self.data = self.dir / f"{name}-data"

    @property
    def address(self):
        return f"unix:{self.socket}"

    def prepare(self):
        self.data.mkdir(exist_ok=True)
        lines = [f"dir {self.data}", f"unixsocket {self.socket}", f"port {self.port}",
                 "bind 127.0.0.1", "daemonize no", 'save ""', "appendonly yes",
                 "appendfsync always", "maxmemory-policy noeviction",
                 "hash-max-listpack-value 4096", *self.options]
        (self.dir / f"{self.name}.conf").write_text("\n".join(lines) + "\n")

    def argv(self):
        return [find_server("redis-server"), self.dir / f"{self.name}.conf"]

    def client(self, **options):
        return redis.Redis(unix_socket_path=str(self.socket), **options)

    def is_ready(self):
        try:
            with self.client(socket_timeout=1) as client:
                return client.ping()
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
            return False


class MariaDB(Process):
    """As durable as in production, but small. root has no password on its socket."""

    def __init__(self, directory, name="mariadb", options=()):
        super().__init__(directory, name)
        self.options = list(options)
        self.socket = self.dir / f"{name}.sock"
        self.data = self.dir / f"{name}-data"

    def _user(self):
        # mariadbd runs as whoever starts it, and as root only when told so.
        return ["--user=root"] if os.geteuid() == 0 else []

    def _sizes(self):
        return ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M",
                "--innodb-buffer-pool-dump-at-shutdown=0"]

    def prepare(self):
        if (self.data / "mysql").is_dir():
            return
        install = subprocess.run(
            ["mariadb-install-db", "--no-defaults", *self._user(),
             f"--datadir={self.data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", "--force", *self._sizes()],
            # A server that starts clears its temporary directory of what others have there.
            env={**os.environ, "TMPDIR": str(self.dir)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if install.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ProcessError("mariadb-install-db failed:\n"
                               + install.stdout.decode("utf-8", "replace"))

    def argv(self):
        return [find_server("mariadbd"), "--no-defaults", *self._user(), *self._sizes(),
                f"--datadir={self.data}", f"--socket={self.socket}", "--skip-networking",
                f"--pid-file={self.dir / self.name}.server-pid",
                f"--tmpdir={self.data}", "--max-connections=300",
                "--character-set-server=utf8mb4", "--default-time-zone=+00:00",
                *self.options]

    def is_ready(self):
        try:
            self.client().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def client(self, user="root", password="", database=None, **options):
        """A connection that commits by itself unless told otherwise."""
        options.setdefault("autocommit", True)
        options.setdefault("charset", "utf8mb4")
        return pymysql.connect(unix_socket=str(self.socket), user=user, password=password,
                               database=database, **options)

    def create(self, database, writer, reader):
        """A fresh database with its two users, each (name, password). What is there under
        that name goes."""
        with self.client() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
            cursor.execute(f"CREATE DATABASE `{database}` "
                           "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            for (name, password), rights in ((writer, WRITER_RIGHTS), (reader, "SELECT")):
                cursor.execute(f"CREATE OR REPLACE USER '{name}'@'localhost' "
                               "IDENTIFIED BY %s", (password,))
                cursor.execute(f"GRANT {rights} ON `{database}`.* TO '{name}'@'localhost'")


class Mail(Process):
    """A mail server that keeps every message as one file, and misbehaves when told to."""

    def __init__(self, directory, name="mail", port=0, tls="none", login=None):
        super().__init__(directory, name)
        self.port = port or free_port()
        self.tls = tls      # none, starttls or implicit
        self.login = login  # (user, password): AUTH is demanded
        self.box = self.dir / f"{name}box"
        self.ca_file = self.dir / f"{name}.crt"
        self._faults = self.dir / f"{name}.faults"
        # At once, since settings that name it may be read before the server runs.
        if tls != "none" and not self.ca_file.exists():
            self._make_certificate()

    def _make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self.dir / f"{self.name}.key"), "-out", str(self.ca_file)],
            check=True, capture_output=True)

    def prepare(self):
        self.box.mkdir(exist_ok=True)

    def argv(self):
        words = [sys.executable, HERE / "mail_catcher.py", "--port", self.port,
                 "--box", self.box, "--faults", self._faults, "--tls", self.tls]
        if self.tls != "none":
            words += ["--certificate", self.ca_file, "--key", self.dir / f"{self.name}.key"]
        if self.login:
            words += ["--user", self.login[0], "--password", self.login[1]]
        return words

    def is_ready(self):
        return accepts(("127.0.0.1", self.port))

    def fault(self, **faults):
        """Until the next call: rcpt=(450, "text") or data=(550, "text") answers so,
        drop="lost" closes the connection after DATA without keeping the message,
        drop="kept" keeps it first, slow_ms waits before answering DATA, to="part" limits
        all of it to recipients that contain it, times=N to so many messages."""
        fresh = self._faults.with_suffix(".new")
        fresh.write_text(json.dumps(faults))
        fresh.replace(self._faults)

    def clear(self):
        for message in self.box.glob("*.eml"):
            message.unlink()

    def files(self):
        return sorted(self.box.glob("*.eml"))

    def messages(self, besides=()):
        """Everything received, in order. Return-Path and Delivered-To are the envelope."""
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in self.files() if path not in besides]


def secret():
    return secrets.token_hex(16)
