# SPDX-License-Identifier: MIT
"""Accounts, locations, tokens and readers as a web administration and a phone ask for them:
through the front door, with real workers."""

import pytest
import stripe

from support.client import Client
from support.process import wait_until
from support.programs import Worker
from support.stack import Stack

PEOPLE = {"admin": 1, "pompier": 1, "stranger": 2, "operator": None, "viewer": None}
SETTINGS = {"stripe.publishable_key": "pk_test_1", "books.fee_percent_bp": 150,
            "books.fee_minimum_minor": 20, "stripe.total_ms": 4000,
            "worker.beat_ms": 200, "worker.dead_after_ms": 1000}


class House:
    def __init__(self, stack):
        self.stack = stack
        for number, name in ((1, "Amicale de Pléneuf"), (2, "Amicale de Dol")):
            stack.tocsin("amicale", "add", "--id", number, "--name", name, "--email",
                         f"bureau{number}@example.com", "--adresse1", "1 place de la Caserne",
                         "--code-postal", "22370", "--ville", "Pléneuf")
        for name, amicale in PEOPLE.items():
            role = "admin" if name == "stranger" else name
            stack.tocsin("user", "add", "--role", role, "--email", f"{name}@example.com",
                         "--name", name, "--password-file", stack.secrets / "demo_password",
                         *(("--amicale", amicale) if amicale else ()))
        self.people = {name: self.sign_in(name) for name in PEOPLE}
        stripe.api_base = stack.stripesim.url
        stripe.api_key = stack.stripe_key
        stripe.api_version = "2024-06-20"

    def sign_in(self, name):
        client = Client(self.stack.api.url)
        client.login(f"{name}@example.com", self.stack.demo_password)
        return client

    def __getattr__(self, name):
        return self.people[name]

    def clear(self):
        with self.stack.redis.client() as client:
            for name in client.scan_iter("{tocsin}:limit:*", 1000):
                client.delete(name)
        self.stack.stripesim.control("faults", method="DELETE")
        wait_until(self.stack.is_quiet, "the events of the test before to be applied", 30.0)
        with self.stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            for table in ("terminal_readers", "stripe_accounts"):
                cursor.execute(f"DELETE FROM {table}")
            cursor.execute("UPDATE amicales SET stripe_location_id = NULL,"
                           " location_job_id = NULL, location_first_sent_at = NULL,"
                           " location_send_step = 0")

    def account(self):
        return good(self.admin.post("/api/stripe/accounts", {"amicale_id": 1}))

    def onboarded(self):
        account = self.account()["stripe_account_id"]
        self.stack.stripesim.control(f"accounts/{account}/stage", {"stage": "onboarded"})
        wait_until(lambda: good(self.admin.get("/api/stripe/accounts/1/status"))
                   ["charges_enabled"], "the webhook to be applied", 30.0)
        return account


def good(answer):
    assert answer.status == 200, answer
    return answer.json


def problem(answer):
    return answer.status, answer.code


@pytest.fixture(scope="module")
def shared_house(tmp_path_factory, mariadb_server):
    with Stack(tmp_path_factory.mktemp("h"), mariadb=mariadb_server,
               settings=SETTINGS) as stack:
        yield House(stack)


@pytest.fixture
def house(shared_house):
    shared_house.clear()
    return shared_house


def test_an_admin_gets_an_account_and_sees_its_state(house):
    assert problem(house.admin.get("/api/stripe/accounts/1/status")) == (
        409, "account_missing")
    made = house.account()
    assert made["created"] is True and made["amicale_id"] == 1
    assert house.account() == {**made, "created": False}
    for name in (1, made["stripe_account_id"]):
        for who in (house.admin, house.viewer, house.operator):
            state = good(who.get(f"/api/stripe/accounts/{name}/status"))
            assert state["stripe_account_id"] == made["stripe_account_id"]
            assert state["requirements"]["currently_due"]
            assert state["synced_at"]


