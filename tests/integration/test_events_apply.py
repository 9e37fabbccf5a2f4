# SPDX-License-Identifier: MIT
"""What each type of event does to the rows, what is recorded besides, and what happens when
an event cannot be applied."""

import copy
import datetime
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from money_room import Life, MoneyRoom, dispute
from support import events
from support.events import stripe_id


@pytest.fixture(scope="module")
def module_room(tmp_path_factory, mariadb_server):
    room = MoneyRoom(tmp_path_factory.mktemp("m"), mariadb_server).start()
    yield room
    room.stop()


@pytest.fixture
def room(module_room):
    module_room.clear()
    module_room.stripe.fail = module_room.stripe.on_get = None
    return module_room


def done(room, made):
    answer = room.event(made)
    assert answer["outcome"] == "DONE", answer
    return answer


def row(room, table, columns):
    (found,) = room.sql(f"SELECT {columns} FROM {table}")
    return found


def ledger(room, made):
    ((result, processed, attempts, fault),) = room.sql(
        "SELECT result, processed_at IS NOT NULL, attempts, last_fault FROM stripe_events"
        " WHERE stripe_event_id = %s", (made["id"],))
    return {"result": result, "processed": bool(processed), "attempts": attempts,
            "fault": fault}


# --- payments -----------------------------------------------------------------------------

def test_a_payment_gets_its_row_from_its_event_and_metadata(room):
    life = Life(local_id="a-1")
    done(room, life.create())
    assert row(room, "payment_intents",
               "amicale_id, pompier_id, local_id, amount, currency, status, payment_method,"
               " application_fee, destination_account_id, sale_day, sold_at") == (
        1, 11, "a-1", 1500, "eur", "requires_payment_method", "card", 0, "acct_pleneuf",
        datetime.date(2025, 11, 24),
        datetime.datetime(2025, 11, 24, 16, 0))
    assert room.findings() == set()
    assert room.stripe.asked == []


def test_success_is_taken_as_it_stands(room):
    life = Life()
    done(room, life.create())
    life.status("processing")
    done(room, life.succeed())
    assert room.stripe.asked == []
    assert row(room, "payment_intents", "status, amount_received, stripe_charge_id") == (
        "succeeded", 1500, life.charge["id"])
    assert row(room, "payment_intents", "succeeded_at") != (None,)


def test_between_open_states_stripe_is_asked(room):
    life = Life()
    done(room, life.create())
    action = life.status("requires_action")
    life.status("processing")
    life.publish(room.stripe)
    done(room, action)
    assert room.stripe.asked == [f"/v1/payment_intents/{life.id}"]
    assert row(room, "payment_intents", "status") == ("processing",)


@pytest.mark.parametrize("final,later", [("succeed", "processing"), ("cancel", "processing")])
def test_what_is_final_stays_final(room, final, later):
    life = Life()
    old = life.status(later)
    made = getattr(life, final)()
    done(room, made)
    done(room, old)
    assert row(room, "payment_intents", "status")[0] == life.intent["status"]
    assert ledger(room, old)["result"] == "stale"
    assert room.stripe.asked == []


def test_two_final_states_are_a_conflict_that_stripe_decides(room):
    life = Life()
    done(room, life.cancel())
    liar = copy.deepcopy(life.made[-1])
    liar.update(id=stripe_id("evt"), type="payment_intent.succeeded")
    liar["data"]["object"].update(status="succeeded", amount_received=1500)
    life.publish(room.stripe)
    done(room, liar)
    assert row(room, "payment_intents", "status") == ("canceled",)
    assert room.stripe.asked == [f"/v1/payment_intents/{life.id}"]


def test_a_decline_says_why(room):
    life = Life()
    done(room, life.decline())
    assert row(room, "payment_intents", "status, last_error_code, last_error_decline_code,"
               " last_error_message") == (
        "requires_payment_method", "card_declined", "insufficient_funds",
        "Your card was declined.")


def test_manual_capture_is_followed(room):
    life = Life()
    life.make_charge(captured=False)
    waits = life.status("requires_capture", "amount_capturable_updated",
                        amount_capturable=1500, capture_method="manual")
    done(room, waits)
    assert row(room, "payment_intents", "status, amount_capturable, capture_method") == (
        "requires_capture", 1500, "manual")


