# SPDX-License-Identifier: MIT
"""POST /api/payments/batch-sync: what a phone is told of each sale, and what goes into the
queue. Workers run where a test needs the books."""

import concurrent.futures
import copy
import json
import socket
import struct
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest

from payments_room import short_directory
from phone_room import FLUSH, PREFIX, PhoneRoom, error_codes, item, items, stamp, verdicts
from support.process import wait_until

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def shared(mariadb_server):
    with short_directory() as directory:
        room = PhoneRoom(directory, mariadb_server, workers=1,
                         settings={"log.level": "debug", "api.loops": 2,
                                   "sync.backlog_most": 2000, "sync.retry_s": 40})
        try:
            yield room.start()
        finally:
            room.stop()


@pytest.fixture
def room(shared):
    """Nobody takes the jobs."""
    shared.clear()
    shared.stop_workers()
    return shared


@pytest.fixture
def working(shared):
    shared.clear()
    shared.start_workers()
    return shared


def post(room, body, **headers):
    """What is not JSON as it should be, as it is; the answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return room.seller.post(FLUSH, raw, headers=headers)


def rejection(room, sale, language="en"):
    """Of one bad item: its errors."""
    answer = room.flush(room.seller, [sale], language=language)
    assert verdicts(answer) == ["rejected"], answer
    return answer.json["results"][0]


# Verdicts.


def test_cash_and_cheques_are_queued_and_recorded(working):
    room = working
    sales = [item(amount=1000), item(amount=2550, method="cheque")]
    answer = room.flush(room.seller, sales)
    assert answer.status == 202, answer
    assert verdicts(answer) == ["queued", "queued"]
    assert answer.headers["Location"] == f"/api/batches/{answer.json['batch_id']}"
    room.wait_quiet()
    assert room.rows() == {sales[0]["local_id"]: (1000, "cash"),
                           sales[1]["local_id"]: (2550, "cheque")}
    ((batch, device, count, queued, amount),) = room.sql(
        "SELECT id, device_id, item_count, queued_count, amount_total FROM sync_batches")
    assert (batch, device, count, queued, amount) == (answer.json["batch_id"], "phone-1", 2,
                                                      2, 3550)


def test_the_same_queue_sent_again_is_known(room):
    sales = items(40) + items(3, method="card")
    first = room.flush(room.seller, sales)
    assert verdicts(first) == ["queued"] * 43
    again = room.flush(room.seller, list(reversed(sales)), device="phone-2")
    assert verdicts(again) == ["duplicate"] * 43
    assert {result["payment"] for result in again.json["results"]} == {None}
    assert again.json["batch_id"] != first.json["batch_id"]
    assert len(room.jobs("sync.sale")) == 40 and len(room.jobs("sync.card")) == 3
    assert len(room.jobs("sync.batch")) == 2


def test_what_the_books_know_is_told_with_its_payment(working):
    room = working
    sales = [item("one", 1000), item("two", 2000, "cheque")]
    room.wait_done(room.seller, room.flush(room.seller, sales))
    room.redis.flushall()  # the unique keys know for ever
    answer = room.flush(room.seller, [*sales, item("three")])
    assert verdicts(answer) == ["duplicate", "duplicate", "queued"]
    one, two, _ = answer.json["results"]
    assert (one["payment"]["local_id"], one["payment"]["amount"]) == ("one", 1000)
    assert (two["payment"]["payment_method"], two["payment"]["status"]) == (
        "cheque", "succeeded")
    room.wait_quiet()
    assert [name for name in room.jobs("sync.sale")] == [f"sync:{room.seller.id}:three"]


def test_another_amount_or_method_is_a_conflict_and_changes_nothing(working):
    room = working
    room.wait_done(room.seller, room.flush(room.seller, [item("one", 1000)]))
    for forget in (False, True):
        if forget:
            room.redis.flushall()
        answer = room.flush(room.seller, [item("one", 2000), item("one", 1000, "cheque")])
        assert verdicts(answer) == ["conflict", "conflict"]
        assert [result["conflict"] for result in answer.json["results"]] == [
            {"kind": "other_amount", "amount": 1000, "payment_method": "cash"},
            {"kind": "other_method", "amount": 1000, "payment_method": "cash"}]
        room.wait_quiet()
    assert room.rows() == {"one": (1000, "cash")}
    kinds = room.sql("SELECT local_id, kind, JSON_VALUE(given, '$.amount') FROM sync_conflicts"
                     " ORDER BY id")
    assert sorted(kinds) == [("one", "other_amount", "2000"), ("one", "other_method", "1000")]


def test_a_conflict_within_the_queue_is_kept_for_the_operator(room):
    first = room.flush(room.seller, [item("one", 1000)])
    answer = room.flush(room.seller, [item("one", 1500)])
    assert verdicts(first) + verdicts(answer) == ["queued", "conflict"]
    assert answer.json["results"][0]["conflict"]["amount"] is None  # not known yet
    room.start_workers()
    batch = room.wait_done(room.seller, answer)
    assert batch["results"][0]["conflict"] == {
        "kind": "other_amount", "amount": 1000, "payment_method": "cash"}
    assert room.rows() == {"one": (1000, "cash")}


def test_one_name_twice_in_a_batch(room):
    answer = room.flush(room.seller, [item("one", 1000), item("one", 1000),
                                      item("one", 1200), item("one", 1000, "cheque")])
    assert verdicts(answer) == ["queued", "duplicate", "conflict", "conflict"]
    assert answer.json["results"][2]["conflict"] == {
        "kind": "other_amount", "amount": 1000, "payment_method": "cash"}
    assert answer.json["results"][3]["conflict"]["kind"] == "other_method"


def test_two_phones_of_a_seller_share_their_names_and_two_sellers_do_not(working):
    room = working
    sales = [item("one", 1000), item("two", 2000)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(
            lambda number: room.flush(room.seller, sales, device=f"phone-{number}"),
            range(8)))
    other = room.flush(room.second, [item("one", 3000)])
    assert sum(verdicts(answer).count("queued") for answer in answers) == 2
    assert {word for answer in answers for word in verdicts(answer)} == {
        "queued", "duplicate"}
    assert verdicts(other) == ["queued"]
    room.wait_quiet()
    assert room.rows(room.seller) == {"one": (1000, "cash"), "two": (2000, "cash")}
    assert room.rows(room.second) == {"one": (3000, "cash")}


def test_a_card_that_names_its_intent_later_is_looked_at_again(room):
    first = room.flush(room.seller, [item("one", method="card")])
    named = room.flush(room.seller, [item("one", method="card",
                                          stripe_payment_intent_id="pi_123abc_D")])
    assert verdicts(first) + verdicts(named) == ["queued", "duplicate"]
    name = f"sync:{room.seller.id}:one"
    assert room.jobs("sync.card") == [name, f"{name}/pi_123abc_D"]
    refs = room.redis.hget(f"{PREFIX}:job:{name}/pi_123abc_D", "refs")
    assert {"one", "pi_123abc_D", named.json["batch_id"]} <= set(refs.split())


def test_a_card_sale_that_is_open_in_the_books_is_asked_about(working):
    room = working
    made = room.seller.create(1500, local_id="one")
    assert made.status == 200, made
    intent = made.json["payment_intent_id"]
    room.tap(intent)
    room.sql("UPDATE payment_intents SET status = 'requires_payment_method',"
             " amount_received = 0")  # its webhook got lost
    sale = item("one", 1500, "card", stripe_payment_intent_id=intent)
    answer = room.flush(room.seller, [sale])
    assert verdicts(answer) == ["duplicate"]
    assert answer.json["results"][0]["payment"]["payment_intent_id"] == intent
    assert room.wait_done(room.seller, answer)["totals"]["recorded"] == 1500
    room.stack.wait_sql("SELECT status FROM payment_intents WHERE local_id = 'one'",
                        "succeeded")
    room.wait_quiet()
    room.redis.flushall()
    final = room.flush(room.seller, [sale, item("one", 1500, "card")])
    assert verdicts(final) == ["duplicate", "duplicate"]
    assert final.json["results"][0]["payment"]["status"] == "succeeded"
    assert room.jobs("sync.card") == []  # nothing is left to ask


# Items that are wrong.


def test_bad_items_do_not_spoil_the_good_ones(working):
    room = working
    good = items(3)
    mixed = [good[0], {"local_id": "x"}, good[1], 7, [], None, "text", item(amount=99), good[2]]
    answer = room.flush(room.seller, mixed)
    assert verdicts(answer) == ["queued", "rejected", "queued", "rejected", "rejected",
                                "rejected", "rejected", "rejected", "queued"]
    assert room.wait_done(room.seller, answer)["outcomes"] == {
        "waiting": 0, "recorded": 3, "conflict": 0, "rejected": 6, "failed": 0}
    assert set(room.rows()) == {one["local_id"] for one in good}
    room.wait_quiet()  # the batch's own job, too
    counts = room.sql("SELECT item_count, queued_count, rejected_count, amount_total"
                      " FROM sync_batches WHERE id = %s", (answer.json["batch_id"],))
    assert counts == ((9, 3, 6, 3000),)


@pytest.mark.parametrize("change, wrong", [
    ({"local_id": ""}, ("local_id", "missing")),
    ({"local_id": "x" * 65}, ("local_id", "too_long")),
    ({"local_id": "vente n°1"}, ("local_id", "bad_format")),
    ({"local_id": 12}, ("local_id", "wrong_type")),
    ({"amount": 99}, ("amount", "too_small")),
    ({"amount": 50001}, ("amount", "too_large")),
    ({"amount": 10.5}, ("amount", "wrong_type")),
    ({"amount": "1000"}, ("amount", "wrong_type")),
    ({"amount": -5}, ("amount", "too_small")),
    ({"payment_method": "Cash"}, ("payment_method", "not_a_choice")),
    ({"payment_method": True}, ("payment_method", "wrong_type")),
    ({"created_at": "2026-11-22"}, ("created_at", "bad_format")),
    ({"created_at": "2026-11-22 10:00:00Z"}, ("created_at", "bad_format")),
    ({"created_at": "2026-02-29T10:00:00Z"}, ("created_at", "bad_format")),
    ({"created_at": "2026-11-22T10:00:00"}, ("created_at", "bad_format")),
    ({"created_at": 1795342205}, ("created_at", "wrong_type")),
    ({"receipt_email": "nobody"}, ("receipt_email", "bad_format")),
    ({"receipt_mail": "a@b.fr"}, ("receipt_mail", "unknown")),
    ({"stripe_payment_intent_id": "pi_1"}, ("stripe_payment_intent_id", "not_a_choice")),
    ({"payment_method": "card", "stripe_payment_intent_id": "ch_1"},
     ("stripe_payment_intent_id", "bad_format")),
    ({"payment_method": "card", "stripe_payment_intent_id": "pi_a-b"},
     ("stripe_payment_intent_id", "bad_format")),
    ({"payment_method": "card", "stripe_payment_intent_id": "pi_"},
     ("stripe_payment_intent_id", "bad_format")),
])
def test_what_is_wrong_with_an_item_is_told(room, change, wrong):
    sale = {**item("one"), **change}
    result = rejection(room, sale)
    assert error_codes(result) == [wrong]
    good_name = isinstance(sale["local_id"], str) and wrong[0] != "local_id"
    assert result["local_id"] == ("one" if good_name else None)
    assert room.jobs("sync.sale") == []


def test_every_error_of_an_item_is_told_in_the_readers_language(room):
    sale = {"amount": 5, "payment_method": "cash", "when": 1}
    english, french = rejection(room, sale, "en"), rejection(room, sale, "fr")
    assert error_codes(english) == error_codes(french) == [
        ("local_id", "missing"), ("amount", "too_small"), ("created_at", "missing"),
        ("when", "unknown")]
    assert [error["detail"] for error in english["errors"]] == [
        "This field must be there.", "At least 100.", "This field must be there.",
        "There is no such field."]
    assert french["errors"][1]["detail"] == "Au moins 100."
    assert rejection(room, 5)["errors"][0]["detail"] == "An object is wanted."


def test_a_null_is_as_if_it_were_not_there(room):
    plain = copy.copy(room.seller)
    plain.openapi = False  # it tells phones to leave such members out
    answer = room.flush(plain, [{**item(), "receipt_email": None,
                                 "stripe_payment_intent_id": None}])
    assert verdicts(answer) == ["queued"]


# The whole request.


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"\xff", b'{"transactions":[],"transactions":[]}',
    b'{"transactions":[{"local_id":"a","local_id":"b"}]}', b'{"transactions":[]} x',
    b'{"transactions":["' + b"\\u0000" + b'"]}', b"[" * 40 + b"]" * 40])
def test_what_is_no_json_object_is_400(room, body):
    answer = post(room, body)
    expected = (422, "invalid_fields") if body == b"" else (400, "bad_json")
    assert (answer.status, answer.code) in (expected, (400, "bad_json"))


@pytest.mark.parametrize("body, field, code", [
    ({}, "transactions", "missing"),
    ({"transactions": None}, "transactions", "missing"),
    ({"transactions": []}, "transactions", "too_small"),
    ({"transactions": {"a": 1}}, "transactions", "wrong_type"),
    ({"transactions": "all"}, "transactions", "wrong_type"),
    ({"transactions": [{}], "device_id": "my phone"}, "device_id", "bad_format"),
    ({"transactions": [{}], "device_id": "x" * 65}, "device_id", "too_long"),
    ({"transactions": [{}], "sent_at": "now"}, "sent_at", "bad_format"),
    ({"transactions": [{}], "sold_at": "now"}, "sold_at", "unknown"),
])
def test_a_request_that_does_not_fit_is_422(room, body, field, code):
    answer = post(room, body)
    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [
        (field, code)]


def test_a_thousand_items_are_taken_and_one_more_is_not(room):
    sales = items(1001)
    refused = room.flush(room.seller, sales, language="en")
    assert (refused.status, refused.code) == (422, "invalid_fields")
    (error,) = refused.json["errors"]
    assert (error["field"], error["code"]) == ("transactions", "too_large")
    assert "1000" in error["detail"] and "further ones" in error["detail"]
    assert room.jobs("sync.sale") == []
    answer = room.flush(room.seller, sales[:1000])
    assert verdicts(answer) == ["queued"] * 1000
    assert len(room.jobs("sync.sale")) == 1000


def test_a_thousand_items_with_all_there_is_fit_into_a_megabyte(room):
    sales = [item(f"{number:064d}", 50000, "card", receipt_email="a" * 63 + "@" + "b" * 60
                  + "." + "c" * 60 + "." + "d" * 60 + ".fr",
                  stripe_payment_intent_id="pi_" + "x" * 97,
                  created_at="2026-11-20T10:05:00.123456+01:00") for number in range(1000)]
    body = json.dumps({"device_id": "p" * 64, "transactions": sales}).encode()
    assert 400_000 < len(body) < 1 << 20
    answer = post(room, body)
    assert verdicts(answer) == ["queued"] * 1000
    padded = body[:-1] + b" " * ((1 << 20) - len(body)) + b"}"
    assert len(padded) == 1 << 20
    assert post(room, padded).status == 202
    larger = post(room, padded[:-1] + b" }")
    assert (larger.status, larger.code) == (413, "too_large")


def test_a_thousand_items_with_all_there_is_may_wait_for_their_end(room):
    """The most that one request ever has to hold: each sale goes to the queue twice, its
    row has the longest texts, and the answer tells them all."""
    phone = copy.copy(room.seller)
    phone.openapi = False
    names = [f"{number:064d}" for number in range(1000)]
    room.sql("INSERT INTO payment_intents (amicale_id, pompier_id, amount, status,"
             " payment_method, local_id, sold_at, sale_day, last_error_code,"
             " last_error_decline_code, last_error_message)"
             " SELECT 1, %s, 50000, 'requires_payment_method', 'card', given.name, NOW(3),"
             " CURDATE(), REPEAT('\"', 100), REPEAT('\"', 100), REPEAT('€', 500)"
             " FROM JSON_TABLE(%s, '$[*]' COLUMNS (name VARCHAR(64) PATH '$')) AS given",
             (room.seller.id, json.dumps(names)))
    bare = [item(name, 50000, "card", receipt_email="a" * 60 + "@" + "b" * 60 + ".fr")
            for name in names]
    assert set(verdicts(room.flush(phone, bare))) == {"duplicate"}
    named = [{**sale, "stripe_payment_intent_id": "pi_" + "y" * 93 + sale["local_id"][-4:]}
             for sale in bare]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        flush = pool.submit(room.flush, phone, named, prefer="wait=25")
        wait_until(lambda: len(room.redis.keys(f"{PREFIX}:job:sync.batch:*")) == 2,
                   "the second batch to be accepted")
        room.sql("UPDATE payment_intents SET status = 'succeeded', stripe_payment_intent_id ="
                 " CONCAT('pi_', REPEAT('y', 93), RIGHT(local_id, 4))")
        answer = flush.result()
    assert answer.status == 200, answer
    assert {one["status"] for one in answer.json["synced"]} == {"recorded"}


# Clocks.


def test_a_sale_from_the_future_or_from_long_ago_is_rejected(room):
    cases = [(stamp(-290), None), (stamp(-400), "in_future"), (stamp(days=89), None),
             (stamp(days=90, minutes=1), "too_old"), ("1970-01-01T00:00:00+23:00", "too_old"),
             ("9999-12-31T23:59:59Z", "in_future")]
    answer = room.flush(room.seller, [item(created_at=moment) for moment, _ in cases],
                        language="en")
    found = [error_codes(result)[0][1] if "errors" in result else None
             for result in answer.json["results"]]
    assert found == [code for _, code in cases]
    details = [result["errors"][0]["detail"] for result in answer.json["results"]
               if "errors" in result]
    assert details[0].startswith("The phone's clock seems to be ahead by 6 min")
    assert details[1] == "At most 90 days back."


def test_how_far_a_clock_is_ahead_is_told(room):
    result = rejection(room, item(created_at=stamp(-(2 * 3600 + 5 * 60 + 30))), "fr")
    assert result["errors"][0]["detail"] == (
        "L'horloge du téléphone semble avancer de 2 h 5 min.")


def test_a_phone_whose_clock_is_off_is_flagged(room):
    before = room.metric("tocsin_sync_clocks_off_total")

    def clock(**words):
        return room.flush(room.seller, items(1), **words).json["clock"]

    assert clock() == {"skew_ms": None, "off": False}
    near = clock(sent_at=stamp(100))
    assert -110_000 < near["skew_ms"] < -95_000 and near["off"] is False
    behind = clock(sent_at=stamp(hours=2))
    assert behind["off"] is True and -7_210_000 < behind["skew_ms"] < -7_195_000
    ahead = clock(sent_at=stamp(-1000), headers={"Date": "Sun, 22 Nov 2020 10:00:00 GMT"})
    assert ahead["off"] is True and 990_000 < ahead["skew_ms"] < 1_000_500
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    dated = clock(headers={"Date": format_datetime(hour_ago, usegmt=True)})
    assert dated["off"] is True and -3_605_000 < dated["skew_ms"] < -3_595_000
    assert clock(headers={"Date": "yesterday"}) == {"skew_ms": None, "off": False}
    assert room.metric("tocsin_sync_clocks_off_total") - before == 3
    told = [line for line in room.stack.api.log_text().splitlines()
            if "a phone's clock is off" in line]
    assert len(told) == 3 and all(f"user={room.seller.id}" in line for line in told)
    assert all("device=phone-1" in line for line in told)


def test_the_flag_stays_with_the_batch(working):
    room = working
    answer = room.flush(room.seller, items(1), sent_at=stamp(hours=3))
    batch = room.wait_done(room.seller, answer)
    room.wait_quiet()
    assert batch["clock"] == answer.json["clock"] == room.batch(
        room.seller, answer).json["clock"]
    assert room.sql_one("SELECT skew_ms FROM sync_batches") == answer.json["clock"]["skew_ms"]


def test_a_sale_counts_on_its_day_in_paris(working):
    room = working
    today = datetime.now(PARIS).replace(hour=0, minute=0, second=0, microsecond=0)
    last, first = today - timedelta(seconds=1), today
    moments = [last.isoformat(), first.isoformat(), f"{last.isoformat()[:19]}.999"
               f"{last.isoformat()[19:]}",
               first.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
               last.astimezone(timezone.utc).strftime("%Y-%m-%dt%H:%M:%Sz"),
               first.astimezone(timezone(timedelta(hours=-9, minutes=-30))).isoformat()]
    sales = [item(f"day-{number}", created_at=moment)
             for number, moment in enumerate(moments)]
    room.wait_done(room.seller, room.flush(room.seller, sales))
    days = dict(room.sql("SELECT local_id, CAST(sale_day AS CHAR) FROM payment_intents"))
    yesterday, now = last.date().isoformat(), first.date().isoformat()
    assert [days[sale["local_id"]] for sale in sales] == [
        yesterday, now, yesterday, now, yesterday, now]


# Keys.


def test_the_same_request_under_a_key_gets_the_same_answer(working):
    room = working
    bodies = [[item("one"), item(amount=1)], [item("two"), item("one", 2000)]]
    room.flush(room.seller, [item("known")], prefer="wait=20")
    bodies[1].append(item("known"))
    for number, sales in enumerate(bodies):
        key = f"flush-{number}"
        first = room.flush(room.seller, sales, key=key)
        assert first.status == 202 and first.headers["Idempotent-Replayed"] is None
        for moment in ("its job waits or is done", "its row is there", "Redis forgot"):
            again = room.flush(room.seller, sales, key=key)
            assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true"), moment
            assert again.json == first.json, moment
            assert again.headers["Location"] == first.headers["Location"]
            room.wait_quiet()
            if moment == "its row is there":
                room.redis.flushall()
    assert room.sql_one("SELECT COUNT(*) FROM sync_batches") == 3


def test_a_replay_may_wait_as_well(room):
    sales = items(2)
    first = room.flush(room.seller, sales, key="k")
    room.start_workers()
    again = room.flush(room.seller, sales, key="k", prefer="wait=20")
    assert (first.status, again.status) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [one["status"] for one in again.json["synced"]] == ["recorded"] * 2


def test_another_request_under_the_key_is_refused(room):
    sales = items(2)
    assert room.flush(room.seller, sales, key="k").status == 202
    for other in (sales[:1], sales + items(1)):
        answer = room.flush(room.seller, other, key="k")
        assert (answer.status, answer.code) == (422, "idempotency_mismatch")
    assert room.flush(room.second, sales[:1], key="k").status == 202  # a key of their own
    assert len(room.jobs("sync.sale")) == 3


def test_a_bad_key_is_400(room):
    for key in ("", "two words", "x" * 256):
        answer = room.flush(room.seller, items(1), key=key)
        assert (answer.status, answer.code) == (400, "bad_idempotency_key")
    assert room.jobs("sync.sale") == []


def test_one_key_many_times_at_once_is_one_batch(room):
    sales = items(200)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: room.flush(room.seller, sales, key="k"), range(8)))
    kept = [answer for answer in answers if answer.status == 202]
    others = [answer for answer in answers if answer.status != 202]
    assert kept and {(answer.status, answer.code) for answer in others} <= {
        (409, "idempotency_in_flight")}
    assert all(answer.headers["Retry-After"] == "1" for answer in others)
    assert len({answer.json["batch_id"] for answer in kept}) == 1
    assert sum(answer.headers["Idempotent-Replayed"] is None for answer in kept) == 1
    assert len(room.jobs("sync.batch")) == 1 and len(room.jobs("sync.sale")) == 200
    again = room.flush(room.seller, sales, key="k")
    assert (again.status, again.json) == (202, kept[0].json)


# Jobs.


def test_a_job_says_what_it_is_and_by_what_it_is_found(room):
    answer = room.flush(room.seller, [item("one", receipt_email="acheteur@example.org")])
    name = f"sync:{room.seller.id}:one"
    job = {field: room.redis.hget(f"{PREFIX}:job:{name}", field)
           for field in ("kind", "lane", "tenant", "mac", "refs")}
    assert (job["kind"], job["lane"], job["tenant"]) == ("sync.sale", "sync", "1")
    assert len(job["mac"]) == 64
    assert set(job["refs"].split()) == {"one", answer.json["batch_id"]}
    assert "acheteur" not in room.stack.api.log_text()


def test_only_sellers_flush(room):
    for person, status in ((room.admin, 202), (room.people[31], 403), (room.people[32], 403),
                           (room.seller.nobody(), 401)):
        assert room.flush(person, items(1)).status == status


def test_what_was_taken_in_is_counted(room):
    def counts():
        return [room.metric(f'tocsin_sync_items_total{{verdict="{verdict}"}}')
                for verdict in ("queued", "duplicate", "conflict", "rejected")]
    before, batches = counts(), room.metric("tocsin_sync_batches_total")
    room.flush(room.seller, [item("one", 1000), item("two", 1000), item("one", 1000),
                             item("one", 3000), {}])
    assert [now - then for now, then in zip(counts(), before)] == [2, 1, 1, 1]
    assert room.metric("tocsin_sync_batches_total") == batches + 1


# Too much, and neighbours that are away.


def test_a_full_queue_asks_phones_to_come_back_apart(room):
    assert room.flush(room.seller, items(1000)).status == 202
    assert room.flush(room.second, items(1000)).status == 202

    def refused():
        answer = room.flush(room.seller, items(1))
        return answer if answer.status == 429 else None
    answer = wait_until(refused, "the backlog to be seen")
    assert answer.code == "backlog_full"
    before = room.metric("tocsin_sync_refused_total")
    waits = [int(room.flush(room.seller, [item("same")]).headers["Retry-After"])
             for _ in range(200)]
    assert room.metric("tocsin_sync_refused_total") - before == 200
    assert min(waits) >= 40 and max(waits) <= 120
    assert min(waits) < 50 and max(waits) > 110
    thirds = [sum(low <= wait < low + 27 for wait in waits) for low in (40, 67, 94)]
    assert min(thirds) > 30, thirds  # 67 each, give or take
    assert len(set(waits)) > 50
    room.redis.flushall()
    wait_until(lambda: room.flush(room.seller, items(1)).status == 202,
               "the front door to see that the queue is empty again")


def test_redis_away_is_503_and_nothing_half_told_is_lost(room):
    sales = items(300)
    room.stack.redis.kill9()
    try:
        answers = [room.flush(room.seller, sales), room.flush(room.seller, sales, key="k")]
    finally:
        room.stack.redis.start()
    for answer in answers:
        assert (answer.status, answer.code) == (503, "unavailable")
        assert 2 <= int(answer.headers["Retry-After"]) <= 6
    again = wait_until(lambda: (lambda answer: answer if answer.status == 202 else None)(
        room.flush(room.seller, sales, key="k")), "Redis to be back")
    assert set(verdicts(again)) <= {"queued", "duplicate"}  # 503 may have kept them all
    room.start_workers()
    # Each of the front door's threads sees for itself that Redis is back.
    batch = room.wait_done(room.seller, again, ask_again=(503,))
    assert batch["totals"]["paid"] == 300_000
    assert len(room.rows()) == 300


def test_redis_killed_in_the_middle_loses_nothing_that_was_acknowledged(room):
    """Phones send on and on while Redis dies; each repeats what was not acknowledged."""
    queues = [items(400) for _ in range(4)]
    deadline = time.monotonic() + 60

    def send(sales):
        while time.monotonic() < deadline:
            answer = room.flush(room.seller, sales)
            if answer.status == 202:
                return answer
            assert answer.status == 503, answer
        raise TimeoutError
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, sales) for sales in queues]
        wait_until(lambda: len(room.redis.keys(f"{PREFIX}:job:sync*")) > 100,
                   "the first sales to arrive", every_s=0.001)
        room.stack.redis.kill9()
        room.stack.redis.start()
        answers = [one.result() for one in sent]
    assert {word for answer in answers for word in verdicts(answer)} <= {
        "queued", "duplicate"}
    room.start_workers()
    for answer in answers:  # the kill may have come after the last of them
        batch = room.wait_done(room.seller, answer, ask_again=(503,))
        assert batch["outcomes"]["recorded"] == 400
    assert len(room.rows()) == 1600
    assert room.sql_one("SELECT SUM(amount) FROM payment_intents") == 1_600_000


def test_a_client_that_leaves_does_no_harm(room):
    sales = items(500)
    body = json.dumps({"transactions": sales}).encode()
    with socket.create_connection(("127.0.0.1", room.stack.api.port)) as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        phone.sendall(f"POST {FLUSH} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer "
                      f"{room.seller.token}\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: room.redis.exists(f"{PREFIX}:job:sync:{room.seller.id}:"
                                             f"{sales[0]['local_id']}"),
                   "the first sale to be kept", every_s=0.001)
    again = room.flush(room.seller, sales)  # it has no answer, so it sends again
    assert again.status == 202
    room.start_workers()
    assert room.wait_done(room.seller, again)["outcomes"]["recorded"] == 500
    assert len(room.rows()) == 500
