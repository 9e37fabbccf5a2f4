# SPDX-License-Identifier: MIT
"""GET /api/batches/{id}: what became of a batch, at once and as it goes, and the flush that
waits for its end."""

import concurrent.futures
import signal

import pytest

from payments_room import short_directory
from phone_room import PhoneRoom, Stream, item, items, verdicts
from support.process import wait_until


@pytest.fixture(scope="module")
def shared(mariadb_server):
    with short_directory() as directory:
        room = PhoneRoom(directory, mariadb_server, workers=1,
                         settings={"log.level": "debug", "api.loops": 1,
                                   "api.streams_max": 3})
        try:
            yield room.start()
        finally:
            room.stop()


@pytest.fixture
def room(shared):
    shared.clear()
    shared.start_workers()
    return shared


def path_of(answer):
    return answer.headers["Location"]


def test_a_batch_is_told_to_its_end(room):
    sales = [item(amount=1000), item(amount=2000, method="cheque"), item(amount=1)]
    answer = room.flush(room.seller, sales)
    batch = room.wait_done(room.seller, answer)
    assert batch["batch_id"] == answer.json["batch_id"]
    assert batch["received_at"] == answer.json["received_at"]
    assert batch["device_id"] == "phone-1"
    assert batch["outcomes"] == {"waiting": 0, "recorded": 2, "conflict": 0, "rejected": 1,
                                 "failed": 0}
    assert batch["totals"] == {
        "amount": 3000, "recorded": 3000, "paid": 3000, "conflict": 0,
        "card": {"count": 0, "amount": 0}, "cash": {"count": 1, "amount": 1000},
        "cheque": {"count": 1, "amount": 2000}}
    first, second, third = batch["results"]
    assert (first["status"], first["payment"]["amount"]) == ("recorded", 1000)
    assert (second["local_id"], second["payment"]["payment_method"]) == (
        sales[1]["local_id"], "cheque")
    assert third["status"] == "rejected"
    assert third["errors"] == answer.json["results"][2]["errors"]


def test_a_batch_is_there_from_the_moment_of_its_answer(room):
    room.stop_workers()
    answer = room.flush(room.seller, items(3), device=None)
    assert room.sql_one("SELECT COUNT(*) FROM sync_batches") == 0
    batch = room.batch(room.seller, answer)
    assert (batch.status, batch.json["total"], batch.json["done"]) == (200, 3, 0)
    assert [one["status"] for one in batch.json["results"]] == ["waiting"] * 3
    assert batch.json["device_id"] is None
    room.start_workers()
    assert room.wait_done(room.seller, answer)["outcomes"]["recorded"] == 3


def test_a_batch_is_its_users_alone(room):
    answer = room.flush(room.seller, items(1))
    for other in (room.second, room.admin, room.people[21], room.people[32]):
        assert other.get(path_of(answer)).status == 404
    room.wait_done(room.seller, answer)
    for other in (room.second, room.admin, room.people[21], room.people[32]):
        assert other.get(path_of(answer)).status == 404
    for name in ("bat_" + "0" * 24, "bat_short", "1", "bat_" + "%2e" * 8):
        assert room.seller.get(f"/api/batches/{name}").status == 404


def test_a_conflict_is_told_with_what_is_known(room):
    room.wait_done(room.seller, room.flush(room.seller, [item("one", 1000)]))
    answer = room.flush(room.seller, [item("one", 1500), item("one", 1000, "cheque"),
                                      item("one", 1000)])
    assert verdicts(answer) == ["conflict", "conflict", "duplicate"]
    batch = room.wait_done(room.seller, answer)
    assert [one["status"] for one in batch["results"]] == ["conflict", "conflict", "recorded"]
    assert [one.get("conflict") for one in batch["results"]] == [
        {"kind": "other_amount", "amount": 1000, "payment_method": "cash"},
        {"kind": "other_method", "amount": 1000, "payment_method": "cash"}, None]
    assert batch["totals"]["conflict"] == 2500
    assert room.rows() == {"one": (1000, "cash")}


def test_a_sale_that_stands_twice_counts_once_in_the_sums(room):
    answer = room.flush(room.seller, [item("one", 1000), item("one", 1000)])
    assert verdicts(answer) == ["queued", "duplicate"]
    batch = room.wait_done(room.seller, answer)
    assert (batch["total"], batch["outcomes"]["recorded"]) == (2, 2)
    assert batch["totals"]["amount"] == batch["totals"]["paid"] == 1000
    assert batch["totals"]["cash"] == {"count": 1, "amount": 1000}


