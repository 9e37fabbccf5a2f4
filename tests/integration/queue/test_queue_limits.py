# SPDX-License-Identifier: MIT
"""Names known and in conflict, the memory limit, lost scripts, trimming, waking, the governor."""

import pytest
import redis

from queue_scripts import Kind, New, Queue, Settlement
from queue_server import TimedRedis

HOOK = Kind("stripe.event", "webhook")


def take(queue, count=1):
    return queue.take("w", [HOOK], general=count)["jobs"]


def finish(queue, *names, outcome="DONE"):
    queue.enqueue(*[New(name, HOOK, refs=("acct_1", name)) for name in names])
    for job in take(queue, len(names)):
        queue.settle(Settlement(job["id"], job["token"], outcome))


# --- names ---------------------------------------------------------------------------------


def test_a_known_name_changes_nothing_in_whatever_state(queue):
    queue.enqueue(New("a", HOOK, mac="1"))
    for outcome in (None, "LATER", "DONE"):
        if outcome:
            queue.sweep()
            job, = take(queue)
            queue.settle(Settlement("a", job["token"], outcome))
        before = queue.show("a")
        assert queue.enqueue(New("a", HOOK, mac="1", payload="new")) == [1]
        assert queue.enqueue(New("a", HOOK, mac="2", payload="new")) == [2]
        assert queue.show("a") == before
    assert take(queue) == []


def test_a_name_twice_in_one_call_is_one_job(queue):
    assert queue.enqueue(New("a", HOOK), New("a", HOOK), New("a", HOOK, mac="x")) == [0, 1, 2]
    assert len(take(queue, 9)) == 1


def test_a_name_without_a_fingerprint_is_the_same_whatever_its_body(queue):
    assert queue.enqueue(New("a", HOOK, mac="1"), New("b", HOOK, mac="")) == [0, 0]
    assert queue.enqueue(New("a", HOOK, mac=""), New("b", HOOK, mac="1"),
                         New("b", HOOK, mac="")) == [1, 1, 1]
    assert queue.enqueue(New("a", HOOK, mac="2"), New("b", HOOK, mac="2")) == [2, 1]
    assert [queue.show(name)["mac"] for name in "ab"] == ["1", ""]


def test_partitions_do_not_see_each_other(queue):
    second = Queue(queue.client, "{tocsin:1}")
    queue.enqueue(New("a", HOOK))
    assert second.enqueue(New("a", HOOK)) == [0]
    assert len(take(second, 9)) == len(take(queue, 9)) == 1
    strangers = [key for key in queue.client.keys("*")
                 if not key.startswith(("{tocsin}:", "{tocsin:1}:"))]
    assert strangers == []


# --- settling ------------------------------------------------------------------------------


def test_the_outcome_the_result_and_what_follows_are_one_step(queue, server):
    queue.enqueue(New("a", HOOK, reply="r1"))
    job, = take(queue)
    follow_ups = [New("receipt:pi_1", HOOK), New("later", HOOK, delay_ms=5000)]
    told = Settlement("a", job["token"], result="RESULT", follow_ups=follow_ups)
    assert queue.settle(told) == [(0, "done", 0)]
    assert queue.client.get("{tocsin}:result:a") == "RESULT"
    assert queue.client.pttl("{tocsin}:result:a") == 900000
    assert queue.show("receipt:pi_1")["state"] == "ready"
    assert queue.show("later")["at"] == str(server.now_ms + 5000)
    assert queue.settle(told) == [(1, "", 0)], "said twice, it follows once"
    assert queue.settle(Settlement("unheard of", 1)) == [(2, "", 0)]


def test_a_done_jobs_payload_is_forgotten_and_a_dead_ones_is_kept(queue):
    finish(queue, "a")
    finish(queue, "b", outcome="NEVER")
    assert [queue.show(id_)["payload"] for id_ in "ab"] == ["", "sealed"]


# --- lost scripts and the memory limit --------------------------------------------------------


def test_a_script_that_redis_lost_answers_noscript_and_runs_when_loaded_again(queue):
    queue.enqueue(New("a", HOOK))
    queue.client.script_flush()
    text, sha1 = queue.scripts["take"]
    with pytest.raises(redis.exceptions.NoScriptError):
        queue.client.evalsha(sha1, 1, "{tocsin}", "w", 0, 1, 0, 1000, "stripe.event", 1, 1, "")
    assert queue.client.script_load(text) == sha1
    assert len(take(queue)) == 1


