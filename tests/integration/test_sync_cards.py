# SPDX-License-Identifier: MIT
"""Card sales that phones made offline, or whose outcome they never learned: each has one
PaymentIntent, and is paid only when Stripe says so."""

import pytest

from gate import Gate
from payments_room import metadata, short_directory
from support.process import wait_until
from sync_room import SyncRoom, name_of, sale, utc

CREATE = "/v1/payment_intents"


@pytest.fixture(scope="module")
def whole(mariadb_server):
    """The workers reach the simulator through a gate."""
    with short_directory() as directory:
        gate = Gate()
        room = SyncRoom(directory, mariadb_server, settings={"stripe.api_base": gate.url})
        room.gate, gate.target = gate, room.sim.port
        room.start()
        yield room
        room.stop()
        gate.shut()


@pytest.fixture
def room(whole):
    whole.start_workers()  # a test that failed may have left none
    whole.webhooks(withheld=False)
    whole.clear()
    yield whole
    assert whole.dead() == []


def card(local_id, amount=1500, **more):
    return sale(local_id, amount, "card", **more)


def elsewhere(room, amount=1500, to="acct_one", currency="eur", **names):
    """A PaymentIntent that no row of ours was written for; its id."""
    form = {"amount": amount, "currency": currency,
            "payment_method_types[0]": "card_present"}
    if to:
        form["transfer_data[destination]"] = to
    for name, value in names.items():
        form[f"metadata[{name}]"] = value
    return room.made_elsewhere("payment_intents", **form)["id"]


def refused(room, *sales, **words):
    """Hands the sales over; the kinds and rows of the conflicts that come of it."""
    room.flush(*sales, **words)
    return room.conflicts("local_id, kind, payment_id")


# --- what is known ------------------------------------------------------------------------

def test_a_sale_whose_end_the_phone_never_learned_is_as_stripe_has_it(room):
    room.webhooks(withheld=True)
    made = room.seller.create(1500, local_id="lost", receipt_email="b@example.com")
    room.tap(made.json["payment_intent_id"])
    assert room.row(made.json["id"]) == "requires_payment_method"
    room.flush(card("lost"))
    assert room.sale_row("lost", "id, status, amount_received, sync_batch_id, device_id") \
        == (made.json["id"], "succeeded", 1500, "bat_test", "phone-1")
    assert [str(one["To"]) for one in room.stack.mail.messages()] == ["b@example.com"]
    assert len(room.intents()) == 1 and room.conflicts() == ()


def test_what_was_not_paid_is_not_said_to_be(room):
    made = room.seller.create(1500, local_id="open")
    room.tap(made.json["payment_intent_id"], "declined")
    room.flush(card("open", intent=made.json["payment_intent_id"]))
    assert room.sale_row("open", "status, amount_received, last_error_code") == (
        "requires_payment_method", 0, "card_declined")


def test_the_address_that_came_after_the_card_gets_its_receipt(room):
    made = room.paid(1500, local_id="asked")
    room.flush(card("asked", email="late@example.com",
                    intent=made.json["payment_intent_id"]))
    assert [str(one["To"]) for one in room.stack.mail.messages()] == ["late@example.com"]
    room.flush(card("asked", email="other@example.com"), suffix="/again")
    assert len(room.stack.mail.messages()) == 1


def test_a_row_that_was_never_sent_is_finished_once(room):
    room.fault("rate_limit", CREATE, times=1000)
    answer = room.seller.create(1500, local_id="new", prefer="wait=0")
    room.stack.wait_sql("SELECT COUNT(*) FROM payment_intents WHERE status = 'new'", 1)
    room.enqueue(card("new"))
    room.sim.control("faults", method="DELETE")
    room.wait_quiet(60)
    status, body = room.seller.finish(answer)
    (intent,) = room.intents()
    assert (status, body["payment_intent_id"]) == (200, intent["id"])
    assert room.sale_row("new", "status, stripe_payment_intent_id, collect_until") == (
        "requires_payment_method", intent["id"], None)