def test_the_row_written_before_stripe_was_asked_is_the_payments_row(room):
    room.sql("INSERT INTO payment_intents (id, amicale_id, pompier_id, amount, status,"
             " local_id, sold_at, sale_day) VALUES (77, 1, 11, 1500, 'new', 'a-2',"
             " '2025-11-24 15:59:00', '2025-11-24')")
    life = Life(payment_id="77", local_id="a-2")
    done(room, life.create())
    assert row(room, "payment_intents", "id, stripe_payment_intent_id, status, local_id,"
               " amicale_id, pompier_id") == (
        77, life.id, "requires_payment_method", "a-2", 1, 11)


@pytest.mark.parametrize("change", [{"amount": 1400}, {"payment_method": "cash"},
                                    {"stripe_payment_intent_id": "pi_other"}])
def test_a_row_that_is_another_payment_is_not_taken_over(room, change):
    columns = {"id": 77, "amicale_id": 1, "pompier_id": 11, "amount": 1500, "status": "new",
               "local_id": "a-2", "sold_at": "2025-11-24 15:59:00",
               "sale_day": "2025-11-24", **change}
    room.sql(f"INSERT INTO payment_intents ({', '.join(columns)})"
             f" VALUES ({', '.join(['%s'] * len(columns))})", tuple(columns.values()))
    life = Life(payment_id="77", local_id="a-2")
    done(room, life.create())
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 2
    assert room.sql("SELECT amicale_id, pompier_id, local_id FROM payment_intents"
                    " WHERE stripe_payment_intent_id = %s", (life.id,)) == ((1, 11, None),)
    assert room.findings() == {("unattributed", life.id)}


@pytest.mark.parametrize("amicale,pompier,expected", [
    (None, None, (None, None)), (99, 11, (None, None)), (1, 99, (1, None)),
    (1, 21, (1, None)), (1, None, (1, None)), ("1; DROP TABLE", 11, (None, None)),
    ("-1", 11, (None, None)), ("9" * 30, 11, (None, None))])
def test_what_nobody_knows_is_null_with_a_finding(room, amicale, pompier, expected):
    life = Life(amicale=amicale, pompier=pompier)
    done(room, life.create())
    done(room, life.succeed())
    assert row(room, "payment_intents", "amicale_id, pompier_id") == expected
    assert room.findings() == {("unattributed", life.id)}


def test_a_charge_that_comes_first_makes_the_row_from_the_payment(room):
    life = Life()
    life.succeed()
    life.publish(room.stripe)
    done(room, life.made[0])
    assert row(room, "payment_intents", "status, stripe_charge_id, amicale_id") == (
        "succeeded", life.charge["id"], 1)
    assert '"AID"' not in row(room, "payment_intents", "card_receipt")[0]
    assert "A0000000031010" in row(room, "payment_intents", "card_receipt")[0]


def test_a_charge_without_a_payment_is_reported(room):
    life = Life()
    life.make_charge()["payment_intent"] = None
    done(room, life.tell("charge.succeeded", life.charge))
    assert room.findings() == {("unattributed", life.charge["id"])}


# --- refunds ------------------------------------------------------------------------------

def refunded(room, *amounts):
    life = Life()
    life.create()
    life.succeed()
    refunds = [life.refund(amount) for amount in amounts]
    life.publish(room.stripe)
    for made in life.made:
        done(room, made)
    return life, refunds


def shown(room):
    return row(room, "payment_intents", "status, amount_refunded")


def test_refunds_rows_decide_what_the_payment_shows(room):
    life, _ = refunded(room, 500)
    assert shown(room) == ("partially_refunded", 500)
    life.refund(1000)
    life.publish(room.stripe)
    for made in life.made[-2:]:
        done(room, made)
    assert shown(room) == ("refunded", 1500)


def test_a_refund_that_fails_later_restores_the_books_and_is_reported(room):
    life, (refund,) = refunded(room, 1500)
    assert shown(room) == ("refunded", 1500)
    done(room, life.refund_to(refund, "failed"))
    assert shown(room) == ("succeeded", 0)
    assert row(room, "refunds", "status, failure_reason") == ("failed",
                                                              "lost_or_stolen_card")
    assert room.findings() == {("refund_failed", refund["id"])}


