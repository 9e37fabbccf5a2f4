# SPDX-License-Identifier: MIT
"""Events whose webhooks never came are found in Stripe's list, and applied once."""

import contextlib
import datetime
import http.server
import json
import subprocess
import threading
import urllib.request

import pytest
import stripe

from payments_room import short_directory
from periods_room import PROCESSED, Periods
from support.process import wait_until
from support.programs import build_dir, sanitizer_env
from support.seed import DEMO_ACCOUNT

NO_OVERLAP = {"books__overlap_s": 0}


@pytest.fixture(scope="module")
def periods(mariadb_server):
    with short_directory() as directory:
        room = Periods(directory, mariadb_server).start()
        yield room
        room.stop()


@pytest.fixture
def room(periods):
    periods.clear()
    return periods


def lose(room, count, **more):
    """Payments none of whose webhooks come; the ids of all their events."""
    room.webhooks(withhold_percent=100)
    room.play(count, **more)
    return room.events()


def webhooks_in_conflict(room):
    metrics = room.stack.api.request("GET", "/metrics")[2].decode()
    return [line for line in metrics.splitlines() if "conflict" in line
            and line.startswith("tocsin_webhooks") and not line.endswith(" 0")]


def test_withheld_webhooks_are_all_found_and_each_is_applied_once(room):
    lost = lose(room, 60)
    assert len(lost) > 200  # three pages
    room.worker()
    room.wait_ledger(lost)
    row = room.wait_complete()
    assert row["gaps_found"] == len(lost)
    assert room.ledger("catchup") == lost
    assert room.cursor("accounts")["gaps_found"] == 0
    # The webhooks come after all, and are known.
    room.sim.control("release", {})
    assert room.sim.control("idle?wait_ms=20000")["idle"]
    room.wait_complete()
    assert room.ledger("catchup") == lost
    assert webhooks_in_conflict(room) == []


def test_what_came_by_webhook_is_left_alone_and_only_the_rest_is_found(room):
    room.webhooks(withhold_percent=30)
    room.play(30)
    made = room.events()
    room.worker()
    room.wait_ledger(made)
    row = room.wait_complete()
    assert 0 < row["gaps_found"] < len(made)
    assert len(room.ledger("catchup")) == row["gaps_found"]
    assert webhooks_in_conflict(room) == []


def test_a_front_door_that_was_down_for_a_while_costs_nothing(room):
    room.worker()
    room.webhooks(retries=0)
    room.stack.api.stop()
    try:
        room.play(10)
        room.wait_ledger(room.events())
    finally:
        room.stack.api.start()
        room.webhooks(retries=16)
    room.wait_complete()


def test_the_cursor_moves_forward_and_what_comes_behind_it_is_found(room):
    first = lose(room, 3)
    room.worker(**NO_OVERLAP)
    room.wait_ledger(first)
    room.wait_complete()
    wait_until(lambda: room.cursor()["last_event_id"] in first, "a cursor")
    room.stop_workers()
    both = lose(room, 60)
    assert len(both - first) > 200  # three pages forward
    room.worker(**NO_OVERLAP)
    room.wait_ledger(both)
    row = room.wait_complete()
    assert row["gaps_found"] == len(both)
    wait_until(lambda: room.cursor()["last_event_id"] in both - first, "a new cursor")


def test_a_cursor_that_stripe_has_forgotten_begins_the_list_again(room):
    lost = lose(room, 3)
    for days, name in ((1, "evt_1Forgotten"), (35, "evt_1TooOld")):
        room.sql("DELETE FROM event_cursors WHERE walk = 'money'")
        room.sql("INSERT INTO event_cursors (account, walk, last_event_id, last_event_created)"
                 " VALUES ('', 'money', %s, NOW(3) - INTERVAL %s DAY)", (name, days))
        room.worker()
        room.wait_ledger(lost)
        row = room.wait_complete()
        assert row["last_event_id"] is None  # all that there is may still be overtaken
        room.stop_workers()


def test_a_worker_killed_between_two_pages_is_gone_on_with_by_another(room):
    lost = lose(room, 60)
    killed = room.worker(binary="tocsin-worker-test", start=False, **NO_OVERLAP,
                         environment={"TOCSIN_CRASH_AT": "page_walked:2"})
    killed.start(wait=False)
    assert killed.wait_exit() == -9
    room.worker(**NO_OVERLAP)
    room.wait_ledger(lost)
    row = room.wait_complete()
    assert row["gaps_found"] == len(lost)


