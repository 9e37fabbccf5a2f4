# SPDX-License-Identifier: MIT
"""With a million jobs, counting and paging do as few commands as with ten."""

import time

import pytest

from queue_scripts import Kind, New

HOOK = Kind("stripe.event", "webhook")
MAIL = Kind("receipt.send", "mail")
JOBS = 1_000_000
BATCH = 128


def commands_of(queue, call):
    """How many commands the script did."""
    def done():
        stats = queue.client.info("commandstats")
        return sum(row["calls"] for name, row in stats.items() if "info" not in name)
    before = done()
    call()
    return done() - before


@pytest.fixture
def measured(queue):
    """Commands of stats and of one page in the middle, with a few jobs."""
    def measure(state):
        _, cursor, _ = queue.list(state, most=50)
        return (commands_of(queue, queue.stats),
                commands_of(queue, lambda: queue.list(state, cursor=cursor, most=50)))
    return measure


@pytest.mark.slow
def test_figures_and_pages_cost_the_same_with_a_million_jobs(queue, server, measured, capsys):
    queue.enqueue(*[New(f"first:{i}", (HOOK, MAIL)[i % 2], tenant=str(i % 5), delay_ms=1)
                    for i in range(120)])
    queue.enqueue(*[New(f"ready:{i}", (HOOK, MAIL)[i % 2]) for i in range(120)])
    few = {state: measured(state) for state in ("ready", "scheduled")}
    for start in range(0, JOBS, BATCH):
        if start % (BATCH * 100) == 0:
            server.now_ms += 1
        queue.enqueue(*[New(f"evt_{i}", (HOOK, MAIL)[i % 2], tenant=str(i % 700),
                            delay_ms=i % 2) for i in range(start, min(JOBS, start + BATCH))])
    lines = []
    for state in ("ready", "scheduled"):
        stats, page = measured(state)
        assert stats <= few[state][0] + 2
        assert page <= few[state][1] + 40, "halving among equal scores is all that may grow"
        began = time.perf_counter()
        queue.stats()
        middle = time.perf_counter()
        queue.list(state, most=50)
        lines.append(f"{state}: stats {stats} commands in {(middle - began) * 1000:.1f} ms, "
                     f"page {page} commands in {(time.perf_counter() - middle) * 1000:.1f} ms")
    with capsys.disabled():
        print("\n" + "\n".join(lines))


@pytest.mark.slow
def test_pages_cover_a_hundred_thousand_jobs_exactly(queue):
    for start in range(0, 100_000, BATCH):
        queue.enqueue(*[New(f"evt_{i}", HOOK, delay_ms=1 + i % 3)
                        for i in range(start, min(100_000, start + BATCH))])
    seen, cursor = [], ""
    while True:
        records, cursor, _ = queue.list("scheduled", cursor=cursor, most=500, scan=500)
        seen += [record["id"] for record in records]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 100_000