def test_a_refund_on_its_way_does_not_count(room):
    life = Life()
    done(room, life.create())
    done(room, life.succeed())
    refund = life.refund(500, "pending")
    done(room, life.made[-2])
    assert shown(room) == ("succeeded", 0)
    done(room, life.refund_to(refund, "succeeded", "charge.refund.updated"))
    assert shown(room) == ("partially_refunded", 500)


def test_charge_refunded_alone_finds_all_refunds(room):
    life = Life()
    life.create()
    life.succeed()
    refunds = [life.refund(100) for _ in range(7)]  # more than a page
    life.publish(room.stripe)
    for made in (life.made[0], life.made[2], life.made[-1]):
        done(room, made)
    assert shown(room) == ("partially_refunded", 700)
    assert room.sql_one("SELECT COUNT(*) FROM refunds") == len(refunds)
    # When the rows agree with the charge nobody is asked.
    room.stripe.asked.clear()
    again = dict(life.made[-1], id=stripe_id("evt"))
    done(room, again)
    assert room.stripe.asked == []


def test_a_refund_of_a_stranger_is_kept_and_reported(room):
    refund = {"id": stripe_id("re"), "object": "refund", "amount": 700, "currency": "eur",
              "charge": "ch_stranger", "payment_intent": None, "status": "succeeded",
              "created": 1764000000, "metadata": {}}
    done(room, events.event("refund.created", refund))
    assert row(room, "refunds", "amount, payment_id") == (700, None)
    assert room.findings() == {("unattributed", refund["id"])}


def test_a_refund_asked_for_by_us_keeps_its_row(room):
    life, _ = refunded(room)
    room.sql("INSERT INTO refunds (id, payment_id, amount, status, job_id) SELECT 5, id, 500,"
             " 'new', 'job' FROM payment_intents")
    refund = life.refund(500)
    refund["metadata"] = {"refund_id": "5"}
    made = copy.deepcopy(life.made[-2])
    made["data"]["object"]["metadata"] = {"refund_id": "5"}
    done(room, made)
    assert row(room, "refunds", "id, stripe_refund_id, status, job_id") == (
        5, refund["id"], "succeeded", "job")
    assert shown(room) == ("partially_refunded", 500)


# --- money that was set aside and not taken -----------------------------------------------

def authorized(room, amount=1000):
    """The buyer's money is set aside, and the rows know."""
    life = Life(amount=amount, capture="manual")
    life.create()
    life.authorize()
    mailed(room, life)
    return life


def mailed(room, life, steps=None):
    """Handles what is new of the life, or these steps of it; the mail that follows."""
    life.publish(room.stripe)
    if steps is None:
        steps = life.made[getattr(life, "handled", 0):]
        life.handled = len(life.made)
    return {one["id"] for made in steps for one in done(room, made)["follow_ups"]}


def notice(refund):
    return f"receipt:{refund['id']}"


def releases(room):
    return {name for (name,) in room.sql(
        "SELECT stripe_refund_id FROM refunds WHERE is_release")}


def test_what_a_partial_capture_releases_is_no_refund(room):
    life = authorized(room)
    life.capture(600)
    assert mailed(room, life) == {f"receipt:{life.id}"}
    assert shown(room) == ("succeeded", 0)
    assert row(room, "refunds", "status, amount, is_release") == ("succeeded", 400, 1)
    refund = life.refund(200)
    assert mailed(room, life) == {notice(refund)}
    assert shown(room) == ("partially_refunded", 200)
    last = life.refund(400)
    assert mailed(room, life) >= {notice(last)}
    assert shown(room) == ("refunded", 600)
    assert releases(room) == {life.released["id"]}


def test_a_capture_of_everything_releases_nothing(room):
    life = authorized(room)
    life.capture()
    refund = life.refund(1000)
    assert mailed(room, life) == {f"receipt:{life.id}", notice(refund)}
    assert shown(room) == ("refunded", 1000)
    assert releases(room) == set()


def test_a_cancelled_authorisation_gives_nothing_back(room):
    life = authorized(room)
    life.cancel()
    assert mailed(room, life) == set()
    assert shown(room) == ("canceled", 0)
    assert releases(room) == {life.released["id"]}
    assert room.findings() == set()