def test_a_flush_may_wait_for_its_end(room):
    sales = items(5)
    answer = room.flush(room.seller, sales, prefer="wait=20")
    assert answer.status == 200, answer
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.headers["Location"] == f"/api/batches/{answer.json['batch_id']}"
    assert [(one["local_id"], one["status"], one["payment"]["status"])
            for one in answer.json["synced"]] == [
                (sale["local_id"], "recorded", "succeeded") for sale in sales]
    assert room.batch(room.seller, answer).json["results"] == answer.json["synced"]


def test_a_wait_that_is_too_short_is_202(room):
    room.stop_workers()
    answer = room.flush(room.seller, items(2), prefer="wait=1")
    assert answer.status == 202
    assert verdicts(answer) == ["queued"] * 2
    both = room.flush(room.seller, items(2), prefer="respond-async, wait=1")
    assert both.status == 202


def test_nothing_to_wait_for_is_not_waited_for(room):
    answer = room.flush(room.seller, [{}, 1, None], prefer="wait=20", language="en")
    assert answer.status == 200
    assert {one["status"] for one in answer.json["synced"]} == {"rejected"}


def test_a_stream_tells_the_progress_and_ends(room):
    room.stop_workers()
    answer = room.flush(room.seller, items(150))
    with Stream(room.seller, path_of(answer)) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-length" not in stream.headers
        assert stream.block() == "retry: 3000"
        name, first = stream.event()
        assert (name, first["total"], first["done"]) == ("progress", 150, 0)
        room.start_workers()
        events = stream.events()
    dones = [first["done"]] + [data["done"] for _, data in events]
    assert dones == sorted(dones)
    assert [name for name, _ in events] == ["progress"] * (len(events) - 1) + ["done"]
    name, last = events[-1]
    assert last["done"] == 150 and last["totals"]["paid"] == 150000
    wait_until(lambda: room.metric("tocsin_streams") == 0, "no stream is left")


def test_a_stream_of_what_is_done_says_so_at_once(room):
    answer = room.flush(room.seller, items(2), prefer="wait=20")
    with Stream(room.seller, path_of(answer), accept="application/json, Text/Event-Stream",
                version="1.0") as stream:
        assert stream.headers["connection"] == "close"
        assert "transfer-encoding" not in stream.headers
        names = [name for name, _ in stream.events()]
    assert names == ["progress", "done"]


def test_the_connection_of_a_stream_serves_the_next_request(room):
    answer = room.flush(room.seller, items(1), prefer="wait=20")
    with Stream(room.seller, path_of(answer)) as stream:
        assert stream.events()[-1][0] == "done"
        stream.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
        assert stream._until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_streams_are_bounded(room):
    room.stop_workers()
    answer = room.flush(room.seller, items(1))
    streams = [Stream(room.seller, path_of(answer)) for _ in range(3)]
    assert room.metric("tocsin_streams") == 3
    refused = room.seller.get(path_of(answer), headers={"Accept": "text/event-stream"})
    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert room.batch(room.seller, answer).status == 200  # without a stream it may look
    streams.pop().close()
    wait_until(lambda: room.metric("tocsin_streams") == 2, "a client has left")
    with Stream(room.seller, path_of(answer)) as again:
        assert again.status == 200
    for stream in streams:
        stream.close()
    wait_until(lambda: room.metric("tocsin_streams") == 0, "all have left")


def test_streams_that_come_together_are_bounded_too(room):
    """All of them find room, and then wait for MariaDB."""
    room.stop_workers()
    answer = room.flush(room.seller, items(1))
    streams = []
    room.stack.mariadb.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            coming = [pool.submit(Stream, room.seller, path_of(answer)) for _ in range(6)]
            wait_until(lambda: room.metric("tocsin_reads_waiting") == 4,  # two have a thread
                       "all to ask for their batch", every_s=0.01)
            room.stack.mariadb.thaw()
            streams = [one.result() for one in coming]
        assert sorted(stream.status for stream in streams) == [200] * 3 + [503] * 3
        assert room.metric("tocsin_streams") == 3
    finally:
        room.stack.mariadb.thaw()
        for stream in streams:
            stream.close()
    wait_until(lambda: room.metric("tocsin_streams") == 0, "all have left")


