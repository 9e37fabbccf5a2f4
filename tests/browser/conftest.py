# SPDX-License-Identifier: MIT
"""A real receipt, a real refund notice and a real letter about a dispute, and a Chromium to
read them in.

  letters    the messages of one payment, a refund of a part and a dispute, as they arrived
  chromium   one for all tests; it resolves no name, so that nothing can leave by mistake
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.chromium import Chromium  # noqa: E402  (the path comes first)
from browser.letters import play_letters  # noqa: E402
from support import process  # noqa: E402
from support.stack import Stack  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of every process that it had."""
    report = (yield).get_result()
    if report.failed:
        for one in sorted(process.started, key=lambda known: str(known.log)):
            if one.log.exists():
                report.sections.append((f"log of {one.name}", one.tail(30)))


@pytest.fixture(scope="session")
def directory():
    """Short, since unix sockets allow a path of 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="tocsin-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def letters(directory):
    with Stack(directory / "stack") as stack:
        return play_letters(stack)


@pytest.fixture(scope="session")
def chromium(directory):
    with Chromium(directory / "chromium") as browser:
        yield browser