def test_a_first_walk_that_ends_early_is_gone_on_with_where_its_events_are_known(room):
    room.worker(worker__plans="false")
    room.play(150, rate=50)  # a list that begins in a second of many pages is begun with all
    made = room.events()
    room.wait_ledger(made)
    room.stop_workers()
    pages = len(made) // 100 + 1
    assert pages >= 6
    killed = room.worker(binary="tocsin-worker-test", start=False, **NO_OVERLAP,
                         books__catchup_s=86400, environment={"TOCSIN_CRASH_AT": "page_walked:6"})
    killed.start(wait=False)
    assert killed.wait_exit() == -9
    row = room.cursor()
    assert row["last_event_id"] in made and row["walked_at"] is None
    room.sim.control("faults", {"kind": "latency", "path": "/v1/events", "ms": 1})
    room.worker(**NO_OVERLAP, books__catchup_s=86400)
    assert room.wait_complete()["gaps_found"] == 0
    (calls,) = room.sim.control("faults")["faults"]
    assert calls["hits"] <= pages  # from the beginning it is more than that


def finished_runs(room):
    return room.sql_one("SELECT COUNT(*) FROM periodic_runs WHERE kind = 'events.catchup'"
                        " AND finished_at IS NOT NULL")


def test_a_walk_that_takes_long_has_none_beside_it(room):
    lost = lose(room, 60)
    room.sim.control("faults", {"kind": "latency", "path": "/v1/events", "ms": 400})
    room.worker()
    room.worker()
    wait_until(lambda: finished_runs(room) >= 2, "two periods that have nothing to walk")
    assert room.cursor()["walked_at"] is None
    room.sim.control("faults", method="DELETE")
    room.wait_ledger(lost)
    assert room.wait_complete()["gaps_found"] == len(lost)


def test_a_list_is_left_to_who_walks_it_until_their_time_is_over(room):
    hold = "REPLACE INTO event_cursors (account, walk, walker, walker_until)" \
           " VALUES ('', 'money', 'another 1', NOW(3) + INTERVAL %s SECOND)"
    room.sql(hold, (3600,))
    room.worker()
    wait_until(lambda: finished_runs(room) >= 2, "two periods")
    assert room.cursor()["walked_at"] is None
    room.sql(hold, (-1,))
    assert room.wait_complete()["last_fault"] is None
    # Whoever is behind the times keeps nothing.
    room.sim.control("faults", {"kind": "latency", "path": "/v1/events", "ms": 200})

    def taken_over():
        room.sql("UPDATE event_cursors SET walker = 'another 2', walker_until = NOW(3)"
                 " + INTERVAL 1 HOUR WHERE account = '' AND walk = 'money'"
                 " AND walker <> 'another 2'")
        return room.sql_one("SELECT walker = 'another 2' FROM event_cursors"
                            " WHERE account = '' AND walk = 'money'")

    wait_until(taken_over, "a walk to be there")
    walked_at = room.cursor()["walked_at"]
    wait_until(lambda: "another walk has taken the list over" in "".join(
        worker.log_text() for worker in room.workers), "the walk to notice")
    assert room.cursor()["walked_at"] == walked_at


@pytest.mark.parametrize("kind", ["error_before", "drop_after"])
def test_a_list_that_fails_in_the_middle_is_walked_to_its_end_later(room, kind):
    lost = lose(room, 60)
    room.sim.control("faults", {"kind": kind, "path": "/v1/events", "skip": 1})
    room.worker(stripe__total_ms=1000)
    wait_until(lambda: (room.cursor() or {}).get("last_fault"), "a fault to be kept")
    assert room.cursor()["walked_at"] is None and room.cursor()["complete_until"] is None
    assert room.ledger() < lost
    room.sim.control("faults", method="DELETE")
    room.wait_ledger(lost)
    assert room.wait_complete()["last_fault"] is None


