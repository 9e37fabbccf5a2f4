# SPDX-License-Identifier: MIT
"""What operators see and do: pages, figures, references, retry, discard, pause."""

import json

import pytest
import redis

from queue_scripts import Kind, New, Settlement

HOOK = Kind("stripe.event", "webhook")
MAIL = Kind("receipt.send", "mail")
AUDIT = Kind("audit.write", "backfill")
STATES = ("ready", "leased", "scheduled", "done", "dead")


def take(queue, count=1, kinds=(HOOK, MAIL), worker="w"):
    return queue.take(worker, kinds, general=count, lease_ms=60000)["jobs"]


def settle(queue, jobs, outcome="DONE", **options):
    queue.settle(*[Settlement(job["id"], job["token"], outcome, **options) for job in jobs])


def pages(queue, state, most, **filters):
    found, cursor, calls = [], "", 0
    while True:
        records, cursor, _ = queue.list(state, cursor=cursor, most=most, **filters)
        found += [record["id"] for record in records]
        calls += 1
        assert calls < 1000
        if not cursor:
            return found


def some_in_every_state(queue, server):
    """40 of two kinds and three tenants in each state."""
    for state in ("dead", "done", "leased", "scheduled", "ready"):
        for start in range(0, 40, 10):
            queue.enqueue(*[New(f"{state}:{i:02}", (HOOK, MAIL)[i % 2], tenant="ABC"[i % 3],
                                delay_ms=1 + i // 8 if state == "scheduled" else 0)
                            for i in range(start, start + 10)])
        if state in ("dead", "done", "leased"):
            jobs = take(queue, 40)
            for start in range(0, 40, 10):
                if state != "leased":
                    settle(queue, jobs[start:start + 10], "DONE" if state == "done" else "NEVER")
                    server.now_ms += 1


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("most", [1, 7, 100])
def test_pages_show_each_job_of_a_state_once(queue, server, state, most):
    some_in_every_state(queue, server)
    all_of_it = [f"{state}:{i:02}" for i in range(40)]
    assert sorted(pages(queue, state, most)) == all_of_it
    assert sorted(pages(queue, state, most, kind="receipt.send")) == all_of_it[1::2]
    assert sorted(pages(queue, state, most, lane="webhook")) == all_of_it[::2]
    assert sorted(pages(queue, state, most, tenant="B", scan=5)) == all_of_it[1::3]


def test_pages_are_in_the_order_of_the_state(queue, server):
    some_in_every_state(queue, server)
    for state in STATES:
        moments = [int(queue.show(id_)["at"]) for id_ in pages(queue, state, 6)]
        backwards = state in ("done", "dead")
        assert moments == sorted(moments, reverse=backwards), state


def test_ready_jobs_are_listed_as_they_will_be_taken(queue):
    queue.enqueue(*[New(f"a{i}", HOOK, tenant="A") for i in range(5)])
    queue.enqueue(*[New(f"b{i}", HOOK, tenant="B") for i in range(3)])
    assert pages(queue, "ready", 2) == [job["id"] for job in take(queue, 8)]


def test_pages_neither_repeat_nor_skip_what_stays_while_jobs_come_and_go(queue, server):
    queue.enqueue(*[New(f"old{i:02}", HOOK, delay_ms=50) for i in range(30)])
    first, cursor, _ = queue.list("scheduled", most=10)
    assert [record["id"] for record in first] == [f"old{i:02}" for i in range(10)]
    queue.discard("old09")  # the very job that the cursor stands at
    queue.enqueue(New("earlier", HOOK, delay_ms=10), New("later", HOOK, delay_ms=90))
    rest, cursor, _ = queue.list("scheduled", cursor=cursor, most=100)
    assert [record["id"] for record in rest] == [f"old{i:02}" for i in range(10, 30)] + ["later"]
    assert cursor == ""


def test_a_filter_without_index_scans_within_its_bound_and_says_so(queue):
    queue.enqueue(*[New(f"a{i:03}", HOOK, tenant="A", delay_ms=9) for i in range(100)])
    queue.enqueue(New("z", HOOK, tenant="B", delay_ms=9))
    records, cursor, partial = queue.list("scheduled", tenant="B", most=10, scan=60)
    assert (records, partial) == ([], 1)
    records, cursor, partial = queue.list("scheduled", tenant="B", cursor=cursor, most=10, scan=60)
    assert ([record["id"] for record in records], cursor, partial) == (["z"], "", 0)


def test_a_cursor_that_is_none_is_refused(queue):
    with pytest.raises(redis.ResponseError, match="BADCURSOR"):
        queue.list("ready", cursor="nonsense")


def test_lists_and_searches_leave_payloads_out(queue):
    queue.enqueue(New("a", HOOK, payload="SECRET", refs=("pi_1",)))
    assert queue.show("a")["payload"] == "SECRET"
    assert queue.list("ready")[0][0]["payload"] == ""
    assert queue.find("pi_1")[0]["payload"] == ""


def test_a_job_is_found_by_any_of_its_references_newest_first(queue, server):
    for name in ("a", "b", "c"):
        queue.enqueue(New(name, HOOK, refs=("acct_1", f"pi_{name}")))
        server.now_ms += 1
    assert [record["id"] for record in queue.find("acct_1")] == ["c", "b", "a"]
    assert [record["id"] for record in queue.find("acct_1", most=2)] == ["c", "b"]
    assert [record["id"] for record in queue.find("pi_b")] == ["b"]
    assert queue.find("pi_none") == []


def test_a_name_finds_its_job_first_and_then_those_that_refer_to_it(queue, server):
    queue.enqueue(New("evt_1", HOOK, refs=("evt_1", "pi_1")))
    server.now_ms += 1
    queue.enqueue(New("receipt:pi_1", MAIL, refs=("evt_1", "pi_1")))
    assert [record["id"] for record in queue.find("evt_1")] == ["evt_1", "receipt:pi_1"]
    assert [record["id"] for record in queue.find("evt_1", most=1)] == ["evt_1"]
    assert queue.client.zrange("{tocsin}:ref:evt_1", 0, -1) == ["receipt:pi_1"]


def test_the_history_tells_each_attempt_and_keeps_the_last_ten(queue, server):
    queue.enqueue(New("a", Kind("k", max=100)))
    for number in range(13):
        job, = take(queue, kinds=[Kind("k", max=100)])
        settle(queue, [job], "LATER", note=f'"took_ms":{number}', fault=f"x {number}: no")
        server.now_ms += 1
        queue.sweep()
    record = queue.show("a")
    lines = [json.loads(line) for line in record["history"].split("\n")]
    assert [line["took_ms"] for line in lines] == list(range(3, 13))
    assert record["fault"] == "x 12: no"
    assert record["attempt"] == "13"


def test_attempts_used_up_are_dead_and_so_is_never(queue, server):
    queue.enqueue(New("a", Kind("k", max=2)), New("b", HOOK))
    for _ in range(2):
        settle(queue, take(queue, kinds=[Kind("k", max=2)]), "UNSURE")
        queue.sweep()
    settle(queue, take(queue), "NEVER")
    assert [(queue.show(id_)["state"], queue.show(id_)["outcome"]) for id_ in "ab"] == [
        ("dead", "exhausted"), ("dead", "never")]


def test_a_retried_job_starts_over_and_the_deed_is_enqueued_with_it(queue):
    queue.enqueue(New("a", Kind("k", max=1)))
    settle(queue, take(queue, kinds=[Kind("k", max=1)]), "LATER")
    assert queue.retry("a", "ada", "was fixed", New("audit:1", AUDIT)) == (0, "ready")
    record = queue.show("a")
    assert (record["attempt"], record["outcome"]) == ("0", "")
    last = json.loads(record["history"].split("\n")[-1])
    assert (last["by"], last["text"], last["outcome"]) == ("ada", "was fixed", "RETRIED")
    assert queue.show("audit:1")["state"] == "ready"


@pytest.mark.parametrize("verb, refused", [
    ("retry", ("ready", "leased", "done")), ("discard", ("leased", "done"))])
def test_a_deed_that_the_state_does_not_allow_changes_nothing(queue, server, verb, refused):
    some_in_every_state(queue, server)
    for state in refused:
        before = queue.show(f"{state}:00")
        deed = getattr(queue, verb)(f"{state}:00", audit=New("audit:1", AUDIT))
        assert deed == (2, state)
        assert queue.show(f"{state}:00") == before
    assert getattr(queue, verb)("unheard of", audit=New("audit:1", AUDIT)) == (1, "")
    assert queue.show("audit:1") is None


def test_a_discarded_job_is_done_and_who_waits_is_told(queue):
    queue.enqueue(New("a", HOOK, reply="r7"))
    listener = queue.client.pubsub()
    listener.psubscribe("{tocsin}:settled:*")
    assert listener.get_message(timeout=5)["type"] == "psubscribe"
    assert queue.discard("a", "ada", "a test") == (0, "done")
    message = listener.get_message(timeout=5)
    assert (message["channel"], message["data"]) == ("{tocsin}:settled:r7", "a done")
    listener.close()
    record = queue.show("a")
    assert (record["outcome"], record["payload"]) == ("discarded", "")


@pytest.mark.parametrize("what", ["all", "lane:webhook", "kind:stripe.event"])
def test_what_is_paused_is_not_taken_until_it_is_resumed(queue, server, what):
    queue.enqueue(New("a", HOOK), New("b", MAIL))
    assert queue.pause(what, "ada", "maintenance", New("audit:1", AUDIT)) == (0, "")
    assert [job["id"] for job in take(queue, 4)] == ([] if what == "all" else ["b"])
    pause, = queue.stats()["pauses"]
    assert pause == {"what": what, "by": "ada", "why": "maintenance", "since": server.now_ms}
    paused = {row["kind"]: row["paused"] for row in queue.stats()["queues"]}
    assert paused["stripe.event"] == 1
    queue.client.delete("{tocsin}:wake")
    assert queue.resume(what, audit=New("audit:2", AUDIT)) == (0, "")
    assert queue.client.llen("{tocsin}:wake") == 1
    assert "a" in [job["id"] for job in take(queue, 4)]
    assert queue.resume(what, audit=New("audit:3", AUDIT)) == (2, "")
    assert queue.show("audit:3") is None


def test_figures_are_those_of_the_jobs(queue, server):
    some_in_every_state(queue, server)
    server.now_ms += 77
    stats = queue.stats()
    assert stats["now"] == server.now_ms
    for row in stats["queues"]:
        assert [row[state] for state in STATES] == [20] * 5
        assert row["oldest"] == 77
    totals = {row["name"]: row["number"] for row in stats["totals"]}
    assert (totals["enqueued"], totals["taken"], totals["done"], totals["dead"]) == (
        200, 120, 40, 40)
