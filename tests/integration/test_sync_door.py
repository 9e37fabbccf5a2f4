# SPDX-License-Identifier: MIT
"""POST /api/payments/batch-sync: what a phone is told of each sale, and what goes into the
queue. Workers run where a test needs the books."""

import pytest

from phone_room import FLUSH, PhoneRoom, error_codes, item, items, stamp, verdicts
from payments_room import short_directory


@pytest.fixture(scope="module")
def shared(mariadb_server):
    with short_directory() as directory:
        room = PhoneRoom(directory, mariadb_server, workers=1,
                         settings={"log.level": "debug"})
        try:
            yield room.start()
        finally:
            room.stop()


@pytest.fixture
def room(shared):
    shared.clear()
    return shared


def test_cash_and_cheques_are_queued_and_recorded(room):
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
