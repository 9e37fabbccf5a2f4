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


def fill(queue, kind, count, tenant="A", lane="", name="job", member=""):
    for start in range(0, count, 128):
        queue.enqueue(*[New(f"{name}:{i}", kind, lane, tenant, member)
                        for i in range(start, min(count, start + 128))])


def member(job):
    return job["id"].split(":")[0]


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


def test_one_call_takes_no_more_than_some_large_groups_and_the_next_the_rest(queue):
    item = Kind("sync.item", "sync", group_max=64)
    for tenant in "ABCD":
        fill(queue, item, 128, tenant, name=tenant)
    queue.client.delete(queue.key("wake"))
    first = queue.take("w", [item], live=1, general=32)["jobs"]
    assert [first[-1]["group"], len(first)] == [4, 256]
    assert queue.client.llen(queue.key("wake")) == 1
    assert len(queue.take("w", [item], general=32)["jobs"]) == 256
    assert queue.take("w", [item], general=32)["jobs"] == []


def test_groups_fill_one_slot_each_of_a_kinds_share(queue):
    item = Kind("sync.item", "sync", group_max=4)
    fill(queue, item, 20)
    assert len(queue.take("w", [item], general=5, most={item.name: 2})["jobs"]) == 8


# --- members of a tenant -----------------------------------------------------------------------

CARD = Kind("sync.card", "sync")
SALE = Kind("sync.sale", "sync", group_max=64)


@pytest.mark.parametrize("kind", [CARD, SALE], ids=str)
def test_a_phone_that_comes_behind_a_thousand_jobs_of_another_is_in_the_next_two_rounds(
        queue, kind):
    fill(queue, kind, 1000, name="a", member="a")
    drain(queue, [kind], 3, general=1 if kind is SALE else SLOTS)
    queue.enqueue(New("b:0", kind, tenant="A", member="b"))
    next_ones = drain(queue, [kind], 1 if kind is SALE else 2, general=1 if kind is SALE else SLOTS)
    assert len(next_ones) == 64
    assert "b:0" in [job["id"] for job in next_ones[:2]]


@pytest.mark.parametrize("kind", [CARD, SALE], ids=str)
def test_two_hundred_phones_of_a_village_go_forward_side_by_side(queue, kind):
    """However they come: each enqueues all of its own in one call, one after the other."""
    phones, items = 200, 50
    for phone in range(phones):
        fill(queue, kind, items, "village", name=f"p{phone:03}", member=f"p{phone:03}")
    served, left = Counter({f"p{phone:03}": 0 for phone in range(phones)}), phones * items
    while left > 0:
        jobs = drain(queue, [kind], 1, general=4)
        served.update(member(job) for job in jobs)
        left -= len(jobs)
        assert jobs and max(served.values()) - min(served.values()) <= 1
    assert set(served.values()) == {items}


def test_a_group_is_a_fair_mix_of_a_tenants_members(queue):
    fill(queue, SALE, 1000, name="a", member="a")
    for phone in "bcd":
        fill(queue, SALE, 100, name=phone, member=phone)
    jobs = queue.take("w", [SALE], general=2)["jobs"]
    groups = [[member(job) for job in jobs if job["group"] == number] for number in (1, 2)]
    assert groups == [["a", "b", "c", "d"] * 16] * 2


@pytest.mark.parametrize("kind", [CARD, Kind("sync.sale", "sync", group_max=4)], ids=str)
def test_a_village_of_many_phones_gets_no_more_turns_than_one_with_a_single_one(queue, kind):
    for phone in range(20):
        fill(queue, kind, 20, "many", name=f"p{phone}", member=f"p{phone}")
    fill(queue, kind, 200, "few", name="q", member="q")
    fill(queue, kind, 200, "plain", name="r")
    for _ in range(6):
        jobs = drain(queue, [kind], 1, general=12)
        each = len(jobs) // 3
        assert Counter(job["tenant"] for job in jobs) == {
            "many": each, "few": each, "plain": each}
        assert [job["tenant"] for job in jobs].count("few") == each


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("group_max", [1, 5])
def test_while_two_members_wait_neither_gets_more_than_two_services_ahead(queue, seed, group_max):
    """Counts services alone. Two tenants, so that their turns and the members' interleave."""
    chance, kind = random.Random(seed), Kind("sync.sale", "sync", group_max=group_max)
    waiting, made, ahead = Counter(), 0, {}
    for _ in range(250):
        for _ in range(chance.choice((0, 0, 1, 1, 2, 12)) * group_max):
            who = (chance.choice("XXY"), chance.choice("AAAAABBCDE"))
            made += 1
            queue.enqueue(New(f"{who[1]}:{made}", kind, tenant=who[0], member=who[1]))
            waiting[who] += 1
        for job in drain(queue, [kind], 1, general=1):
            one = (job["tenant"], member(job))
            for other in waiting:
                if other != one and other[0] == one[0]:
                    ahead[one, other] = ahead.get((one, other), 0) + 1
                    ahead[other, one] = ahead.get((other, one), 0) - 1
            waiting[one] -= 1
            waiting += Counter()
            ahead = {pair: by for pair, by in ahead.items() if all(who in waiting for who in pair)}
            assert max(ahead.values(), default=0) <= 2


def test_a_member_keeps_its_own_order_and_what_comes_back_goes_first(queue):
    fill(queue, CARD, 3, name="a", member="a")
    fill(queue, CARD, 3, name="b", member="b")
    jobs = queue.take("w", [CARD], general=3)["jobs"]
    assert [job["id"] for job in jobs] == ["a:0", "b:0", "a:1"]
    queue.release(*[(job["id"], job["token"]) for job in jobs])
    assert [job["id"] for job in drain(queue, [CARD], 6, general=1)] == [
        "a:0", "b:0", "a:1", "b:1", "a:2", "b:2"]


def test_jobs_without_a_member_keep_their_own_turns_beside_members(queue):
    fill(queue, CARD, 2, name="plain")
    fill(queue, CARD, 3, name="a", member="a")
    fill(queue, CARD, 2, name="last")
    queue.enqueue(New("b:0", CARD, tenant="A", member="b"))
    assert [job["id"] for job in drain(queue, [CARD], 1, general=8)] == [
        "plain:0", "plain:1", "a:0", "b:0", "a:1", "last:0", "last:1", "a:2"]


def test_turns_of_members_leave_nothing_behind_but_the_present_one(queue):
    for phone in "abc":
        fill(queue, SALE, 70, name=phone, member=phone)
    drain(queue, [SALE], 5, general=1)
    keys = {key for key in queue.client.keys("*") if ":job:" not in key}
    assert not any(":members:" in key or ":group:" in key or ":sync:sync.sale:A" in key
                   for key in keys), keys
    assert set(queue.client.hkeys(queue.key("turn"))) == {"sync:sync.sale", "sync:sync.sale:A"}


def test_the_page_of_ready_jobs_shows_each_of_a_village_once(queue):
    for phone in "abc":
        fill(queue, CARD, 40, name=phone, member=phone)
    drain(queue, [CARD], 3, general=7)
    seen, cursor = [], ""
    while True:
        page, cursor, _ = queue.list("ready", cursor=cursor, most=7)
        seen += [record["id"] for record in page]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 120 - 21
