# SPDX-License-Identifier: MIT
"""Receipts and refund notices: what the buyer reads, and that they read it once, whatever
the mail server does."""

import time

import pytest

from money_room import Life, MoneyRoom, paid
from support.process import wait_until


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("m"), mariadb_server).start()
    room.mail.start()
    yield room
    room.stop()


@pytest.fixture
def room(shared_room):
    """Empty books, an empty mailbox, and nothing amiss."""
    shared_room.clear()
    shared_room.stripe.fail = shared_room.stripe.on_get = None
    shared_room.mail.fault()
    shared_room.mail.clear()
    return shared_room


def receipt_row(room, subject):
    ((state, number, unsure, attempts, fault),) = room.sql(
        "SELECT state, number, unsure_sends, attempts, last_fault FROM receipts"
        " WHERE subject = %s", (subject,))
    return {"state": state, "number": number, "unsure": unsure, "attempts": attempts,
            "fault": fault}


def text_of(message):
    return message.get_body(("plain",)).get_content()


def test_a_payment_that_succeeds_is_followed_by_its_receipt(room):
    life, follow_ups = paid(room)
    assert list(follow_ups) == [f"receipt:{life.id}"]
    job = follow_ups[f"receipt:{life.id}"]
    assert job["kind"] == "receipt.send" and job["tenant"] == "1"
    assert job["refs"] == [life.id]
    assert job["payload"] == f'{{"template":"receipt","subject":"{life.id}"}}'
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "DONE"
    (message,) = room.mail.messages()
    row = receipt_row(room, life.id)
    assert row == {"state": "sent", "number": row["number"], "unsure": 0, "attempts": 1,
                   "fault": None}
    assert message["Delivered-To"] == "acheteur@example.com"
    assert message["To"] == "acheteur@example.com"
    assert message["From"] == "Reçus <recus@tocsin.test>"
    assert message["Return-Path"] == "<recus@tocsin.test>"
    assert message["Subject"] == f"Reçu n° {row['number']} - Amicale de Pléneuf"
    assert message["Message-ID"].startswith(f"<receipt.{life.id}@")
    for part in (text_of(message), message.get_body(("html",)).get_content()):
        for said in ("15,00 €", "24/11/2025 17:00", "Amicale de Pléneuf", row["number"],
                     "Visa", "4242", "VISA CREDIT", "A0000000031010", "Crédit",
                     "DCCF2D0BBC4E8B5F", "0000008001", "E800", life.id):
            assert said in part, said


def test_a_receipt_is_sent_once_for_ever(room):
    life, _ = paid(room)
    for _ in range(3):
        assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 1
    assert receipt_row(room, life.id)["attempts"] == 1


def test_events_that_come_again_ask_for_the_same_receipt(room):
    life, first = paid(room)
    again = {}
    for made in life.made:
        again.update({one["id"]: one for one in room.event(made)["follow_ups"]})
    assert {name: job["payload"] for name, job in again.items()} == {
        name: job["payload"] for name, job in first.items()}


def test_without_an_address_there_is_no_receipt(room):
    life, follow_ups = paid(room, Life(email=None))
    assert follow_ups == {}
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "NEVER" and "no address" in answer["fault"]


def test_stripes_own_receipt_email_is_not_used(room):
    life = Life(email=None)
    life.intent["receipt_email"] = "stripe@example.com"
    assert paid(room, life)[1] == {}


@pytest.mark.parametrize("address", ["jean", "jean@example.fr\r\nBcc: x@y.z", "a@b.c,d@e.f",
                                     "x" * 300 + "@example.fr", "Jean <jean@example.fr>"])
def test_what_is_no_address_gets_no_mail(room, address):
    assert paid(room, Life(email=address))[1] == {}


def test_the_buyers_address_is_sealed_and_out_of_the_metadata(room):
    life, _ = paid(room)
    ((metadata, sealed),) = room.sql(
        "SELECT metadata, receipt_email_encrypted FROM payment_intents")
    assert "acheteur" not in metadata and "Jean" not in metadata
    assert '"pompier_id":"11"' in metadata
    assert b"acheteur" not in sealed
    assert b"acheteur" not in room.sql_one(
        "SELECT sealed_body FROM stripe_events LIMIT 1")


def test_cash_has_receipts_too(room):
    life, _ = paid(room)
    number = room.sql_one("SELECT id FROM payment_intents")
    room.sql("UPDATE payment_intents SET payment_method = 'cash', card_receipt = NULL,"
             " stripe_payment_intent_id = NULL, stripe_charge_id = NULL")
    room.stripe.asked.clear()
    for _ in range(2):
        assert room.handle.receipt("receipt", f"payment:{number}")["outcome"] == "DONE"
    (message,) = room.mail.messages()
    assert "Moyen de paiement : Espèces" in text_of(message)
    assert message["Message-ID"].startswith(f"<receipt.payment.{number}@")
    assert room.stripe.asked == []
    assert room.handle.receipt("receipt", "payment:x")["outcome"] == "NEVER"
    assert room.handle.receipt("receipt", f"payment:{number}x")["outcome"] == "NEVER"
    assert life.id not in text_of(message)