def test_the_same_idempotency_key_gives_the_same_answer(house):
    first = house.admin.post("/api/stripe/accounts", {"amicale_id": 1}, key="account-1")
    again = house.admin.post("/api/stripe/accounts", {"amicale_id": 1}, key="account-1")
    assert good(again) == good(first)
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("path,what", [
    ("/api/terminal/connection-token", "secret"),
    ("/api/stripe/terminal/connection-token", "secret"),
    ("/api/stripe/accounts/1/onboarding-link", "url"),
])
def test_what_is_good_once_is_new_with_each_key(house, path, what):
    house.onboarded()
    first = house.admin.post(path, {}, key=f"{path}#1")
    again = house.admin.post(path, {}, key=f"{path}#1")
    assert good(again) == good(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert good(house.admin.post(path, {}, key=f"{path}#2"))[what] != first.json[what]


def test_fresh_asks_stripe_first(house):
    account = house.account()["stripe_account_id"]
    house.stack.stripesim.control("webhooks", {"withhold_percent": 100})
    house.stack.stripesim.control(f"accounts/{account}/stage", {"stage": "onboarded"})
    assert not good(house.admin.get("/api/stripe/accounts/1/status"))["charges_enabled"]
    fresh = good(house.admin.get(f"/api/stripe/accounts/{account}/status?fresh=1"))
    assert fresh["charges_enabled"] and fresh["onboarding_completed"]
    assert good(house.admin.get("/api/stripe/accounts/1/status")) == fresh
    house.stack.stripesim.control("webhooks", {"withhold_percent": 0})
    house.stack.stripesim.control("release", {})


def test_a_link_is_made_by_either_route_and_is_never_the_same(house):
    account = house.account()["stripe_account_id"]
    links = [good(house.admin.post(f"/api/stripe/accounts/{account}/onboarding-link")),
             good(house.admin.post("/api/stripe/accounts/1/onboarding-link", {})),
             good(house.admin.get("/api/amicales/1/onboarding-link")),
             good(house.operator.get("/api/amicales/1/onboarding-link"))]
    assert len({link["url"] for link in links}) == 4
    assert all(link["expires_at"] for link in links)


def test_onboarding_at_stripe_is_told_by_its_webhook(house):
    house.onboarded()


def test_a_location_is_made_by_either_route(house):
    made = good(house.admin.post("/api/stripe/locations", {"amicale_id": 1}))
    assert made["created"] is True and made["location_id"].startswith("tml_")
    again = good(house.operator.post("/api/amicales/1/create-location"))
    assert again == {**made, "created": False}


def test_a_seller_gets_tokens_by_either_route(house):
    assert problem(house.pompier.post("/api/terminal/connection-token")) == (
        409, "account_missing")
    house.onboarded()
    tokens = {good(who.post(path, {}))["secret"]
              for who in (house.pompier, house.admin)
              for path in ("/api/terminal/connection-token",
                           "/api/stripe/terminal/connection-token")}
    assert len(tokens) == 4
    place = good(house.admin.post("/api/stripe/locations", {"amicale_id": 1}))
    assert place["created"] is False
    assert good(house.pompier.post("/api/terminal/connection-token"))["location_id"] == (
        place["location_id"])
    logs = "".join(process.log.read_text(errors="replace")
                   for process in (house.stack.api, *house.stack.workers))
    assert not any(token in logs for token in tokens)


def test_readers_are_registered_and_listed(house):
    assert problem(house.admin.post("/api/terminal/readers",
                                    {"registration_code": "simulated-wpe"})) == (
        409, "amicale_incomplete")
    good(house.admin.post("/api/stripe/locations", {"amicale_id": 1}))
    made = good(house.admin.post("/api/terminal/readers", {
        "registration_code": "simulated-wpe", "label": "Comptoir"}))
    assert made["label"] == "Comptoir"
    other = good(house.operator.post("/api/terminal/readers", {
        "registration_code": "simulated-wpe", "amicale_id": 1}))
    listed = good(house.admin.get("/api/terminal/readers"))
    assert [one["id"] for one in listed["readers"]] == [made["id"], other["id"]]
    assert listed["fresh"] is True
    assert good(house.viewer.get("/api/terminal/readers?amicale_id=1"))["fresh"] is True
    for who in (house.viewer, house.operator):
        assert problem(who.get("/api/terminal/readers")) == (422, "invalid_fields")


def test_thirty_times_a_minute_a_user_may_have_stripe_asked(house):
    house.account()
    asks = [("POST", "/api/terminal/connection-token"),
            ("POST", "/api/stripe/terminal/connection-token"),
            ("GET", "/api/amicales/1/onboarding-link"),
            ("POST", "/api/stripe/accounts/1/onboarding-link"),
            ("GET", "/api/stripe/accounts/1/status?fresh=1"),
            ("GET", "/api/terminal/readers")]
    answers = [house.admin.request(*asks[number % len(asks)]) for number in range(30)]
    assert {answer.status for answer in answers} == {200, 409}  # no token before it may charge
    assert 'RateLimit-Policy' in answers[-1].headers

    def refused():
        answers = (house.admin.request(*asks[0]) for _ in range(60))
        return next(answer for answer in answers if answer.status not in (200, 409))
    answer = refused()
    assert problem(answer) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1
    for ask in asks:  # one is allowed again each 2 s, and may be this one, but not each time
        assert any(refused() and house.admin.request(*ask).status == 429
                   for _ in range(10)), ask
    assert house.admin.get("/api/stripe/accounts/1/status").status == 200
    assert house.operator.get("/api/stripe/accounts/1/status?fresh=1").status == 200


def test_phones_are_told_what_they_must_know(house):
    for who in house.people.values():
        assert good(who.get("/api/stripe/config")) == {
            "publishable_key": "pk_test_1", "currency": "eur", "amount_min": 100,
            "amount_max": 50000, "fee": {"percent_bp": 150, "minimum": 20},
            "livemode": False}


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/api/stripe/accounts", {"amicale_id": 1}),
    ("GET", "/api/stripe/accounts/1/status", None),
    ("GET", "/api/stripe/accounts/1/status?fresh=1", None),
    ("GET", "/api/stripe/accounts/{account}/status", None),
    ("GET", "/api/stripe/accounts/{account}/status?fresh=1", None),
    ("POST", "/api/stripe/accounts/1/onboarding-link", {}),
    ("POST", "/api/stripe/accounts/{account}/onboarding-link", {}),
    ("GET", "/api/amicales/1/onboarding-link", None),
    ("POST", "/api/stripe/locations", {"amicale_id": 1}),
    ("POST", "/api/amicales/1/create-location", None),
    ("POST", "/api/terminal/readers", {"registration_code": "a-b-c", "amicale_id": 1}),
    ("GET", "/api/terminal/readers?amicale_id=1", None)])