def test_events_of_connected_accounts_are_found_in_their_own_lists(room):
    room.webhooks(withhold_percent=100)
    lost = lose(room, 2, mix={"succeeded": 1})
    room.sim.control(f"accounts/{DEMO_ACCOUNT}/payout", {})
    room.sim.control(f"accounts/{DEMO_ACCOUNT}/stage", {"stage": "restricted"})
    of_account = room.events(connect=True)
    assert of_account
    room.worker(books__catchup_accounts_s=1)
    room.wait_ledger(lost | of_account)
    row = room.wait_complete("accounts", DEMO_ACCOUNT)
    assert row["gaps_found"] == len(of_account)
    assert set(room.sql("SELECT account, amicale_id FROM payouts")) == {
        (DEMO_ACCOUNT, room.demo["amicale_id"])}
    # One that left shows no events, and is not waited for.
    room.sim.control(f"accounts/{DEMO_ACCOUNT}/deauthorize", {})
    room.stack.wait_sql("SELECT COUNT(*) FROM event_cursors WHERE account <> ''", 0)
    assert room.sql_one("SELECT COUNT(*) FROM stripe_accounts"
                        " WHERE deauthorized_at IS NULL") == 0
    assert room.stack.tocsin("jobs", "--state", "dead", json_output=True)["jobs"] == []


def test_a_gap_is_one_until_its_event_is_in_the_ledger(room):
    room.webhooks(withhold_percent=0)
    room.worker()
    room.play(1, mix={"succeeded": 1})
    room.wait_ledger(room.events())
    before = room.wait_complete()
    room.stack.tocsin("pause", "kind:stripe.event", "--why", "a test")
    lost = lose(room, 2) - room.ledger()
    row = room.wait_walked(times=2)
    oldest = min(stripe.Event.retrieve(event)["created"] for event in lost)
    assert row["complete_until"] == datetime.datetime.fromtimestamp(
        oldest, datetime.timezone.utc).replace(tzinfo=None)
    assert row["complete_until"] >= before["complete_until"]
    assert row["gaps_found"] == before["gaps_found"] + len(lost)
    room.stack.tocsin("resume", "kind:stripe.event", "--why", "a test")
    room.wait_ledger(room.events())
    after = room.wait_complete()
    assert after["gap_count"] == 0 and after["gaps_found"] == row["gaps_found"]


def created_of(events):
    """The moment of the oldest of them."""
    return datetime.datetime.fromtimestamp(
        min(stripe.Event.retrieve(event)["created"] for event in events),
        datetime.timezone.utc).replace(tzinfo=None)


def test_no_cursor_passes_an_event_that_waits_and_a_redis_that_is_lost_loses_none(room):
    room.worker(**NO_OVERLAP)
    known = lose(room, 2)
    room.wait_ledger(known)
    room.wait_complete()
    room.stack.tocsin("pause", "kind:stripe.event", "--why", "a test")
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
               > created_of(known) + datetime.timedelta(seconds=2), "another second")
    lost = lose(room, 2) - known
    wait_until(lambda: room.cursor()["gap_count"] > 0, "the gaps to be found")
    assert room.wait_walked(times=4)["complete_until"] == created_of(lost)
    room.stack.redis.client().flushall()  # their jobs, and that the kind is paused
    room.wait_ledger(lost)
    room.wait_complete()


def test_a_list_read_from_its_end_has_no_cursor_before_an_event_that_waits(room):
    room.stack.tocsin("pause", "kind:stripe.event", "--why", "a test")
    lost = lose(room, 60)
    room.worker(**NO_OVERLAP)
    row = room.wait_walked(times=3)
    assert row["complete_until"] == created_of(lost) and row["last_event_id"] is None
    room.stack.redis.client().flushall()
    room.wait_ledger(lost)
    room.wait_complete()


def test_an_event_that_was_received_and_never_applied_is_enqueued_again(room):
    lost = lose(room, 2)
    for event in lost:
        room.sql("INSERT INTO stripe_events (stripe_event_id, type) VALUES (%s, 'test')",
                 (event,))
    room.worker()
    room.wait_ledger(lost)
    assert room.wait_complete()["gaps_found"] == len(lost)


def test_a_clock_that_was_ahead_keeps_no_walk_from_being_made(room):
    room.worker()
    room.wait_complete()
    room.stop_workers()
    room.sql("UPDATE event_cursors SET walked_at = walked_at + INTERVAL 1 DAY,"
             " complete_until = complete_until + INTERVAL 1 DAY")
    lost = lose(room, 2)
    room.worker()
    room.wait_ledger(lost)
    row = room.wait_complete()
    assert row["walked_at"] < datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def enqueue_unreadable(room, name):
    """A stripe.event job of that name whose payload nobody can open: it dies at once."""
    subprocess.run([build_dir() / "tests/worker/tocsin-enqueue", room.stack.config,
                    "--unsealed"], input=f"{name}\tstripe.event\t\t-\t0\tgarbage\n", text=True,
                   check=True, capture_output=True, env=sanitizer_env())