def test_a_row_that_waits_for_the_named_intent_gets_it(room):
    room.webhooks(withheld=True)
    room.fault("drop_after", CREATE, times=1000)
    room.seller.create(1500, local_id="waits", prefer="wait=0")
    wait_until(room.intents, "the PaymentIntent is there, unseen")
    (intent,) = room.intents()
    room.enqueue(card("waits", intent=intent["id"], sold="2026-11-20T10:00:00Z"))
    room.stack.wait_sql("SELECT COUNT(*) FROM payment_intents"
                        " WHERE stripe_payment_intent_id = %s", 1, (intent["id"],))
    room.sim.control("faults", method="DELETE")
    room.wait_quiet(60)
    assert len(room.intents()) == 1 and room.conflicts() == ()


# --- what is named ------------------------------------------------------------------------

def test_an_own_sale_without_a_local_id_is_linked_when_it_is_named(room):
    made = room.paid(1500)
    intent = made.json["payment_intent_id"]
    room.flush(card("mine", intent=intent, sold="2026-11-19T23:30:00Z"))
    assert room.sale_row("mine", "id, status, sold_at, sale_day = '2026-11-20', device_id,"
                         " sync_batch_id, amicale_id") == (
        made.json["id"], "succeeded", utc("2026-11-19T23:30:00Z"), 1, "phone-1", "bat_test", 1)
    assert room.conflicts() == ()
    room.flush(card("mine", intent=intent), suffix="/again")
    assert room.sale_row("mine", "sold_at") == utc("2026-11-19T23:30:00Z")


def test_what_nobody_knew_whose_it_is_is_attributed_and_its_finding_closed(room):
    intent = elsewhere(room)
    room.tap(intent)
    room.wait_quiet()
    assert room.sql("SELECT subject FROM reconciliation_findings WHERE kind ="
                    " 'unattributed' AND closed_at IS NULL") == ((intent,),)
    room.flush(card("found", intent=intent, email="b@example.com"))
    assert room.sale_row("found", "status, stripe_payment_intent_id, amicale_id") == (
        "succeeded", intent, 1)
    assert room.sql("SELECT subject, closed_by FROM reconciliation_findings") == (
        (intent, "sync"),)
    assert [str(one["To"]) for one in room.stack.mail.messages()] == ["b@example.com"]


def test_a_named_intent_whose_webhooks_were_lost_gets_its_row(room):
    room.webhooks(withheld=True)
    intent = elsewhere(room, amicale_id=1, pompier_id=11)
    room.tap(intent)
    room.flush(card("unheard", intent=intent))
    assert room.sale_row("unheard", "status, stripe_payment_intent_id") == (
        "succeeded", intent)
    room.webhooks(withheld=False)
    room.sim.control("release", {})
    room.wait_quiet()
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 1


def test_an_intent_that_cannot_be_the_sales_is_a_conflict_and_stays_as_it_is(room):
    other = elsewhere(room, amicale_id=2, pompier_id=21, to="acct_two")
    paid_to_other = elsewhere(room, to="acct_two")
    nobodys = elsewhere(room, to=None)
    dollars = elsewhere(room, currency="usd", amicale_id=1)
    more = elsewhere(room, amount=1600, amicale_id=1)
    anothers = elsewhere(room, amicale_id=1, pompier_id=12)
    second = elsewhere(room, amicale_id=1, pompier_id=11, local_id="another")
    linked = room.seller.create(1500, local_id="linked").json
    kinds = {"a": (other, "other_amicale"), "b": (paid_to_other, "other_amicale"),
             "c": (nobodys, "other_amicale"), "d": (dollars, "other_currency"),
             "e": (more, "other_amount"), "f": (anothers, "already_linked"),
             "g": (second, "already_linked"),
             "h": (linked["payment_intent_id"], "already_linked"),
             "i": ("pi_nothing", "unknown_intent"), "j": ("../accounts", "unknown_intent")}
    room.wait_quiet()
    before = room.sql("SELECT id, local_id, amicale_id, pompier_id FROM payment_intents")
    found = refused(room, *(card(name, intent=intent) for name, (intent, _) in kinds.items()))
    assert {name: kind for name, kind, _ in found} == {
        name: kind for name, (_, kind) in kinds.items()}
    assert room.sql("SELECT id, local_id, amicale_id, pompier_id FROM payment_intents"
                    " ORDER BY id") == tuple(sorted(before))
    assert len(room.intents()) == 8
    # Handed over again, they are one conflict each.
    assert refused(room, *(card(name, intent=intent) for name, (intent, _) in kinds.items()),
                   suffix="/again") == found


