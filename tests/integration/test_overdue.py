# SPDX-License-Identifier: MIT
"""Payments and refunds that have waited an hour for Stripe: an operator is told of each, and
the ways to end them end them."""

import pytest

from payments_room import PaymentsRoom, short_directory
from payments_three import CREATE, REFUND
from support.process import wait_until

FINDINGS = ("SELECT kind, subject, amicale_id, amount FROM reconciliation_findings"
            " WHERE closed_at IS NULL ORDER BY kind")


@pytest.fixture(scope="module")
def whole(mariadb_server):
    with short_directory() as directory:
        room = PaymentsRoom(directory, mariadb_server, workers=1).start()
        yield room
        room.stop()


@pytest.fixture
def room(whole):
    whole.clear()
    return whole


def look(room):
    """Workers look when they start, and then each minute."""
    for worker in room.stack.workers:
        worker.restart()


def age(room, minutes):
    for table in ("payment_intents", "refunds"):
        room.sql(f"UPDATE {table} SET updated_at = updated_at - INTERVAL %s MINUTE"
                 " WHERE status = 'new'", (minutes,))


def refund(room, paid, prefer=None):
    key = f"refund-{paid.json['payment_intent_id']}"
    return room.admin.act("refund", paid, {"amount": 700}, key=key, prefer=prefer)


def begin(room):
    """A sale and a refund that Stripe never hears of: (row's job, row's job)."""
    paid = room.paid(1500)
    room.wait_quiet()
    for path in (CREATE, REFUND):
        room.fault("drop_before", path, times=1000)
    room.seller.create(1100, local_id="sale", prefer="wait=0")
    refund(room, paid, prefer="wait=0")
    for table in ("payment_intents", "refunds"):
        room.stack.wait_sql(f"SELECT COUNT(*) FROM {table} WHERE first_sent_at IS NOT NULL"
                            " AND status = 'new'", 1)
    return paid, [room.sql_one(f"SELECT job_id FROM {table} WHERE status = 'new'")
                  for table in ("payment_intents", "refunds")]


def forget(room):
    """Redis loses its memory, and Stripe is well again."""
    for worker in room.stack.workers:
        worker.stop()
    room.redis.flushall()
    room.sim.control("faults", method="DELETE")


def test_what_redis_forgot_is_reported_and_ended_by_asking_again(room):
    paid, jobs = begin(room)
    forget(room)
    age(room, 61)
    look(room)
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings", 2)
    assert room.sql(FINDINGS) == (("payment_overdue", jobs[0], 1, 1100),
                                  ("refund_overdue", jobs[1], 1, 700))
    for job in jobs:
        wait_until(lambda job=job: f"<3>overdue id={job} " in room.stack.workers[0].log_text(),
                   "its line in the log")
    assert refund(room, paid).status == 200
    assert room.seller.create(1100, local_id="sale").status == 200
    look(room)
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings"
                        " WHERE closed_by = 'worker'", 2)
    assert room.sql(FINDINGS) == ()
    assert [one["amount"] for one in room.refunds()] == [700]
    assert len(room.intents()) == 2


def test_what_is_dead_is_reported_and_ended_by_a_retry(room):
    _, jobs = begin(room)
    for job in jobs:
        room.redis.hset(f"{{tocsin}}:job:{job}", "attempt", 24)
    wait_until(lambda: sorted(room.dead()) == sorted(jobs), "both to die", 60)
    room.sim.control("faults", method="DELETE")
    age(room, 61)
    look(room)
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings", 2)
    for job in jobs:
        room.stack.tocsin("retry", job, "--why", "Stripe is back")
    room.stack.wait_sql("SELECT status FROM refunds", "succeeded")
    room.stack.wait_sql("SELECT COUNT(*) FROM payment_intents WHERE status = 'new'", 0)
    look(room)
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings"
                        " WHERE closed_at IS NOT NULL", 2)
    assert [one["amount"] for one in room.refunds()] == [700]
    assert len(room.intents()) == 2


def test_what_has_waited_less_than_an_hour_is_nobodys_to_see_to(room):
    begin(room)
    forget(room)
    age(room, 58)
    room.sql("INSERT INTO reconciliation_findings (kind, subject) VALUES ('refund_overdue', 'x')")
    look(room)
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings"
                        " WHERE closed_at IS NOT NULL", 1)  # it has looked
    assert room.sql(FINDINGS) == ()
