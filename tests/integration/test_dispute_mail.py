# SPDX-License-Identifier: MIT
"""A disputed payment: who is told of it, what they read, and that they read it once."""

import json

import pytest

from money_room import Life, MoneyRoom, dispute, paid
from support import events

DUE_BY = 1796338799  # 3 December 2026, 23:59:59 in Paris
HELP = "litiges@tocsin.test"
ADMINS = (101, 102)


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("d"), mariadb_server,
                     settings={"mail.disputes_to": HELP}).start()
    room.mail.start()
    yield room
    room.stop()


@pytest.fixture
def room(shared_room):
    """Empty books and mailbox, nothing amiss, two admins of amicale 1 and none of 2."""
    shared_room.clear()
    shared_room.stripe.fail = shared_room.stripe.on_get = None
    shared_room.mail.fault()
    shared_room.mail.clear()
    remove_admins(shared_room)
    for number in ADMINS:
        add_admin(shared_room, number)
    return shared_room


def add_admin(room, number, amicale=1):
    room.stack.tocsin("user", "add", "--role", "admin", "--email", f"a{number}@example.com",
                      "--name", f"A {number}", "--amicale", amicale, "--password-file",
                      room.stack.secrets / "demo_password", "--id", number)


def remove_admins(room):
    execute(room, "DELETE FROM users WHERE role = 'admin'")


def execute(room, statement, values=()):
    with room.stack.mariadb.client(database="tocsin") as connection, \
            connection.cursor() as cursor:
        cursor.execute(statement, values)


def run(room, job):
    """A follow-up as the queue would run it."""
    return room.handle.run(job["id"], job["kind"], job["payload"].encode())


def follow(room, answer):
    """Runs what follows, and what follows from that; the jobs' ids and answers."""
    ran = {}
    waiting = list(answer["follow_ups"])
    while waiting:
        job = waiting.pop(0)
        ran[job["id"]] = made = run(room, job)
        waiting += made.get("follow_ups", [])
    return ran


def disputed(room, life=None, status="needs_response", **fields):
    """A payment that is disputed; the dispute and the answer to its event."""
    life, _ = paid(room, life)
    quarrel = dispute(life, status=status, evidence_details={"due_by": DUE_BY}, **fields)
    room.stripe.objects[quarrel["id"]] = quarrel
    answer = room.event(life.tell("charge.dispute.created", quarrel))
    assert answer["outcome"] == "DONE", answer
    return life, quarrel, answer


def text_of(message):
    return message.get_body(("plain",)).get_content()


def told(room):
    return sorted(message["Delivered-To"] for message in room.mail.messages())


def test_each_admin_is_written_what_is_disputed_and_until_when(room):
    life, quarrel, answer = disputed(room)
    (tell,) = answer["follow_ups"]
    assert (tell["id"], tell["kind"], tell["tenant"]) == (
        f"dispute:{quarrel['id']}", "dispute.tell", "1")
    assert tell["refs"] == [quarrel["id"], life.id]
    ran = follow(room, answer)
    assert set(ran) == {tell["id"], *(f"receipt:{quarrel['id']}:{one}" for one in ADMINS)}
    assert told(room) == ["a101@example.com", "a102@example.com"]
    message = room.mail.messages()[0]
    assert "Contestation d'un paiement de 15,00 €" in message["Subject"]
    text = text_of(message)
    for said in ("15,00 €", "Amicale de Pléneuf", "P 11", life.id, quarrel["id"], HELP,
                 "L'acheteur dit ne pas avoir fait ce paiement (fraude)",
                 "Réponse avant le : jeudi 3 décembre 2026 à 23 h 59 (heure de Paris)",
                 f"https://dashboard.stripe.com/test/disputes/{quarrel['id']}"):
        assert said in text, said
    html = message.get_body(("html",)).get_content()
    assert "jeudi 3 décembre 2026 à 23 h 59" in html
    assert "acheteur@example.com" not in text + html


def test_the_letters_can_be_searched_by_dispute_and_payment(room):
    life, quarrel, answer = disputed(room)
    letters = run(room, answer["follow_ups"][0])["follow_ups"]
    assert [one["refs"] for one in letters] == [[quarrel["id"], life.id]] * 2
    follow(room, answer)
    payment = room.sql_one("SELECT id FROM payment_intents")
    assert set(room.sql("SELECT template, subject, payment_id, state FROM receipts")) == {
        ("dispute", f"{quarrel['id']}:{one}", payment, "sent") for one in ADMINS}