def test_before_it_is_known_what_was_taken_nothing_is_mailed(room):
    life = authorized(room)
    succeeded = life.capture(600)
    refund = life.refund(200)
    early = [made for made in life.made
             if made["type"] in ("refund.created", "charge.refunded", "charge.refund.updated")]
    assert mailed(room, life, early) == set()
    assert shown(room) == ("requires_capture", 0)
    assert mailed(room, life, [succeeded]) == {f"receipt:{life.id}", notice(refund)}
    assert shown(room) == ("partially_refunded", 200)
    assert releases(room) == {life.released["id"]}


def test_a_release_told_before_its_cancellation_is_not_mailed(room):
    life = authorized(room)
    cancelled = life.cancel()
    early = [made for made in life.made[3:] if made is not cancelled]
    assert mailed(room, life, early) == set()
    assert shown(room) == ("requires_capture", 0)
    assert releases(room) == set()  # it could be of a capture that is not known yet
    assert mailed(room, life, [cancelled]) == set()
    assert shown(room) == ("canceled", 0)
    assert releases(room) == {life.released["id"]}


def test_a_refund_as_large_as_the_release_is_mailed_once_the_release_is_known(room):
    life = authorized(room)
    succeeded = life.capture(600)
    release = next(made for made in life.made if made["type"] == "refund.created")
    life.now += 60
    refund = life.refund(400)
    told = life.made[-2]
    assert mailed(room, life, [succeeded, told]) == {f"receipt:{life.id}"}
    assert shown(room) == ("succeeded", 0)
    assert mailed(room, life, [release]) == {notice(refund)}
    assert shown(room) == ("partially_refunded", 400)
    assert releases(room) == {life.released["id"]}


def test_a_refund_that_we_asked_for_is_never_a_release(room):
    life = authorized(room)
    succeeded = life.capture(600)
    mailed(room, life, [succeeded])
    room.sql("INSERT INTO refunds (id, payment_id, amount, status, job_id) SELECT 5, id, 400,"
             " 'new', 'job' FROM payment_intents")
    refund = life.refund(400)
    told = copy.deepcopy(life.made[-2])
    told["data"]["object"]["metadata"] = {"refund_id": "5"}
    assert mailed(room, life, [told]) >= {notice(refund)}
    assert shown(room) == ("partially_refunded", 400)
    assert releases(room) == set()


def test_a_refund_that_fails_beside_a_release_restores_the_books(room):
    life = authorized(room)
    life.capture(600)
    refund = life.refund(400)
    mailed(room, life)
    assert shown(room) == ("partially_refunded", 400)
    life.refund_to(refund, "failed")
    assert mailed(room, life) == set()
    assert shown(room) == ("succeeded", 0)
    assert releases(room) == {life.released["id"]}
    assert room.findings() == {("refund_failed", refund["id"])}


def test_a_refund_that_failed_is_not_taken_for_the_release(room):
    """Of one second and one amount, told apart by what became of them alone."""
    life = authorized(room)
    life.capture(600)
    refund = life.refund(400, "pending")
    for made in life.made:
        for thing in (made["data"]["object"], refund, life.released):
            if thing["id"] == refund["id"]:
                thing["id"] = "re_0"
            if thing["object"] == "refund":
                thing["created"] = life.intent["created"]
    life.refund_to(refund, "failed")
    mailed(room, life)
    assert shown(room) == ("succeeded", 0)
    assert releases(room) == {life.released["id"]}


def test_a_notice_of_a_release_is_not_sent(room):
    life = authorized(room)
    life.capture(600)
    mailed(room, life)
    answer = room.handle.receipt("refund", life.released["id"])
    assert answer["outcome"] == "DONE" and "skipped" in answer["result"]


# --- disputes -----------------------------------------------------------------------------

def test_a_dispute_lives_beside_its_payment(room):
    life, _ = refunded(room)
    quarrel = dispute(life)
    done(room, life.tell("charge.dispute.created", quarrel))
    payment = room.sql_one("SELECT id FROM payment_intents")
    assert row(room, "disputes", "payment_id, status, reason, amount, closed_at") == (
        payment, "needs_response", "fraudulent", 1500, None)
    quarrel["status"] = "lost"
    closed = life.tell("charge.dispute.closed", quarrel)
    done(room, closed)
    assert row(room, "disputes", "status, closed_at IS NOT NULL") == ("lost", 1)
    assert shown(room) == ("succeeded", 0)


