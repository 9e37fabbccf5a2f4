# SPDX-License-Identifier: MIT
"""Offline queues handed over when the network comes back: whatever is cut, repeated, lost or
killed on the way, each sale is in the books once, and the totals are right to the cent."""

import collections
import datetime
import random

import pytest

from flush_room import Killer, Sender, check_batches, check_books, cuts, sold
from payments_room import PaymentsRoom, Person, metadata
from support.process import wait_until

SEED = 20261122
METHODS = ("cash", "cash", "cash", "cheque")


@pytest.fixture
def room(workdir, mariadb_server):
    # A receipt whose worker was killed is looked at again after twice as long.
    room = PaymentsRoom(workdir, mariadb_server, workers=1, settings={"mail.total_ms": 1000})
    room.start()
    yield room
    room.stop()


def rows(room, pompier):
    return room.sql_one("SELECT COUNT(*) FROM payment_intents WHERE pompier_id = %s",
                        (pompier,))


def check_receipts(room, queue):
    """One for each sale with an address. A message that was cut off by a kill may have come
    once more, under the same name, and its row says so."""
    wanted = collections.Counter(sale["receipt_email"] for sale in queue
                                 if "receipt_email" in sale)
    room.stack.wait_sql("SELECT COUNT(*) FROM receipts WHERE state = 'sent'",
                        sum(wanted.values()), timeout_s=60)
    sent = room.sql("SELECT subject, message_id, unsure_sends FROM receipts")
    assert len({subject for subject, _, _ in sent}) == sum(wanted.values()) == len(sent)
    arrived = collections.Counter(
        message["Message-ID"].strip("<>") for message in room.stack.mail.messages())
    assert set(arrived) == {name.strip("<>") for _, name, _ in sent}
    for _, name, unsure in sent:
        assert arrived[name.strip("<>")] <= 1 + unsure, name
    once = {message["Message-ID"]: message["Delivered-To"]
            for message in room.stack.mail.messages()}
    assert collections.Counter(once.values()) == wanted


def test_a_queue_sent_five_times_in_random_cuts_under_kills_is_recorded_once(room):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    queue = [sold(chance, number, "phone7", chance.choice(METHODS),
                  f"acheteur{number}@example.org" if number % 25 == 0 else None)
             for number in range(1000)]
    # One user with two phones: three times from one, twice from the other.
    senders = [Sender(Person(room, 11), device, cuts(chance, queue, 150), keys)
               for device, keys in (("phoneA", None), ("phoneB", "evening"), ("phoneA", None),
                                    ("phoneB", None), ("phoneA", "again"))]
    for sender in senders:
        sender.start()
    api, (worker,) = room.stack.api, room.stack.workers
    Killer(senders, SEED).spread([api, api, api, api, worker, worker])
    for sender in senders:
        sender.finish()
        assert set(sender.verdicts) == {sale["local_id"] for sale in queue}
        assert {one["status"] for one in sender.verdicts.values()} <= {"queued", "duplicate"}
    lost = sum(sender.lost for sender in senders)
    print(f"{lost} requests without an answer")
    assert lost > 0, "nothing was killed in the middle of a request"

    wait_until(lambda: rows(room, 11) == 1000, "1,000 rows", 60)
    for sender in senders:
        check_batches(room, sender.person, sender.batches)
    room.wait_quiet()
    assert rows(room, 11) == 1000
    assert {(name, amount, method) for name, amount, method in room.sql(
        "SELECT local_id, amount, payment_method FROM payment_intents")} == {
        (sale["local_id"], sale["amount"], sale["payment_method"]) for sale in queue}
    assert room.sql("SELECT COUNT(*) FROM sync_conflicts") == ((0,),)
    check_books(room, 1, queue)
    check_receipts(room, queue)
    assert room.dead() == []


def begun(room, sale):
    """A card sale that was begun while there was a network, and paid; its PaymentIntent."""
    made = room.seller.create(sale["amount"], local_id=sale["local_id"])
    assert made.status == 200, made
    return made.json["payment_intent_id"]


def begun_without_a_row(room, sale):
    """The same, but its row is lost, as after a restore: Stripe alone knows of it."""
    return room.made_elsewhere("payment_intents", **{
        "amount": sale["amount"], "currency": "eur",
        "payment_method_types[0]": "card_present",
        "transfer_data[destination]": "acct_one", "metadata[local_id]": sale["local_id"],
        "metadata[pompier_id]": 11, "metadata[amicale_id]": 1})["id"]