def test_nobody_is_told_twice_whatever_comes_again(room):
    life, quarrel, answer = disputed(room)
    follow(room, answer)
    again = room.event(life.made[-1])
    assert [one["id"] for one in again["follow_ups"]] == [f"dispute:{quarrel['id']}"]
    follow(room, again)
    updated = room.event(life.tell("charge.dispute.updated", quarrel))
    follow(room, updated)
    assert told(room) == ["a101@example.com", "a102@example.com"]


def test_a_dispute_is_told_when_only_a_later_event_of_it_comes(room):
    life, _ = paid(room)
    quarrel = dispute(life, evidence_details={"due_by": DUE_BY})
    room.stripe.objects[quarrel["id"]] = quarrel
    follow(room, room.event(life.tell("charge.dispute.updated", quarrel)))
    assert len(told(room)) == 2


def test_more_admins_than_one_job_can_tell_are_all_told(room):
    numbers = [*ADMINS, *range(103, 112)]
    for number in numbers[2:]:
        add_admin(room, number)
    _, quarrel, answer = disputed(room)
    ran = follow(room, answer)
    assert told(room) == sorted(f"a{number}@example.com" for number in numbers)
    assert len([name for name in ran if name.startswith("dispute:")]) == 4


def test_one_admin_whose_address_is_refused_keeps_nobody_else_from_reading(room):
    room.mail.fault(rcpt=(550, "5.1.1 no such user"), times=1)
    _, _, answer = disputed(room)
    ran = follow(room, answer)
    assert sorted(one["outcome"] for one in ran.values()) == ["DONE", "DONE", "NEVER"]
    assert len(told(room)) == 1


def test_people_of_another_amicale_disabled_ones_and_pompiers_are_not_told(room):
    add_admin(room, 201, amicale=2)
    execute(room, "UPDATE users SET disabled_at = NOW(3) WHERE id = 102")
    _, _, answer = disputed(room)
    follow(room, answer)
    assert told(room) == ["a101@example.com"]


def test_an_admin_who_leaves_before_the_letter_goes_is_not_written(room):
    _, _, answer = disputed(room)
    letters = run(room, answer["follow_ups"][0])["follow_ups"]
    execute(room, "UPDATE users SET disabled_at = NOW(3) WHERE id = 101")
    skipped, sent = (run(room, letter) for letter in letters)
    assert "no admin of the amicale any more" in skipped["result"]
    assert json.loads(sent["result"])["number"]
    assert told(room) == ["a102@example.com"]


def test_without_an_admin_the_amicale_itself_is_told(room):
    _, quarrel, answer = disputed(room, Life(amicale=2, pompier=21))
    ran = follow(room, answer)
    assert f"receipt:{quarrel['id']}:amicale" in ran
    assert told(room) == ["bureau@dol.example"]
    assert "Amicale de Dol" in text_of(room.mail.messages()[0])


def test_without_any_address_an_operator_is_told_that_nobody_was(room):
    room.stack.tocsin("amicale", "add", "--name", "Amicale de Bécherel", "--email",
                      "bureau@becherel.example", "--id", "3")
    execute(room, "UPDATE amicales SET encrypted_email = NULL WHERE id = 3")
    life, quarrel, answer = disputed(room, Life(amicale=3, pompier=None))
    ran = follow(room, answer)
    assert list(ran) == [f"dispute:{quarrel['id']}"] and told(room) == []
    assert {("dispute_untold", quarrel["id"]), ("dispute", quarrel["id"])} <= room.findings()
    quarrel["status"] = "lost"
    assert room.event(life.tell("charge.dispute.closed", quarrel))["outcome"] == "DONE"
    assert not [kind for kind, _ in room.findings() if kind.startswith("dispute")]


def test_a_dispute_of_nobodys_payment_is_left_to_an_operator(room):
    life = Life(amicale=None, pompier=None)
    _, quarrel, answer = disputed(room, life)
    assert answer["follow_ups"][0]["tenant"] == "-"
    follow(room, answer)
    assert told(room) == []
    assert {("unattributed", life.id), ("dispute", quarrel["id"]),
            ("dispute_untold", quarrel["id"])} <= room.findings()


