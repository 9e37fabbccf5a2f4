# SPDX-License-Identifier: MIT
"""Whatever the order of a payment's events, and however often each comes, the rows end up
the same. The lives and the orders are random; a failure prints the seed."""

import itertools
import os
import random

import pytest

from money_room import Life, MoneyRoom, dispute

SEED = int(os.environ.get("TOCSIN_SEED", random.SystemRandom().randrange(1 << 32)))
# What tells when and by which event a row was last looked at, but nothing of money.
UNSTABLE = {"id", "revision", "created_at", "updated_at", "synced_at", "payment_id",
            "receipt_email_encrypted", "receipt_email_erase_at", "address_since",
            "opened_at", "seen_at", "attempts", "received_at", "processed_at", "sealed_body",
            "body_erase_at", "body_since", "result"}


@pytest.fixture(scope="module")
def room(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("m"), mariadb_server).start()
    yield room
    room.stop()


def rows(room, table, key):
    """All rows of a table by their Stripe id, without what may differ."""
    with room.stack.mariadb.client(database="tocsin") as connection, \
            connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        found = {}
        for row in cursor.fetchall():
            made = dict(zip(names, row))
            made["has_address"] = made.get("receipt_email_encrypted") is not None
            found[made[key]] = {name: value for name, value in made.items()
                                if name not in UNSTABLE}
        return found


def books(room):
    return {"payments": rows(room, "payment_intents", "stripe_payment_intent_id"),
            "refunds": rows(room, "refunds", "stripe_refund_id"),
            "disputes": rows(room, "disputes", "stripe_dispute_id"),
            "events": rows(room, "stripe_events", "stripe_event_id"),
            "findings": room.findings()}


def play(room, life, order, others=()):
    room.clear()
    life.publish(room.stripe)
    for thing in others:
        room.stripe.objects[thing["id"]] = thing
    for made in order:
        answer = room.event(made)
        assert answer["outcome"] == "DONE", (made["type"], answer)
    return books(room)


def random_life(chance):
    by_hand = chance.random() < 0.4
    life = Life(amount=chance.randrange(100, 50000), capture="manual" if by_hand else "automatic",
                amicale=chance.choice([1, 2, 99, None]), pompier=chance.choice([11, 21, None]))
    others = []
    if chance.random() < 0.8:
        life.create()
    for _ in range(chance.randrange(0, 4)):
        chance.choice([lambda: life.status("requires_action"),
                       lambda: life.status("processing"),
                       life.decline])()
    if by_hand and chance.random() < 0.9:
        life.authorize()
    ending = chance.random()
    if ending < 0.15 or (by_hand and ending < 0.4):
        life.cancel()
    elif ending < 0.85:
        if life.intent["status"] == "requires_capture":
            life.capture(chance.choice([None, chance.randrange(1, life.intent["amount"])]))
        else:
            life.succeed()
        left = life.intent["amount_received"]
        for _ in range(chance.randrange(0, 5)):
            amount = chance.randrange(1, left + 1)
            if life.released and chance.random() < 0.3:
                amount = min(life.released["amount"], left)  # one like the other
            refund = life.refund(amount, chance.choice(["pending", "succeeded"]))
            if refund["status"] == "pending" and chance.random() < 0.8:
                life.refund_to(refund, "succeeded",
                               chance.choice(["refund.updated", "charge.refund.updated"]))
            if chance.random() < 0.2:
                life.refund_to(refund, "failed")
            else:
                left -= amount
            if left == 0:
                break
        if chance.random() < 0.3:
            quarrel = dispute(life)
            life.tell("charge.dispute.created", quarrel)
            for status in ("under_review", chance.choice(["won", "lost"])):
                quarrel["status"] = status
                life.tell("charge.dispute.updated" if status == "under_review"
                          else "charge.dispute.closed", quarrel)
            others.append(quarrel)
    return life, others


def expected_status(life):
    if life.intent["status"] != "succeeded":
        return life.intent["status"]
    if life.given_back == 0:
        return "succeeded"
    whole = life.given_back >= life.intent["amount_received"]
    return "refunded" if whole else "partially_refunded"


@pytest.mark.parametrize("number", [
    *range(15), *(pytest.param(number, marks=pytest.mark.slow) for number in range(15, 120))])
def test_any_order_and_any_doubling_gives_the_same_rows(room, number):
    chance = random.Random(f"{SEED}:{number}")
    life, others = random_life(chance)
    if not life.made:
        life.create()
    first = play(room, life, life.made, others)
    payment = first["payments"][life.id]
    assert payment["status"] == expected_status(life), f"seed {SEED}:{number}"
    assert payment["amount_refunded"] == life.given_back, f"seed {SEED}:{number}"
    released = [one["amount"] for one in first["refunds"].values() if one["is_release"]]
    assert released == ([life.released["amount"]] if life.released else []), \
        f"seed {SEED}:{number}"
    for _ in range(5):
        order = life.made * chance.choice([1, 2])
        chance.shuffle(order)
        again = play(room, life, order, others)
        assert again == first, f"seed {SEED}:{number}"


def test_every_order_of_a_short_life_gives_the_same_rows(room):
    life = Life()
    life.create()
    life.succeed()
    refund = life.refund(500, "pending")
    life.refund_to(refund, "succeeded")
    first = play(room, life, life.made)
    assert first["payments"][life.id]["status"] == "partially_refunded"
    orders = list(itertools.permutations(life.made))
    random.Random(SEED).shuffle(orders)
    for order in orders[:60]:
        assert play(room, life, order) == first, [made["type"] for made in order]


@pytest.mark.parametrize("captured", [600, None], ids=["a part", "nothing"])
def test_every_order_of_a_release_gives_the_same_rows(room, captured):
    life = Life(amount=1000, capture="manual")
    life.authorize()
    if captured:
        life.capture(captured)
        life.refund(400)  # as much as was released
        life.refund(100)
    else:
        life.cancel()
    first = play(room, life, life.made)
    payment = first["payments"][life.id]
    assert (payment["status"], payment["amount_refunded"]) == (
        ("partially_refunded", 500) if captured else ("canceled", 0))
    chance = random.Random(f"{SEED}:released")
    for _ in range(30):
        order = life.made * chance.choice([1, 2])
        chance.shuffle(order)
        assert play(room, life, order) == first, [made["type"] for made in order]


def test_events_that_arrive_while_the_payment_goes_on_end_at_its_last_state(room):
    """Stripe's objects move on between the events: what is retrieved is newer than what
    the next event tells."""
    for number in range(40):
        chance = random.Random(f"{SEED}:live:{number}")
        room.clear()
        life = Life()
        waiting = []
        steps = [life.create, lambda: life.status("requires_action"), life.decline,
                 lambda: life.status("processing"),
                 chance.choice([life.succeed, life.cancel, life.decline])]
        for step in steps:
            known = len(life.made)
            step()
            life.publish(room.stripe)
            waiting += life.made[known:] * chance.choice([1, 2])
            chance.shuffle(waiting)
            while waiting and chance.random() < 0.5:
                assert room.event(waiting.pop())["outcome"] == "DONE"
        while waiting:
            assert room.event(waiting.pop())["outcome"] == "DONE"
        assert room.sql_one("SELECT status FROM payment_intents") == life.intent["status"], \
            f"seed {SEED}:live:{number}"
