# SPDX-License-Identifier: MIT
"""Who may come in where: every route of the front door, tried by everybody.

The front door prints its own table of routes; a route that is not in the table below fails
the test. All things that are asked for belong to the first amicale, and to its seller."""

import subprocess

import pytest

from session_room import town  # noqa: F401  (fixture)
from support.client import Client
from support.process import wait_until
from support.programs import program
from support.seed import meet_stripe

# seller      the pompier whose sale, job and list it is
# colleague   another pompier of the same amicale
# admin       of the same amicale
# rival       a pompier of another amicale
# outsider    an admin of another amicale
PEOPLE = ("nobody", "seller", "colleague", "admin", "rival", "outsider", "viewer", "operator")

IN = "in"            # one of the row's good statuses
NO = 401             # unauthenticated
ROLE = 403           # role_not_allowed
HIDDEN = 404         # not_found: another amicale's, or another's
OWN = "own"          # let in, to things of their own amicale, which has none of them yet: 409

EVERYBODY = dict.fromkeys(PEOPLE, IN)
PERSON = {**EVERYBODY, "nobody": NO}
SELLING = {"nobody": NO, "seller": IN, "colleague": IN, "admin": IN, "rival": HIDDEN,
           "outsider": HIDDEN, "viewer": ROLE, "operator": ROLE}
READING = {"nobody": NO, "seller": ROLE, "colleague": ROLE, "admin": IN, "rival": ROLE,
           "outsider": HIDDEN, "viewer": IN, "operator": IN}
KEEPING = {**READING, "viewer": ROLE}

OFFLINE = {"local_id": "three", "amount": 1500, "created_at": "2026-11-22T10:05:00Z",
           "payment_method": "cash"}

# route -> (path, body, good statuses, {who: what comes of it}). {amicale}, {seller},
# {payment}, {sale}, {job} and {batch} are put in.
TABLE = {
    "POST /api/stripe/webhook": ("/api/stripe/webhook", {}, (400,), EVERYBODY),
    "POST /api/webhooks/stripe": ("/api/webhooks/stripe", {}, (400,), EVERYBODY),
    "POST /api/login": ("/api/login", {}, (422,), EVERYBODY),
    "POST /api/logout": ("/api/logout", None, (204,), PERSON),
    "GET /api/session": ("/api/session", None, (200,), PERSON),
    "POST /api/payments/create-intent": (
        "/api/payments/create-intent", {"amount": 1500, "amicale_id": "{amicale}"}, (200,),
        SELLING),
    "POST /api/payments/{id}/capture": (  # it is not one that waits to be captured
        "/api/payments/{payment}/capture", {}, (409,), SELLING),
    "POST /api/payments/{id}/cancel": (
        "/api/payments/{payment}/cancel", {}, (200, 409), SELLING),
    "POST /api/payments/{id}/refund": (  # nothing was taken yet
        "/api/payments/{payment}/refund", {}, (409,), KEEPING),
    "POST /api/payments/{id}/void": (
        "/api/payments/{sale}/void", {"reason": "saisie deux fois"}, (200, 409),
        {**SELLING, "colleague": ROLE, "operator": IN}),
    "POST /api/payments/batch-sync": (  # everybody's own queue
        "/api/payments/batch-sync", {"transactions": [OFFLINE]}, (202,),
        {**SELLING, "rival": IN, "outsider": IN}),
    "GET /api/batches/{id}": (
        "/api/batches/{batch}", None, (200,),
        {**dict.fromkeys(PEOPLE, HIDDEN), "nobody": NO, "seller": IN}),
    "GET /api/payments/{id}/status": (
        "/api/payments/{payment}/status", None, (200,),
        {**SELLING, "viewer": IN, "operator": IN}),
    "GET /api/amicales/{id}/stats": (
        "/api/amicales/{amicale}/stats", None, (200,), READING),
    "GET /api/pompiers/{id}/ventes": (
        "/api/pompiers/{seller}/ventes", None, (200,),
        {**SELLING, "colleague": HIDDEN, "viewer": IN, "operator": IN}),
    "POST /api/stripe/accounts": (
        "/api/stripe/accounts", {"amicale_id": "{amicale}"}, (200,), KEEPING),
    "GET /api/stripe/accounts/{id}/status": (
        "/api/stripe/accounts/{amicale}/status", None, (200,), READING),
    "POST /api/stripe/accounts/{id}/onboarding-link": (
        "/api/stripe/accounts/{amicale}/onboarding-link", {}, (200,), KEEPING),
    "GET /api/amicales/{id}/onboarding-link": (
        "/api/amicales/{amicale}/onboarding-link", None, (200,), KEEPING),
    "POST /api/stripe/locations": (
        "/api/stripe/locations", {"amicale_id": "{amicale}"}, (200,), KEEPING),
    "POST /api/amicales/{id}/create-location": (
        "/api/amicales/{amicale}/create-location", {}, (200,), KEEPING),
    "POST /api/stripe/terminal/connection-token": (
        "/api/stripe/terminal/connection-token", {}, (200,),
        {**SELLING, "rival": OWN, "outsider": OWN}),
    "POST /api/terminal/connection-token": (
        "/api/terminal/connection-token", {}, (200,),
        {**SELLING, "rival": OWN, "outsider": OWN}),
    "POST /api/terminal/readers": (
        "/api/terminal/readers",
        {"registration_code": "simulated-wpe", "amicale_id": "{amicale}"}, (200,), KEEPING),
    "GET /api/terminal/readers": (
        "/api/terminal/readers?amicale_id={amicale}", None, (200,), READING),
    "GET /api/stripe/config": ("/api/stripe/config", None, (200,), PERSON),
    "GET /api/jobs/{id}": (
        "/api/jobs/{job}", None, (200,),
        {**dict.fromkeys(PEOPLE, HIDDEN), "nobody": NO, "seller": IN}),
    "POST /api/devices/check-tap-to-pay": (
        "/api/devices/check-tap-to-pay",
        {"platform": "ios", "model": "iPhone15,2", "os_version": "17.1"}, (200,), EVERYBODY),
    "GET /api/devices/certified-android": (
        "/api/devices/certified-android", None, (200,), EVERYBODY),
    "GET /api/openapi.yaml": ("/api/openapi.yaml", None, (200,), EVERYBODY),
    "GET /stripe/success": ("/stripe/success", None, (200,), EVERYBODY),
    "GET /stripe/refresh": ("/stripe/refresh", None, (200,), EVERYBODY),
    "GET /healthz": ("/healthz", None, (200,), EVERYBODY),
    "GET /readyz": ("/readyz", None, (200,), EVERYBODY),
    "GET /metrics": ("/metrics", None, (200,), EVERYBODY),  # by address alone
}
ROLES = {"seller": "pompier", "colleague": "pompier", "admin": "admin", "rival": "pompier",
         "outsider": "admin", "viewer": "viewer", "operator": "operator"}