def test_operators_see_a_dispute_until_it_is_closed(room):
    life, quarrel, answer = disputed(room)
    assert ("dispute", quarrel["id"]) not in room.findings()
    follow(room, answer)
    assert ("dispute", quarrel["id"]) in room.findings()
    assert room.sql("SELECT amicale_id, amount FROM reconciliation_findings"
                    " WHERE kind = 'dispute'") == ((1, 1500),)
    quarrel["status"] = "won"
    closed = room.event(life.tell("charge.dispute.closed", quarrel))
    assert closed["outcome"] == "DONE" and closed["follow_ups"] == []
    assert ("dispute", quarrel["id"]) not in room.findings()


def test_a_dispute_that_comes_again_is_shown_with_its_new_day(room):
    life, quarrel, answer = disputed(room, status="warning_needs_response")
    reason = ("SELECT JSON_VALUE(detail, '$.reason') FROM reconciliation_findings"
              " WHERE kind = 'dispute'")
    follow(room, answer)
    assert room.sql(reason) == (("an answer counts until 2026-12-03 22:59:59.000 UTC",),)
    quarrel |= {"status": "needs_response",
                "evidence_details": {"due_by": DUE_BY + 86400}}
    follow(room, room.event(life.tell("charge.dispute.updated", quarrel)))
    assert room.sql(reason) == (("an answer counts until 2026-12-04 22:59:59.000 UTC",),)


def test_of_a_dispute_that_was_closed_meanwhile_nobody_is_told(room):
    life, quarrel, answer = disputed(room)
    letters = run(room, answer["follow_ups"][0])["follow_ups"]
    quarrel["status"] = "lost"
    assert room.event(life.tell("charge.dispute.closed", quarrel))["outcome"] == "DONE"
    assert "closed" in run(room, answer["follow_ups"][0])["result"]
    assert all("closed" in run(room, letter)["result"] for letter in letters)
    assert told(room) == [] and room.findings() == set()


def test_a_question_of_the_bank_is_told_as_one(room):
    _, _, answer = disputed(room, status="warning_needs_response", reason="general")
    follow(room, answer)
    message = room.mail.messages()[0]
    assert message["Subject"].startswith("Demande sur un paiement de 15,00 €")
    assert "demande des explications" in text_of(message)


def test_a_question_that_becomes_a_dispute_is_told_with_its_new_day(room):
    life, quarrel, answer = disputed(room, status="warning_needs_response", reason="general")
    follow(room, answer)
    quarrel |= {"status": "needs_response", "reason": "fraudulent",
                "evidence_details": {"due_by": DUE_BY + 86400}}
    for _ in range(2):
        follow(room, room.event(life.tell("charge.dispute.updated", quarrel)))
    assert told(room) == ["a101@example.com"] * 2 + ["a102@example.com"] * 2
    last = room.mail.messages()[-1]
    assert last["Subject"].startswith("Contestation d'un paiement")
    assert "vendredi 4 décembre 2026" in text_of(last)


def test_a_letter_about_a_question_that_is_a_dispute_by_now_is_not_sent(room):
    life, quarrel, answer = disputed(room, status="warning_needs_response", reason="general")
    letters = run(room, answer["follow_ups"][0])["follow_ups"]
    quarrel |= {"status": "needs_response"}
    told_again = room.event(life.tell("charge.dispute.updated", quarrel))
    assert all("become a dispute" in run(room, letter)["result"] for letter in letters)
    follow(room, told_again)
    assert told(room) == ["a101@example.com", "a102@example.com"]


def test_a_dispute_of_another_mode_is_told_to_nobody(room):
    life, _ = paid(room)
    quarrel = dispute(life, livemode=True)
    made = events.event("charge.dispute.created", quarrel, livemode=True)
    answer = room.event(made)
    assert answer["outcome"] == "DONE" and answer["follow_ups"] == []


def test_a_letter_of_which_the_answer_was_lost_is_sent_once_more(room):
    _, quarrel, answer = disputed(room)
    letter = run(room, answer["follow_ups"][0])["follow_ups"][0]
    execute(room, "UPDATE receipts SET state = 'sent'")
    assert run(room, letter)["outcome"] == "DONE"
    execute(room, "UPDATE receipts SET state = 'sending', sent_at = NULL,"
                  " last_fault = 'the answer was lost'")
    assert run(room, letter)["outcome"] == "DONE"
    first, second = room.mail.messages()
    assert first["Message-ID"] == second["Message-ID"]
    assert f"dispute.{quarrel['id']}.{ADMINS[0]}@" in first["Message-ID"]
    assert ("receipt_unsure", f"{quarrel['id']}:{ADMINS[0]}") in room.findings()
