# SPDX-License-Identifier: MIT
"""The platform's fee, when there is one: taken with the payment, and given back with it."""

import pytest

from payments_room import PaymentsRoom, short_directory

FEES = {"books.fee_percent_bp": 250, "books.fee_minimum_minor": 20}


@pytest.fixture(scope="module")
def whole(mariadb_server):
    with short_directory() as directory:
        room = PaymentsRoom(directory, mariadb_server, workers=1, settings=FEES).start()
        yield room
        room.stop()


@pytest.fixture
def room(whole):
    whole.clear()
    return whole


@pytest.mark.parametrize("amount,fee", [(2000, 50), (2020, 51), (100, 20), (800, 20),
                                        (820, 21), (50000, 1250)])
def test_the_fee_is_the_percentage_and_at_least_the_minimum(room, amount, fee):
    made = room.seller.create(amount)
    assert made.json["application_fee"] == fee
    intent = room.shown(f"payment_intents/{made.json['payment_intent_id']}")
    assert intent["application_fee_amount"] == fee


def test_the_fee_goes_back_with_the_refund(room):
    paid = room.paid(2000)
    refund = room.admin.act("refund", paid, {"amount": 1000})
    assert refund.status == 200, refund
    room.stack.wait_sql("SELECT application_fee_refunded FROM payment_intents WHERE id = %s",
                        25, (paid.json["id"],))
    assert room.admin.act("refund", paid).status == 200
    room.stack.wait_sql("SELECT application_fee_refunded FROM payment_intents WHERE id = %s",
                        50, (paid.json["id"],))


def test_the_fee_of_a_captured_part_is_the_parts(room):
    made = room.authorized(2000)
    answer = room.seller.act("capture", made, {"amount": 1000})
    assert answer.status == 200, answer
    assert (answer.json["amount_received"], answer.json["application_fee"]) == (1000, 25)
