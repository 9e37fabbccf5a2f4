# SPDX-License-Identifier: MIT
"""What callers who wait for jobs are told of them."""

import pytest

from queue_scripts import Kind, New, Settlement
from queue_server import START_MS

ASKED = Kind("payment.refund", "live", max=3)
NOTHING = {"state": "", "kind": "", "attempt": "", "enqueued": "", "result": "",
           "left_out": 0, "discarded": 0}
MOST_BYTES = 524288


def settled(queue, id_, outcome="DONE", **options):
    queue.enqueue(New(id_, ASKED))
    return settle(queue, outcome, **options)


def settle(queue, outcome="DONE", **options):
    (job,) = queue.take("w", [ASKED], live=1)["jobs"]
    return queue.settle(Settlement(job["id"], job["token"], outcome, **options))


def test_each_state_is_told_with_its_failures(queue, server):
    queue.enqueue(New("a", ASKED))
    known = {**NOTHING, "kind": "payment.refund", "enqueued": str(START_MS)}
    assert queue.results("a") == [{**known, "state": "ready"}]
    (job,) = queue.take("w", [ASKED], live=1)["jobs"]
    assert queue.results("a") == [{**known, "state": "leased"}]
    queue.settle(Settlement("a", job["token"], "LATER", delay_ms=1000))
    assert queue.results("a") == [{**known, "state": "scheduled", "attempt": "1"}]
    server.now_ms += 2000
    queue.sweep()
    settle(queue, result="SEALED")
    assert queue.results("a") == [{**known, "state": "done", "attempt": "1",
                                   "result": "SEALED"}]


def test_the_order_is_that_of_the_ids_and_what_is_not_there_is_told(queue):
    settled(queue, "b", result="B")
    settled(queue, "a", "NEVER")
    found = queue.results("a", "x", "b", "a")
    assert [one["state"] for one in found] == ["dead", "", "done", "dead"]
    assert found[1] == NOTHING
    assert found[2]["result"] == "B"


def test_a_result_outlives_its_record(queue):
    settled(queue, "a", result="SEALED")
    assert queue.trim(keep_count=0) == 1
    assert queue.results("a") == [{**NOTHING, "state": "done", "result": "SEALED"}]


def test_a_job_that_runs_again_has_no_result_yet(queue):
    settled(queue, "a", "NEVER", result="OLD")
    queue.retry("a")
    assert queue.results("a")[0]["state"] == "ready"
    assert queue.results("a")[0]["result"] == ""


def test_what_was_discarded_is_told_apart(queue):
    queue.enqueue(New("a", ASKED))
    queue.discard("a")
    settled(queue, "b")
    assert [(one["state"], one["discarded"]) for one in queue.results("a", "b")] == \
        [("done", 1), ("done", 0)]


def test_results_that_are_too_much_together_are_left_out_but_for_the_first(queue):
    half = "x" * (MOST_BYTES // 2)
    for name in ("a", "b", "c"):
        settled(queue, name, result=half)
    settled(queue, "huge", result=half * 2 + "x")
    settled(queue, "small", result="s")
    found = queue.results("a", "b", "c", "small")
    assert [one["left_out"] for one in found] == [0, 0, 1, 1]
    assert [len(one["result"]) for one in found] == [len(half), len(half), 0, 0]
    found = queue.results("huge", "small")
    assert [one["left_out"] for one in found] == [0, 1]
    assert len(found[0]["result"]) == MOST_BYTES + 1


@pytest.mark.parametrize("count", [1, 128])
def test_it_only_reads_and_so_works_at_the_memory_limit(queue, count):
    settled(queue, "a", result="SEALED")
    ids = ["a"] * count
    queue.results(*ids)  # the script is loaded
    before = queue.client.info("persistence")["rdb_changes_since_last_save"]
    queue.client.config_set("maxmemory", 1)
    try:
        assert [one["result"] for one in queue.results(*ids)] == ["SEALED"] * count
    finally:
        queue.client.config_set("maxmemory", 0)
    assert queue.client.info("persistence")["rdb_changes_since_last_save"] == before