def card_sales(room, chance):
    """(those that were paid, every other with its PaymentIntent; those of which Stripe
    knows nothing). No webhook tells of any."""
    room.webhooks(withheld=True)
    paid = []
    for name, begin, count in (("begun", begun, 8), ("lost", begun_without_a_row, 6)):
        for number in range(count):
            # Stripe lists what was made about the time of the sale.
            sale = {**sold(chance, number, name, "card"), "created_at": just_now()}
            intent = begin(room, sale)
            room.tap(intent)
            paid.append({**sale, "stripe_payment_intent_id": intent} if number % 2 else sale)
    return paid, [sold(chance, number, "unknown", "card") for number in range(8)]


def just_now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def test_card_sales_among_them_are_found_at_stripe_or_made_once_and_never_called_paid(room):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    paid, unknown = card_sales(room, chance)
    cash = [sold(chance, number, "phone7", chance.choice(METHODS)) for number in range(60)]
    queue = paid + unknown + cash
    senders = [Sender(Person(room, 11), device, cuts(chance, queue, 20))
               for device in ("phoneA", "phoneB", "phoneA")]
    for sender in senders:
        sender.start()
    Killer(senders, SEED).spread([room.stack.api, room.stack.workers[0]])
    for sender in senders:
        sender.finish()
        check_batches(room, sender.person, sender.batches)
        assert {one["status"] for one in sender.verdicts.values()} <= {"queued", "duplicate"}
    room.wait_quiet()

    assert rows(room, 11) == len(queue)
    states = dict(room.sql("SELECT local_id, status FROM payment_intents"))
    assert {states[sale["local_id"]] for sale in paid} == {"succeeded"}
    assert {states[sale["local_id"]] for sale in unknown} == {"requires_payment_method"}
    intents = room.intents()
    assert len(intents) == len(paid) + len(unknown)
    assert sorted(metadata(one)["local_id"] for one in intents) == \
        sorted(sale["local_id"] for sale in paid + unknown)
    check_books(room, 1, paid + cash)
    for sender in senders:
        batches = [sender.person.get(f"/api/batches/{name}").json for name in sender.batches]
        assert sum(batch["totals"]["amount"] for batch in batches) == total(queue)
        assert sum(batch["totals"]["recorded"] for batch in batches) == total(queue)
        assert sum(batch["totals"]["paid"] for batch in batches) == total(paid + cash)

    # What the webhooks say at last changes nothing.
    room.webhooks(withheld=False)
    room.sim.control("release", {})
    room.wait_quiet()
    check_books(room, 1, paid + cash)
    assert (rows(room, 11), room.dead()) == (len(queue), [])


def total(queue):
    return sum(sale["amount"] for sale in queue)


def settle_in(room, amicales, phones):
    """Two more amicales, and pompiers of all of them; {their id: their amicale}."""
    for number in (3, 4):
        room.stack.tocsin("amicale", "add", "--name", f"Amicale {number}", "--email",
                          f"bureau{number}@example.com", "--id", number)
    people = {100 + phone: phone % amicales + 1 for phone in range(phones)}
    for user, amicale in people.items():
        room.sql("INSERT INTO users (id, amicale_id, role, encrypted_name, encrypted_email,"
                 " email_lookup, password_hash) SELECT %s, %s, role, encrypted_name,"
                 " encrypted_email, %s, '!' FROM users WHERE id = 11",
                 (user, amicale, f"{user:064d}"))
    return people


def test_a_village_that_gets_its_network_back_finds_all_of_its_sales_in_the_books(room):
    chance = random.Random(SEED)
    people = settle_in(room, amicales=4, phones=20)
    queues = {user: [sold(chance, number, f"phone{user}", chance.choice(METHODS))
                     for number in range(100)] for user in people}
    senders = [Sender(Person(room, user), f"phone{user}", [queue])
               for user, queue in queues.items()]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.finish()
        assert {one["status"] for one in sender.verdicts.values()} == {"queued"}
    wait_until(lambda: room.sql_one("SELECT COUNT(*) FROM payment_intents") == 2000,
               "all sales to be recorded", 60)
    for sender in senders:
        check_batches(room, sender.person, sender.batches)
    for amicale in (1, 2, 3, 4):
        check_books(room, amicale, [sale for user, queue in queues.items() for sale in queue
                                    if people[user] == amicale])
    assert room.dead() == []