def test_a_linked_sale_is_not_linked_again_under_another_name(room):
    made = room.paid(1500)
    intent = made.json["payment_intent_id"]
    room.flush(card("first", intent=intent))
    assert refused(room, card("second", intent=intent)) == (
        ("second", "already_linked", made.json["id"]),)


def test_a_sale_that_has_an_intent_takes_no_other(room):
    made = room.paid(1500, local_id="has")
    other = room.paid(1500)
    assert refused(room, card("has", intent=other.json["payment_intent_id"])) == (
        ("has", "other_intent", made.json["id"]),)
    assert room.row(other.json["id"], "local_id") is None


def test_each_intent_that_is_named_for_one_sale_is_kept_for_the_operator(room):
    made = room.paid(1500, local_id="twice")
    others = [room.paid(1500).json["payment_intent_id"] for _ in range(2)]
    named = [*others, "pi_nothing"]
    room.wait_quiet()
    for again in range(2):
        for number, intent in enumerate(named):
            room.flush(card("twice", intent=intent), suffix=f"/{again}{number}")
    assert sorted(room.conflicts(
        "kind, payment_id, JSON_VALUE(given, '$.stripe_payment_intent_id')")) == sorted(
        ("other_intent", made.json["id"], intent) for intent in named)


def test_an_unknown_intent_is_in_conflict_with_the_sales_own_row(room):
    room.sql("UPDATE stripe_accounts SET amicale_id = NULL"
             " WHERE stripe_account_id = 'acct_one'")
    room.flush(card("kept"))  # there is no account to pay to, so no PaymentIntent
    assert refused(room, card("kept", intent="pi_nothing"), suffix="/2") == (
        ("kept", "unknown_intent", room.sale_row("kept", "id")),)
    room.sql("UPDATE stripe_accounts SET amicale_id = 1 WHERE stripe_account_id = 'acct_one'")


def test_a_conflict_about_an_intent_keeps_its_kind_when_the_row_comes(room):
    assert refused(room, card("late", 1600, intent="pi_nothing")) == (
        ("late", "unknown_intent", None),)
    room.flush(card("late"), suffix="/2")
    assert room.conflicts("kind, payment_id") == (
        ("unknown_intent", room.sale_row("late", "id")),)


def test_another_amount_or_method_under_a_known_name_is_a_conflict(room):
    made = room.paid(1500, local_id="card")
    room.flush(sale("cash", 1500))
    found = refused(room, card("card", 1600), card("cash"), suffix="/again")
    assert set(found) == {("card", "other_amount", made.json["id"]),
                          ("cash", "other_method", room.sale_row("cash", "id"))}
    assert room.sql_one("SELECT given_mac FROM sync_conflicts WHERE local_id = 'card'") == \
        room.mac_of(1600, "card")
    assert len(room.intents()) == 1


def test_a_second_sale_before_its_first_makes_nothing_and_waits(room):
    assert refused(room, card("late", 1600, is_conflict=True)) == (
        ("late", "other_amount", None),)
    assert room.intents() == []
    room.flush(card("late"))
    assert room.conflicts("kind, payment_id") == (
        ("other_amount", room.sale_row("late", "id")),)


# --- what is found ------------------------------------------------------------------------

def test_an_intent_that_names_the_sale_is_found_and_no_second_one_made(room):
    room.webhooks(withheld=True)
    intent = elsewhere(room, amicale_id=1, pompier_id=11, local_id="listed")
    elsewhere(room, amicale_id=1, pompier_id=12, local_id="listed")
    elsewhere(room, amicale_id=1, pompier_id=11, local_id="unlisted")
    room.tap(intent)
    room.flush(card("listed"))
    assert room.sale_row("listed", "status, stripe_payment_intent_id, sync_batch_id") == (
        "succeeded", intent, "bat_test")
    assert len(room.intents()) == 3