# --- accounts, readers, payouts -----------------------------------------------------------

def account(**fields):
    return {"id": "acct_dol", "object": "account", "charges_enabled": False,
            "payouts_enabled": False, "details_submitted": False, "created": 1764000000,
            "requirements": {"currently_due": ["external_account"], "disabled_reason": None},
            "capabilities": {"card_payments": "inactive"}, "metadata": {}, **fields}


def known_account(room, amicale=2, name="acct_dol"):
    room.sql("INSERT INTO stripe_accounts (amicale_id, stripe_account_id) VALUES (%s, %s)",
             (amicale, name))


FLAGS = "charges_enabled, payouts_enabled, onboarding_completed, deauthorized_at IS NULL"


def test_an_account_that_changes_is_retrieved(room):
    known_account(room)
    now = account(charges_enabled=True, payouts_enabled=True, details_submitted=True)
    room.stripe.objects["acct_dol"] = now
    stale = events.event("account.updated", account(charges_enabled=True), account="acct_dol")
    done(room, stale)
    assert row(room, "stripe_accounts", FLAGS) == (1, 1, 1, 1)
    room.stripe.asked.clear()
    done(room, events.event("account.updated", now, account="acct_dol"))
    assert room.stripe.asked == []
    assert room.sql_one("SELECT amicale_id FROM stripe_events LIMIT 1") == 2


@pytest.mark.parametrize("kind,thing", [
    ("capability.updated", {"id": "transfers", "object": "capability",
                            "account": "acct_dol", "status": "active"}),
    ("account.application.authorized", {"id": "ca_1", "object": "application"})])
def test_what_carries_no_account_has_it_retrieved(room, kind, thing):
    known_account(room)
    room.stripe.objects["acct_dol"] = account(charges_enabled=True)
    done(room, events.event(kind, thing, account="acct_dol"))
    assert row(room, "stripe_accounts", FLAGS) == (1, 0, 0, 1)


def test_an_account_that_left_is_deauthorized_and_may_come_back(room):
    known_account(room)
    room.sql("UPDATE stripe_accounts SET charges_enabled = 1, payouts_enabled = 1")
    left = {"id": "ca_1", "object": "application"}
    done(room, events.event("account.application.deauthorized", left, account="acct_dol"))
    assert row(room, "stripe_accounts", FLAGS) == (0, 0, 0, 0)
    assert room.findings() == set()
    # An older event does not bring it back.
    done(room, events.event("account.updated", account(charges_enabled=True),
                            account="acct_dol"))
    assert row(room, "stripe_accounts", FLAGS) == (0, 0, 0, 0)
    room.stripe.objects["acct_dol"] = account(charges_enabled=True)
    done(room, events.event("account.application.authorized", left, account="acct_dol"))
    assert row(room, "stripe_accounts", FLAGS) == (1, 0, 0, 1)


def test_an_account_that_comes_back_does_not_displace_its_successor(room):
    known_account(room)
    room.sql("UPDATE stripe_accounts SET deauthorized_at = NOW()")
    known_account(room, name="acct_new")
    room.stripe.objects["acct_dol"] = account(charges_enabled=True)
    done(room, events.event("account.application.authorized",
                            {"id": "ca_1", "object": "application"}, account="acct_dol"))
    assert room.sql("SELECT stripe_account_id, amicale_id, charges_enabled,"
                    " deauthorized_at FROM stripe_accounts ORDER BY id") == (
        ("acct_dol", None, 1, None), ("acct_new", 2, 0, None))
    assert room.findings() == {("second_account", "acct_dol"),
                               ("unknown_account", "acct_dol")}


def test_an_unknown_account_is_kept_and_reported(room):
    done(room, events.event("account.updated", account(), account="acct_dol"))
    assert row(room, "stripe_accounts", "stripe_account_id, amicale_id") == ("acct_dol", None)
    assert room.findings() == {("unknown_account", "acct_dol")}


def test_an_account_that_was_asked_for_finds_its_row(room):
    room.sql("INSERT INTO stripe_accounts (amicale_id) VALUES (2)")
    made = account(metadata={"amicale_id": "2"})
    done(room, events.event("account.updated", made, account="acct_dol"))
    assert row(room, "stripe_accounts", "amicale_id, stripe_account_id") == (2, "acct_dol")
    assert room.findings() == set()