def printed_routes():
    """"METHOD PATTERN" -> who may come in, as the front door says itself."""
    printed = subprocess.run([program("tocsin-api"), "--routes"], check=True, text=True,
                             capture_output=True).stdout
    rows = [line.split() for line in printed.splitlines()]
    return {f"{method} {pattern}": set(who.split(",")) for method, pattern, who in rows}


class World:
    """Two amicales, their people, and what belongs to the first."""

    def __init__(self, town):
        self.town = town
        stack = town.stack
        meet_stripe(stack)
        wait_until(stack.api.is_all_ready, "the front door to have seen its neighbours")
        other = int(town.tocsin("amicale", "add", "--name", "Une autre", "--email",
                                "autre@ville.example", json_output=True)["amicale"])
        self.users = {}
        for who, role in ROLES.items():
            of = other if who in ("rival", "outsider") else None
            self.users[who] = town.user(role, amicale=of)[0]
        seller = self.client("seller")
        made = seller.post("/api/payments/create-intent",
                           {"amount": 2000, "amicale_id": town.amicale, "local_id": "one"},
                           prefer="respond-async")
        assert made.status == 202, made
        job = seller.wait_job(made)
        assert job["status"] == "done" and job["answer"]["status"] == 200, job
        stack.sql("INSERT INTO payment_intents (amicale_id, pompier_id, amount, status,"
                  " payment_method, amount_received, sold_at, sale_day, local_id)"
                  " VALUES (%s, %s, 700, 'succeeded', 'cash', 0, NOW(3), CURDATE(), 'two')",
                  (town.amicale, self.users["seller"]))
        sent = seller.post("/api/payments/batch-sync", {"transactions": [OFFLINE]})
        assert sent.status == 202, sent
        self.things = {
            "amicale": town.amicale, "seller": self.users["seller"], "job": job["id"],
            "batch": sent.json["batch_id"],
            "payment": job["answer"]["body"]["payment_intent_id"],
            "sale": stack.sql_one("SELECT id FROM payment_intents WHERE local_id = 'two'")}

    def client(self, who):
        """With a session of its own: somebody signs out in between."""
        if who == "nobody":
            return Client(self.town.stack.api.url)
        return self.town.session(self.users[who])

    def attempt(self, who, route):
        """(status, code) of one attempt."""
        path, body, _, _ = TABLE[route]
        if body is not None:
            body = {name: self.things["amicale"] if value == "{amicale}" else value
                    for name, value in body.items()}
        answer = self.client(who).request(route.split()[0], path.format(**self.things), body)
        return answer.status, answer.code


@pytest.fixture(scope="module")
def world(town):
    return World(town)


def test_every_route_is_in_the_table():
    assert set(printed_routes()) == set(TABLE)


def test_roles_are_refused_where_the_front_door_says_so():
    """A void is one more's to refuse: a colleague's sale is not a pompier's to void."""
    for route, who_may in printed_routes().items():
        expected = TABLE[route][3]
        for who, role in ROLES.items():
            if (route, who) == ("POST /api/payments/{id}/void", "colleague"):
                continue
            refused = not who_may & {"anyone", "observers", role}
            assert (expected[who] == ROLE) == refused, (route, who)
        assert (expected["nobody"] == NO) != bool(who_may & {"anyone", "observers"}), route


@pytest.mark.parametrize("route", TABLE)
def test_each_comes_in_where_they_may_and_nowhere_else(world, route):
    _, _, good, expected = TABLE[route]
    wanted = {IN: lambda status, code: status in good,
              OWN: lambda status, code: status == 409,
              NO: lambda status, code: (status, code) == (401, "unauthenticated"),
              ROLE: lambda status, code: (status, code) == (403, "role_not_allowed"),
              HIDDEN: lambda status, code: (status, code) == (404, "not_found")}
    surprises = {}
    for who in PEOPLE:
        got = world.attempt(who, route)
        if not wanted[expected[who]](*got):
            surprises[who] = (got, expected[who])
    assert not surprises
