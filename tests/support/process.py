# SPDX-License-Identifier: MIT
"""A child process with a directory, a log, a pid file and a way to know that it is ready.

Every server and program of the tests and of ./dev is a Process. Waiting is always polling
with a deadline; a process that ends while it is waited for is reported with its log.
"""

import os
import random
import re
import signal
import socket
import subprocess
import time
import weakref
from pathlib import Path

# What a sanitizer writes when it found something.
SANITIZER = re.compile(
    rb"ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: ")

started = weakref.WeakSet()  # every Process of this interpreter, for showing logs
KEPT_PORTS = 64
kept_ports = []  # the sockets that hold the last ports given, oldest first


class ProcessError(AssertionError):
    """A process did not do what was asked of it; the text has the end of its log."""


def wait_until(condition, what, timeout_s=60.0, every_s=0.02):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout_s:g} s still waiting: {what}")
        time.sleep(every_s)


def free_port():
    """A TCP port of the loopback that nobody else is given until its server has started.
    Linux gives those from 32768 on to connections that go out. A socket that is bound to it
    keeps other interpreters from it, but no server that may use an address anew."""
    while True:
        port = random.randrange(10000, 32768)
        keeper = socket.socket()
        try:
            keeper.bind(("127.0.0.1", port))
        except OSError:
            keeper.close()
            continue
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept_ports.append(keeper)
        if len(kept_ports) > KEPT_PORTS:
            kept_ports.pop(0).close()
        return port


def accepts(address):
    """Whether somebody listens at a unix socket path or a (host, port)."""
    unix = not isinstance(address, tuple)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(address) if unix else address)
        except OSError:
            return False
        return True


def start_all(processes):
    """Starts at once those that do not run, and waits until all are ready."""
    fresh = [process for process in processes if process.pid is None]
    for process in fresh:
        process.start(wait=False)
    for process in fresh:
        process.wait_ready()


def stop_all(*waves):
    """Stops one wave after the other, each all at once; tells the first failure when all
    are stopped."""
    failures = []
    for wave in waves:
        for process in wave:
            process.leave()
        for process in wave:
            try:
                process.stop()
            except Exception as failure:  # every one must be stopped
                failures.append(failure)
    if failures:
        raise failures[0]


def _born(pid):
    """When the process started, in clock ticks: tells a pid from its reuse; None: gone."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in (b"Z", b"X") else int(after_name[19])


class Process:
    """Subclasses give argv() and is_ready(), and may give env() and prepare()."""

    ready_s = 60.0
    stop_s = 60.0
    clean_exits = (0,)

    def __init__(self, directory, name):
        self.dir = Path(directory)
        self.name = name
        self.dir.mkdir(parents=True, exist_ok=True)
        self.log = self.dir / f"{name}.log"
        self.pid_file = self.dir / f"{name}.pid"
        self._child = None
        self._leaving = None  # the pid that was told to leave
        self._read_from = 0

    # What subclasses say.

    def argv(self):
        raise NotImplementedError

    def env(self):
        return {}

    def prepare(self):
        """Runs before every start."""

    def is_ready(self):
        return True

    # What callers do.

    @property
    def pid(self):
        """The running process's pid, or None. Another interpreter may have started it."""
        try:
            pid, born = map(int, self.pid_file.read_text().split())
        except (OSError, ValueError):
            return None
        if self._child is not None and self._child.poll() is not None:
            return None
        return pid if _born(pid) == born else None

    def start(self, wait=True):
        if self.pid is not None:
            raise ProcessError(f"{self.name} runs already")
        self.prepare()
        self._read_from = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(
                [str(word) for word in self.argv()], cwd=self.dir,
                env={**os.environ, **self.env()}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        started.add(self)
        self.pid_file.write_text(f"{self._child.pid} {_born(self._child.pid) or 0}\n")
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.pid is None:
                code = self._child.returncode if self._child else "?"
                raise ProcessError(f"{self.name} ended with {code} while starting\n"
                                   f"{self.tail()}")
            return self.is_ready()
        try:
            wait_until(ready, f"{self.name} ready", self.ready_s)
        except TimeoutError as slow:
            raise ProcessError(f"{slow}\n{self.tail()}") from None

    def signal(self, number):
        pid = self.pid
        if pid is None:
            raise ProcessError(f"{self.name} does not run\n{self.tail()}")
        os.kill(pid, number)

    def _wait_gone(self, pid):
        def gone():
            if self._child is not None and self._child.pid == pid:
                return self._child.poll() is not None
            return self.pid is None
        wait_until(gone, f"{self.name} gone", self.stop_s)

    def leave(self):
        """Tells it to leave; stop() waits for that."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            self._leaving = pid

    def stop(self):
        """SIGTERM, and fails when it does not leave in time, leaves with an error, or a
        sanitizer complained. Does nothing when it does not run."""
        if self._leaving is None:
            self.leave()
        pid, self._leaving = self._leaving, None
        if pid is not None:
            try:
                self._wait_gone(pid)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._wait_gone(pid)
                raise ProcessError(f"{self.name} had to be killed: it did not leave within "
                                   f"{self.stop_s:g} s of SIGTERM\n{self.tail()}") from None
            code = self._child.returncode if self._child is not None else 0
            if code not in self.clean_exits:
                raise ProcessError(f"{self.name} left with {code}\n{self.tail()}")
        self.pid_file.unlink(missing_ok=True)
        self.check_sanitizers()

    def wait_exit(self, timeout_s=60.0):
        """Waits until it ends by itself and returns its exit status (negative: signal)."""
        wait_until(lambda: self._child.poll() is not None, f"{self.name} to end", timeout_s)
        return self._child.returncode

    def kill9(self):
        pid = self.pid
        if pid is None:
            raise ProcessError(f"{self.name} does not run\n{self.tail()}")
        os.kill(pid, signal.SIGKILL)
        self._wait_gone(pid)
        self.check_sanitizers()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def log_text(self, since_start=False):
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as log:
            log.seek(self._read_from if since_start else 0)
            return log.read().decode("utf-8", "replace")

    def tail(self, lines=40):
        text = "\n".join(self.log_text().splitlines()[-lines:])
        return f"--- {self.log}\n{text}"

    def check_sanitizers(self):
        if self.log.exists():
            log = self.log.read_bytes()
            found = SANITIZER.search(log)
            if found:
                report = log[max(0, found.start() - 200):found.start() + 6000]
                raise ProcessError(f"{self.name}: a sanitizer complained\n"
                                   + report.decode("utf-8", "replace"))

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()
