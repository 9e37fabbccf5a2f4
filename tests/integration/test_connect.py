# SPDX-License-Identifier: MIT
"""Accounts and onboarding: made once whatever fails, found again, and shown to those whose
they are."""

import threading

import pytest

from connect_room import (
    ADMIN, BARE, OPERATOR, OTHER, STRANGER, WHOLE, ConnectRoom)
from support import events
from support.process import wait_until

CREATE = {"amicale_id": WHOLE}


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory, mariadb_server):
    room = ConnectRoom(tmp_path_factory.mktemp("c"), mariadb_server).start()
    yield room
    room.stop()


@pytest.fixture
def room(shared_room):
    shared_room.clear()
    return shared_room


def rows(room):
    return room.sql("SELECT amicale_id, stripe_account_id, deauthorized_at IS NOT NULL"
                    " FROM stripe_accounts ORDER BY id")


# --- making an account --------------------------------------------------------------------

def test_an_account_is_made_as_stripe_wants_an_amicale_of_france(room):
    made = room.good("account.create", CREATE)
    (account,) = room.accounts()
    assert made == {"amicale_id": WHOLE, "stripe_account_id": account.id,
                    "charges_enabled": False, "payouts_enabled": False,
                    "onboarding_completed": False, "created": True}
    assert (account.type, account.country, account.business_type, account.email) == (
        "express", "FR", "non_profit", "bureau1@example.com")
    assert account.business_profile.product_description == (
        "Vente de calendriers des pompiers")
    assert account.business_profile.mcc == "8398"
    assert set(account.capabilities) == {"card_payments", "transfers"}
    row = room.sql_one("SELECT id FROM stripe_accounts")
    assert account.metadata == {"amicale_id": str(WHOLE), "account_id": str(row)}
    assert room.sql_one("SELECT requirements IS NOT NULL AND synced_at IS NOT NULL"
                        " FROM stripe_accounts") == 1


def test_an_account_that_is_there_is_answered_and_not_made_again(room):
    first = room.good("account.create", CREATE)
    again = room.good("account.create", CREATE, OPERATOR)
    assert again == {**first, "created": False}
    assert len(room.accounts()) == 1


def test_a_job_that_comes_again_gives_the_same_answer(room):
    job = room.job("account.create", CREATE)
    assert room.finish(job) == room.finish(job)
    assert len(room.accounts()) == 1


def test_two_admins_at_once_get_one_account(room):
    room.fault("latency", "/v1/accounts", ms=400, times=2)
    answers = room.at_once(room.job("account.create", CREATE),
                           room.job("account.create", CREATE, OPERATOR))
    (account,) = room.accounts()
    assert {one["body"]["stripe_account_id"] for one in answers} == {account.id}
    assert sorted(one["body"]["created"] for one in answers) == [False, True]
    assert rows(room) == ((WHOLE, account.id, 0),)


@pytest.mark.parametrize("kind, times", [
    ("drop_after", 1), ("drop_after", 3), ("drop_before", 4), ("error_after", 1),
    ("unavailable", 4), ("rate_limit", 4)])
def test_stripe_may_fail_in_any_way_and_one_account_is_made(room, kind, times):
    room.fault(kind, "/v1/accounts", times=times)
    made = room.good("account.create", CREATE)
    (account,) = room.accounts()
    assert (made["stripe_account_id"], made["created"]) == (account.id, True)


def test_a_worker_that_dies_before_the_answer_leaves_an_account_that_is_found(room):
    room.fault("slow_answer", "/v1/accounts", ms=3000, times=1)
    job = room.job("account.create", CREATE)
    room.killed(job, lambda: room.accounts())
    assert rows(room) == ((WHOLE, None, 0),)
    made = room.finish(job)["body"]
    (account,) = room.accounts()
    assert (made["stripe_account_id"], made["created"]) == (account.id, True)


def test_another_job_goes_on_where_one_has_died(room):
    room.fault("slow_answer", "/v1/accounts", ms=3000, times=1)
    room.killed(room.job("account.create", CREATE), lambda: room.accounts())
    made = room.good("account.create", CREATE, OPERATOR)
    (account,) = room.accounts()
    assert (made["stripe_account_id"], made["created"]) == (account.id, False)


def test_an_event_that_outruns_the_answer_finds_the_row(room):
    room.fault("slow_answer", "/v1/accounts", ms=1500, times=1)
    job = room.job("account.create", CREATE)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(room.finish(job, room.open())))
    thread.start()
    wait_until(lambda: room.accounts(), "the account", 20.0)
    (account,) = room.accounts()
    told = room.handle.event(events.event("account.updated", account.to_dict_recursive(),
                                          account=account.id))
    assert told["outcome"] == "DONE", told
    assert rows(room) == ((WHOLE, account.id, 0),)
    thread.join()
    assert answers[0]["body"]["stripe_account_id"] == account.id
    assert rows(room) == ((WHOLE, account.id, 0),)
    assert room.sql("SELECT kind FROM reconciliation_findings") == ()


