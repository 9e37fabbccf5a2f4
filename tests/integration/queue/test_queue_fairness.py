# SPDX-License-Identifier: MIT
"""Who is served next: tenants in turns, lanes by weight, kinds within their share."""

import random
from collections import Counter

import pytest

from queue_scripts import Kind, New, Settlement

HOOK = Kind("stripe.event", "webhook")
MAIL = Kind("receipt.send", "mail")
LIVE = Kind("payment.create", "live")
SLOTS = 32


def fill(queue, kind, count, tenant="A", lane="", name="job"):
    for start in range(0, count, 128):
        queue.enqueue(*[New(f"{name}:{i}", kind, lane, tenant)
                        for i in range(start, min(count, start + 128))])


def drain(queue, kinds, rounds, **slots):
    """Takes and settles, round after round; the jobs in the order in which they were taken."""
    taken = []
    for _ in range(rounds):
        jobs = queue.take("w", kinds, **slots)["jobs"]
        if jobs:
            queue.settle(*[Settlement(job["id"], job["token"]) for job in jobs])
        taken += jobs
    return taken


def test_a_tenant_that_comes_behind_a_thousand_jobs_is_among_the_next_two_rounds(queue):
    fill(queue, HOOK, 1000, "A")
    drain(queue, [HOOK], 3, general=SLOTS)
    queue.enqueue(New("the one of B", HOOK, tenant="B"))
    next_ones = drain(queue, [HOOK], 2, general=SLOTS)
    assert "the one of B" in [job["id"] for job in next_ones]
    assert len(next_ones) == 2 * SLOTS


def test_tenants_take_turns_however_many_jobs_each_has(queue):
    fill(queue, HOOK, 300, "A", name="a")
    fill(queue, HOOK, 30, "B", name="b")
    fill(queue, HOOK, 30, "C", name="c")
    first = drain(queue, [HOOK], 1, general=60)
    assert Counter(job["tenant"] for job in first) == {"A": 20, "B": 20, "C": 20}
    assert [job["tenant"] for job in first[:6]] == ["A", "B", "C", "A", "B", "C"]


@pytest.mark.parametrize("seed", range(4))
def test_while_two_tenants_wait_neither_gets_more_than_two_services_ahead(queue, seed):
    """Counts services alone, and knows nothing of how turns are computed."""
    chance = random.Random(seed)
    waiting, made = Counter(), 0
    ahead = {}  # (one, other): services of one while both wait, less those of the other
    for _ in range(250):
        for _ in range(chance.choice((0, 0, 1, 1, 2, 12))):
            tenant = chance.choice("AAAAABBCDE")
            made += 1
            queue.enqueue(New(f"job:{made}", HOOK, tenant=tenant))
            waiting[tenant] += 1
        for job in drain(queue, [HOOK], 1, general=1):
            one = job["tenant"]
            for other in waiting:
                if other != one:
                    ahead[one, other] = ahead.get((one, other), 0) + 1
                    ahead[other, one] = ahead.get((other, one), 0) - 1
            waiting[one] -= 1
            waiting += Counter()  # who waits no more is left out
        ahead = {pair: by for pair, by in ahead.items() if all(who in waiting for who in pair)}
        assert max(ahead.values(), default=0) <= 2


def test_a_tenant_keeps_its_own_order(queue):
    for i in (3, 1, 2):
        queue.enqueue(New(f"job:{i}", HOOK, tenant="A"))
    assert [job["id"] for job in drain(queue, [HOOK], 3, general=1)] == ["job:3", "job:1", "job:2"]


def test_a_tenant_that_was_away_saved_no_turns_up(queue):
    fill(queue, HOOK, 200, "A", name="a")
    drain(queue, [HOOK], 1, general=100)
    fill(queue, HOOK, 100, "B", name="b")
    assert Counter(job["tenant"] for job in drain(queue, [HOOK], 1, general=40)) == {
        "A": 20, "B": 20}


