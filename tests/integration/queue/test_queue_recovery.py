# SPDX-License-Identifier: MIT
"""What happens to jobs when workers, replies or the clock fail."""

import json

import pytest
import redis

from queue_scripts import Kind, New, Settlement

HOOK = Kind("stripe.event", "webhook", max=10)
LEASE_MS = 30000
EMPTY, NOT_NOW = 1, 2  # of a worker, for the job in quarantine


def take_one(queue, worker="w1", **options):
    jobs = queue.take(worker, [HOOK], general=1, lease_ms=LEASE_MS, **options)["jobs"]
    return jobs[0] if jobs else None


def lose(queue, server, times, **options):
    """A worker takes the job and is never heard of again, so many times."""
    for _ in range(times):
        assert take_one(queue, "doomed", **options)
        server.now_ms += 4000
        queue.sweep(dead_after_ms=3500)


def test_a_dead_workers_jobs_are_back_as_soon_as_it_is_noticed(queue, server):
    queue.enqueue(New("a", HOOK), New("b", HOOK))
    queue.beat("w1", lease_ms=LEASE_MS)
    job = take_one(queue)
    for _ in range(9):
        server.now_ms += 1000
        queue.beat("w2", lease_ms=LEASE_MS)
        queue.sweep(dead_after_ms=8000)
    assert take_one(queue, "w2")["id"] == job["id"]
    assert [worker["name"] for worker in queue.stats()["workers"]] == ["w2"]


def test_a_worker_that_took_but_never_beat_is_noticed_too(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 1)
    assert queue.show("a")["state"] == "ready"


def test_beats_keep_a_lease_for_as_long_as_the_job_takes(queue, server):
    queue.enqueue(New("a", HOOK))
    job = take_one(queue)
    for _ in range(40):
        server.now_ms += 2000
        assert queue.beat("w1", (job["id"], job["token"]), lease_ms=LEASE_MS) == []
        assert queue.sweep()["expired"] == 0
    assert queue.settle(Settlement("a", job["token"])) == [(0, "done", 0)]


def test_a_lease_that_ran_out_puts_the_job_back_and_its_token_is_stale(queue, server):
    queue.enqueue(New("a", HOOK))
    old = take_one(queue)
    for _ in range(8):
        server.now_ms += 4000
        queue.beat("w1", lease_ms=1)  # alive, and still does not hold the job
        queue.call("sweep", 10**9, 100)
    new = take_one(queue, "w2")
    assert new["token"] > old["token"]
    follow_up = New("follow-up", HOOK)
    assert queue.settle(Settlement("a", old["token"], follow_ups=[follow_up])) == [(1, "", 0)]
    assert queue.show("follow-up") is None
    assert queue.beat("w1", ("a", old["token"])) == [old["token"]]
    assert queue.release(("a", old["token"])) == 0
    assert queue.settle(Settlement("a", new["token"])) == [(0, "done", 0)]


def test_after_two_crashes_a_job_runs_alone_in_quarantine(queue, server):
    queue.enqueue(New("a", HOOK, tenant="A"))
    lose(queue, server, 2)
    record = queue.show("a")
    assert (record["lane"], record["state"], record["crashes"]) == ("quarantine", "ready", "2")
    queue.enqueue(New("b", HOOK))
    taken = queue.take("w1", [HOOK], live=2, general=8)
    assert [job["id"] for job in taken["jobs"]] == ["b"]
    assert taken["quarantine_waits"] == 1
    alone = queue.take("w2", [HOOK], quarantine=EMPTY)
    assert [job["id"] for job in alone["jobs"]] == ["a"]
    assert alone["jobs"][0]["lane"] == "quarantine"
    assert queue.take("w1", [HOOK], general=8)["quarantine_waits"] == 0


def test_one_quarantined_job_is_out_at_a_time(queue, server):
    queue.enqueue(New("a", HOOK), New("b", HOOK))
    for _ in range(2):
        assert len(queue.take("doomed", [HOOK], general=2)["jobs"]) == 2
        server.now_ms += 4000
        queue.sweep(dead_after_ms=3500)
    first = queue.take("w1", [HOOK], quarantine=EMPTY)["jobs"]
    assert len(first) == 1
    assert queue.take("w2", [HOOK], quarantine=EMPTY)["jobs"] == []
    queue.settle(Settlement(first[0]["id"], first[0]["token"]))
    second = queue.take("w2", [HOOK], quarantine=EMPTY)["jobs"]
    assert {first[0]["id"], second[0]["id"]} == {"a", "b"}


