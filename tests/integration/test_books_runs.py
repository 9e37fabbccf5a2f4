# SPDX-License-Identifier: MIT
"""How reconciliation goes: what a run compares and what it leaves alone, and what becomes of
it when workers die, Stripe fails and accounts leave."""

import datetime

import pytest
from proof_room import clean_books, sums, today

from support.process import wait_until


@pytest.fixture(scope="module")
def room(mariadb_server):
    with clean_books(mariadb_server) as room:
        yield room


@pytest.fixture(autouse=True)
def nothing_is_left(room):
    yield
    room.sim.control("faults", method="DELETE")
    assert room.open() == {}


def test_a_run_of_one_amicale_leaves_the_others_alone(room):
    (kind, subject, *_), undo = room.wrong_amount()
    undo_other = room.put_in("payouts", stripe_payout_id="po_platform", amount=998,
                             status="paid")
    runs = room.reconcile(amicale=2)
    assert set(runs) == {None, 2}
    assert room.open() == {}
    room.reconcile(amicale=1)
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile(amicale=2)
    assert set(room.open()) == {(kind, subject)}
    room.reconcile()
    assert set(room.open()) == {("payout_unknown", "po_platform")}
    undo_other()
    room.reconcile()


def test_what_lies_outside_of_the_window_stays_as_it_is(room):
    (kind, subject, *_), undo = room.wrong_amount()
    yesterday = today() - datetime.timedelta(days=1)
    room.reconcile(first=yesterday, last=yesterday)
    assert room.open() == {}
    room.reconcile()
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile(first=yesterday, last=yesterday)
    assert set(room.open()) == {(kind, subject)}
    room.reconcile(first=today(), last=today())
    assert room.open() == {}


def test_a_difference_that_stays_is_one_finding(room):
    (kind, subject, *_), undo = room.wrong_amount()
    first = room.reconcile()
    seen = room.sql_one("SELECT MAX(seen_at) FROM reconciliation_findings")
    second = room.reconcile()
    assert first[1]["opened_count"] == 1
    assert second[1]["opened_count"] == second[1]["closed_count"] == 0
    assert room.sql_one("SELECT MAX(seen_at) FROM reconciliation_findings") > seen
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile()


def test_what_happened_lately_is_not_compared(room):
    (kind, subject, *_), undo = room.wrong_amount()
    room.restart(books__margin_s=3600)
    runs = room.reconcile()
    assert room.open() == {}
    assert sums(runs[1])["counts"]["payments"] == 0
    room.restart(books__margin_s=0)
    room.reconcile()
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile()


def test_what_catch_up_has_not_looked_at_is_not_compared(room):
    (kind, subject, *_), undo = room.wrong_amount()
    room.stack.all_walked()
    room.write(("UPDATE event_cursors SET complete_until = '2026-01-01'"
                " WHERE account = '' AND walk = 'accounts'", ()))
    runs = room.reconcile(walks=True)
    assert room.open() == {}
    assert runs[1]["compared_until"] == datetime.datetime(2026, 1, 1)
    room.reconcile()
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile()


def test_runs_wait_for_catch_up_s_first_walks(room):
    """At a first start nothing says what the books may lack."""
    (kind, subject, *_), undo = room.wrong_amount()
    room.sql("DELETE FROM event_cursors")
    names = [room.ask()]
    for complete_until in (None, "2999-01-01"):  # one walk is on its way; it is the only one
        wait_until(lambda: (room.runs(names[-1]).get(None) or {}).get("last_fault"), "it waits")
        room.write(("REPLACE INTO event_cursors (account, walk, complete_until)"
                    " VALUES ('', 'money', %s)", (complete_until,)))
        names.append(room.ask())
    wait_until(lambda: (room.runs(names[-1]).get(None) or {}).get("last_fault"), "it waits")
    for name in names:
        (run,) = room.runs(name).values()
        assert run["state"] == "running" and run["compared_until"] is None
        assert "catch-up" in run["last_fault"]
    assert room.open() == {}
    room.stack.all_walked()
    for name in names:
        room.wait_finished(name)
    assert set(room.open()) == {(kind, subject)}
    undo()
    room.reconcile()


