# SPDX-License-Identifier: MIT
"""Sales in cash and by cheque that phones made offline: one row each, whatever comes twice,
differs, dies or restarts meanwhile."""

import contextlib
import random
import threading

import pytest

from payments_room import short_directory
from support.process import wait_until
from support.programs import Worker
from sync_room import SyncRoom, name_of, sale, utc


@pytest.fixture(scope="module")
def whole(mariadb_server):
    with short_directory() as directory:
        room = SyncRoom(directory, mariadb_server).start()
        yield room
        room.stop()


@pytest.fixture
def room(whole):
    whole.start_workers()  # a test that failed may have left none
    whole.clear()
    return whole


def many(count, **more):
    """Sales of two methods and different amounts."""
    return [sale(f"s-{i:04d}", 500 + i, ("cash", "cheque")[i % 2], **more)
            for i in range(count)]


def as_rows(sales):
    return {one["local_id"]: (one["amount"], one["method"], "succeeded") for one in sales}


def test_a_sale_is_recorded_as_the_phone_told_it(room):
    room.flush(sale("one", 1234, "cheque", sold="2026-11-20T18:30:00.250+01:00"))
    assert room.sale_row(
        "one", "amicale_id, amount, amount_received, status, payment_method, currency,"
        " device_id, sync_batch_id, job_id, sold_at, sale_day = '2026-11-20', livemode,"
        " stripe_payment_intent_id, receipt_email_encrypted") == (
            1, 1234, 1234, "succeeded", "cheque", "eur", "phone-1", "bat_test",
            "sync:11:one", utc("2026-11-20T17:30:00.250Z"), 1, 0, None, None)
    assert room.conflicts() == ()


def test_nothing_is_kept_in_redis_for_callers_whom_a_sale_has_not(room):
    room.flush(sale("a", 1000), sale("b", 2000))
    room.flush(sale("a", 1100), suffix="/again")
    assert room.rows().keys() == {"a", "b"} and len(room.conflicts()) == 1
    with room.stack.redis.client() as client:
        assert client.keys("*:result:*") == []


