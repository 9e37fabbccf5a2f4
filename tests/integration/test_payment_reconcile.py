# SPDX-License-Identifier: MIT
"""What stays open is looked at, and our rows come in line with what Stripe has."""

import pytest
import stripe

from payments_room import short_directory
from periods_room import Periods
from support.process import wait_until
from support.seed import DEMO_ACCOUNT

# Nothing but this kind: no walk finds the events that no webhook brought.
ALONE = {"books.catchup_s": 86400, "books.reconcile_s": 1, "books.open_s": 0}
STATUS = "SELECT status FROM payment_intents WHERE stripe_payment_intent_id = %s"


@pytest.fixture(scope="module")
def periods(mariadb_server):
    with short_directory() as directory:
        room = Periods(directory, mariadb_server, settings=ALONE).start()
        yield room
        room.stop()


@pytest.fixture
def room(periods):
    periods.clear()
    periods.stack.tocsin("pause", "kind:events.catchup", "--why", "not tested here")
    periods.webhooks(withhold_percent=100)
    return periods


def intent(room, age_s=3600, **columns):
    """A PaymentIntent and our row, which was open for so long and never looked at."""
    made = stripe.PaymentIntent.create(
        amount=1500, currency="eur", payment_method_types=["card_present"],
        transfer_data={"destination": DEMO_ACCOUNT},
        capture_method=columns.get("capture_method", "automatic"),
        metadata={"amicale_id": room.demo["amicale_id"],
                  "pompier_id": room.demo["pompier_id"]})
    row = {"stripe_payment_intent_id": made.id, "amicale_id": room.demo["amicale_id"],
           "pompier_id": room.demo["pompier_id"], "amount": 1500,
           "status": "requires_payment_method", "sale_day": "2026-11-22",
           "destination_account_id": DEMO_ACCOUNT, **columns}
    room.sql(f"INSERT INTO payment_intents ({', '.join(row)}, sold_at, created_at, updated_at)"
             f" VALUES ({', '.join(['%s'] * len(row))}, NOW(3), NOW(3) - INTERVAL %s SECOND,"
             " NOW(3) - INTERVAL %s SECOND)", (*row.values(), age_s, age_s))
    return made.id


def tap(room, payment, outcome="succeeded"):
    room.sim.control(f"payment_intents/{payment}/tap", {"outcome": outcome})


def looked(room, payment):
    """When the payment was last looked at."""
    return room.sql_one("SELECT synced_at FROM payment_intents"
                        " WHERE stripe_payment_intent_id = %s", (payment,))


def age(room, payment, created_s, updated_s):
    room.sql("UPDATE payment_intents SET created_at = NOW(3) - INTERVAL %s SECOND,"
             " updated_at = NOW(3) - INTERVAL %s SECOND WHERE stripe_payment_intent_id = %s",
             (created_s, updated_s, payment))


def jobs(room, state="done"):
    found = room.stack.tocsin("jobs", "--state", state, "--kind", "payment.reconcile",
                              json_output=True)["jobs"]
    return [job["id"] for job in found]


def test_payments_that_were_paid_canceled_or_authorised_unheard_are_moved_forward(room):
    paid, gone, held, waiting = (intent(room) for _ in range(4))
    held = intent(room, capture_method="manual")
    tap(room, paid)
    tap(room, held)
    stripe.PaymentIntent.cancel(gone)
    room.worker()
    for payment, status in ((paid, "succeeded"), (gone, "canceled"),
                            (held, "requires_capture"), (waiting, "requires_payment_method")):
        room.stack.wait_sql(STATUS, status, (payment,))
        wait_until(lambda payment=payment: looked(room, payment), f"a look at {payment}")
    assert room.sql_one("SELECT amount_received FROM payment_intents"
                        " WHERE stripe_payment_intent_id = %s", (paid,)) == 1500
    assert jobs(room, "dead") == []


def test_a_payment_paid_unheard_gets_its_receipt(room):
    payment = intent(room)
    stripe.PaymentIntent.modify(payment, metadata={"receipt_email": "a@example.com"})
    tap(room, payment)
    room.worker()
    room.stack.wait_sql(STATUS, "succeeded", (payment,))
    wait_until(lambda: room.field(f"receipt:{payment}", "state"), "the receipt's job")


def test_what_was_looked_at_waits_for_a_quarter_of_its_age(room):
    payment = intent(room, age_s=400)
    room.worker()
    wait_until(lambda: looked(room, payment), "the first look")
    first = looked(room, payment)
    age(room, payment, 400, 50)  # an eighth of its age
    fresh = intent(room, age_s=400)
    wait_until(lambda: looked(room, fresh), "a look at another")
    assert looked(room, payment) == first
    age(room, payment, 400, 150)
    wait_until(lambda: looked(room, payment) != first, "the second look")
    wait_until(lambda: len([name for name in jobs(room) if payment in name]) == 2,
               "both looks to be settled")


def test_what_is_not_open_for_long_is_left_alone(room):
    young, old = intent(room, age_s=60), intent(room, age_s=600)
    tap(room, young)
    room.worker(books__open_s=300)
    wait_until(lambda: looked(room, old), "a look at the old one")
    assert looked(room, young) is None
    assert room.sql_one(STATUS, (young,)) == "requires_payment_method"


