# SPDX-License-Identifier: MIT
"""Fixtures: one Redis with a clock of ours for all tests of the queue, empty for each."""

import shutil
import tempfile
from pathlib import Path

import pytest

from queue_scripts import Queue
from queue_server import START_MS, TimedRedis


@pytest.fixture(scope="session")
def timed_redis():
    directory = Path(tempfile.mkdtemp(prefix="tocsin-", dir="/tmp"))
    server = TimedRedis(directory).start()
    yield server
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def server(timed_redis):
    timed_redis.now_ms = START_MS
    with timed_redis.client() as client:
        client.flushall()
        client.script_flush()
    return timed_redis


@pytest.fixture
def queue(server):
    with server.client(decode_responses=True) as client:
        yield Queue(client)
