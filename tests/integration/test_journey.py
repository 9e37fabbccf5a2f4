# SPDX-License-Identifier: MIT
"""The whole way of an amicale, over HTTP and with real parts: its account is made and
onboarded, two pompiers sell, an admin refunds, and in the end our books, the mailbox and
the simulated Stripe agree to the cent."""

import datetime
import json
import urllib.parse
import urllib.request
from zoneinfo import ZoneInfo

import pytest
import stripe
from support.client import Client
from support.process import wait_until
from test_stripesim_onboarding import press

ADDRESS = ("--adresse1", "1 place de la Caserne", "--code-postal", "35000", "--ville", "Rennes")
BUYER = "acheteur@example.org"


class Journey:
    """Amicale A with an admin and two pompiers, amicale B with an admin and a pompier; all
    signed in. `ledger` is what the test itself knows to have happened."""

    def __init__(self, stack):
        self.stack = stack
        self.sim = stack.stripesim
        stripe.api_base = self.sim.url
        stripe.api_key = stack.stripe_key
        stripe.api_version = "2024-06-20"
        self.a, self.b = self.amicale("Amicale de Rennes"), self.amicale("Amicale de Dol")
        self.admin, self.zoe, self.yann = (
            self.person(*words) for words in (("admin", "admin.a", self.a),
                                              ("pompier", "zoe", self.a),
                                              ("pompier", "yann", self.a)))
        self.foreign_admin = self.person("admin", "admin.b", self.b)
        self.foreigner = self.person("pompier", "loic", self.b)
        self.viewer = self.person("viewer", "viewer")
        self.ledger = []

    def amicale(self, name):
        return self.stack.tocsin("amicale", "add", "--name", name, "--email",
                                 f"bureau.{name.split()[-1].lower()}@example.org", *ADDRESS,
                                 json_output=True)["amicale"]

    def person(self, role, name, amicale=None):
        address = f"{name}@example.org"
        self.stack.tocsin("user", "add", "--role", role, "--email", address, "--name", name,
                          "--password-file", self.stack.secrets / "demo_password",
                          *(("--amicale", amicale) if amicale else ()))
        client = Client(self.stack.api.url)
        client.login(address, self.stack.demo_password)
        assert (client.user["role"], client.user["amicale_id"]) == (role, amicale)
        return client

    # Steps. Each asserts that it was answered well.

    def ask(self, who, path, body=None, **words):
        answer = who.post(path, body, **words)
        assert answer.status == 200, answer
        return answer.json

    def see(self, who, path):
        answer = who.get(path)
        assert answer.status == 200, answer
        return answer.json

    def intent(self, seller, amount, **more):
        return self.ask(seller, "/api/payments/create-intent",
                        {"amount": amount, "amicale_id": self.a, **more},
                        key=f"sale-{amount}-{more.get('local_id', '')}")

    def tap(self, payment, outcome="succeeded"):
        self.sim.control(f"payment_intents/{payment['payment_intent_id']}/tap",
                         {"outcome": outcome})

    def wait_status(self, seller, payment, status):
        """As a phone does, by asking."""
        path = f"/api/payments/{payment['payment_intent_id']}/status"
        return wait_until(lambda: (found := self.see(seller, path))["status"] == status
                          and found, f"{payment['id']} to be {status}")

    def sold(self, seller, amount, **more):
        payment = self.intent(seller, amount, **more)
        assert payment["status"] == "requires_payment_method"
        assert payment["client_secret"].startswith(payment["payment_intent_id"])
        self.tap(payment)
        self.wait_status(seller, payment, "succeeded")
        self.book(seller, payment, amount)
        return payment

    def book(self, seller, payment, taken, method="card"):
        self.ledger.append({"pompier": seller.user["id"], "id": payment["id"], "taken": taken,
                            "refunded": 0, "method": method})

    def refund(self, payment, amount=None, **more):
        body = {**({"amount": amount} if amount else {}), **more}
        found = self.ask(self.admin, f"/api/payments/{payment['payment_intent_id']}/refund",
                         body)
        line = next(one for one in self.ledger if one["id"] == payment["id"])
        line["refunded"] += found["refund"]["amount"]
        return found

    def without_cards(self, seller, amount, method):
        """A sale that a phone's queue would bring; only a batch can, so it is written."""
        moment = datetime.datetime.now(datetime.timezone.utc)
        self.stack.sql(
            "INSERT INTO payment_intents (amicale_id, pompier_id, amount, amount_received,"
            " status, payment_method, local_id, sold_at, sale_day)"
            " VALUES (%s, %s, %s, %s, 'succeeded', %s, %s, %s, %s)",
            (self.a, seller.user["id"], amount, amount, method, f"{method}-{amount}",
             moment.replace(tzinfo=None), moment.astimezone(ZoneInfo("Europe/Paris")).date()))
        payment = {"id": self.stack.sql_one("SELECT MAX(id) FROM payment_intents")}
        self.book(seller, payment, amount, method)
        return payment

    # What must come out.

    def sums(self, fee, pompier=None):
        """(sales, taken, refunded, fees) by the test's own ledger. A fee goes back with its
        payment; the ledger refunds whole payments only."""
        lines = [one for one in self.ledger if pompier in (None, one["pompier"])]
        return (len(lines), sum(one["taken"] for one in lines),
                sum(one["refunded"] for one in lines),
                sum(fee(one["taken"]) for one in lines
                    if one["method"] == "card" and one["refunded"] == 0))