def test_one_that_stripe_does_not_know_is_a_finding_and_stops_nobody(room):
    strange, paid = intent(room, age_s=7200), intent(room)
    room.sql("UPDATE payment_intents SET stripe_payment_intent_id = 'pi_3Strange',"
             " updated_at = NOW(3) - INTERVAL 2 HOUR WHERE stripe_payment_intent_id = %s",
             (strange,))
    tap(room, paid)
    room.worker()
    room.stack.wait_sql(STATUS, "succeeded", (paid,))
    room.stack.wait_sql("SELECT COUNT(*) FROM reconciliation_findings WHERE closed_at IS NULL"
                        " AND kind = 'object_missing' AND subject = 'pi_3Strange'", 1)
    wait_until(lambda: looked(room, "pi_3Strange"), "it to be passed over")
    wait_until(lambda: len([name for name in jobs(room) if "pi_3Strange" in name]) == 1,
               "its look to be settled")


def test_refunds_that_are_pending_are_followed_to_their_end(room):
    payment = intent(room)
    tap(room, payment)
    room.worker()
    room.stack.wait_sql(STATUS, "succeeded", (payment,))
    refund = stripe.Refund.create(payment_intent=payment, amount=500, reverse_transfer=True)
    room.sql("INSERT INTO refunds (stripe_refund_id, payment_id, amount, status, created_at,"
             " updated_at) SELECT %s, id, 500, 'pending', NOW(3) - INTERVAL 1 HOUR,"
             " NOW(3) - INTERVAL 1 HOUR FROM payment_intents"
             " WHERE stripe_payment_intent_id = %s", (refund.id, payment))
    room.stack.wait_sql("SELECT status FROM refunds WHERE stripe_refund_id = %s",
                        refund.status, (refund.id,))
    room.stack.wait_sql(STATUS, "partially_refunded", (payment,))


def test_what_nobody_collected_in_time_is_canceled_and_what_somebody_paid_is_kept(room):
    late = {"collect_until": "2026-01-01 00:00:00"}
    given_up, paid = intent(room, **late), intent(room, **late)
    in_time = intent(room, age_s=60, collect_until="2099-01-01 00:00:00")
    tap(room, paid)
    for payment in (given_up, paid, in_time):
        room.sql("UPDATE payment_intents SET updated_at = collect_until - INTERVAL 1 SECOND"
                 " WHERE stripe_payment_intent_id = %s AND collect_until < NOW()", (payment,))
    room.worker()
    room.stack.wait_sql(STATUS, "canceled", (given_up,))
    room.stack.wait_sql(STATUS, "succeeded", (paid,))
    assert stripe.PaymentIntent.retrieve(given_up).cancellation_reason == "abandoned"
    assert stripe.PaymentIntent.retrieve(in_time).status == "requires_payment_method"


@pytest.mark.parametrize("kind", ["error_after", "drop_after"])
def test_a_cancel_whose_answer_is_lost_happens_once(room, kind):
    payment = intent(room, collect_until="2026-01-01 00:00:00")
    room.sim.control("faults", {"kind": kind, "path": "/v1/payment_intents/{id}/cancel",
                                "method": "POST", "times": 1})
    room.worker()
    room.stack.wait_sql(STATUS, "canceled", (payment,))
    canceled = [event for event in room.sim.control("events")["events"]
                if event["type"] == "payment_intent.canceled"]
    assert len(canceled) == 1


@pytest.mark.parametrize("step", ["looks_enqueued", "posted", "applied"])
def test_a_worker_killed_in_the_middle_of_a_look_is_gone_on_with(room, step):
    payment = intent(room, collect_until="2026-01-01 00:00:00")
    killed = room.worker(binary="tocsin-worker-test", start=False,
                         environment={"TOCSIN_CRASH_AT": step})
    killed.start(wait=False)
    assert killed.wait_exit() == -9
    room.worker()
    room.stack.wait_sql(STATUS, "canceled", (payment,))
    assert jobs(room, "dead") == []


def test_accounts_that_have_not_finished_onboarding_are_refreshed_hourly(room):
    room.sim.control("accounts", {"id": "acct_new", "stage": "onboarded"})
    room.sql("INSERT INTO stripe_accounts (stripe_account_id, synced_at) VALUES"
             " ('acct_new', NOW(3) - INTERVAL 2 HOUR), ('acct_gone', NULL),"
             " ('acct_seen', NOW(3) - INTERVAL 30 MINUTE)")
    room.worker()
    room.stack.wait_sql("SELECT onboarding_completed + charges_enabled FROM stripe_accounts"
                        " WHERE stripe_account_id = 'acct_new'", 2)
    room.stack.wait_sql("SELECT deauthorized_at IS NOT NULL FROM stripe_accounts"
                        " WHERE stripe_account_id = 'acct_gone'", 1)
    assert not [name for name in jobs(room) if "acct_seen" in name]


def test_hundreds_that_are_due_are_all_looked_at(room):
    first = intent(room)
    room.sql("INSERT INTO payment_intents (stripe_payment_intent_id, amount, status, sold_at,"
             " sale_day, created_at, updated_at) SELECT CONCAT('pi_3None', seq), 100,"
             " 'processing', NOW(3), '2026-11-22', NOW(3) - INTERVAL 1 HOUR,"
             " NOW(3) - INTERVAL 30 MINUTE - INTERVAL seq SECOND FROM seq_1_to_250")
    room.worker()
    room.stack.wait_sql("SELECT COUNT(*) FROM payment_intents WHERE synced_at IS NOT NULL", 251,
                        timeout_s=60)
    assert looked(room, first)

