# SPDX-License-Identifier: MIT
"""What was kept of persons for long enough is erased, everywhere, and nothing else is."""

import json
import re

import pytest

from money_room import Handle, Life, MoneyRoom, dispute, paid
from payments_room import short_directory
from periods_room import Periods
from support.client import Client
from support.process import wait_until
from support.seed import ADMIN_EMAIL
from support.stack import DATABASE

ERASED = {"payment_intents": "receipt_email_encrypted", "receipts": "sealed_to",
          "stripe_events": "sealed_body", "jobs_archive": "sealed_payload"}
# Of a row that was erased, what is another one.
MARKS = {*ERASED.values(), "receipt_email_erase_at", "to_erase_at", "body_erase_at",
         "address_since", "body_since", "payload_since"}
QUIET = {"books__catchup_s": 86400}


@pytest.fixture(scope="module")
def money(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("m"), mariadb_server).start()
    room.mail.start()
    yield room
    room.stop()


@pytest.fixture
def room(money):
    money.clear()
    money.mail.fault()
    money.mail.clear()
    for table in ("periodic_runs", "jobs_archive", "audit_log"):
        money.sql(f"DELETE FROM {table}")
    return money


@pytest.fixture(scope="module")
def periods(mariadb_server):
    with short_directory() as directory:
        room = Periods(directory, mariadb_server).start()
        yield room
        room.stop()


def erase(room, day="2026-11-22", handle=None):
    """The job of a day, whatever today is."""
    answer = (handle or room.handle).run(f"erase:{day}", "personal_data.erase", b"{}")
    assert (answer["outcome"], answer["follow_ups"]) == ("DONE", []), answer


def kept(room, table):
    """The rows of a table that still hold what may be erased, by the name they go by."""
    name = {"payment_intents": "COALESCE(stripe_payment_intent_id, local_id)",
            "receipts": "subject", "stripe_events": "stripe_event_id",
            "jobs_archive": "job_id"}[table]
    return {found for (found,) in room.sql(
        f"SELECT {name} FROM {table} WHERE {ERASED[table]} IS NOT NULL")}


def age(room, months=14):
    """Everything that is there was made so long ago, and looks it."""
    for table, columns in {
            "payment_intents": ("created_at", "updated_at"),
            "receipts": ("created_at", "updated_at"), "refunds": ("created_at", "updated_at"),
            "stripe_events": ("received_at",), "jobs_archive": ("died_at",)}.items():
        room.sql(f"UPDATE {table} SET " + ", ".join(
            f"{column} = {column} - INTERVAL {months} MONTH" for column in columns))


def dump(room):
    """Every row of the books, but for what erasing changes."""
    found = {}
    for table in ("payment_intents", "receipts", "refunds", "disputes", "stripe_events",
                  "jobs_archive", "reconciliation_findings"):
        with room.stack.mariadb.client(database=DATABASE) as connection, \
                connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            names = [column[0] for column in cursor.description]
            found[table] = [{name: value for name, value in zip(names, row)
                             if name not in MARKS} for row in cursor.fetchall()]
    return found


def payment(room, name, months, status="succeeded", sent="sent", **more):
    """A row with an address and, with `sent`, its receipt in that state; its id."""
    columns = {"pompier_id": 11, "amicale_id": 1, **more}
    room.sql(f"INSERT INTO payment_intents (stripe_payment_intent_id, local_id, amount, status,"
             f" sold_at, sale_day, receipt_email_encrypted, created_at, updated_at,"
             f" {', '.join(columns)}) SELECT %s, %s, 1000, %s, at, at, 'sealed', at, at,"
             f" {', '.join(['%s'] * len(columns))} FROM"
             " (SELECT UTC_TIMESTAMP(3) - INTERVAL %s MONTH AS at) AS made",
             (f"pi_{name}", name, status, *columns.values(), months))
    row = room.sql_one("SELECT id FROM payment_intents WHERE local_id = %s", (name,))
    if sent:
        receipt(room, f"pi_{name}", row, sent, months)
    return row


