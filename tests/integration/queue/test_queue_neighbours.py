# SPDX-License-Identifier: MIT
"""A neighbour that is down pauses the kinds that need it; one probe at a time finds it again."""

import pytest

from queue_scripts import Kind, New, Settlement

PAY = Kind("pay", needs="mariadb", max=3)
MAIL = Kind("mail", lane="mail", needs="mariadb,smtp", max=3)
FREE = Kind("free", lane="sync")
KINDS = [PAY, MAIL, FREE]


def deferred(job, down="mariadb", delay_ms=500):
    return Settlement(job["id"], job["token"], "LATER", deferred=True, down=down,
                      delay_ms=delay_ms, fault=f"{down} 1: gone")


def take(queue, general=8):
    return queue.take("w", KINDS, general=general, lease_ms=20000)["jobs"]


def fail_three_times(queue, kind=PAY, down="mariadb"):
    queue.enqueue(*[New(f"first {i}", kind) for i in range(3)])
    queue.settle(*[deferred(job, down, delay_ms=3_600_000) for job in take(queue)])


def test_two_failures_do_not_make_a_neighbour_down(queue):
    queue.enqueue(New("a", PAY), New("b", PAY), New("c", PAY))
    queue.settle(*[deferred(job) for job in take(queue, 2)])
    assert [row["down_since"] for row in queue.stats()["neighbours"]] == [0]
    assert len(take(queue)) == 1


def test_an_answer_between_failures_starts_the_count_again(queue):
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(5)])
    jobs = take(queue)
    queue.settle(deferred(jobs[0]), deferred(jobs[1]),
                 Settlement(jobs[2]["id"], jobs[2]["token"], answered="mariadb"),
                 deferred(jobs[3]), deferred(jobs[4]))
    assert [(row["failures"], row["down_since"]) for row in queue.stats()["neighbours"]] == [(2, 0)]


def test_a_neighbour_that_answers_and_then_refuses_its_work_is_down(queue):
    """MariaDB lets transactions begin while it is read-only or its disk is full."""
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(4)])
    for job in take(queue)[:3]:
        told = deferred(job)
        told.answered = "stripe,mariadb"
        queue.settle(told)
    assert [row["down_since"] > 0 for row in queue.stats()["neighbours"]] == [True]
    assert take(queue) == []


def test_kinds_that_need_it_pause_and_others_go_on(queue, server):
    fail_three_times(queue)
    queue.enqueue(New("a", PAY), New("b", MAIL), New("c", FREE))
    assert [job["id"] for job in take(queue)] == ["c"]
    waits = {row["kind"]: row["waits_for"] for row in queue.stats()["queues"]}
    assert waits == {"pay": "mariadb", "mail": "mariadb", "free": ""}
    down = queue.stats()["neighbours"]
    assert [(row["name"], row["fault"]) for row in down] == [("mariadb", "mariadb 1: gone")]
    assert down[0]["down_since"] == server.now_ms


def test_one_probe_is_out_at_a_time(queue, server):
    fail_three_times(queue)
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(9)], New("m", MAIL))
    assert take(queue) == []
    server.now_ms += 1000
    assert len(take(queue)) == 1
    assert take(queue) == []


def test_probes_that_fail_come_ever_later_up_to_five_seconds(queue, server):
    fail_three_times(queue)
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(9)])
    for wait in (1000, 1000, 2000, 4000, 5000, 5000):
        server.now_ms += wait - 1
        assert take(queue) == []
        server.now_ms += 1
        probe, = take(queue)
        queue.settle(deferred(probe, delay_ms=3_600_000))


def test_a_probe_that_gets_an_answer_lets_all_go_on(queue, server):
    fail_three_times(queue)
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(9)])
    server.now_ms += 1000
    probe, = take(queue)
    queue.client.delete("{tocsin}:wake")
    queue.settle(Settlement(probe["id"], probe["token"], answered="mariadb"))
    assert queue.client.llen("{tocsin}:wake") == 1
    assert len(take(queue)) == 8
    assert queue.stats()["neighbours"] == []


