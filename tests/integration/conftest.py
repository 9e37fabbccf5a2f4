# SPDX-License-Identifier: MIT
"""Fixtures: real servers in a short-lived directory, and their logs when a test fails.

  workdir         an empty directory with a short path (unix sockets allow 107 bytes)
  redis_server    a Redis of the test's own
  mariadb_server  the session's MariaDB; a test that stops it takes `own_mariadb`
  stack           everything started and migrated, with the session's MariaDB
  own_stack       the same with a MariaDB of its own, for tests that kill it
  pytest.mark.stack(workers=2, settings={"worker.slots": 4}) goes to Stack for either
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import openapi, process  # noqa: E402  (the path comes first)
from support.directory import short_directory  # noqa: E402
from support.programs import Api  # noqa: E402
from support.servers import MariaDB, Redis  # noqa: E402
from support.stack import Stack  # noqa: E402

# Each file stays with one process (--dist loadfile): those of a minute and more come first,
# so that in the end nobody waits long for the last one.
LONGEST = ("test_payment_faults.py", "test_queue_model.py", "test_payment_crash.py",
           "test_sessions.py", "test_api_waiting.py", "test_worker_outage.py",
           "test_kill.py", "test_worker_flow.py", "test_worker_crash.py",
           "test_sync_cards.py", "test_terminal.py")

# What the front door answers here is what api/openapi.yaml says.
Api.check_answer = staticmethod(openapi.check_answer)


def pytest_configure(config):
    config.addinivalue_line("markers", "stack(**options): how the stack is built")
    config.addinivalue_line("markers", "plain: run without sanitizers, with the release")
    config.addinivalue_line("markers", "threads: also run with ThreadSanitizer")
    config.addinivalue_line("markers", "slow: minutes long; only ./dev test all runs it")


def pytest_collection_modifyitems(items):
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of every process that it had."""
    report = (yield).get_result()
    if report.failed:
        for one in sorted(process.started, key=lambda known: str(known.log)):
            if one.log.exists():
                report.sections.append((f"log of {one.name}", one.tail(30)))


@pytest.fixture
def workdir():
    with short_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def mariadb_server():
    with short_directory() as directory, MariaDB(directory) as server:
        yield server


@pytest.fixture
def own_mariadb(workdir):
    with MariaDB(workdir) as server:
        yield server


@pytest.fixture
def redis_server(workdir):
    with Redis(workdir) as server:
        yield server


def _stack_options(request):
    marker = request.node.get_closest_marker("stack")
    return marker.kwargs if marker else {}


@pytest.fixture
def stack(request, workdir, mariadb_server):
    with Stack(workdir, mariadb=mariadb_server, **_stack_options(request)) as running:
        yield running


@pytest.fixture
def own_stack(request, workdir):
    with Stack(workdir, **_stack_options(request)) as running:
        yield running