def receipt(room, subject, payment_id, state, months, template="receipt"):
    room.sql("INSERT INTO receipts (template, subject, payment_id, state, message_id, sealed_to,"
             " created_at, updated_at, sent_at) SELECT %s, %s, %s, %s, %s, 'sealed', at, at, at"
             " FROM (SELECT UTC_TIMESTAMP(3) - INTERVAL %s MONTH AS at) AS made",
             (template, subject, payment_id, state, f"{template}.{subject}", months))


def event(room, name, days, processed=True):
    room.sql("INSERT INTO stripe_events (stripe_event_id, type, received_at, processed_at,"
             " sealed_body) SELECT %s, 'charge.succeeded', at, IF(%s, at, NULL), 'sealed' FROM"
             " (SELECT UTC_TIMESTAMP(3) - INTERVAL %s DAY AS at) AS came",
             (name, processed, days))


def dead(room, job, kind, days):
    room.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, sealed_payload,"
             " died_at) VALUES (%s, %s, 'live', '1', 'exhausted', 'sealed',"
             " UTC_TIMESTAMP(3) - INTERVAL %s DAY)", (job, kind, days))


def discard(room, job):
    room.sql("INSERT INTO audit_log (job_id, who, verb, what, at) VALUES"
             " (UUID(), 'zoe', 'discard', %s, NOW(3))", (job,))


def test_what_was_sold_and_given_back_long_ago_leaves_no_address_anywhere(room):
    life, follow_ups = paid(room)
    life.refund(500)
    life.publish(room.stripe)
    for made in life.made:
        follow_ups.update({one["id"]: one for one in room.event(made)["follow_ups"]})
    for job in follow_ups.values():
        assert room.handle.run(job["id"], job["kind"], job["payload"].encode())[
            "outcome"] == "DONE"
    for table, wanted in (("payment_intents", 1), ("receipts", 2), ("stripe_events", 5)):
        assert room.sql_one(f"SELECT COUNT({ERASED[table]}) FROM {table}") >= min(wanted, 4)
    age(room)
    before = dump(room)
    erase(room)
    for table, column in ERASED.items():
        assert kept(room, table) == set(), table
    assert dump(room) == before  # sums, states, the receipts' numbers, and when they changed
    assert room.sql("SELECT DISTINCT receipt_email_erase_at, address_since"
                    " FROM payment_intents") == ((None, None),)

    # What comes afterwards does not bring it back, and mails nobody.
    mails = len(room.mail.files())
    life.refund(300)
    life.publish(room.stripe)
    for made in life.made:
        assert not room.event(made)["follow_ups"]
    assert kept(room, "payment_intents") == set()
    assert room.sql_one("SELECT amount_refunded FROM payment_intents") == 800
    answer = room.handle.receipt("refund", life.refunds[-1]["id"])
    assert answer["outcome"] == "NEVER" and "is kept (any more)" in answer["fault"]
    assert len(room.mail.files()) == mails


def test_what_is_due_goes_and_what_is_not_stays(room):
    for months in (12, 14):
        payment(room, f"paid-{months}", months)
        payment(room, f"open-{months}", months, "requires_payment_method", sent=None)
        payment(room, f"refused-{months}", months, sent="failed")
    for days in (89, 91):
        event(room, f"evt_{days}", days)
        dead(room, f"evt_{days}", "stripe.event", days)
    for days in (390, 430):
        dead(room, f"payment.create:11:{days}", "payment.create", days)
        dead(room, f"receipt:pi_{days}", "receipt.send", days)  # it holds no address
        dead(room, f"sync:11:paid-{12 if days == 390 else 14}", "sync.sale", days)
    dead(room, "session.login:-:0", "session.login", 0)  # it holds a password
    erase(room)
    assert kept(room, "payment_intents") == {"pi_paid-12", "pi_open-12", "pi_refused-12"}
    assert kept(room, "receipts") == {"pi_paid-12", "pi_refused-12"}
    assert kept(room, "stripe_events") == {"evt_89"}
    assert kept(room, "jobs_archive") == {"evt_89", "payment.create:11:390", "sync:11:paid-12",
                                          "receipt:pi_390", "receipt:pi_430"}