def test_a_queue_that_comes_again_in_other_cuts_to_two_workers_at_once_changes_nothing(room):
    sales = many(150)
    shuffled = random.Random(4)

    def hand_over(number):
        mine = list(sales)
        shuffled.shuffle(mine)
        while mine:
            cut, mine = mine[:37], mine[37:]
            room.enqueue(*cut, suffix=f"/again{number}")
    threads = [threading.Thread(target=hand_over, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.wait_quiet(60)
    assert room.rows() == as_rows(sales)
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 150
    assert room.sql_one("SELECT SUM(amount_received) FROM payment_intents") == sum(
        one["amount"] for one in sales)
    assert room.conflicts() == () and room.dead() == []
    # Statements of both that meet in the counter of ids keep to the rows that are theirs.
    assert not any("another sale's row" in worker.log_text() for worker in room.stack.workers)


def test_another_amount_or_method_is_kept_as_a_conflict_and_changes_nothing(room):
    room.flush(sale("a", 1000), sale("b", 2000))
    for again in ("/1", "/2"):
        room.flush(sale("a", 1100), sale("b", 2000, "cheque"), sale("c", 300),
                   sale("a", 1000), suffix=again)
    assert room.rows() == {"a": (1000, "cash", "succeeded"), "b": (2000, "cash", "succeeded"),
                           "c": (300, "cash", "succeeded")}
    found = {local_id: rest for local_id, *rest in room.conflicts(
        "local_id, kind, given_mac, payment_id, amicale_id, sync_batch_id,"
        " JSON_VALUE(given, '$.amount')")}
    assert found == {
        "a": ["other_amount", room.mac_of(1100, "cash"), room.sale_row("a", "id"), 1, "bat_test",
              "1100"],
        "b": ["other_method", room.mac_of(2000, "cheque"), room.sale_row("b", "id"), 1,
              "bat_test", "2000"]}


def test_a_conflict_that_runs_before_its_sale_waits_for_the_row(room):
    room.flush(sale("late", 900, "cheque", is_conflict=True),
               sale("late", 800, is_conflict=True))
    assert room.conflicts("kind, payment_id") == (("other_amount", None),) * 2
    assert room.rows() == {}
    room.flush(sale("late", 1000))
    payment = room.sale_row("late", "id")
    assert set(room.conflicts("kind, payment_id")) == {
        ("other_method", payment), ("other_amount", payment)}
    # Told again, they are what they were.
    room.flush(sale("late", 900, "cheque", is_conflict=True), suffix="/again")
    assert len(room.conflicts()) == 2


def test_a_second_sale_that_turns_out_to_be_the_first_is_no_conflict(room):
    room.flush(sale("same", 1000))
    room.flush(sale("same", 1000, is_conflict=True))
    assert room.conflicts() == ()
    assert room.rows() == {"same": (1000, "cash", "succeeded")}


def test_a_local_id_of_a_card_sale_is_taken(room):
    made = room.seller.create(1000, local_id="taken")
    room.flush(sale("taken", 1000))
    assert room.sale_row("taken", "id, payment_method") == (made.json["id"], "card")
    assert room.conflicts("local_id, kind, payment_id") == (
        ("taken", "other_method", made.json["id"]),)


def test_the_same_local_id_of_two_pompiers_is_two_sales(room):
    room.flush(sale("x", 1000), sale("x", 2000, pompier=12),
               sale("x", 3000, pompier=21, amicale=2))
    assert [room.sale_row("x", "amount, amicale_id", pompier) for pompier in (11, 12, 21)] \
        == [(1000, 1), (2000, 1), (3000, 2)]
    assert room.conflicts() == ()


def test_local_ids_differ_by_case(room):
    room.flush(sale("Abc", 1000), sale("abc", 2000))
    assert room.rows() == {"Abc": (1000, "cash", "succeeded"),
                           "abc": (2000, "cash", "succeeded")}


@pytest.mark.parametrize("sold,day", [
    ("2026-11-22T22:59:59.999Z", "2026-11-22"),
    ("2026-11-22T23:00:00Z", "2026-11-23"),        # midnight in Paris, in winter
    ("2026-07-13T21:59:59Z", "2026-07-13"),
    ("2026-07-13T22:00:00Z", "2026-07-14"),        # and in summer
    ("2026-10-24T22:00:00Z", "2026-10-25"),        # the day of 25 hours begins
    ("2026-10-25T22:59:59Z", "2026-10-25"),        # and ends
    ("2026-03-28T23:00:00Z", "2026-03-29"),        # the day of 23 hours
    ("2026-03-29T22:00:00Z", "2026-03-30")])
def test_a_sale_counts_on_the_day_in_paris(room, sold, day):
    room.flush(sale("day", sold=sold))
    assert str(room.sale_row("day", "sale_day")) == day
    assert room.sale_row("day", "sold_at") == utc(sold)


def test_buyers_with_an_address_get_one_receipt_each(room):
    sales = [sale("r1", 1250, "cash", email="a@example.com", sold="2026-11-20T23:30:00Z"),
             sale("r2", 2000, "cheque", email="b@example.com"), sale("r3", 500)]
    room.flush(*sales)
    room.flush(*sales, suffix="/again")
    sent = {str(message["To"]): message for message in room.stack.mail.messages()}
    assert sorted(sent) == ["a@example.com", "b@example.com"]
    assert len(room.stack.mail.messages()) == 2
    for address, words in (("a@example.com", ("12,50", "Espèces", "21/11/2026", "Amicale 1")),
                           ("b@example.com", ("20,00", "Chèque", "Amicale 1"))):
        for part in ("plain", "html"):
            text = sent[address].get_body((part,)).get_content()
            for word in words:
                assert word in text, (word, text)
            for word in ("AID", "Cryptogramme", "Carte bancaire", "\u2022"):
                assert word not in text, (word, text)
    assert sorted(room.sql("SELECT subject, state FROM receipts")) == sorted(
        (f"payment:{room.sale_row(name, 'id')}", "sent") for name in ("r1", "r2"))
    # The address is kept sealed, and has an end.
    assert room.sale_row("r1", "INSTR(receipt_email_encrypted, 'a@example.com'),"
                         " receipt_email_erase_at > UTC_TIMESTAMP() + INTERVAL 12 MONTH") \
        == (0, 1)


def test_a_sale_that_was_voided_stays_voided_and_has_no_receipt(room):
    room.stack.mail.fault(rcpt=(450, "later"))
    try:
        room.enqueue(sale("v", 1000, email="v@example.com"))
        room.stack.wait_sql("SELECT COUNT(*) FROM receipts WHERE state = 'waiting'", 1)
        payment = room.sale_row("v", "id")
        assert room.seller.act("void", payment, {"reason": "erreur"}).status == 200
    finally:
        room.stack.mail.fault()
    room.flush(sale("v", 1000, email="v@example.com"), suffix="/again")
    assert room.sale_row("v") == "voided"
    assert room.conflicts() == ()
    room.wait_quiet(60)
    assert room.stack.mail.messages() == []


def test_whoever_the_pompier_is_now_the_money_is_that_days_amicales(room):
    room.sql("UPDATE users SET disabled_at = UTC_TIMESTAMP(3), amicale_id = 2 WHERE id = 12")
    try:
        room.flush(sale("moved", 1000, pompier=12))
    finally:
        room.sql("UPDATE users SET disabled_at = NULL, amicale_id = 1 WHERE id = 12")
    assert room.sale_row("moved", "amicale_id, status", 12) == (1, "succeeded")


def test_one_bad_sale_in_a_group_spoils_no_other(room):
    room.stop_workers()
    good = many(40)
    bad = sale("nobody", pompier=999)
    room.enqueue(*good[:20], bad, *good[20:])
    room.start_workers()
    room.wait_quiet()
    assert room.rows() == as_rows(good)
    assert room.dead() == [name_of(bad)]
    assert "is not there any more" in room.job(name_of(bad), "fault")


def test_workers_killed_in_the_middle_of_groups_lose_and_double_nothing(room):
    sales = many(600, email="k@example.com")[:50] + many(600)[50:]
    steps = ("opened", "written", "written:2", "handled:2", "settling:2", "settled:2")
    room.crash_at([(step, sales[i * 100:i * 100 + 100]) for i, step in enumerate(steps)])
    assert room.rows() == as_rows(sales)
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 600
    assert room.conflicts() == () and room.dead() == []
    assert len(room.stack.mail.messages()) == 50


def test_a_group_waits_for_a_mariadb_that_hangs_once_and_not_for_each_sale(room):
    sales = many(64)
    room.stop_workers()
    room.enqueue(*sales)
    worker = Worker(room.stack.config, "patient", sets={
        "mariadb.connect_ms": 2000, "mariadb.query_ms": 1000, "worker.dead_after_ms": 60000})
    with contextlib.ExitStack() as leaving:
        leaving.callback(worker.stop)
        room.stack.mariadb.freeze()
        leaving.callback(room.stack.mariadb.thaw)
        worker.start()
        wait_until(lambda: None not in [room.job(name_of(one), "deferrals") for one in sales],
                   "all sales to wait", 60)
        assert room.redis.hget("{tocsin}:neighbour:mariadb", "failures") in ("1", "2", "3")
        room.stack.mariadb.thaw()
        room.wait_quiet(60)
    assert room.rows() == as_rows(sales)
    assert {room.job(name_of(one), "attempt") for one in sales} <= {"0", None}


def test_mariadb_that_restarts_amid_a_flush_costs_no_sale_and_no_attempt(room):
    mariadb = room.stack.mariadb
    sales = many(1500)
    room.enqueue(*sales[:750])
    mariadb.kill9()
    room.enqueue(*sales[750:])
    mariadb.start()
    room.wait_quiet(60)
    assert room.rows() == as_rows(sales)
    assert room.dead() == [] and room.conflicts() == ()
    assert {room.job(name_of(one), "attempt") for one in sales} <= {"0", None}