def test_the_card_is_fetched_when_its_event_has_not_come(room):
    life, follow_ups = paid(room, charge=False)
    assert follow_ups[f"receipt:{life.id}"]["delay_ms"] > 0
    room.stripe.asked.clear()
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert room.stripe.asked == [f"/v1/charges/{life.charge['id']}"]
    assert "A0000000031010" in text_of(room.mail.messages()[0])
    assert "A0000000031010" in room.sql_one("SELECT card_receipt FROM payment_intents")


def test_the_receipt_waits_for_stripe_when_it_needs_the_card(room):
    life, _ = paid(room, charge=False)
    room.stripe.fail = 503
    answer = room.handle.receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "stripe")
    assert room.mail.files() == []
    room.stripe.fail = None
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 1


def test_a_refund_gets_its_own_notice(room):
    life, _ = paid(room)
    refund = life.refund(500)
    other = life.refund(300, "pending")
    life.publish(room.stripe)
    names = set()
    for made in life.made[-4:]:
        jobs = room.event(made)["follow_ups"]
        names |= {one["id"] for one in jobs}
        assert all(one["refs"] == [refund["id"], life.id] for one in jobs)
    assert names == {f"receipt:{refund['id']}"}
    assert room.handle.receipt("refund", refund["id"])["outcome"] == "DONE"
    (message,) = room.mail.messages()
    assert "Montant remboursé : 5,00 €" in text_of(message)
    assert "Montant du paiement : 15,00 €" in text_of(message)
    assert message["Message-ID"].startswith(f"<refund.{refund['id']}@")
    # The other one is not there yet, and says nothing.
    answer = room.handle.receipt("refund", other["id"])
    assert answer["outcome"] == "DONE" and "skipped" in answer["result"]
    assert len(room.mail.files()) == 1


def test_a_refund_that_fails_before_its_notice_is_sent_gets_none(room):
    life, _ = paid(room)
    refund = life.refund(500)
    assert room.event(life.made[-2])["outcome"] == "DONE"
    room.mail.fault(rcpt=(450, "later"))
    assert room.handle.receipt("refund", refund["id"])["outcome"] == "LATER"
    room.mail.fault()
    assert room.event(life.refund_to(refund, "failed"))["follow_ups"] == []
    assert "skipped" in room.handle.receipt("refund", refund["id"])["result"]
    assert room.mail.files() == []
    row = receipt_row(room, refund["id"])
    assert (row["state"], row["fault"]) == ("failed", "the refund did not succeed")


@pytest.mark.parametrize("fault", [{"rcpt": (450, "4.2.1 try later")},
                                   {"data": (451, "4.3.0 no space")},
                                   {"data": (452, "4.2.2 <acheteur@example.com> is full")}])
def test_a_temporary_refusal_is_tried_again(room, fault):
    life, _ = paid(room)
    room.mail.fault(**fault)
    for attempt in (1, 2):
        answer = room.handle.receipt("receipt", life.id)
        assert answer["outcome"] == "LATER"
        assert answer["code"] == list(fault.values())[0][0]
        assert answer["neighbour"] is None
        row = receipt_row(room, life.id)
        assert (row["state"], row["attempts"]) == ("waiting", attempt)
        assert "acheteur" not in answer["fault"] + row["fault"]
        assert "mail server answered: 45" in row["fault"]
    room.mail.fault()
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 1
    row = receipt_row(room, life.id)
    assert (row["state"], row["unsure"], row["fault"]) == ("sent", 0, None)
    assert room.findings() == set()


@pytest.mark.parametrize("fault", [{"rcpt": (550, "5.1.1 <acheteur@example.com> unknown")},
                                   {"data": (554, "5.7.1 spam")}])
def test_a_permanent_refusal_is_never_tried_again_and_its_text_is_kept(room, fault):
    life, _ = paid(room)
    room.mail.fault(**fault)
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "NEVER"
    row = receipt_row(room, life.id)
    assert row["state"] == "failed"
    assert list(fault.values())[0][1].split(" ")[0] in row["fault"]
    assert "acheteur" not in row["fault"]
    # A person may still have it sent: under the number that it has.
    room.mail.fault()
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert receipt_row(room, life.id)["number"] == row["number"]