def test_an_intent_is_found_also_when_the_phones_clock_is_hours_ahead(room):
    room.webhooks(withheld=True)
    intent = elsewhere(room, amicale_id=1, pompier_id=11, local_id="ahead")
    room.tap(intent)
    ahead = card("ahead")
    room.flush({**ahead, "sold_ms": ahead["sold_ms"] + 5 * 3600 * 1000})
    assert room.sale_row("ahead", "status, stripe_payment_intent_id") == ("succeeded", intent)
    assert len(room.intents()) == 1


def test_a_found_intent_of_another_amount_is_a_conflict_and_no_second_one_made(room):
    room.webhooks(withheld=True)
    elsewhere(room, amount=1600, amicale_id=1, pompier_id=11, local_id="listed")
    assert refused(room, card("listed")) == (("listed", "other_amount", None),)
    assert len(room.intents()) == 1


# --- what is made -------------------------------------------------------------------------

def test_a_sale_that_stripe_does_not_know_gets_an_intent_to_collect(room):
    room.flush(card("unknown", sold="2026-11-20T23:15:00Z", email="b@example.com"))
    (intent,) = room.intents()
    names = metadata(intent)
    payment, *rest = room.sale_row(
        "unknown", "id, status, amount_received, stripe_payment_intent_id, sold_at,"
        " sale_day = '2026-11-21', job_id, sync_batch_id, device_id, application_fee,"
        " destination_account_id, collect_until > UTC_TIMESTAMP(3) + INTERVAL 23 HOUR"
        " AND collect_until < UTC_TIMESTAMP(3) + INTERVAL 25 HOUR")
    assert rest == ["requires_payment_method", 0, intent["id"], utc("2026-11-20T23:15:00Z"),
                    1, "sync:11:unknown", "bat_test", "phone-1", 0, "acct_one", 1]
    assert {name: names[name] for name in ("payment_id", "local_id", "pompier_id",
                                           "pompier_name", "amicale_id")} == {
        "payment_id": str(payment), "local_id": "unknown", "pompier_id": "11",
        "pompier_name": "Zoé Le Goff", "amicale_id": "1"}
    assert intent["idempotency_key"] == "sync:11:unknown/0"
    assert room.stack.mail.messages() == []
    # The phone collects it after all: the same sale, the same PaymentIntent.
    again = room.seller.create(1500, local_id="unknown")
    assert again.status == 200 and again.json["client_secret"]
    room.tap(again.json["payment_intent_id"])
    room.wait_row(payment, "succeeded")
    room.wait_quiet()
    assert len(room.intents()) == 1
    assert [str(one["To"]) for one in room.stack.mail.messages()] == ["b@example.com"]


def test_a_card_sale_that_comes_again_from_everywhere_is_made_once(room):
    sales = [card(f"again-{number}", 1000 + number) for number in range(10)]
    for again in range(4):
        room.enqueue(*sales, suffix=f"/again{again}")
    room.wait_quiet(60)
    assert sorted(metadata(one)["local_id"] for one in room.intents()) == sorted(
        one["local_id"] for one in sales)
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 10
    assert room.conflicts() == ()


def test_a_sale_that_cannot_be_charged_is_kept_and_finished_later(room):
    room.sql("UPDATE stripe_accounts SET amicale_id = NULL"
             " WHERE stripe_account_id = 'acct_one'")
    room.flush(card("kept"))
    assert room.sale_row("kept", "status, last_error_code, amicale_id, amount") == (
        "failed", "account_missing", 1, 1500)
    room.flush(card("kept"), suffix="/2")
    assert room.intents() == [] and room.sale_row("kept") == "failed"
    room.sql("UPDATE stripe_accounts SET amicale_id = 1 WHERE stripe_account_id = 'acct_one'")
    room.flush(card("kept"), suffix="/3")
    (intent,) = room.intents()
    assert room.sale_row(
        "kept", "status, last_error_code, stripe_payment_intent_id, collect_until IS NULL") \
        == ("requires_payment_method", None, intent["id"], 0)


def test_an_account_that_may_not_charge_is_named_as_the_reason(room):
    room.sim.control("accounts/acct_one/stage", {"stage": "restricted"})
    room.stack.wait_sql("SELECT charges_enabled FROM stripe_accounts WHERE amicale_id = 1", 0)
    room.flush(card("restricted"))
    assert room.sale_row("restricted", "status, last_error_code") == (
        "failed", "account_cannot_charge")
    assert room.intents() == []