def test_at_the_memory_limit_work_goes_on_and_nothing_new_comes_in(queue):
    queue.enqueue(*[New(f"a{i}", HOOK) for i in range(6)])
    held = take(queue)
    for script in queue.scripts.values():
        queue.client.script_load(script[0])
    queue.client.config_set("maxmemory", 1)
    try:
        for refused in (lambda: queue.enqueue(New("b", HOOK)),
                        lambda: queue.retry("a5"),
                        lambda: queue.pause("all")):
            with pytest.raises(redis.ResponseError, match="OOM|maxmemory"):
                refused()
        job, released = take(queue, 2)
        assert queue.beat("w", (held[0]["id"], held[0]["token"]), (job["id"], job["token"]),
                          (released["id"], released["token"])) == []
        assert queue.release((released["id"], released["token"])) == 1
        told = Settlement(job["id"], job["token"], follow_ups=[New("follow-up", HOOK)])
        assert queue.settle(told) == [(0, "done", 0)]
        assert queue.settle(Settlement(held[0]["id"], held[0]["token"], "NEVER")) == [
            (0, "dead", 0)]
        assert queue.sweep()["expired"] == 0
        dead, = queue.unarchived()
        assert queue.archived((dead["id"], dead["at"])) == 1
        assert queue.trim(keep_count=0, dead_keep_ms=0) == 2
        assert queue.govern(25) == 0
        assert queue.stats()["queues"][0]["ready"] == 5
        assert len(queue.list("ready")[0]) == 5
    finally:
        queue.client.config_set("maxmemory", 0)
    assert queue.show("b") is None
    assert queue.show("follow-up")["state"] == "ready"


def test_jobs_survive_a_restart_of_redis_and_tokens_go_on(workdir):
    server = TimedRedis(workdir, options=["appendonly yes"]).start()
    try:
        with server.client(decode_responses=True) as client:
            queue = Queue(client)
            queue.enqueue(New("a", HOOK), New("b", HOOK))
            first, = take(queue)
            server.kill9()
            server.start()
            assert queue.settle(Settlement(first["id"], first["token"])) == [(0, "done", 0)]
            second, = take(queue)
            assert second["token"] > first["token"]
    finally:
        server.stop()


# --- trimming and the archive --------------------------------------------------------------------


def test_done_jobs_are_trimmed_by_count_oldest_first_over_all_queues(queue, server):
    other = Kind("receipt.send", "mail")
    for i in range(4):
        finish(queue, f"a{i}")
        queue.enqueue(New(f"b{i}", other))
        job, = queue.take("w", [other], general=1)["jobs"]
        server.now_ms += 1
        queue.settle(Settlement(job["id"], job["token"]))
        server.now_ms += 1
    assert queue.trim(keep_count=3) == 5
    left = [record["id"] for record in queue.list("done")[0]]
    assert left == ["b3", "a3", "b2"]


def test_done_jobs_are_trimmed_by_age(queue, server):
    finish(queue, "old")
    server.now_ms += 1000
    finish(queue, "new")
    assert queue.trim(keep_ms=1001) == 0
    assert queue.trim(keep_ms=1000) == 1
    assert (queue.show("old"), queue.show("new")["state"]) == (None, "done")


def test_a_trimmed_name_leaves_nothing_behind_and_is_new_again(queue):
    finish(queue, "a")
    queue.trim(keep_count=0)
    traces = [key for key in queue.client.keys("*") if ":ref:" in key or ":job:" in key]
    assert traces == []
    assert queue.enqueue(New("a", HOOK)) == [0]


def test_trimming_stops_at_its_bound(queue):
    finish(queue, *[f"a{i}" for i in range(9)])
    assert [queue.trim(keep_count=0, most=4) for _ in range(3)] == [4, 4, 1]


def test_dead_jobs_go_only_after_they_were_archived(queue, server):
    finish(queue, "a", "b", outcome="NEVER")
    server.now_ms += 10_000_000
    assert queue.trim(dead_keep_ms=1000) == 0
    dead = queue.unarchived()
    assert [(record["id"], record["payload"]) for record in dead] == [
        ("a", "sealed"), ("b", "sealed")]
    assert queue.archived(("a", dead[0]["at"])) == 1
    assert queue.show("a")["archived"] == "1"
    assert [record["id"] for record in queue.unarchived()] == ["b"]
    assert queue.trim(dead_keep_ms=1000) == 1
    assert (queue.show("a"), queue.show("b")["state"]) == (None, "dead")


def test_a_job_that_died_again_is_not_taken_for_archived(queue, server):
    finish(queue, "a", outcome="NEVER")
    first, = queue.unarchived()
    queue.retry("a")
    job, = take(queue)
    server.now_ms += 1
    queue.settle(Settlement("a", job["token"], "NEVER"))
    assert queue.archived(("a", first["at"])) == 0
    assert [record["at"] for record in queue.unarchived()] == [str(server.now_ms)]


# --- waking --------------------------------------------------------------------------------------


def test_what_becomes_ready_wakes_one_fetcher_and_the_list_is_bounded(queue, server):
    for i in range(70):
        queue.enqueue(New(f"a{i}", HOOK))
    assert queue.client.llen("{tocsin}:wake") == 64
    queue.client.delete("{tocsin}:wake")
    queue.enqueue(New("later", HOOK, delay_ms=10))
    assert queue.client.llen("{tocsin}:wake") == 0
    server.now_ms += 10
    queue.sweep()
    assert queue.client.llen("{tocsin}:wake") == 1