def needed(room):
    """All that is due and wanted; what ends the wanting of each."""
    def sql(text, *values):
        return lambda: room.sql(text, values)

    ends = {}
    for name, status in (("takes", "processing"), ("set-aside", "requires_capture")):
        row = payment(room, name, 14, status, sent=None)
        ends[f"pi_{name}"] = sql("UPDATE payment_intents SET status = 'canceled' WHERE id = %s",
                                 row)
    row = payment(room, "collects", 14, "requires_payment_method", sent=None)
    room.sql("UPDATE payment_intents SET collect_until = NOW(3) + INTERVAL 1 HOUR WHERE id = %s",
             (row,))
    ends["pi_collects"] = sql("UPDATE payment_intents SET collect_until = NOW(3) WHERE id = %s",
                              row)
    for state in ("waiting", "sending"):
        row = payment(room, state, 14, sent=state)
        ends[f"pi_{state}"] = sql("UPDATE receipts SET state = 'sent', sent_at = NOW(3)"
                                  " WHERE payment_id = %s", row)
    payment(room, "unsure", 14, sent="unsure")
    room.sql("INSERT INTO reconciliation_findings (kind, subject)"
             " VALUES ('receipt_unsure', 'pi_unsure')")
    ends["pi_unsure"] = sql("UPDATE reconciliation_findings SET closed_at = NOW(3)")
    payment(room, "given-up", 14, sent="waiting")
    ends["pi_given-up"] = lambda: discard(room, "receipt:pi_given-up")
    payment(room, "never-tried", 14, sent=None)
    ends["pi_never-tried"] = lambda: discard(room, "receipt:pi_never-tried")
    row = payment(room, "disputed", 14)
    room.sql("INSERT INTO disputes (stripe_dispute_id, payment_id, amount, status)"
             " VALUES ('dp_1', %s, 1000, 'needs_response')", (row,))
    receipt(room, "dp_1:13", row, "sent", 14, template="dispute")
    ends["pi_disputed"] = sql("UPDATE disputes SET closed_at = NOW(3), status = 'lost'")
    for name, status in (("refunds", "pending"), ("refunded", "succeeded")):
        row = payment(room, name, 14)
        room.sql("INSERT INTO refunds (stripe_refund_id, payment_id, amount, status)"
                 " VALUES (%s, %s, 100, %s)", (f"re_{name}", row, status))
        ends[f"pi_{name}"] = sql(
            "UPDATE refunds SET status = 'succeeded', updated_at = NOW(3) - INTERVAL 31 DAY"
            " WHERE payment_id = %s", row)
    return ends


def test_an_address_that_is_still_needed_stays_until_it_is_not(room):
    ends = needed(room)
    erase(room, "2026-11-22")
    assert kept(room, "payment_intents") == set(ends)
    assert kept(room, "receipts") == {"pi_waiting", "pi_sending", "pi_unsure", "pi_given-up",
                                      "pi_disputed", "dp_1:13"}
    for end in ends.values():
        end()
    erase(room, "2026-11-23")
    assert kept(room, "payment_intents") == kept(room, "receipts") == set()


def test_an_event_or_a_sale_that_is_not_in_the_books_stays_until_it_is_or_is_discarded(room):
    for name in ("evt_held", "evt_dropped"):
        event(room, name, 500, processed=False)
    for name in ("evt_held", "evt_dropped", "evt_unknown"):
        dead(room, name, "stripe.event", 500)
    for name in ("sync:11:lost", "sync:11:other/0123", "sync:11:dropped:1"):
        dead(room, name, "sync.sale", 500)
    erase(room, "2026-11-22")
    assert kept(room, "stripe_events") == {"evt_held", "evt_dropped"}
    assert len(kept(room, "jobs_archive")) == 6
    room.sql("UPDATE stripe_events SET processed_at = NOW(3)"
             " WHERE stripe_event_id = 'evt_held'")
    for name in ("evt_dropped", "evt_unknown", "sync:11:dropped:1"):
        discard(room, name)
    payment(room, "lost", 1)
    payment(room, "other", 1)
    erase(room, "2026-11-23")
    assert kept(room, "stripe_events") == kept(room, "jobs_archive") == set()


