# SPDX-License-Identifier: MIT
"""The main job, played: many payments at the simulator, with duplicates, reordering and
faults in the mix, until everything is through; then the account. Then a phone hands over
what it sold offline, and the books are held against Stripe's."""

import datetime
import json
import secrets
import time

from .account import Account, Marks, jobs_left
from .client import Client
from .process import wait_until
from .seed import DEMO_ACCOUNT, POMPIER_EMAIL, seed_demo

PAYMENTS = 400
THROUGH_S = 180
FINDINGS = 6  # what tocsin reconcile ends with when there are some


def order(demo, count, with_address=False, **changes):
    """What is asked of the simulator's play."""
    metadata = {"amicale_id": str(demo["amicale_id"]),
                "pompier_id": str(demo["pompier_id"]), "pompier_name": "Camille",
                "calendrier_annee": "2027"}
    if with_address:
        metadata["receipt_email"] = "acheteur{n}@example.org"
    return {"count": count, "destination": DEMO_ACCOUNT, "step_ms": 20,
            "metadata": metadata, **changes}


def trouble(stack):
    """Things that go wrong on the way: webhooks doubled, out of order, held back and with
    wrong signatures; Stripe refusing, failing and dropping; a mail server that is busy."""
    sim = stack.stripesim
    sim.control("webhooks", {"duplicate_percent": 15, "reorder_ms": 400,
                             "bad_signature_percent": 2, "withhold_percent": 3,
                             "retry_first_ms": 100, "retry_most_ms": 2000})
    for kind, percent in (("rate_limit", 5), ("unavailable", 5), ("error_before", 3),
                          ("drop_before", 3), ("latency", 20)):
        sim.control("faults", {"kind": kind, "percent": percent, "times": 40})
    stack.mail.fault(rcpt=(451, "4.7.1 busy, come back later"), times=10)


def calm(stack):
    """Nothing goes wrong any more."""
    stack.stripesim.control("faults", method="DELETE")
    stack.mail.fault()


def perform(stack, demo, count, **changes):
    """Tells the simulator what shall happen; it happens while the caller goes on."""
    sim = stack.stripesim
    sim.control("accounts", {"id": DEMO_ACCOUNT})
    # Every other buyer leaves an address.
    sim.control("play", order(demo, count // 2, **changes))
    sim.control("play", order(demo, count - count // 2, with_address=True, **changes))
    # What Connect tells about the amicale's account: restricted, well again, paid out.
    for stage in ("restricted", "onboarded"):
        sim.control(f"accounts/{DEMO_ACCOUNT}/stage", {"stage": stage})
    for fails in (False, True):
        sim.control(f"accounts/{DEMO_ACCOUNT}/payout", {"amount": 12500, "fails": fails})


def is_delivered(stack):
    """Whether the play is over and every webhook was accepted; what was held back goes out."""
    summary = stack.stripesim.control("summary?payments=0&refunds=0&disputes=0")
    if summary["play"]["running"] or summary["webhooks"]["outstanding"]:
        return False
    if summary["webhooks"]["withheld"]:
        stack.stripesim.control("release", {})
        return False
    return True


def is_through(stack):
    """Whether the queue is empty and every event was processed. The states are listed one
    after the other, and a job that changes its state meanwhile is seen the second time."""
    return not jobs_left(stack) and not jobs_left(stack) and not stack.sql_one(
        "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NULL")


def settle(stack, marks, timeout_s=THROUGH_S):
    """Waits until everything is through, and returns the account."""
    wait_until(lambda: is_delivered(stack), "all webhooks to be accepted", timeout_s, 0.2)
    try:
        wait_until(lambda: is_through(stack), "the queue to be empty", timeout_s, 0.2)
    except TimeoutError:
        pass  # the account says what is left
    return Account(stack, marks)


def hand_over(stack):
    """A phone was without a network; True when all that it sold is recorded."""
    seller = Client(stack.api.url, openapi=False)
    seller.login(POMPIER_EMAIL, stack.demo_password)
    now, name = datetime.datetime.now(datetime.timezone.utc), secrets.token_hex(4)
    sales = [{"local_id": f"{name}-{number}", "amount": amount, "payment_method": method,
              "created_at": (now - datetime.timedelta(minutes=number)).isoformat()}
             for number, (amount, method) in enumerate(
                 ((1000, "cash"), (1000, "cash"), (2000, "cash"), (2500, "cheque")))]
    sales[-1]["receipt_email"] = "acheteuse@example.org"
    answer = seller.post("/api/payments/batch-sync",
                         {"device_id": "demo", "sent_at": now.isoformat(),
                          "transactions": sales})
    *_, (_, progress) = seller.events(f"/api/batches/{answer.json['batch_id']}")
    recorded = progress["outcomes"]["recorded"]
    print(f"  offline    {len(sales)} sales in cash and by cheque handed over, {recorded} "
          f"recorded, {progress['totals']['paid'] / 100:.2f} EUR", flush=True)
    wait_until(lambda: is_through(stack), "the queue to be empty", THROUGH_S, 0.2)
    return recorded == len(sales)


def reconcile(stack):
    """Holds the books against Stripe's; True when they agree. Waits until Stripe's list of
    events has been walked, since what happened after that is not compared."""
    now = stack.sql_one("SELECT UTC_TIMESTAMP(3)")
    wait_until(lambda: stack.sql_one(
        "SELECT COALESCE(MIN(COALESCE(complete_until, '1970-01-02')), '1970-01-02') > %s"
        " FROM event_cursors WHERE account = ''", (now,)), "Stripe's events to be walked",
        THROUGH_S, 0.2)
    days = [(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days))
            .date().isoformat() for days in (-1, 0)]
    done = stack.tocsin("reconcile", "--from", days[0], "--to", days[1], json_output=True,
                        expect=None)
    if done.returncode not in (0, FINDINGS):
        print(done.stderr, flush=True)
        return False
    run = json.loads(done.stdout)
    print(f"  books      {run['checked']} objects held against Stripe's, {run['open']} "
          "findings", flush=True)
    return done.returncode == 0


def play(stack, say, count=PAYMENTS):
    """The whole play; True when everything is accounted for."""
    demo = seed_demo(stack)
    say(f"playing {count} payments, with duplicates, reordering and faults")
    began = time.monotonic()
    trouble(stack)
    marks = Marks(stack)
    perform(stack, demo, count)
    account = settle(stack, marks)
    calm(stack)
    say(f"played in {time.monotonic() - began:.1f} s")
    print(account.text(), flush=True)
    well = hand_over(stack) and account.balances
    if marks.after["payment_intents"]:
        say("the books have payments of an earlier play, which the simulator has forgotten: "
            "they are not held against it")
        return well
    return reconcile(stack) and well
