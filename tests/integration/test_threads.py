# SPDX-License-Identifier: MIT
"""The threaded parts under load. ./dev test runs these with ThreadSanitizer too: whatever
it reports makes the stop of the process fail."""

import threading

import pytest

from support.events import payment_event
from support.process import wait_until

pytestmark = pytest.mark.threads

EVENTS = 400
SENDERS = 8


def send_all(stack, events):
    """From several threads at once, each event twice; every answer must be 200."""
    answers = []

    def sender(mine):
        for event in mine:
            answers.append(stack.post(event))
            answers.append(stack.post(event))

    threads = [threading.Thread(target=sender, args=(events[number::SENDERS],))
               for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 2 * len(events)


@pytest.mark.stack(workers=2, settings={"worker.slots": 16, "api.loops": 2})
def test_two_workers_and_two_loops_share_the_load_and_each_event_is_applied_once(stack):
    events = [payment_event() for _ in range(EVENTS)]
    send_all(stack, events)
    stack.wait_sql("SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL",
                   EVENTS, timeout_s=120)
    assert stack.sql_one("SELECT COUNT(*) FROM payment_intents") == EVENTS
    assert stack.tocsin("jobs", "--state", "dead", json_output=True)["jobs"] == []


@pytest.mark.stack(settings={"worker.slots": 8})
def test_a_worker_told_to_stop_under_load_finishes_what_runs_and_gives_back_the_rest(stack):
    events = [payment_event() for _ in range(EVENTS // 2)]
    send_all(stack, events)
    stack.workers[0].stop()
    wait_until(lambda: stack.tocsin("jobs", "--state", "leased",
                                    json_output=True)["jobs"] == [], "no job to be leased")
    stack.workers[0].start()
    stack.wait_sql("SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL",
                   EVENTS // 2, timeout_s=120)
