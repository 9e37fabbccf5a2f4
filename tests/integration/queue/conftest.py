# SPDX-License-Identifier: MIT
"""Fixtures: one Redis with a clock of ours for all tests of the queue, empty for each."""

import pytest

from queue_scripts import Queue
from queue_server import START_MS, TimedRedis
from support.directory import short_directory


@pytest.fixture(scope="session")
def timed_redis():
    with short_directory() as directory, TimedRedis(directory) as server:
        yield server


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