def test_runs_of_two_plans_take_turns(room):
    """What one copies is not what the other compares."""
    room.stack.all_walked()
    names = [room.ask(), room.ask()]
    for name in names:
        room.wait_finished(name)
    first, second = sorted(room.sql(
        "SELECT MIN(started_at), MAX(finished_at) FROM reconciliation_runs"
        " WHERE COALESCE(plan, name) IN (%s, %s) GROUP BY COALESCE(plan, name)", names))
    assert first[1] <= second[0]


def test_a_run_waits_for_one_that_is_on_its_way_but_not_for_ever(room):
    room.stack.all_walked()
    other = "INSERT INTO reconciliation_runs (name, plan, compared_until, started_at) VALUES" \
            " (%s, 'books:other', NOW(3), NOW(3) - INTERVAL %s HOUR)"
    room.sql(other, ("books:other:lost", 3))
    room.sql(other, ("books:other:1", 0))
    name = room.ask()
    wait_until(lambda: (room.runs(name).get(None) or {}).get("last_fault"), "it waits")
    (run,) = room.runs(name).values()
    assert "another reconciliation" in run["last_fault"] and run["compared_until"] is None
    # Nor does one go on that was on its way for so long that the other has begun.
    room.sql("UPDATE reconciliation_runs SET compared_until = NOW(3),"
             " started_at = NOW(3) - INTERVAL 3 HOUR WHERE name = %s", (name,))
    wait_until(lambda: room.runs(name)[None]["compared_until"] is None, "it gives way")
    room.sql("UPDATE reconciliation_runs SET state = 'finished' WHERE name = 'books:other:1'")
    room.wait_finished(name)
    room.sql("DELETE FROM reconciliation_runs WHERE plan = 'books:other'")


def test_payouts_of_an_account_wait_for_catch_up(room):
    back = room.put_in("payouts", stripe_payout_id="po_nowhere", account="acct_one",
                       amicale_id=1, amount=999, status="paid")
    room.stack.all_walked()
    room.sql("DELETE FROM event_cursors WHERE account = 'acct_one'")
    runs = room.reconcile(walks=True)
    assert "payouts" not in sums(runs[1])["stripe"]
    assert "payouts were not compared" in runs[1]["last_fault"]
    assert "payouts" in sums(runs[2])["stripe"]
    assert room.open() == {}
    back()


def test_what_an_event_tells_of_since_then_is_left_alone(room):
    """The refund is on its way: Stripe has it, and the books cannot know yet."""
    payment = room.plain()
    room.restart(books__margin_s=2)
    wait_until(lambda: room.sql_one(
        "SELECT MAX(stripe_created) < UTC_TIMESTAMP(3) - INTERVAL 3 SECOND"
        " FROM balance_transactions"), "what was played is old enough")
    room.webhooks(withheld=True)
    room.made_elsewhere("refunds", payment_intent=payment["stripe_payment_intent_id"],
                        amount=100, reverse_transfer="true")
    room.reconcile()
    assert room.open() == {}
    room.restart(books__margin_s=0)
    room.reconcile()
    assert {kind for kind, _ in room.open()} == {"refund_missing"}
    room.webhooks(withheld=False)
    room.sim.control("release", {})
    room.settle()
    room.reconcile()