@pytest.mark.parametrize("number", ["4", "05x", "-5"])
def test_an_account_of_another_installation_is_not_ours(room, number):
    """Both have an amicale 2, and the same account at Stripe for tests."""
    room.sql("INSERT INTO stripe_accounts (id, amicale_id) VALUES (5, 2)")
    theirs = account(metadata={"amicale_id": "2", "account_id": number})
    done(room, events.event("account.updated", theirs, account="acct_dol"))
    assert set(room.sql("SELECT amicale_id, stripe_account_id FROM stripe_accounts")) == {
        (2, None), (None, "acct_dol")}
    ours = account(id="acct_ours", metadata={"amicale_id": "2", "account_id": "5"})
    done(room, events.event("account.updated", ours, account="acct_ours"))
    assert room.sql_one("SELECT stripe_account_id FROM stripe_accounts WHERE id = 5") == (
        "acct_ours")
    assert room.findings() == {("unknown_account", "acct_dol")}


def test_the_platforms_own_account_is_only_recorded(room):
    made = events.event("account.updated", account(id="acct_platform"))
    done(room, made)
    assert room.sql_one("SELECT COUNT(*) FROM stripe_accounts") == 0
    assert ledger(room, made)["result"] == "recorded"


def reader(**fields):
    return {"id": "tmr_1", "object": "terminal.reader", "label": "Lecteur",
            "location": "tml_dol", "status": "online", "device_type": "stripe_s700",
            "serial_number": "S1", "livemode": False, "metadata": {},
            "action": {"type": "process_payment_intent", "status": "succeeded"}, **fields}


def test_a_reader_belongs_to_the_amicale_of_its_location(room):
    room.sql("UPDATE amicales SET stripe_location_id = 'tml_dol' WHERE id = 2")
    done(room, events.event("terminal.reader.action_succeeded", reader(), created=1764000009))
    assert row(room, "terminal_readers", "amicale_id, label, status, device_type,"
               " last_action_status, UNIX_TIMESTAMP(last_seen_at)")[:5] == (
        2, "Lecteur", "online", "stripe_s700", "succeeded")
    failed = reader(action={"type": "process_payment_intent", "status": "failed",
                            "failure_code": "card_declined", "failure_message": "Refusée"})
    room.stripe.objects["tmr_1"] = failed
    done(room, events.event("terminal.reader.action_failed", failed, created=1764000005))
    assert row(room, "terminal_readers", "last_action_status, last_failure_code,"
               " CAST(UNIX_TIMESTAMP(last_seen_at) AS SIGNED)") == (
        "failed", "card_declined", 1764000009)


def test_a_reader_at_no_known_location_is_reported(room):
    done(room, events.event("terminal.reader.action_failed", reader(location=None)))
    assert row(room, "terminal_readers", "amicale_id") == (None,)
    assert room.findings() == {("unknown_reader", "tmr_1")}


def payout(status="paid", **fields):
    return {"id": "po_1", "object": "payout", "amount": 90000, "currency": "eur",
            "arrival_date": 1764028800, "created": 1764000000, "status": status,
            "failure_code": None, "failure_message": None, "livemode": False, **fields}


def test_a_payout_that_was_paid_may_still_fail(room):
    known_account(room)
    done(room, events.event("payout.paid", payout(), account="acct_dol"))
    assert row(room, "payouts", "amicale_id, account, status, amount,"
               " CAST(arrival_date AS CHAR)") == (2, "acct_dol", "paid", 90000, "2025-11-25")
    failed = payout("failed", failure_code="account_closed")
    done(room, events.event("payout.failed", failed, account="acct_dol"))
    done(room, events.event("payout.paid", payout(), account="acct_dol"))
    assert row(room, "payouts", "status, failure_code") == ("failed", "account_closed")
    assert room.stripe.asked == []


def test_a_payout_of_the_platform_is_no_amicales(room):
    done(room, events.event("payout.paid", payout()))
    assert row(room, "payouts", "amicale_id, account") == (None, None)
    assert room.findings() == set()


