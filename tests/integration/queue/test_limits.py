# SPDX-License-Identifier: MIT
"""limit.lua: exact under parallel charges, refilling, giving back, expiring."""

from concurrent.futures import ThreadPoolExecutor

from queue_scripts import Queue

MINUTE = 60_000
KEY = "{tocsin}:limit:intents:7"


def charge(queue, charges=1, burst=10, period=MINUTE, who="7"):
    """(allowed, remaining, retry_after_ms, reset_ms)"""
    return tuple(queue.limit(f"intents:{who}", burst, period, charges))


def test_as_many_as_the_burst_are_allowed_and_then_one_each_interval(queue, server):
    assert [charge(queue)[:2] for _ in range(10)] == [(1, left) for left in range(9, -1, -1)]
    assert charge(queue) == (0, 0, 6000, MINUTE)
    server.now_ms += 5999
    assert charge(queue) == (0, 0, 1, MINUTE - 5999)
    server.now_ms += 1
    assert charge(queue) == (1, 0, 0, MINUTE)
    assert charge(queue)[0] == 0


def test_a_refusal_is_not_charged(queue, server):
    for _ in range(10):
        charge(queue)
    for _ in range(50):
        assert charge(queue)[0] == 0
    server.now_ms += 6000
    assert charge(queue)[0] == 1


def test_a_hundred_charges_at_once_get_just_the_burst(queue, server):
    def one(number):
        with server.client(decode_responses=True) as client:
            return charge(Queue(client))[:2]
    with ThreadPoolExecutor(25) as pool:
        answers = sorted(pool.map(one, range(100)))
    assert answers == [(0, 0)] * 90 + [(1, left) for left in range(10)]


def test_what_is_given_back_may_be_used_again_and_never_more_than_the_burst(queue):
    for _ in range(10):
        charge(queue)
    assert charge(queue, -1) == (1, 1, 0, MINUTE - 6000)
    assert charge(queue)[0] == 1
    assert charge(queue)[0] == 0
    for _ in range(30):
        charge(queue, -1)
    assert charge(queue, 0)[1] == 10
    assert [charge(queue)[0] for _ in range(11)] == [1] * 10 + [0]


def test_looking_charges_nothing_and_keeps_nothing(queue):
    assert charge(queue, 0) == (1, 10, 0, 0)
    assert queue.client.keys("*") == []
    charge(queue)
    assert charge(queue, 0) == charge(queue, 0) == (1, 9, 0, 6000)


def test_the_key_goes_when_everything_came_back(queue, server):
    charge(queue)
    charge(queue)
    assert 0 < queue.client.pttl(KEY) <= 12_000
    server.now_ms += 12_001
    assert queue.client.get(KEY) is None
    charge(queue)
    charge(queue, -1)
    assert queue.client.exists(KEY) == 0


def test_one_is_not_charged_for_another(queue):
    for _ in range(10):
        charge(queue)
    assert charge(queue, who="8") == (1, 9, 0, 6000)


def test_an_interval_that_is_no_whole_millisecond_gives_no_charge_away(queue, server):
    """Seven in a second: one each 142.857 ms."""
    allowed = 0
    for _ in range(7000):
        allowed += charge(queue, burst=7, period=1000)[0]
        server.now_ms += 1
    assert 7 + 48 <= allowed <= 7 + 49


def test_a_clock_that_jumps_back_locks_nobody_out_for_longer_than_the_period(queue, server):
    for _ in range(10):
        charge(queue)
    server.now_ms -= 3_600_000
    assert charge(queue)[2] <= 6000
    server.now_ms += 6000
    assert charge(queue)[0] == 1