def test_another_amicales_things_are_not_there(house, method, path, body):
    account = house.account()["stripe_account_id"]
    answer = house.stranger.request(method, path.format(account=account), body)
    assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize("path, name, code", [
    ("/api/stripe/accounts/0/status", "admin", 404),
    ("/api/stripe/accounts/acct_none/status", "operator", 404),
    ("/api/stripe/accounts/acct_%2F..%2F/status", "operator", 404),
    ("/api/stripe/accounts/x/status", "operator", 404),
    ("/api/stripe/accounts/1/status?fresh=yes", "admin", 422),
    ("/api/stripe/accounts/1/status?fresch=1", "admin", 422),
    ("/api/stripe/accounts/99/status", "operator", 404)])
def test_a_path_that_names_no_account_is_not_found(house, path, name, code):
    assert getattr(house, name).get(path).status == code


def test_a_worker_that_is_killed_behind_stripes_answer_leaves_one_account(house):
    stack = house.stack
    count = len(stripe.Account.list(limit=100).data)
    stack.workers[0].stop()
    crashing = Worker(stack.config, "crashing", binary="tocsin-worker-test",
                      environment={"TOCSIN_CRASH_AT": "posted"}).start()
    asked = house.admin.post("/api/stripe/accounts", {"amicale_id": 1},
                             prefer="respond-async")
    assert asked.status == 202
    assert crashing.wait_exit() == -9
    stack.workers[0].start()
    job = house.admin.wait_job(asked)
    assert job["status"] == "done" and job["answer"]["status"] == 200
    account = job["answer"]["body"]["stripe_account_id"]
    assert job["answer"]["body"]["created"] is True
    assert [one.id for one in stripe.Account.list(limit=100).data[:-count or None]] == [
        account]
