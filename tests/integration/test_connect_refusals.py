# SPDX-License-Identifier: MIT
"""Accounts, locations and readers at a Stripe that answers what the test says: refusals for
good, and what exactly it is asked."""

import json

import pytest

from connect_room import OPERATOR, SELLER, WHOLE, ConnectRoom
from test_worker_stripe import FakeStripe, error

CREATE = {"amicale_id": WHOLE}
NONE = (200, {}, b'{"object": "list", "data": [], "has_more": false}')


@pytest.fixture(scope="module")
def room(tmp_path_factory, mariadb_server):
    """Its Stripe answers what a test says."""
    fake = FakeStripe()
    room = ConnectRoom(tmp_path_factory.mktemp("f"), mariadb_server,
                       settings={"stripe.api_base": fake.url}).start()
    room.fake = fake
    yield room
    room.stop()
    fake.stop()


def test_what_stripe_refuses_is_told_and_may_be_asked_again(room):
    room.clear()
    room.fake.answers = [error(400, type="invalid_request_error", code="email_invalid",
                               param="email", message="Invalid email address")]
    answer = room.ask("account.create", CREATE)
    assert answer["problem"] == "stripe_refused"
    assert answer["about"] == {
        "status": 400, "type": "invalid_request_error", "code": "email_invalid",
        "decline_code": None, "param": "email", "message": "Invalid email address",
        "request_id": "req_7"}
    account = json.dumps({"id": "acct_1New", "object": "account", "created": 1764000000,
                          "charges_enabled": False, "payouts_enabled": False,
                          "details_submitted": False, "metadata": {}}).encode()
    room.fake.answers = [NONE, (200, {}, account), (200, {}, account)]
    made = room.good("account.create", CREATE)
    assert (made["stripe_account_id"], made["created"]) == ("acct_1New", True)
    assert len(set(keys_of_posts(room))) == 2
    assert room.sql_one("SELECT COUNT(*) FROM stripe_accounts") == 1


def test_an_account_whose_answer_was_lost_is_found_after_a_refusal_too(room):
    room.clear()
    room.fake.answers = ["drop"] * 6
    lost = room.job("account.create", CREATE)
    assert room.handle.run(*lost)["outcome"] == "UNSURE"
    room.fake.answers = [error(400, type="invalid_request_error", param="email")]
    assert room.ask("account.create", CREATE, OPERATOR)["problem"] == "stripe_refused"
    row = room.sql_one("SELECT id FROM stripe_accounts")
    account = {"id": "acct_1Lost", "object": "account", "created": 1764000000,
               "charges_enabled": False, "payouts_enabled": False,
               "details_submitted": False,
               "metadata": {"amicale_id": str(WHOLE), "account_id": str(row)}}
    room.fake.asked.clear()
    room.fake.answers = [(200, {}, json.dumps({"object": "list", "has_more": False,
                                               "data": [account]}).encode()),
                         (200, {}, json.dumps(account).encode())]
    assert room.good("account.create", CREATE)["stripe_account_id"] == "acct_1Lost"
    assert keys_of_posts(room) == []


def keys_of_posts(room):
    return [headers["Idempotency-Key"] for method, _, headers, _ in room.fake.asked
            if method == "POST"]


def test_a_location_that_is_refused_may_be_asked_for_again(room):
    room.clear()
    room.fake.asked.clear()
    room.fake.answers = [error(400, type="invalid_request_error", message="Invalid city",
                               param="address[city]")]
    answer = room.ask("location.create", {"amicale_id": WHOLE})
    assert (answer["problem"], answer["about"]["param"]) == (
        "stripe_refused", "address[city]")
    room.fake.answers = [NONE, (200, {}, b'{"id": "tml_1", "object": "terminal.location"}')]
    made = room.good("location.create", {"amicale_id": WHOLE}, OPERATOR)
    assert made == {"amicale_id": WHOLE, "location_id": "tml_1", "created": True}
    assert len(set(keys_of_posts(room))) == 2


GONE = error(400, type="invalid_request_error", param="location", code="resource_missing")
TOKEN = (200, {}, b'{"object": "terminal.connection_token", "secret": "pst_1"}')


def location(name):
    return 200, {}, json.dumps({"id": name, "object": "terminal.location"}).encode()


@pytest.fixture
def selling(room):
    """The amicale may charge, and has no location."""
    room.clear()
    room.fake.asked.clear()
    room.execute("INSERT INTO stripe_accounts (amicale_id, stripe_account_id,"
                 " charges_enabled) VALUES (1, 'acct_1', TRUE)")
    return room


def scopes(room):
    """What each token was asked for with."""
    return [body for method, path, _, body in room.fake.asked
            if path == "/v1/terminal/connection_tokens"]