def test_dead_and_discarded_events_are_held_and_no_gaps(room):
    lost = sorted(lose(room, 3))
    dead, discarded, archived = lost[:3]
    enqueue_unreadable(room, dead)
    room.stack.tocsin("pause", "kind:events.catchup", "--why", "a test")
    room.worker()
    room.wait_state(dead, "dead")
    enqueue_unreadable(room, archived)
    enqueue_unreadable(room, discarded)
    for name in (archived, discarded):
        room.wait_state(name, "dead")
    room.stack.tocsin("discard", discarded, "--why", "a test")
    room.stack.wait_sql("SELECT COUNT(*) FROM audit_log WHERE verb = 'discard'", 1)
    room.stack.wait_sql("SELECT COUNT(*) >= 2 FROM jobs_archive", 1)
    room.stack.tocsin("resume", "kind:events.catchup", "--why", "a test")
    room.wait_ledger(set(lost[3:]))
    row = room.wait_complete()
    assert row["gaps_found"] == len(lost) - 3
    # Redis forgets them; the archive and the audit log do not.
    room.stop_workers()
    room.stack.redis.client().flushall()
    room.worker()
    room.wait_walked(times=2)
    assert room.wait_complete()["gaps_found"] == len(lost) - 3
    assert room.ledger() == set(lost[3:])


def test_a_ledger_put_back_to_an_older_state_gets_its_events_again(room):
    room.play(5)
    made = room.events()
    room.worker()
    room.wait_ledger(made)
    room.wait_complete()
    room.sql("DELETE FROM stripe_events ORDER BY id LIMIT 4")
    room.wait_ledger(made)
    room.wait_complete()
    assert len(room.ledger("catchup")) == 4


def test_many_walks_at_a_time_find_each_event_once(room):
    lost = lose(room, 40)
    for _ in range(3):
        room.worker()
    room.wait_ledger(lost)
    assert room.wait_complete()["gaps_found"] == len(lost)
    assert room.sql_one(PROCESSED) == len(lost)


@contextlib.contextmanager
def garbling(room, spoil):
    """The address of a Stripe whose lists of events `spoil` has changed."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            request = urllib.request.Request(room.sim.url + self.path, headers=dict(self.headers))
            with urllib.request.urlopen(request) as answer:
                body = json.load(answer)
            if self.path.startswith("/v1/events"):
                spoil(body["data"])
            body = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            room.stop_workers()
            server.shutdown()
            thread.join()


def unreadable(room):
    return room.stack.tocsin("findings", "--kind", "event_unreadable",
                             json_output=True)["findings"]


def test_an_event_that_cannot_be_read_is_one_finding_and_a_gap_until_it_is_closed(room):
    lost = sorted(lose(room, 3))
    spoilt = lost[:2]  # one has no type; one has neither an id nor a moment

    def spoil(events):
        for event in events:
            if event["id"] == spoilt[0]:
                del event["type"]
            elif event["id"] == spoilt[1]:
                del event["id"], event["created"]

    with garbling(room, spoil) as url:
        room.worker(**NO_OVERLAP, stripe__api_base=url)
        room.wait_ledger(set(lost[2:]))
        row = room.wait_walked(times=3)
        assert room.ledger() == set(lost[2:])
        assert row["gap_count"] == 2 and row["complete_until"] <= created_of(lost)
        found = unreadable(room)
        assert len(found) == 2 and spoilt[0] in {finding["subject"] for finding in found}
        log = "".join(worker.log_text() for worker in room.workers)
        assert log.count("events_unreadable") == 1
        # What is lost later is found, also behind these.
        more = lose(room, 2) - set(lost)
        room.wait_ledger(more)
        assert room.wait_walked(times=2)["gap_count"] == 2
        # One comes in a better shape, the other one is looked at by somebody.
        room.sim.control(f"events/{spoilt[0]}/send", {})
        room.wait_ledger({spoilt[0]})
        wait_until(lambda: room.cursor()["gap_count"] == 1, "one gap less")
        for finding in found:
            room.stack.tocsin("findings", "close", str(finding["finding"]), "--why", "a test")
        room.wait_complete()
        assert unreadable(room) == []