def test_an_account_that_has_left_makes_room_for_a_new_one(room):
    first = room.good("account.create", CREATE)["stripe_account_id"]
    room.sim.control(f"accounts/{first}/deauthorize", {})
    state = room.good("account.refresh", {"account": first})
    assert (state["stripe_account_id"], state["charges_enabled"]) == (first, False)
    second = room.good("account.create", CREATE)
    assert second["created"] and second["stripe_account_id"] != first
    assert rows(room) == ((WHOLE, first, 1), (WHOLE, second["stripe_account_id"], 0))


def test_an_amicale_without_a_name_or_an_address_of_mail_is_told_what_is_missing(room):
    kept = room.sql("SELECT encrypted_email FROM amicales WHERE id = %s", (BARE,))[0][0]
    room.execute("UPDATE amicales SET encrypted_email = NULL WHERE id = %s", (BARE,))
    answer = room.ask("account.create", {"amicale_id": BARE}, OPERATOR)
    room.execute("UPDATE amicales SET encrypted_email = %s WHERE id = %s", (kept, BARE))
    assert answer == {"problem": "amicale_incomplete",
                      "fields": [{"field": "email", "code": "missing"}]}
    assert room.accounts() == [] and rows(room) == ()
    assert room.good("account.create", {"amicale_id": BARE}, OPERATOR)["created"]


@pytest.mark.parametrize("kind, body", [
    ("account.create", {"amicale_id": WHOLE}), ("account.refresh", {"amicale_id": WHOLE}),
    ("account.link", {"amicale_id": WHOLE}), ("location.create", {"amicale_id": WHOLE}),
    ("reader.list", {"amicale_id": WHOLE}), ("account.create", {"amicale_id": 99}),
    ("reader.register", {"amicale_id": WHOLE, "registration_code": "a-b-c"})])
def test_what_is_another_amicales_is_not_there(room, kind, body):
    room.good("account.create", CREATE)
    answer = room.ask(kind, body, STRANGER)
    assert answer == {"problem": "not_found"}
    assert len(room.accounts()) == 1 and room.locations() == []


# --- state and links ----------------------------------------------------------------------

def test_a_state_is_refreshed_from_stripe(room):
    account = room.good("account.create", CREATE)["stripe_account_id"]
    room.sim.control(f"accounts/{account}/stage", {"stage": "onboarded"})
    for body, user in (({"amicale_id": WHOLE}, ADMIN), ({"account": account}, OPERATOR)):
        state = room.good("account.refresh", body, user)
        assert state["charges_enabled"] and state["payouts_enabled"]
        assert state["onboarding_completed"] and state["requirements"]["past_due"] == []
        assert state["synced_at"].endswith("Z")
    room.sim.control(f"accounts/{account}/stage", {"stage": "restricted"})
    state = room.good("account.refresh", {"amicale_id": WHOLE})
    assert not state["charges_enabled"]
    assert state["requirements"]["disabled_reason"] == "requirements.past_due"


def test_the_state_of_no_account_is_that_there_is_none(room):
    for kind in ("account.refresh", "account.link"):
        assert room.ask(kind, {"amicale_id": WHOLE}) == {"problem": "account_missing"}
        assert room.ask(kind, {"account": "acct_none"}) == {"problem": "not_found"}


def test_the_account_of_another_amicale_is_not_there_by_its_own_name(room):
    account = room.good("account.create", {"amicale_id": OTHER}, OPERATOR)
    body = {"account": account["stripe_account_id"]}
    assert room.ask("account.refresh", body) == {"problem": "not_found"}
    assert room.ask("account.link", body) == {"problem": "not_found"}
    assert room.good("account.refresh", body, STRANGER)["amicale_id"] == OTHER


def test_each_link_is_new_and_says_until_when_it_works(room):
    room.good("account.create", CREATE)
    one, two = (room.good("account.link", {"amicale_id": WHOLE}) for _ in range(2))
    assert one["url"] != two["url"] and one["url"].startswith(room.sim.url)
    assert one["expires_at"].endswith("Z")


def test_a_link_is_asked_for_again_when_stripe_stored_a_failure(room):
    room.good("account.create", CREATE)
    room.fault("error_before", "/v1/account_links", times=1)
    job = room.job("account.link", {"amicale_id": WHOLE})
    assert room.handle.run(*job)["outcome"] == "LATER"
    again = (job[0].replace(job[0][-4:], "0000"), *job[1:])
    assert room.finish(again)["status"] == 200