def test_after_three_crashes_a_job_is_dead_of_poison(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    assert len(queue.take("doomed", [HOOK], quarantine=EMPTY)["jobs"]) == 1
    server.now_ms += 4000
    assert queue.sweep(dead_after_ms=3500)["poisoned"] == 1
    record = queue.show("a")
    assert (record["state"], record["outcome"]) == ("dead", "poison")
    lines = [json.loads(line) for line in record["history"].split("\n")]
    assert [line["outcome"] for line in lines] == ["CRASHED"] * 3
    assert {line["worker"] for line in lines} == {"doomed"}


def test_a_quarantined_job_that_fails_stays_there_until_it_is_done(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    job = queue.take("w", [HOOK], quarantine=EMPTY)["jobs"][0]
    queue.settle(Settlement("a", job["token"], "LATER", delay_ms=10))
    server.now_ms += 10
    queue.sweep()
    assert queue.show("a")["lane"] == "quarantine"


def test_a_retried_job_leaves_quarantine(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    job = queue.take("w", [HOOK], quarantine=EMPTY)["jobs"][0]
    queue.settle(Settlement("a", job["token"], "NEVER"))
    assert queue.retry("a") == (0, "ready")
    job = take_one(queue)
    assert (job["id"], job["lane"], job["crashes"], job["attempt"]) == ("a", "webhook", 0, 0)


def test_jobs_given_back_count_neither_as_tried_nor_as_crashed(queue):
    queue.enqueue(New("a", HOOK), New("b", HOOK))
    job = take_one(queue)
    assert queue.release((job["id"], job["token"])) == 1
    again = take_one(queue)
    assert (again["id"], again["attempt"], again["crashes"]) == (job["id"], 0, 0)


def test_a_lost_reply_of_take_costs_five_seconds_and_no_attempt(queue, server):
    queue.enqueue(New("a", HOOK))
    assert take_one(queue)  # and the reply is lost
    server.now_ms += 4000
    queue.beat("w1", lease_ms=LEASE_MS)
    assert queue.show("a")["state"] == "leased", "the reply may still be on its way"
    server.now_ms += 1001
    queue.beat("w1", lease_ms=LEASE_MS)
    job = take_one(queue, "w2")
    assert (job["attempt"], job["crashes"]) == (0, 0)


def test_a_worker_that_leaves_gives_back_what_it_does_not_hold(queue):
    queue.enqueue(New("a", HOOK), New("b", HOOK))
    first, _ = take_one(queue), take_one(queue)
    queue.beat("w1", (first["id"], first["token"]), lease_ms=LEASE_MS, leaving=True)
    assert [queue.show(id_)["state"] for id_ in "ab"] == ["leased", "ready"]
    assert queue.stats()["workers"] == []


def test_when_time_jumps_leases_shift_and_nothing_expires(queue, server):
    for jump in (3_600_000, -3_600_000, 5_001, -5_001):
        queue.enqueue(New(f"a{jump}", HOOK))
        queue.sweep()
        job = take_one(queue)
        server.now_ms += jump
        swept = queue.sweep(dead_after_ms=8000)
        assert (swept["shifted"], swept["expired"], swept["recovered"]) == (jump, 0, 0)
        assert int(queue.show(job["id"])["at"]) == server.now_ms + LEASE_MS
        assert queue.sweep()["shifted"] == 0, "a shift is told once"
        assert queue.settle(Settlement(job["id"], job["token"])) == [(0, "done", 0)]


def test_a_dead_worker_is_still_found_after_a_jump(queue, server):
    queue.enqueue(New("a", HOOK))
    take_one(queue, "doomed")
    server.now_ms += 86_400_000
    assert queue.sweep(dead_after_ms=8000)["recovered"] == 0
    for _ in range(2):
        server.now_ms += 4000
        swept = queue.sweep(dead_after_ms=8000)
    assert swept["recovered"] == 1


def test_leases_given_after_a_jump_are_not_shifted_by_it(queue, server):
    queue.enqueue(New("a", HOOK))
    queue.sweep()
    server.now_ms += -3_600_000
    job = take_one(queue)
    assert queue.sweep()["expired"] == 0
    assert int(queue.show("a")["at"]) == server.now_ms + LEASE_MS == job["lease_end"]


def test_an_unknown_version_waits_and_is_reported(queue, server):
    queue.enqueue(New("a", HOOK), New("b", HOOK))
    queue.client.hset("{tocsin}:job:a", "version", "2")
    taken = queue.take("w", [HOOK], general=4)
    assert [job["id"] for job in taken["jobs"]] == ["b"]
    assert taken["put_aside"] == 1
    record = queue.show("a")
    assert (record["state"], record["attempt"]) == ("scheduled", "0")
    assert "version 2" in record["fault"]
    assert taken["next_due"] == 30000
    queue.settle(Settlement("b", taken["jobs"][0]["token"]))
    queue.client.hset("{tocsin}:job:a", "version", "1")  # the new release is here
    for _ in range(8):
        server.now_ms += 4000
        queue.sweep()
    assert [job["id"] for job in queue.take("w", [HOOK], general=4)["jobs"]] == ["a"]


def test_many_jobs_of_an_unknown_version_are_put_aside_bit_by_bit(queue):
    for start in range(0, 200, 100):
        queue.enqueue(*[New(f"a{i}", HOOK) for i in range(start, start + 100)])
    for i in range(200):
        queue.client.hset(f"{{tocsin}}:job:a{i}", "version", "2")
    assert queue.take("w", [HOOK], general=4)["put_aside"] == 64


def test_an_id_without_a_record_is_dropped_where_take_meets_it(queue):
    group = Kind("sync.item", "sync", group_max=4)
    queue.enqueue(New("gone", HOOK), New("a", HOOK),
                  *[New(name, group, tenant="7") for name in ("b", "lost", "c")])
    queue.client.delete("{tocsin}:job:gone", "{tocsin}:job:lost")
    taken = queue.take("w", [HOOK, group], general=8)
    assert [job["id"] for job in taken["jobs"]] == ["a", "b", "c"]
    assert queue.client.keys("{tocsin}:ready:*") == []
    assert queue.client.keys("{tocsin}:group:*") == []


def test_a_thousand_ids_without_records_do_not_hide_the_job_behind_them(queue):
    for start in range(0, 2500, 100):
        queue.enqueue(*[New(f"gone{i}", HOOK) for i in range(start, start + 100)])
    queue.enqueue(New("a", HOOK))
    queue.client.delete(*[f"{{tocsin}}:job:gone{i}" for i in range(2500)], "{tocsin}:wake")
    takes = 0
    while not (jobs := queue.take("w", [HOOK], general=1)["jobs"]):
        assert queue.client.lpop("{tocsin}:wake"), "nobody is told to look again"
        takes += 1
    assert [job["id"] for job in jobs] == ["a"] and takes == 2


def waits(queue, worker, **options):
    return queue.take(worker, [HOOK], general=1, **options)["quarantine_waits"] == 1


def test_one_worker_at_a_time_becomes_empty_for_a_quarantined_job(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    assert waits(queue, "w1")
    assert not waits(queue, "w2")
    assert waits(queue, "w1"), "it is told again until it did it"
    assert queue.take("w1", [HOOK], quarantine=EMPTY)["jobs"]
    assert not waits(queue, "w2") and not waits(queue, "w1")


def test_a_worker_that_cannot_become_empty_leaves_it_to_another(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    assert waits(queue, "w1")
    assert not waits(queue, "w1", quarantine=NOT_NOW)
    assert waits(queue, "w2")
    assert not waits(queue, "w1")


def test_a_worker_that_is_gone_keeps_no_other_from_becoming_empty(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    assert waits(queue, "left")
    queue.beat("left", leaving=True)
    assert waits(queue, "dead")
    server.now_ms += 4000
    assert not waits(queue, "w1")
    queue.sweep(dead_after_ms=3500)
    assert waits(queue, "silent")
    for _ in range(15):
        server.now_ms += 4000
        queue.beat("silent")
        assert not waits(queue, "w1")
    server.now_ms += 1
    assert waits(queue, "w1")


def test_nobody_becomes_empty_once_the_quarantined_job_is_discarded(queue, server):
    queue.enqueue(New("a", HOOK))
    lose(queue, server, 2)
    assert waits(queue, "w1")
    queue.discard("a")
    assert not waits(queue, "w1")
    assert queue.client.get("{tocsin}:drainer") is None


def test_a_job_whose_set_is_refused_is_not_known_and_may_come_again(queue):
    broken = queue.key("ready", f"{HOOK.lane}:{HOOK.name}")
    queue.client.set(broken, "no sorted set")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        queue.enqueue(New("evt_1", HOOK), New("evt_2", HOOK))
    queue.client.delete(broken)
    assert queue.enqueue(New("evt_1", HOOK), New("evt_2", HOOK)) == [0, 0]
    assert sorted(job["id"] for job in queue.take("w", [HOOK], general=2)["jobs"]) == [
        "evt_1", "evt_2"]


def test_a_name_that_comes_twice_in_one_call_is_one_job(queue):
    assert queue.enqueue(New("evt_1", HOOK, mac="a"), New("evt_1", HOOK, mac="a"),
                         New("evt_1", HOOK, mac="b")) == [0, 1, 2]
    assert [job["id"] for job in queue.take("w", [HOOK], general=3)["jobs"]] == ["evt_1"]