def test_a_job_of_catch_up_is_one_of_its_event(room):
    for name in ("evt_late", "evt_dropped"):
        event(room, name, 500, processed=False)
        dead(room, f"{name}/catchup", "stripe.event", 500)
    erase(room, "2026-11-22")
    assert kept(room, "stripe_events") == {"evt_late", "evt_dropped"}
    assert kept(room, "jobs_archive") == {"evt_late/catchup", "evt_dropped/catchup"}
    room.sql("UPDATE stripe_events SET processed_at = NOW(3)"
             " WHERE stripe_event_id = 'evt_late'")
    discard(room, "evt_dropped/catchup")
    erase(room, "2026-11-23")
    assert kept(room, "stripe_events") == kept(room, "jobs_archive") == set()


def test_more_than_a_piece_that_is_needed_hides_nothing_that_is_not(room):
    room.sql("INSERT INTO stripe_events (stripe_event_id, type, received_at, processed_at,"
             " sealed_body) SELECT CONCAT('evt_', seq), 't', '2024-01-01' + INTERVAL seq DIV 9"
             " SECOND, IF(seq > 2100, '2024-01-02', NULL), 'sealed' FROM seq_1_to_2110")
    erase(room)
    assert len(kept(room, "stripe_events")) == 2100
    assert room.sql_one("SELECT COUNT(*) FROM stripe_events WHERE sealed_body IS NOT NULL"
                        " AND processed_at IS NOT NULL") == 0


def test_erasing_twice_is_erasing_once(room):
    payment(room, "old", 14)
    payment(room, "young", 12)
    event(room, "evt_old", 91)
    erase(room)
    before = dump(room), {table: kept(room, table) for table in ERASED}
    assert room.handle.run("erase:2026-11-22", "personal_data.erase", b"{}")["outcome"] == "DONE"
    erase(room, "2026-11-23")
    assert (dump(room), {table: kept(room, table) for table in ERASED}) == before
    assert before[1]["payment_intents"] == {"pi_young"}


@pytest.mark.parametrize("months, days, stay", [(1, 7, set()), (3, 30, {"2"}),
                                                (24, 365, {"2", "4", "14"})])
def test_a_setting_counts_for_rows_that_are_there(room, months, days, stay):
    for made in (2, 4, 14):
        payment(room, f"old-{made}", made)
        event(room, f"evt_{made}", made * 10)
    config = room.stack.dir / f"keep{months}.conf"
    text = room.stack.config.read_text()
    assert "[books]" not in text
    config.write_text(f"{text}\n[books]\naddress_keep_months = {months}\n"
                      f"body_keep_days = {days}\n")
    config.chmod(0o600)
    handle = Handle(config)
    try:
        erase(room, handle=handle)
    finally:
        handle.close()
    assert kept(room, "payment_intents") == {f"pi_old-{made}" for made in stay}
    assert kept(room, "receipts") == {f"pi_old-{made}" for made in stay}
    assert kept(room, "stripe_events") == {f"evt_{made}" for made in (2, 4, 14)
                                           if made * 10 < days}


def plans(room, job):
    """What MariaDB did for the statements of a job that erases, table by table: the SELECT's
    plan as it ran, and the UPDATE's."""
    room.sql("SET GLOBAL log_output = 'TABLE'")
    room.sql("SET GLOBAL general_log = ON")
    try:
        job()
    finally:
        room.sql("SET GLOBAL general_log = OFF")
    statements = [text.replace("%", "%%") for (text,) in room.sql(
        "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE command_type ="
        " 'Execute' AND user_host LIKE 'tocsin[%%' ORDER BY event_time")]
    room.sql("TRUNCATE mysql.general_log")
    return {kind: [(text, json.loads(room.sql_one(f"{how} FORMAT=JSON {text}")))
                   for text in statements if text.startswith(kind)]
            for kind, how in (("SELECT", "ANALYZE"), ("UPDATE", "EXPLAIN"))}