def test_lanes_share_by_weight_and_none_starves(queue):
    kinds = [Kind(lane, lane) for lane in ("live", "webhook", "sync", "mail", "backfill")]
    for kind in kinds:
        fill(queue, kind, 256, name=kind.name)
    lanes = Counter(job["lane"] for job in drain(queue, kinds, 4, general=31))
    assert lanes == {"live": 64, "webhook": 32, "sync": 16, "mail": 8, "backfill": 4}


def test_a_lane_that_was_idle_does_not_push_the_others_out(queue):
    fill(queue, MAIL, 400, name="mail")
    drain(queue, [MAIL], 4, general=50)
    fill(queue, HOOK, 400, name="hook")
    lanes = Counter(job["lane"] for job in drain(queue, [MAIL, HOOK], 1, general=50))
    assert lanes["mail"] in (9, 10), lanes


def test_live_slots_serve_the_live_lane_alone(queue):
    fill(queue, HOOK, 50, name="hook")
    assert queue.take("w", [HOOK, LIVE], live=8)["jobs"] == []
    fill(queue, LIVE, 50, name="live")
    jobs = queue.take("w", [HOOK, LIVE], live=8)["jobs"]
    assert [job["lane"] for job in jobs] == ["live"] * 8


def test_a_kind_takes_no_more_than_its_share_of_the_general_slots(queue):
    fill(queue, HOOK, 50, name="hook")
    fill(queue, MAIL, 50, name="mail")
    jobs = queue.take("w", [HOOK, MAIL], general=24, most={HOOK.name: 12, MAIL.name: 12})["jobs"]
    assert Counter(job["kind"] for job in jobs) == {HOOK.name: 12, MAIL.name: 12}


def test_no_share_holds_for_the_slots_kept_for_live(queue):
    fill(queue, LIVE, 50)
    assert len(queue.take("w", [LIVE], live=8, most={LIVE.name: 0})["jobs"]) == 8


def test_kinds_of_a_lane_take_turns(queue):
    one, two = Kind("one", "sync"), Kind("two", "sync")
    fill(queue, one, 100, name="one")
    fill(queue, two, 10, name="two")
    jobs = drain(queue, [one, two], 1, general=10)
    assert Counter(job["kind"] for job in jobs) == {"one": 5, "two": 5}


def test_a_kind_that_a_worker_does_not_know_stays(queue):
    queue.enqueue(New("new kind", Kind("of.tomorrow")), New("old kind", HOOK))
    assert [job["id"] for job in drain(queue, [HOOK], 2, general=4)] == ["old kind"]
    assert queue.show("new kind")["state"] == "ready"


def test_a_slot_gets_a_group_of_one_tenant(queue):
    item = Kind("sync.item", "sync", group_max=3)
    for tenant, count in (("A", 5), ("B", 2)):
        fill(queue, item, count, tenant, name=tenant)
    jobs = queue.take("w", [item], general=2)["jobs"]
    groups = [[job["id"] for job in jobs if job["group"] == number] for number in (1, 2)]
    assert groups == [["A:0", "A:1", "A:2"], ["B:0", "B:1"]]


def test_a_tenant_with_groups_pays_for_all_of_a_group(queue):
    item = Kind("sync.item", "sync", group_max=10)
    fill(queue, item, 40, "A", name="A")
    fill(queue, item, 20, "B", name="B")
    jobs = queue.take("w", [item], general=4)["jobs"]
    assert Counter(job["tenant"] for job in jobs) == {"A": 20, "B": 20}


def test_a_job_that_crashed_leaves_its_group(queue, server):
    item = Kind("sync.item", "sync", group_max=3)
    fill(queue, item, 3)
    assert len({job["group"] for job in queue.take("w", [item], general=1)["jobs"]}) == 1
    server.now_ms += 4000
    queue.sweep(dead_after_ms=3000)
    jobs = queue.take("w", [item], general=3)["jobs"]
    assert [job["group"] for job in jobs] == [1, 2, 3]


def test_groups_fill_one_slot_each_of_a_kinds_share(queue):
    item = Kind("sync.item", "sync", group_max=4)
    fill(queue, item, 20)
    assert len(queue.take("w", [item], general=5, most={item.name: 2})["jobs"]) == 8