def test_a_token_is_of_no_location_while_stripe_refuses_the_address(selling):
    selling.fake.answers = [error(400, type="invalid_request_error",
                                  param="address[postal_code]"), TOKEN]
    assert selling.good("terminal.token", {}, SELLER) == {
        "secret": "pst_1", "location_id": None}
    selling.fake.answers = [NONE, location("tml_1"), TOKEN]
    assert selling.good("terminal.token", {}, SELLER) == {
        "secret": "pst_1", "location_id": "tml_1"}
    assert scopes(selling) == [b"", b"location=tml_1"]


def test_no_token_is_given_for_a_location_that_comes_and_goes(selling):
    selling.execute("UPDATE amicales SET stripe_location_id = 'tml_1' WHERE id = 1")
    selling.fake.answers = [GONE, location("tml_2"), GONE]
    job = selling.job("terminal.token", {}, SELLER)
    assert selling.handle.run(*job)["outcome"] == "LATER"
    assert scopes(selling) == [b"location=tml_1", b"location=tml_2"]
    assert selling.sql_one("SELECT stripe_location_id FROM amicales WHERE id = 1") is None


def test_readers_are_not_shown_at_a_location_that_stripe_does_not_know(room):
    room.clear()
    room.execute("UPDATE amicales SET stripe_location_id = 'tml_gone' WHERE id = 1")
    room.execute("INSERT INTO terminal_readers (stripe_reader_id, amicale_id, location,"
                 " status) VALUES ('tmr_1', 1, 'tml_gone', 'online')")
    room.fake.answers = [error(400, type="invalid_request_error", param="location",
                               code="resource_missing")]
    listed = room.good("reader.list", {"amicale_id": WHOLE})
    assert listed == {"readers": [], "fresh": True}
    assert room.sql_one("SELECT stripe_location_id FROM amicales WHERE id = 1") is None


def test_a_reader_that_is_known_and_registered_anew_is_answered_as_it_is(room):
    room.clear()
    room.execute("UPDATE amicales SET stripe_location_id = 'tml_1' WHERE id = 1")
    room.execute("INSERT INTO terminal_readers (id, stripe_reader_id, location, status)"
                 " VALUES (50, 'tmr_1', 'tml_0', 'offline')")
    reader = {"id": "tmr_1", "object": "terminal.reader", "label": "Comptoir",
              "device_type": "bbpos_wisepos_e", "location": "tml_1", "status": "online",
              "serial_number": "1", "metadata": {}}
    room.fake.answers = [(200, {}, json.dumps(reader).encode())] * 2
    made = room.good("reader.register", {"amicale_id": WHOLE, "registration_code": "a-b-c"})
    assert (made["id"], made["stripe_reader_id"], made["location"]) == (50, "tmr_1", "tml_1")
    assert room.sql_one("SELECT amicale_id FROM terminal_readers WHERE id = 50") == WHOLE


def test_another_refusal_of_stripe_takes_no_location_away(room):
    room.clear()
    room.execute("UPDATE amicales SET stripe_location_id = 'tml_1' WHERE id = 1")
    room.fake.answers = [error(400, type="invalid_request_error", param="location",
                               code="parameter_invalid_empty")]
    assert room.good("reader.list", {"amicale_id": WHOLE})["fresh"] is False
    assert room.sql_one("SELECT stripe_location_id FROM amicales WHERE id = 1") == "tml_1"


def test_a_key_that_stripe_refuses_kills_no_job(room):
    room.clear()
    room.fake.answers = [error(401)]
    answer = room.handle.run(*room.job("location.create", {"amicale_id": WHOLE}))
    assert (answer["outcome"], answer["neighbour"]) == ("LATER", "stripe")


def test_a_link_leads_back_to_our_pages_unless_the_settings_say_where(room):
    room.clear()
    room.execute("INSERT INTO stripe_accounts (amicale_id, stripe_account_id)"
                 " VALUES (1, 'acct_1')")
    room.fake.asked.clear()
    room.fake.answers = [(200, {}, b'{"object": "account_link", "url": "https://connect.'
                                   b'stripe.com/setup/1", "expires_at": 1764000300}')]
    link = room.good("account.link", {"amicale_id": WHOLE})
    assert link == {"url": "https://connect.stripe.com/setup/1",
                    "expires_at": "2025-11-24T16:05:00.000Z"}
    ((_, path, headers, body),) = room.fake.asked
    assert path == "/v1/account_links" and "Stripe-Account" not in headers
    assert body == (b"account=acct_1&type=account_onboarding"
                    b"&refresh_url=https%3A%2F%2Ftocsin.test%2Fstripe%2Frefresh"
                    b"&return_url=https%3A%2F%2Ftocsin.test%2Fstripe%2Fsuccess")
