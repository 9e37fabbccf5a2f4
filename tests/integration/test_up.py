# SPDX-License-Identifier: MIT
"""./dev up, down and restart, without the building."""

import os
import signal
import subprocess
import sys

import pytest

from support.process import free_port
from support.programs import ROOT, build_dir

PROMISED = {"URL", "CONF", "WEBHOOK_SECRET", "CONNECT_WEBHOOK_SECRET", "REDIS_SOCKET",
            "DB_SOCKET", "DB_NAME", "DB_USER", "DB_PASSWORD", "STRIPESIM_URL", "MAIL_DIR",
            "POMPIER_EMAIL", "ADMIN_EMAIL", "OPERATOR_EMAIL", "DEMO_PASSWORD", "PID_API",
            "PID_WORKER1", "PID_WORKER2", "PID_REDIS", "PID_MARIADB"}


def dev(*words, expect=0):
    """What ./dev does with these words once everything is built."""
    done = subprocess.run(
        [sys.executable, "-m", "support.up", *map(str, words)], check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"),
             "TOCSIN_BUILD": str(build_dir())})
    assert done.returncode == expect, done.stdout
    return done.stdout


def sourced(directory):
    """What a shell knows after `. DIR/env`."""
    done = subprocess.run(
        ["bash", "-c", f". '{directory}/env'; for name in ${{!TOCSIN_@}}; do "
                       "echo \"$name=${!name}\"; done"],
        check=True, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]})
    return dict(line.removeprefix("TOCSIN_").split("=", 1)
                for line in done.stdout.splitlines())


@pytest.fixture
def detached(workdir):
    """A stack that was started and left to itself."""
    directory = workdir / "data"
    dev("up", "--detach", "--port", free_port(), "--data", directory)
    yield directory
    dev("down", "--data", directory)
    assert not (directory / "env").exists()


def test_the_main_job_is_played_and_everything_is_accounted_for(workdir):
    output = dev("up", "--once", "--port", free_port(), "--data", workdir / "data")
    assert "everything is accounted for" in output
    assert "0 dead, 0 left" in output
    assert "4 recorded, 65.00 EUR" in output
    assert "held against Stripe's, 0 findings" in output
    sent = int(output.split("events")[1].split("sent")[0])
    assert sent >= 1000


def test_the_env_file_says_what_was_promised_and_the_pids_are_alive(detached):
    known = sourced(detached)
    assert PROMISED <= set(known)
    for name, value in known.items():
        assert value, f"TOCSIN_{name} is empty"
        if name.startswith("PID_"):
            os.kill(int(value), 0)
    assert os.path.isdir(known["MAIL_DIR"])


def test_what_was_killed_is_started_again_and_the_pids_are_rewritten(detached):
    before = sourced(detached)
    for name in ("PID_API", "PID_WORKER2", "PID_REDIS", "PID_MARIADB"):
        os.kill(int(before[name]), signal.SIGKILL)
    for what in ("redis", "mariadb", "api", "worker"):
        dev("restart", what, "--data", detached)
    after = sourced(detached)
    assert after["PID_WORKER1"] == before["PID_WORKER1"], "it was not dead"
    for name in ("PID_API", "PID_WORKER2", "PID_REDIS", "PID_MARIADB"):
        assert after[name] != before[name]
        os.kill(int(after[name]), 0)


def test_a_directory_that_runs_already_is_left_alone(detached):
    output = dev("up", "--detach", "--port", free_port(), "--data", detached, expect=1)
    assert "runs already" in output


def test_a_directory_of_something_else_is_left_alone(workdir):
    (workdir / "precious").write_text("mine")
    output = dev("up", "--detach", "--port", free_port(), "--data", workdir, expect=1)
    assert "something else" in output
    assert [path.name for path in workdir.iterdir()] == ["precious"]