def test_421_is_about_the_server_and_pauses_mail(room):
    life, _ = paid(room)
    room.mail.fault(rcpt=(421, "closing"))
    answer = room.handle.receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "smtp")


def test_a_mail_server_that_is_away_is_a_neighbour_that_is_away(room):
    life, _ = paid(room)
    room.mail.kill9()
    answer = room.handle.receipt("receipt", life.id)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "smtp")
    assert receipt_row(room, life.id)["state"] == "waiting"
    room.mail.start()
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 1
    assert room.findings() == set()


def test_a_kept_connection_that_died_is_replaced(room):
    first, _ = paid(room)
    second, _ = paid(room)
    assert room.handle.receipt("receipt", first.id)["outcome"] == "DONE"
    room.mail.kill9()
    room.mail.start()
    assert room.handle.receipt("receipt", second.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 2


@pytest.mark.parametrize("drop,copies", [("kept", 2), ("lost", 1)])
def test_a_lost_answer_is_sent_once_more_under_the_same_message_id(room, drop, copies):
    life, _ = paid(room)
    room.mail.fault(drop=drop)
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "UNSURE"
    assert receipt_row(room, life.id)["state"] == "sending"
    assert room.findings() == set()
    room.mail.fault()
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    messages = room.mail.messages()
    assert len(messages) == copies
    assert len({message["Message-ID"] for message in messages}) == 1
    assert len({message.as_bytes() for message in messages}) == 1  # the same bytes
    assert receipt_row(room, life.id)["unsure"] == 1
    assert room.findings() == {("receipt_unsure", life.id)}
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == copies


def test_a_second_lost_answer_is_for_a_person(room):
    life, _ = paid(room)
    room.mail.fault(drop="kept")
    assert room.handle.receipt("receipt", life.id)["outcome"] == "UNSURE"
    assert room.handle.receipt("receipt", life.id)["outcome"] == "UNSURE"
    for _ in range(2):
        answer = room.handle.receipt("receipt", life.id)
        assert answer["outcome"] == "NEVER" and "person" in answer["fault"]
        assert receipt_row(room, life.id)["state"] == "unsure"
    assert len(room.mail.files()) == 2


def age_sending(room):
    """As if handing over the message had begun a minute and more ago."""
    room.sql("UPDATE receipts SET updated_at = updated_at - INTERVAL 61 SECOND"
             " WHERE state = 'sending'")


def test_who_lost_its_lease_while_it_sends_is_not_sent_over(room):
    """Two workers have the job at once when Redis took the first one for dead."""
    life, _ = paid(room)
    first = room.open()
    room.mail.fault(slow_ms=1500)
    first.begin_receipt("receipt", life.id)
    wait_until(lambda: room.sql("SELECT 1 FROM receipts WHERE state = 'sending'"),
               "the row says sending")
    answer = room.handle.receipt("receipt", life.id)
    assert answer["outcome"] == "LATER" and "still be sending" in answer["fault"]
    assert 0 < answer["retry_after_ms"] <= 20000
    assert first.answer()["outcome"] == "DONE"
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len(room.mail.files()) == 1
    assert room.findings() == set()
    assert receipt_row(room, life.id)["attempts"] == 1


def test_a_crash_after_data_is_sent_once_more_and_reported(room):
    life, _ = paid(room)
    victim = room.open()
    room.mail.fault(slow_ms=60000)
    victim.begin_receipt("receipt", life.id)
    wait_until(lambda: room.sql("SELECT 1 FROM receipts WHERE state = 'sending'"),
               "the row says sending")
    victim.kill9()
    room.handles.remove(victim)
    room.mail.fault()
    age_sending(room)
    assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    assert len({message["Message-ID"] for message in room.mail.messages()}) == 1
    assert room.findings() == {("receipt_unsure", life.id)}
    row = receipt_row(room, life.id)
    assert (row["state"], row["unsure"], row["attempts"]) == ("sent", 1, 2)


def test_numbers_are_unique_and_readable(room):
    lives = [paid(room)[0] for _ in range(3)]
    for life in lives:
        assert room.handle.receipt("receipt", life.id)["outcome"] == "DONE"
    numbers = [number for (number,) in room.sql("SELECT number FROM receipts ORDER BY id")]
    assert len(set(numbers)) == 3
    year = time.strftime("%Y")
    assert all(len(number) == 11 and number[:5] == f"{year}-" for number in numbers)


def test_a_payment_that_nobody_knows_is_never(room):
    answer = room.handle.receipt("receipt", "pi_none")
    assert answer["outcome"] == "NEVER"
    assert room.handle.run("x", "receipt.send", b"{}")["outcome"] == "NEVER"
    assert room.handle.run("x", "receipt.send", b"not json")["outcome"] == "NEVER"