def tables(plan):
    """Every table of a plan, however deep, in the order in which they are read."""
    if isinstance(plan, dict):
        if "table_name" in plan:
            yield plan
        for value in plan.values():
            yield from tables(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from tables(value)


def test_pieces_are_found_through_their_index_however_much_was_erased_before(room):
    for at, address in (("'2020-01-01'", "NULL"), ("'2024-01-01'", "'sealed'"),
                        ("NOW()", "'sealed'")):
        room.sql("INSERT INTO payment_intents (amount, status, sold_at, sale_day, created_at,"
                 f" receipt_email_encrypted) SELECT 100, 'failed', {at}, {at},"
                 f" {at} + INTERVAL seq SECOND - INTERVAL 1 HOUR, {address} FROM seq_1_to_1500")
    room.sql("ANALYZE TABLE payment_intents")
    handle = room.open()  # the log shows the values of statements that are prepared first
    found = plans(room, lambda: erase(room, handle=handle))
    selects = [next(tables(plan)) for text, plan in found["SELECT"]
               if "FROM payment_intents FORCE" in text]
    assert len(selects) == 2  # a thousand, and the rest; what was erased is not read again
    for table in selects:
        assert (table["table_name"], table["access_type"], table["key"]) == (
            "payment_intents", "range", "address_since")
        assert table["r_rows"] <= 1001
    updates = [list(tables(plan)) for text, plan in found["UPDATE"]
               if text.startswith("UPDATE payment_intents")]
    assert len(updates) == 2
    for read in updates:
        own = next(table for table in read if table["table_name"] == "payment_intents")
        assert (own["access_type"], own["key"]) == ("eq_ref", "PRIMARY")
    assert room.sql_one("SELECT COUNT(receipt_email_encrypted) FROM payment_intents") == 1500


def wait_erased(room):
    room.stack.wait_sql("SELECT COUNT(*) FROM periodic_runs WHERE kind = 'personal_data.erase'"
                        " AND finished_at IS NOT NULL", 1)


def lines(room):
    return [line for worker in room.workers
            for line in worker.log_text(since_start=True).splitlines() if "erased " in line]


def test_four_workers_erase_once_a_day_and_say_what(periods):
    periods.clear()
    periods.sql("DELETE FROM sync_conflicts")
    payment(periods, "old", 14, pompier_id=periods.demo["pompier_id"],
            amicale_id=periods.demo["amicale_id"])
    payment(periods, "waits", 14, sent="waiting", pompier_id=periods.demo["pompier_id"],
            amicale_id=periods.demo["amicale_id"])
    event(periods, "evt_old", 91)
    dead(periods, "evt_old", "stripe.event", 91)
    for _ in range(4):
        periods.worker(**QUIET)
    wait_erased(periods)
    (name,) = [name for (name,) in periods.sql(
        "SELECT name FROM periodic_runs WHERE kind = 'personal_data.erase'")]
    assert re.fullmatch(r"erase:\d{4}-\d\d-\d\d", name)
    wait_until(lambda: periods.field(name, "state") == "done", "the job to be settled")
    for worker in periods.workers:
        worker.stop()
    (line,) = lines(periods)
    assert line.endswith("erased addresses=1 receipts=1 bodies=1 payloads=1 needed=2 more=0")
    planned = "".join(worker.log_text(since_start=True) for worker in periods.workers)
    assert planned.count(f"planned id={name} ") == 1

    # Who asks for the payment sees it as before, without its address.
    admin = Client(periods.stack.api.url)
    assert periods.worker(**QUIET) and admin.login(
        ADMIN_EMAIL, periods.stack.demo_password).status == 200
    answer = admin.get("/api/payments/pi_old/status")
    assert (answer.status, answer.json["amount"], answer.json["status"]) == (
        200, 1000, "succeeded")


def test_a_worker_killed_between_two_pieces_leaves_the_rest_to_another(periods):
    periods.clear()
    periods.sql("INSERT INTO stripe_events (stripe_event_id, type, received_at, processed_at,"
                " sealed_body) SELECT CONCAT('evt_', seq), 't', '2024-01-01', '2024-01-01',"
                " 'sealed' FROM seq_1_to_1500")
    killed = periods.worker(binary="tocsin-worker-test", start=False,
                            # Pieces without rows, of payments and receipts, come before.
                            environment={"TOCSIN_CRASH_AT": "piece_erased:3"}, **QUIET)
    killed.start(wait=False)
    assert killed.wait_exit() == -9
    assert periods.sql("SELECT finished_at FROM periodic_runs"
                       " WHERE kind = 'personal_data.erase'") == ((None,),)
    assert periods.sql_one("SELECT COUNT(sealed_body) FROM stripe_events") == 500
    periods.worker(**QUIET)
    wait_erased(periods)
    assert periods.sql_one("SELECT COUNT(sealed_body) FROM stripe_events") == 0
    (line,) = lines(periods)
    assert " bodies=500 " in line