def test_a_stream_ends_with_its_session(room):
    room.stop_workers()
    answer = room.flush(room.second, items(1))
    with Stream(room.second, path_of(answer)) as stream:
        assert stream.event()[0] == "progress"
        room.sql("UPDATE sessions SET expires_at = NOW(3) WHERE user_id = %s",
                 (room.second.id,))
        assert stream.events() == []
    room.sql("UPDATE sessions SET expires_at = NOW(3) + INTERVAL 1 DAY")


def test_a_dead_job_is_told_as_failed(room):
    room.stop_workers()
    answer = room.flush(room.seller, [item("one"), item("two")])
    room.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, died_at)"
             " VALUES (%s, 'sync.sale', 'sync', '1', 'poison', NOW(3))",
             (f"sync:{room.seller.id}:one",))
    batch = room.batch(room.seller, answer).json
    assert [one["status"] for one in batch["results"]] == ["failed", "waiting"]
    room.start_workers()
    batch = room.wait_done(room.seller, answer)  # it was run again
    assert [one["status"] for one in batch["results"]] == ["recorded", "recorded"]


def test_a_batch_whose_own_job_is_dead_is_told_as_it_was_while_it_waited(room):
    """Its sales are jobs of their own, and come to their end."""
    room.sql("ALTER TABLE sync_batches ADD CONSTRAINT never CHECK (device_id <> 'cursed')")
    try:
        answer = room.flush(room.seller, [item("one"), item("two"), {}], device="cursed",
                            key="k")
        room.stack.wait_sql("SELECT COUNT(*) FROM jobs_archive WHERE kind = 'sync.batch'", 1)
    finally:
        room.sql("ALTER TABLE sync_batches DROP CONSTRAINT never")
    batch = room.wait_done(room.seller, answer)
    assert batch["outcomes"] == {"waiting": 0, "recorded": 2, "conflict": 0, "rejected": 1,
                                 "failed": 0}
    assert batch["received_at"] == answer.json["received_at"]
    (job,) = room.jobs("sync.batch")
    room.stack.tocsin("discard", job, "--why", "its row is of no use")
    assert room.batch(room.seller, answer).json == batch
    room.redis.flushall()  # as it forgets who died long ago
    assert room.batch(room.seller, answer).json == batch
    assert room.batch(room.second, answer).status == 404
    with Stream(room.seller, path_of(answer)) as stream:
        assert [name for name, _ in stream.events()] == ["progress", "done"]
    room.stack.tocsin("retry", job, "--why", "the table takes it again")
    room.stack.wait_sql("SELECT COUNT(*) FROM sync_batches", 1)
    assert room.batch(room.seller, answer).json == batch


def test_a_batch_that_cannot_be_written_holds_up_none_that_was_taken_with_it(room):
    room.stop_workers()
    answers = [room.flush(room.seller, items(2), device=device)
               for device in ("phone-1", "cursed", "phone-2")]
    room.sql("ALTER TABLE sync_batches ADD CONSTRAINT never CHECK (device_id <> 'cursed')")
    try:
        room.start_workers()
        room.stack.wait_sql("SELECT COUNT(*) FROM jobs_archive WHERE kind = 'sync.batch'", 1)
        room.stack.wait_sql("SELECT COUNT(*) FROM sync_batches", 2)
    finally:
        room.sql("ALTER TABLE sync_batches DROP CONSTRAINT never")
    assert "group_split kind=sync.batch jobs=3" in room.stack.workers[0].log_text()
    for answer in answers:
        assert room.wait_done(room.seller, answer)["outcomes"]["recorded"] == 2


def test_a_front_door_that_leaves_ends_its_streams_and_waits(room):
    room.stop_workers()
    answer = room.flush(room.seller, items(1))
    with Stream(room.seller, path_of(answer)) as stream, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert stream.event()[0] == "progress"
        waiting = pool.submit(room.flush, room.seller, items(1), prefer="wait=25")
        wait_until(lambda: room.sql_one("SELECT 1") and len(room.jobs("sync.batch")) == 2,
                   "the second one to be accepted")
        room.stack.api.signal(signal.SIGTERM)
        assert stream.events() == []  # no done: a browser comes again
        assert waiting.result().status == 202
    room.stack.api.wait_exit()
    room.stack.api.start()
