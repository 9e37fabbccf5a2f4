# SPDX-License-Identifier: MIT
"""The programs of this project as processes, and how to find them."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .process import Process, ProcessError, accepts, free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "tocsin-api": "api/tocsin-api",
    "tocsin-worker": "worker/tocsin-worker",
    "tocsin": "ctl/tocsin",
    "tocsin-stripesim": "tests/stripesim/tocsin-stripesim",
    "tocsin-worker-test": "tests/worker/tocsin-worker-test",
}


def build_dir():
    """Where the programs were built: $TOCSIN_BUILD, else the first preset that has them."""
    named = os.environ.get("TOCSIN_BUILD")
    if named:
        return (ROOT / named).resolve()
    for preset in ("release", "dev"):
        if (ROOT / "build" / preset / PLACES["tocsin-api"]).exists():
            return ROOT / "build" / preset
    return ROOT / "build" / "release"


def program(name):
    path = build_dir() / PLACES[name]
    if not path.exists():
        raise ProcessError(f"{path} is not built (TOCSIN_BUILD names the build directory)")
    return path


def sanitizer_env():
    """Sanitizers report where the harness looks: in the log, and by the exit status."""
    return {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": "halt_on_error=0:exitcode=66:second_deadlock_stack=1"}


class Program(Process):
    """One of ours, with a settings file, further --set words and environment."""

    binary = None

    def __init__(self, directory, name, config, sets=None, environment=None):
        super().__init__(directory, name)
        self.config = Path(config)
        self.sets = dict(sets or {})  # {"worker.slots": 4}
        self.environment = dict(environment or {})

    def env(self):
        return {**sanitizer_env(), **self.environment}

    def argv(self):
        words = [program(self.binary), "--config", self.config]
        for key, value in self.sets.items():
            words += ["--set", f"{key}={value}"]
        return words


class Api(Program):
    binary = "tocsin-api"
    # Tests put support.openapi.check_answer here; ./dev up has no need of it.
    check_answer = None

    def __init__(self, directory, config, port=0, name="api", sets=None, environment=None):
        super().__init__(directory, name, config, sets, environment)
        self.port = port or free_port()
        self.sets.setdefault("api.listen", f"127.0.0.1:{self.port}")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        return accepts(("127.0.0.1", self.port))

    def request(self, method, path, body=None, headers=None, timeout_s=30.0):
        """(status, headers, body bytes) of one request, whatever the status."""
        request = urllib.request.Request(self.url + path, data=body, method=method,
                                         headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                found = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                found = refusal.code, refusal.headers, refusal.read()
        if self.check_answer:
            self.check_answer(method, path, *found)
        return found

    def post_event(self, body, signature, path="/api/stripe/webhook"):
        """The status that a signed webhook gets."""
        return self.request("POST", path, body, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature})[0]

    def wait_redis(self):
        """Until each of its loops has reached Redis since the start: one that has not
        answers 503, whatever the others do."""
        def reached():
            loops = re.findall(r"<6>ready loops=(\d+)", self.log_text(since_start=True))
            (connects,) = re.findall(rb"^tocsin_redis_connects_total (\d+)",
                                     self.request("GET", "/metrics")[2], re.MULTILINE)
            return loops and int(connects) >= int(loops[-1])
        wait_until(reached, f"{self.name} to reach Redis")

    def is_all_ready(self):
        """Whether /readyz says so: Redis, MariaDB and a worker are seen."""
        return self.request("GET", "/readyz")[0] == 200


class Worker(Program):
    """Knows that it is ready by the datagram that it would send to systemd."""

    binary = "tocsin-worker"

    def __init__(self, config, name="worker1", directory=None, sets=None,
                 environment=None, binary=None):
        super().__init__(directory or Path(config).parent, name, config, sets, environment)
        self.binary = binary or self.binary
        self._notify = None

    def prepare(self):
        from .notify import NotifySocket
        self._notify = NotifySocket(self.dir / f"{self.name}.notify")

    def env(self):
        return {**super().env(), "NOTIFY_SOCKET": str(self._notify.path)}

    def is_ready(self):
        return self._notify.has("READY=1")


class Stripesim(Process):
    """The Stripe of development. Webhooks go to `webhook_url`, signed with the secrets."""

    def __init__(self, directory, webhook_url="", secret_file=None, connect_secret_file=None,
                 name="stripesim", port=0, options=()):
        super().__init__(directory, name)
        self.port = port or free_port()
        self.webhook_url = webhook_url
        self.secret_file = secret_file
        self.connect_secret_file = connect_secret_file
        self.options = list(options)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def env(self):
        return sanitizer_env()

    def argv(self):
        words = [program("tocsin-stripesim"), "--listen", f"127.0.0.1:{self.port}"]
        if self.webhook_url:
            words += ["--webhook-url", self.webhook_url]
        if self.secret_file:
            words += ["--webhook-secret-file", self.secret_file]
        if self.connect_secret_file:
            words += ["--connect-webhook-secret-file", self.connect_secret_file]
        return words + self.options

    def is_ready(self):
        return accepts(("127.0.0.1", self.port))

    def control(self, verb, body=None, method=None, timeout_s=60.0):
        """Calls /_control/VERB and returns the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/_control/{verb}", data=data,
            method=method or ("GET" if body is None else "POST"),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")


def run_tocsin(config, *words, json_output=False, expect=0, timeout_s=120.0, stdin=None):
    """Runs the command line. Returns its output (decoded when json_output); fails unless
    its exit status is `expect` (None: any, and the finished process is returned)."""
    done = subprocess.run(
        [str(program("tocsin")), "--config", str(config), *map(str, words),
         *(["--json"] if json_output else [])],
        capture_output=True, text=True, timeout=timeout_s, check=False, input=stdin,
        env={**os.environ, **sanitizer_env()})
    if expect is None:
        return done
    if done.returncode != expect:
        raise ProcessError(f"tocsin {' '.join(map(str, words))} ended with "
                           f"{done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout) if json_output else done.stdout