def test_a_payout_of_an_unknown_account_is_kept_and_reported(room):
    done(room, events.event("payout.paid", payout(), account="acct_nobody"))
    assert row(room, "payouts", "amicale_id, account") == (None, "acct_nobody")
    assert room.findings() == {("unknown_account", "acct_nobody")}


# --- the ledger ---------------------------------------------------------------------------

def test_an_event_is_applied_once_and_its_body_is_kept_sealed(room):
    life = Life()
    made = life.succeed()
    for _ in range(3):
        done(room, made)
    assert ledger(room, made) == {"result": "applied", "processed": True, "attempts": 3,
                                  "fault": None}
    assert row(room, "payment_intents", "revision") == (0,)
    ((size, days, seen),) = room.sql(
        "SELECT LENGTH(sealed_body), DATEDIFF(body_erase_at, received_at),"
        " stripe_payment_intent_id FROM stripe_events")
    assert size == len(events.encode(made)) + 30
    assert (days, seen) == (90, life.id)


@pytest.mark.parametrize("made", [
    events.event("invoice.paid", {"id": "in_1", "object": "invoice"}),
    events.event("coupon.created", {"id": "x" * 700, "object": "coupon"}),
    events.event("payment_intent.partially_funded", {"id": "pi_1", "object": "x"}),
    {"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.error",
     "livemode": False, "created": "2025-11-24T16:00:00.000Z",
     "related_object": {"id": "mtr_1", "type": "billing.meter"}},
    {"id": "evt_thin2", "object": "v2.core.event", "type": "payment_intent.succeeded",
     "livemode": False, "created": "2025-11-24T16:00:00.000Z"}])
def test_what_is_not_handled_is_recorded_and_done(room, made):
    assert done(room, made)["follow_ups"] == []
    assert ledger(room, made)["result"] == "recorded" and ledger(room, made)["processed"]
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 0


def test_an_event_of_the_other_mode_is_ignored(room):
    life = Life()
    made = dict(life.succeed(), livemode=True)
    done(room, made)
    assert ledger(room, made)["result"] == "ignored"
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 0


@pytest.mark.parametrize("created", [2**63 - 1, 10**17, 253402300800, -5])
def test_a_moment_that_no_calendar_has_is_left_out(room, created):
    life = Life()
    life.create()
    made = life.succeed()
    made["created"] = created
    done(room, made)
    assert ledger(room, made)["result"] == "applied"
    assert room.sql_one("SELECT stripe_created FROM stripe_events") is None


@pytest.mark.parametrize("version", ["2020-08-27", None])
def test_an_event_of_another_version_is_retrieved_not_read(room, version):
    life = Life()
    life.create()
    life.succeed()
    refund = life.refund(500)
    life.publish(room.stripe)
    for made in life.made:
        foreign = copy.deepcopy(made)
        foreign["api_version"] = version
        data = foreign["data"]["object"]
        data.update(amount="lots", status="sleeping", amount_refunded="x")
        done(room, foreign)
    assert shown(room) == ("partially_refunded", 500)
    assert row(room, "payment_intents", "amount, stripe_charge_id") == (
        1500, life.charge["id"])
    assert row(room, "refunds", "stripe_refund_id, amount, status") == (
        refund["id"], 500, "succeeded")


def test_an_object_that_stripe_does_not_have_is_reported(room):
    life = Life()
    done(room, life.create())
    gone = life.status("processing")
    done(room, gone)
    assert room.findings() == {("object_missing", life.id)}
    assert ledger(room, gone)["processed"]
    assert row(room, "payment_intents", "status") == ("requires_payment_method",)


def test_a_state_of_another_version_is_reported_and_changes_nothing(room):
    life = Life()
    done(room, life.create())
    made = life.status("dreaming", "processing")
    life.publish(room.stripe)
    done(room, made)
    assert room.findings() == {("unknown_state", life.id)}
    assert row(room, "payment_intents", "status") == ("requires_payment_method",)


def test_an_event_that_cannot_be_applied_is_received_but_not_processed(room):
    life = Life()
    made = life.create()
    made["data"]["object"]["amount"] = "much"
    answer = room.event(made)
    assert answer["outcome"] == "NEVER" and '"amount"' in answer["fault"]
    assert ledger(room, made) == {"result": None, "processed": False, "attempts": 1,
                                  "fault": answer["fault"]}
    assert room.sql_one("SELECT COUNT(*) FROM payment_intents") == 0
    assert room.sql_one("SELECT LENGTH(sealed_body) FROM stripe_events") > 100