def test_a_fetcher_that_leaves_jobs_behind_wakes_the_next(queue):
    queue.enqueue(*[New(f"a{i}", HOOK) for i in range(10)])
    queue.client.delete("{tocsin}:wake")
    take(queue, 4)
    assert queue.client.llen("{tocsin}:wake") == 1
    take(queue, 4)
    assert queue.client.llen("{tocsin}:wake") == 1
    queue.client.delete("{tocsin}:wake")
    take(queue, 4)
    assert queue.client.llen("{tocsin}:wake") == 0


def test_take_says_when_the_next_job_is_due(queue, server):
    assert queue.take("w", [HOOK], general=1)["next_due"] == -1
    queue.enqueue(New("a", HOOK, delay_ms=900), New("b", HOOK, delay_ms=300))
    assert queue.take("w", [HOOK], general=1)["next_due"] == 300
    server.now_ms += 1000
    assert queue.take("w", [HOOK], general=1)["next_due"] == 0


def test_a_sweep_moves_its_share_of_each_queue_and_asks_to_be_called_again(queue, server):
    other = Kind("receipt.send", "mail")
    queue.enqueue(*[New(f"a{i}", HOOK, delay_ms=1) for i in range(20)])
    queue.enqueue(New("b", other, delay_ms=1))
    server.now_ms += 1
    swept = queue.sweep(most=10)
    assert (swept["due"], swept["more"]) == (6, 1)
    assert queue.show("b")["state"] == "ready"


# --- the governor --------------------------------------------------------------------------------


def test_calls_within_the_rate_do_not_wait_and_those_beyond_it_do(queue, server):
    assert [queue.govern(10, live=True) for _ in range(12)] == [0] * 10 + [100, 200]
    server.now_ms += 1200
    assert queue.govern(10, live=True) == 0


def test_a_fifth_of_the_bucket_is_left_to_live_calls(queue):
    waits = [queue.govern(10) for _ in range(20)]
    assert waits[:8] == [0] * 8
    assert all(wait > 0 for wait in waits[8:])
    assert waits[8:] == sorted(waits[8:])
    assert [queue.govern(10, live=True) for _ in range(2)] == [0, 0]


def test_a_call_that_is_not_worth_waiting_for_takes_nobody_elses_turn(queue, server):
    """Jobs that are sent back to the queue come again and again: each would stand in the
    backlog as often."""
    for _ in range(3):
        queue.govern_refused(10)
        server.now_ms += 1000
    queue.govern_refused(10)
    waits = [queue.govern(10, most_ms=1000) for _ in range(1000)]
    assert max(waits) < 2000
    assert [queue.govern(10, live=True, most_ms=0) > 0 for _ in range(2)] == [True, True]
    server.now_ms += 10_000
    assert queue.govern(10) == 0


def test_a_refusal_halves_the_rate_which_comes_back_by_a_tenth_a_second(queue, server):
    assert queue.govern_refused(100) == 50
    assert queue.govern_refused(100) == 50, "an echo of the first"
    server.now_ms += 1000
    assert queue.govern_refused(100) == 30
    for _ in range(10):
        server.now_ms += 1000
        queue.govern_refused(100)
    assert queue.govern_refused(100) < 25
    server.now_ms += 20_000
    assert [queue.govern(100, live=True) for _ in range(100)] == [0] * 100
    for _ in range(60):
        server.now_ms += 1000
        rate = queue.govern_refused(1)
    assert rate == 1


def test_over_a_minute_no_more_calls_are_let_through_than_the_rate_allows(queue, server):
    start, calls = server.now_ms, []
    for step in range(600):
        server.now_ms = start + step * 100
        calls += [server.now_ms + queue.govern(20, live=step % 3 == 0) for _ in range(3)]
    within = [moment for moment in calls if moment < start + 60_000]
    assert len(within) <= 20 * 60 + 20


# --- what a take costs ---------------------------------------------------------------------


def commands_of_a_take(queue, kinds):
    """How many commands the scripts do for one lone job, and the empty look behind it."""
    def done():
        stats = queue.client.info("commandstats")
        return sum(row["calls"] for name, row in stats.items() if "info" not in name)
    queue.enqueue(New("alone", HOOK))
    before = done()
    (job,) = queue.take("w", kinds, live=8, general=24)["jobs"]
    assert queue.take("w", kinds, live=8, general=24)["jobs"] == []
    after = done()
    queue.settle(Settlement("alone", job["token"]))
    queue.trim(keep_count=0)
    return after - before


def test_kinds_without_jobs_cost_a_take_nothing(queue):
    commands_of_a_take(queue, [HOOK])
    few = commands_of_a_take(queue, [HOOK])
    many = [HOOK] + [Kind(f"kind.{i}", lane) for i in range(10)
                     for lane in ("live", "sync", "backfill")]
    queue.enqueue(*[New(f"job:{i}", kind) for i, kind in enumerate(many)])
    for job in queue.take("w", many, live=64, general=64)["jobs"]:
        queue.settle(Settlement(job["id"], job["token"]))
    queue.trim(keep_count=0)
    assert commands_of_a_take(queue, many) == few