def test_a_killed_plan_is_begun_again_and_says_the_same(room):
    whole = room.reconcile()
    (kind, subject, *_), undo = room.wrong_amount()
    room.stack.all_walked()
    room.fault("latency", "/v1/balance_transactions", method="GET", skip=1, ms=20000)
    name = room.ask()
    wait_until(lambda: room.runs(name).get(None, {}).get("checked_count", 0) > 0,
               "the first page is copied")
    (worker,) = room.stack.workers
    worker.kill9()
    room.sim.control("faults", method="DELETE")
    worker.start()
    room.wait_finished(name)
    runs = room.runs(name)
    assert set(room.open()) == {(kind, subject)}
    assert runs[1]["opened_count"] == 1
    for amicale in (1, 2):
        assert sums(runs[amicale])["stripe"] == sums(whole[amicale])["stripe"]
    undo()
    room.reconcile()


def test_a_run_whose_name_comes_again_is_not_done_again(room):
    name = room.ask()
    room.wait_finished(name)
    finished = room.runs(name)[None]["finished_at"]
    room.redis.flushall()  # the queue has forgotten it
    room.enqueue(name, **{"from": "2026-01-01", "to": "2026-01-02", "amicale_id": None})
    room.wait_quiet()
    assert room.runs(name)[None]["finished_at"] == finished


def test_stripe_may_fail_in_the_middle(room):
    whole = room.reconcile()
    room.stack.all_walked()
    room.fault("unavailable", "/v1/balance_transactions", method="GET", skip=1, times=4)
    name = room.ask()
    wait_until(lambda: (room.runs(name).get(None) or {}).get("last_fault"), "it fails")
    room.wait_finished(name)
    assert room.runs(name)[None]["last_fault"] is None
    assert sums(room.runs(name)[1])["stripe"] == sums(whole[1])["stripe"]


def test_a_plan_that_stripe_refuses_has_failed_and_says_why(room):
    (kind, subject, *_), undo = room.wrong_amount()
    room.reconcile()
    undo()
    room.stack.all_walked()
    room.fault("forbidden", "/v1/balance_transactions", method="GET", times=1)
    name = room.ask()
    wait_until(lambda: (room.runs(name).get(None) or {}).get("state") == "failed",
               "the run failed")
    assert room.runs(name)[None]["last_fault"]
    assert room.dead() == [name]
    assert set(room.open()) == {(kind, subject)}, "what was not compared is not closed"
    room.stack.tocsin("retry", name)
    room.wait_finished(name)
    assert room.runs(name)[None]["last_fault"] is None


def test_an_amicale_without_an_account_is_compared_all_the_same(room):
    runs = room.reconcile()
    assert runs[3]["state"] == "finished"
    assert "no account" in runs[3]["last_fault"]
    assert "payouts" not in sums(runs[3])["stripe"]


def test_an_account_that_left_has_its_sales_compared_but_not_its_payouts(room):
    """Before we know that it left, and after."""
    payment = room.pick("payment_intents", "amicale_id = 2 AND status = 'refunded'")
    back = room.change("payment_intents", payment["id"], status="succeeded")
    lost = room.take_out("payouts", "account = 'acct_two' AND status = 'paid'")
    room.webhooks(withheld=True)
    room.sim.control("accounts/acct_two/deauthorize", {})
    for known in (False, True):
        runs = room.reconcile()
        assert {kind for kind, _ in room.open()} == {"payment_status"}, known
        assert "payouts" not in sums(runs[2])["stripe"]
        assert "payouts were not compared" in runs[2]["last_fault"]
        room.webhooks(withheld=False)
        room.sim.control("release", {})
        room.settle()
        assert room.sql_one("SELECT deauthorized_at IS NOT NULL FROM stripe_accounts"
                            " WHERE stripe_account_id = 'acct_two'") == 1
    back()
    lost()
    room.reconcile()


def test_an_operator_asks_for_a_run_and_is_told_what_it_found(room):
    (kind, subject, *_), undo = room.wrong_amount()
    room.stack.all_walked()
    told = room.stack.tocsin("reconcile", "--amicale", 1, expect=None)
    assert subject in told.stdout and kind in told.stdout, told
    undo()
    room.reconcile()