@pytest.mark.parametrize("how", ["released", "failed of itself", "its worker died"])
def test_a_probe_that_found_nothing_out_is_followed_by_another(queue, server, how):
    fail_three_times(queue)
    queue.enqueue(*[New(f"a{i}", PAY) for i in range(9)])
    server.now_ms += 1000
    probe, = take(queue)
    if how == "released":
        queue.release((probe["id"], probe["token"]))
    elif how == "failed of itself":
        queue.settle(Settlement(probe["id"], probe["token"], "NEVER"))
    else:
        server.now_ms += 4000
        queue.sweep(dead_after_ms=3000)
    assert len(take(queue)) == 1


def test_a_job_that_needs_two_neighbours_probes_the_one_that_is_down(queue, server):
    fail_three_times(queue, MAIL, "smtp")
    queue.enqueue(New("p", PAY), New("m1", MAIL), New("m2", MAIL))
    assert [job["id"] for job in take(queue)] == ["p"]
    server.now_ms += 1000
    assert [job["kind"] for job in take(queue)] == ["mail"]


def test_an_outage_burns_no_attempt_however_long_it_is(queue, server):
    """One job alone is every probe, so it is deferred more often than any other."""
    queue.enqueue(New("a", MAIL))
    outage_ms = 0
    while outage_ms < 3_600_000:
        for job in take(queue):
            assert queue.settle(deferred(job, "smtp"))[0][1] == "scheduled"
        server.now_ms += 500
        outage_ms += 500
        queue.sweep()
    record = queue.show("a")
    assert record["attempt"] == "0" and record["state"] in ("ready", "scheduled")
    assert int(record["deferrals"]) > 500
    server.now_ms += 5000
    queue.sweep()
    job, = take(queue)
    assert queue.settle(Settlement(job["id"], job["token"], answered="smtp"))[0][1] == "done"


def test_who_blames_a_neighbour_that_others_get_answers_from_is_free_a_hundred_times(queue):
    queue.enqueue(New("a", FREE))

    def blame(number):
        queue.enqueue(New(f"other {number}", FREE))
        jobs = {job["id"]: job for job in take(queue)}
        other = jobs.pop(f"other {number}")
        job = jobs.pop("a")
        assert not jobs
        queue.settle(Settlement(other["id"], other["token"], answered="stripe"))
        reply, = queue.settle(deferred(job, "stripe", 0))
        queue.sweep()
        return job, reply

    for number in range(100):
        job, _ = blame(number)
        assert (job["attempt"], job["deferrals"]) == (0, number)
    assert queue.show("a")["attempt"] == "0"
    assert len(queue.show("a")["history"].split("\n")) == 10
    for attempt in (1, 2, 3, 4):
        blame(f"later {attempt}")
        assert queue.show("a")["attempt"] == str(attempt)
    assert blame("last")[1] == (0, "dead", 0)
    assert queue.show("a")["outcome"] == "exhausted"


def test_a_probe_is_never_a_group(queue, server):
    item = Kind("item", "sync", group_max=10, needs="mariadb")
    fail_three_times(queue)
    queue.enqueue(*[New(f"i{i}", item) for i in range(5)])
    server.now_ms += 1000
    assert len(queue.take("w", [item], general=4)["jobs"]) == 1


def test_a_neighbour_that_nobody_needs_any_more_is_not_down_for_ever(queue, server):
    fail_three_times(queue)
    for number in range(3):
        queue.discard(f"first {number}")
    server.now_ms += 600_000
    assert [row["down_since"] > 0 for row in queue.stats()["neighbours"]] == [True]
    server.now_ms += 1
    assert queue.stats()["neighbours"] == []


def test_a_neighbour_that_is_tried_in_vain_stays_down(queue, server):
    fail_three_times(queue)
    queue.enqueue(New("a", PAY))
    for _ in range(4):
        server.now_ms += 300_000
        queue.sweep()
        server.now_ms += 5_000
        probe = take(queue)
        assert len(probe) == 1
        queue.settle(deferred(probe[0], delay_ms=10))
    assert [row["down_since"] > 0 for row in queue.stats()["neighbours"]] == [True]