def test_stripe_being_away_keeps_the_event_and_locks_nothing(room):
    life = Life()
    done(room, life.create())
    made = life.status("processing")
    life.publish(room.stripe)
    room.stripe.fail = 503
    answer = room.event(made)
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "stripe")
    assert not ledger(room, made)["processed"]
    room.stripe.fail = None
    done(room, made)
    assert ledger(room, made)["processed"] and ledger(room, made)["fault"] is None
    assert row(room, "payment_intents", "status") == ("processing",)


def test_while_stripe_is_asked_another_event_may_pass(room):
    """The payment succeeds while an older event has Stripe asked: what was retrieved before
    is then old."""
    life = Life()
    done(room, life.create())
    action = life.status("requires_action")
    life.publish(room.stripe)
    other = room.open()
    held = copy.deepcopy(life.intent)

    def pass_by(_path):
        room.stripe.on_get = None
        life.succeed()
        assert other.event(life.made[-1])["outcome"] == "DONE"  # while Stripe still answers
    room.stripe.on_get = pass_by
    room.stripe.objects[life.id] = held
    done(room, action)
    assert row(room, "payment_intents", "status") == ("succeeded",)
    assert ledger(room, action)["result"] == "stale"


def test_what_was_retrieved_before_another_look_is_retrieved_again(room):
    life = Life()
    done(room, life.create())
    first = life.status("requires_action")
    old = copy.deepcopy(life.intent)
    second = life.status("processing")
    other = room.open()
    room.stripe.objects[life.id] = old
    answers = []

    def pass_by(_path):
        # Only the first answer is old.
        room.stripe.on_get = None
        room.stripe.objects[life.id] = copy.deepcopy(life.intent)
        answers.append(other.event(second))
        room.stripe.objects[life.id] = old
        room.stripe.on_get = lambda _path: life.publish(room.stripe)
    room.stripe.on_get = pass_by
    done(room, first)
    assert answers[0]["outcome"] == "DONE"
    assert row(room, "payment_intents", "status") == ("processing",)


def test_many_slots_at_once_end_at_the_same_books(room):
    """Four slots, the events of several payments in any order: a deadlock is tried again,
    nothing is applied twice."""
    lives = [Life(amount=1000 + number, capture=("automatic", "manual")[number % 2])
             for number in range(6)]
    for life in lives:
        life.create()
        life.status("requires_action")
        life.decline()
        if life.intent["capture_method"] == "manual":
            life.authorize()
            life.capture(700)
        else:
            life.succeed()
        for _ in range(3):
            life.refund(200)
        life.publish(room.stripe)
    waiting = [made for life in lives for made in life.made] * 2
    random.Random(7).shuffle(waiting)
    lock = threading.Lock()
    outcomes = []

    def slot(handle):
        while True:
            with lock:
                if not waiting:
                    return
                made = waiting.pop()
            answer = handle.event(made)
            outcomes.append(answer["outcome"])
            if answer["outcome"] == "LATER":
                with lock:
                    waiting.insert(0, made)
            else:
                assert answer["outcome"] == "DONE", answer
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(slot, room.open()) for _ in range(4)]:
            future.result()
    assert room.sql("SELECT amount, status, amount_refunded FROM payment_intents"
                    " ORDER BY amount") == tuple(
        (1000 + number, "partially_refunded", 600) for number in range(6))
    assert room.sql_one("SELECT COUNT(*) FROM refunds") == 18 + 3
    assert releases(room) == {life.released["id"] for life in lives if life.released}
    assert room.sql_one("SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NULL") == 0


@pytest.mark.parametrize("payload", [b"", b"{}", b"received_ms=1 endpoint=platform\n",
                                     b"received_ms=x endpoint=platform\n{}",
                                     b"received_ms=1 endpoint=nowhere\n{}",
                                     b"received_ms=1 endpoint=platform\n{\"id\":\"evt_1\"}"])
def test_a_payload_that_does_not_decode_is_dead(room, payload):
    assert room.handle.run("evt_1", "stripe.event", payload)["outcome"] == "NEVER"
    assert room.sql_one("SELECT COUNT(*) FROM stripe_events") == 0