# --- what fails meanwhile -----------------------------------------------------------------

def one_to_collect(room, local_id):
    """There is one PaymentIntent, and it is the sale's."""
    (intent,) = room.intents()
    assert room.sale_row(local_id, "status, stripe_payment_intent_id") == (
        "requires_payment_method", intent["id"])
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 1
    assert room.conflicts() == ()
    return intent


@pytest.mark.parametrize("withheld", [False, True], ids=["told", "untold"])
@pytest.mark.parametrize("kind,times", [
    ("rate_limit", 2), ("lock_timeout", 3), ("unavailable", 3), ("error_after", 1),
    ("drop_before", 1), ("drop_after", 1), ("drop_after", 3)])
def test_stripe_failing_makes_no_second_intent(room, kind, times, withheld):
    room.webhooks(withheld)
    room.fault(kind, CREATE, times)
    room.flush(card("fails"))
    one_to_collect(room, "fails")


def test_a_500_without_effect_is_rested_over(room):
    room.fault("error_before", CREATE)
    # What the phone's clock says must not hide what was made from who looks for it.
    room.enqueue(card("rests", sold="2026-09-01T10:00:00Z"))
    room.stack.wait_sql("SELECT COUNT(*) FROM payment_intents WHERE send_step = 1", 1)
    assert room.intents() == []
    room.sql("UPDATE payment_intents SET first_sent_at = first_sent_at - INTERVAL 61 SECOND")
    room.wait_quiet(60)
    assert one_to_collect(room, "rests")["idempotency_key"] == "sync:11:rests/2"


def test_an_answer_lost_with_a_clock_ahead_is_found(room):
    room.webhooks(withheld=True)
    room.fault("error_after", CREATE)
    room.flush(card("ahead", sold="2099-01-01T00:00:00Z"))
    one_to_collect(room, "ahead")


def test_while_stripe_is_away_sales_wait_and_burn_no_attempt(room):
    room.gate.shut()
    room.enqueue(card("away"), card("named", intent="pi_nothing"))
    wait_until(lambda: int(room.job(name_of(card("away")), "deferrals") or 0) >= 1,
               "it was put off")
    assert room.job(name_of(card("away")), "attempt") == "0"
    room.gate.open()
    room.wait_quiet(60)
    one = room.sale_row("away", "status, stripe_payment_intent_id")
    assert one == ("requires_payment_method", room.intents()[0]["id"])
    assert room.conflicts() == (("named", "unknown_intent"),)


@pytest.mark.parametrize("withheld", [False, True], ids=["told", "untold"])
def test_workers_killed_at_each_step_of_making_one_make_no_second(room, withheld):
    room.webhooks(withheld)
    steps = ("begun", "recorded", "marked", "posted", "applied", "handled", "settling",
             "settled")
    room.crash_at([(step, [card(step)]) for step in steps])
    intents = {metadata(intent)["local_id"]: intent["id"] for intent in room.intents()}
    assert len(room.intents()) == len(steps)
    assert dict(room.sql("SELECT local_id, stripe_payment_intent_id FROM payment_intents"
                         " WHERE status = 'requires_payment_method'")) == intents
    assert set(intents) == set(steps) and room.conflicts() == ()


def test_workers_killed_while_they_link_lose_no_receipt(room):
    room.webhooks(withheld=True)
    steps = ("linked", "linked:2", "applied", "applied:2", "handled")
    intents = {step: elsewhere(room, amicale_id=1) for step in steps}
    for intent in intents.values():
        room.tap(intent)
    room.crash_at([(step, [card(step, intent=intent, email=f"{step[:6]}{step[-1]}@example.com")])
                   for step, intent in intents.items()])
    assert dict(room.sql("SELECT local_id, stripe_payment_intent_id FROM payment_intents"
                         " WHERE status = 'succeeded'")) == intents
    assert len({str(one["To"]) for one in room.stack.mail.messages()}) == len(steps)
    assert len(room.stack.mail.messages()) == len(steps)