def no_fee(amount):
    return 0


def fee_of_two_and_a_half_percent(amount):
    """At least 20 cents; half a cent is rounded up."""
    return max(20, (amount * 250 + 5000) // 10000)


def open_account(journey):
    """From nothing to an account that can charge; returns its id."""
    asked = {"amicale_id": journey.a}
    account = journey.ask(journey.admin, "/api/stripe/accounts", asked)
    assert account["created"] and not account["charges_enabled"]
    again = journey.ask(journey.admin, "/api/stripe/accounts", asked)
    assert again == {**account, "created": False}
    early = journey.zoe.post("/api/payments/create-intent",
                             {"amount": 1000, "amicale_id": journey.a})
    assert (early.status, early.code) == (409, "account_cannot_charge")

    name = account["stripe_account_id"]
    link = journey.ask(journey.admin, f"/api/stripe/accounts/{name}/onboarding-link")
    status, leads_to, _ = press(link["url"], "finish")
    assert (status, leads_to) == (303, f"{journey.stack.api.url}/stripe/success")
    with urllib.request.urlopen(leads_to) as page:
        assert page.status == 200
    ready = wait_until(lambda: (found := journey.see(
        journey.admin, f"/api/stripe/accounts/{journey.a}/status"))["charges_enabled"] and found,
        "account.updated to be applied")
    assert (ready["onboarding_completed"], ready["payouts_enabled"]) == (True, True)
    assert ready["stripe_account_id"] == name
    fresh = journey.see(journey.admin, f"/api/stripe/accounts/{name}/status?fresh=1")
    assert fresh["charges_enabled"] and fresh["synced_at"] >= ready["synced_at"]
    return name


def make_ready_to_sell(journey):
    place = journey.ask(journey.admin, "/api/stripe/locations", {"amicale_id": journey.a})
    again = journey.ask(journey.admin, f"/api/amicales/{journey.a}/create-location")
    assert (place["created"], again) == (True, {**place, "created": False})
    assert stripe.terminal.Location.retrieve(place["location_id"]).address.city == "Rennes"
    for seller in (journey.zoe, journey.yann):
        token = journey.ask(seller, "/api/stripe/terminal/connection-token")
        assert token == {"secret": token["secret"], "location_id": place["location_id"]}
    assert journey.see(journey.zoe, "/api/stripe/config")["amount_max"] == 50000


def sell(journey):
    """Cards, cash and a cheque by two pompiers; returns the payment with a receipt."""
    zoe, yann, admin = journey.zoe, journey.yann, journey.admin
    receipted = journey.sold(zoe, 1500, receipt_email=BUYER, local_id="zoe-1")
    journey.sold(yann, 3333, local_id="yann-1")

    # A card that was declined first, then one that was not.
    payment = journey.intent(zoe, 2020, local_id="zoe-2")
    journey.tap(payment, "declined")
    wait_until(lambda: journey.see(zoe, f"/api/payments/{payment['id']}/status")["last_error"],
               "the decline to be known")
    journey.tap(payment)
    journey.wait_status(zoe, payment, "succeeded")
    journey.book(zoe, payment, 2020)

    # Set aside, and taken in part by a colleague; the rest is let go.
    manual = journey.intent(yann, 2000, capture_method="manual")
    journey.tap(manual)
    journey.wait_status(yann, manual, "requires_capture")
    captured = journey.ask(zoe, f"/api/payments/{manual['id']}/capture", {"amount": 1200})
    assert (captured["status"], captured["amount_received"]) == ("succeeded", 1200)
    journey.book(yann, manual, 1200)

    # Begun and given up: counts nowhere.
    abandoned = journey.intent(yann, 900)
    canceled = journey.ask(yann, f"/api/payments/{abandoned['id']}/cancel",
                           {"reason": "abandoned"})
    assert canceled["status"] == "canceled"

    journey.without_cards(zoe, 1000, "cash")
    journey.without_cards(yann, 2500, "cheque")
    mistake = journey.without_cards(zoe, 700, "cash")
    refused = yann.post(f"/api/payments/{mistake['id']}/void", {"reason": "pas à moi"})
    assert (refused.status, refused.code) == (403, "role_not_allowed")
    voided = journey.ask(zoe, f"/api/payments/{mistake['id']}/void", {"reason": "deux fois"})
    assert voided["status"] == "voided"
    journey.ledger.pop()
    assert admin.post(f"/api/payments/{receipted['id']}/void",
                      {"reason": "par carte"}).status == 409
    return receipted


def refund_in_two(journey, payment):
    """Part of it, more than the rest (refused), and the rest."""
    name = payment["payment_intent_id"]
    assert journey.zoe.post(f"/api/payments/{name}/refund", {}).status == 403
    part = journey.refund(payment, 600, reason="duplicate")
    assert (part["refund"]["status"], part["payment"]["status"]) == \
        ("succeeded", "partially_refunded")
    much = journey.admin.post(f"/api/payments/{name}/refund", {"amount": 901})
    assert (much.status, much.json["errors"][0]["code"]) == (422, "above_rest")
    rest = journey.refund(payment)
    assert (rest["refund"]["amount"], rest["payment"]["status"]) == (900, "refunded")
    seen = journey.wait_status(journey.zoe, payment, "refunded")
    assert [one["amount"] for one in seen["refunds"]] == [600, 900]
    assert seen["amount_refunded"] == 1500
    return [part["refund"]["refund_id"], rest["refund"]["refund_id"]]


def check_mail(journey, payment, refunds):
    """One receipt and two notices, to the buyer alone."""
    wanted = {f"receipt.{payment['payment_intent_id']}", *(f"refund.{one}" for one in refunds)}

    def arrived():
        return {message["Message-ID"].strip("<>").split("@")[0]: message
                for message in journey.stack.mail.messages()}
    wait_until(lambda: wanted <= set(arrived()), "the receipt and the notices")
    assert set(arrived()) == wanted
    assert {message["Delivered-To"] for message in arrived().values()} == {BUYER}
    receipt = arrived()[f"receipt.{payment['payment_intent_id']}"]
    assert "15,00" in receipt.get_body().get_content()


def check_books(journey, fee):
    """Stats, sales and our ledger say the same."""
    count, taken, refunded, fees = journey.sums(fee)
    stats = journey.see(journey.admin, f"/api/amicales/{journey.a}/stats")
    totals = stats["totals"]
    assert (totals["total_ventes"], totals["total_montant"], totals["total_rembourse"],
            totals["total_commissions"]) == (count, taken, refunded, fees)
    assert totals["total_net"] == taken - refunded - fees
    assert totals["cash"] == {"ventes": 1, "montant": 1000}
    assert totals["cheque"] == {"ventes": 1, "montant": 2500}
    assert totals["card"]["montant"] == taken - 3500
    for member in ("total_ventes", "total_montant", "total_commissions", "total_rembourse",
                   "total_net"):
        assert sum(day[member] for day in stats["days"]) == totals[member]
    assert journey.see(journey.viewer, f"/api/amicales/{journey.a}/stats") == stats

    net = 0
    for seller in (journey.zoe, journey.yann):
        path = f"/api/pompiers/{seller.user['id']}/ventes"
        sales = journey.see(seller, path)
        count, taken, refunded, fees = journey.sums(fee, seller.user["id"])
        assert sales["totals"] == {"ventes": count, "montant": taken, "rembourse": refunded,
                                   "commissions": fees, "net": taken - refunded - fees}
        assert journey.see(journey.admin, path) == sales
        paid = [one for one in sales["ventes"]
                if one["status"] in ("succeeded", "partially_refunded", "refunded")]
        assert len(paid) == count
        assert sum(one["amount_received"] for one in paid) == taken
        net += sales["totals"]["net"]
    assert net == totals["total_net"]


def check_stripe(journey, account, fee):
    """What the account has at Stripe is what its books say of cards."""
    transfers = list(stripe.Transfer.list(destination=account).auto_paging_iter())
    fees = list(stripe.ApplicationFee.list().auto_paging_iter())
    has = sum(one.amount - one.amount_reversed for one in transfers) - \
        sum(one.amount - one.amount_refunded for one in fees)
    _, taken, refunded, charged = journey.sums(fee)
    assert has == taken - 3500 - refunded - charged
    summary = journey.sim.control("summary")
    assert len(summary["payments"]) == journey.stack.sql_one(
        "SELECT COUNT(*) FROM payment_intents WHERE payment_method = 'card'")
    for one in summary["payments"]:
        metadata = one["metadata"]
        assert journey.stack.sql(
            "SELECT stripe_payment_intent_id, amicale_id, pompier_id FROM payment_intents"
            " WHERE id = %s", (metadata["payment_id"],)) == (
            (one["id"], int(metadata["amicale_id"]), int(metadata["pompier_id"])),)


def check_others_see_nothing(journey, payment):
    """Another amicale's people are told of nothing that is A's, and have nothing."""
    a, zoe = journey.a, journey.zoe.user["id"]
    for path in (f"/api/amicales/{a}/stats", f"/api/pompiers/{zoe}/ventes",
                 f"/api/payments/{payment['id']}/status", f"/api/stripe/accounts/{a}/status"):
        answer = journey.foreign_admin.get(path)
        assert (answer.status, answer.code) == (404, "not_found"), path
    for verb in ("refund", "capture", "cancel"):
        assert journey.foreign_admin.post(f"/api/payments/{payment['id']}/{verb}", {}) \
            .status == 404
    for path in (f"/api/payments/{payment['payment_intent_id']}/status",
                 f"/api/pompiers/{zoe}/ventes"):
        assert journey.foreigner.get(path).status == 404
        assert journey.foreigner.nobody().get(path).status == 401
    assert journey.yann.get(f"/api/pompiers/{zoe}/ventes").status == 404
    sold = journey.foreigner.post("/api/payments/create-intent",
                                  {"amount": 1000, "amicale_id": a})
    assert sold.status == 404
    own = journey.see(journey.foreign_admin, f"/api/amicales/{journey.b}/stats")
    assert (own["days"], own["totals"]["total_ventes"]) == ([], 0)


def check_quiet(journey):
    """Every webhook was taken and applied, and no job is dead."""
    wait_until(lambda: journey.sim.control("idle?wait_ms=1000")["idle"], "the webhooks")
    made = {event["id"] for event in journey.sim.control("events")["events"]}
    wait_until(lambda: journey.stack.sql_one(
        "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL") == len(made),
        "all events to be applied")
    assert journey.stack.tocsin("jobs", "--state", "dead", json_output=True)["jobs"] == []
    assert journey.stack.sql("SELECT kind, subject FROM reconciliation_findings") == ()


@pytest.mark.parametrize("fee", [
    pytest.param(no_fee, marks=pytest.mark.stack(workers=2), id="without_a_fee"),
    pytest.param(fee_of_two_and_a_half_percent, id="with_a_fee", marks=pytest.mark.stack(
        workers=2, settings={"books.fee_percent_bp": 250, "books.fee_minimum_minor": 20})),
])
def test_an_amicale_opens_its_account_sells_refunds_and_its_books_add_up(stack, fee):
    journey = Journey(stack)
    account = open_account(journey)
    make_ready_to_sell(journey)
    receipted = sell(journey)
    refunds = refund_in_two(journey, receipted)
    check_mail(journey, receipted, refunds)
    check_quiet(journey)
    check_books(journey, fee)
    check_stripe(journey, account, fee)
    check_others_see_nothing(journey, receipted)
    for person in (journey.admin, journey.zoe, journey.yann):
        person.logout()
        assert person.get("/api/session").status == 401
