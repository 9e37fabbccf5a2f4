# SPDX-License-Identifier: MIT
"""Locations, connection tokens and readers: all of them the platform's, made once whatever
fails, and shown as Stripe has them."""

import threading

import pytest
import stripe

from connect_room import (
    ADMIN, BARE, OPERATOR, OTHER, SELLER, STRANGER, WHOLE, ConnectRoom)
from support import events
from support.process import wait_until

MINE = {"amicale_id": WHOLE}
LOCATIONS = "/v1/terminal/locations"
READERS = "/v1/terminal/readers"


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory, mariadb_server):
    room = ConnectRoom(tmp_path_factory.mktemp("t"), mariadb_server).start()
    yield room
    room.stop()


@pytest.fixture
def room(shared_room):
    shared_room.clear()
    return shared_room


@pytest.fixture
def placed(room):
    """The amicale has its location."""
    room.place = room.good("location.create", MINE)["location_id"]
    return room


# --- locations ----------------------------------------------------------------------------

def test_a_location_is_made_from_the_amicales_address(room):
    made = room.good("location.create", MINE)
    (location,) = room.locations()
    assert made == {"amicale_id": WHOLE, "location_id": location.id, "created": True}
    assert location.display_name == "Amicale de Pléneuf"
    assert location.address.to_dict() == {
        "line1": "1 place de la Caserne", "line2": "Bâtiment B", "city": "Pléneuf-Val-André",
        "postal_code": "22370", "country": "FR", "state": None}
    assert location.metadata == {"amicale_id": str(WHOLE)}


def test_a_location_that_is_there_is_answered_and_not_made_again(placed):
    again = placed.good("location.create", MINE, OPERATOR)
    assert again == {"amicale_id": WHOLE, "location_id": placed.place, "created": False}
    assert len(placed.locations()) == 1


def test_an_amicale_without_an_address_is_told_what_is_missing(room):
    answer = room.ask("location.create", {"amicale_id": BARE}, OPERATOR)
    assert answer["problem"] == "amicale_incomplete"
    assert answer["fields"] == [{"field": name, "code": "missing"}
                                for name in ("adresse1", "code_postal", "ville")]
    assert room.locations() == []


def test_two_admins_at_once_get_one_location(room):
    room.fault("latency", LOCATIONS, ms=400, times=2)
    answers = room.at_once(room.job("location.create", MINE),
                           room.job("location.create", MINE, OPERATOR))
    (location,) = room.locations()
    assert {one["body"]["location_id"] for one in answers} == {location.id}
    assert sorted(one["body"]["created"] for one in answers) == [False, True]


@pytest.mark.parametrize("kind, times", [
    ("drop_after", 1), ("drop_after", 3), ("drop_before", 4), ("error_after", 1),
    ("unavailable", 4), ("rate_limit", 4)])
def test_stripe_may_fail_in_any_way_and_one_location_is_made(room, kind, times):
    room.fault(kind, LOCATIONS, times=times)
    made = room.good("location.create", MINE)
    (location,) = room.locations()
    assert (made["location_id"], made["created"]) == (location.id, True)


def test_a_worker_that_dies_before_the_answer_leaves_a_location_that_is_found(room):
    room.fault("slow_answer", LOCATIONS, ms=3000, times=1)
    job = room.job("location.create", MINE)
    room.killed(job, room.locations)
    assert room.sql_one("SELECT stripe_location_id FROM amicales WHERE id = 1") is None
    made = room.finish(job)["body"]
    (location,) = room.locations()
    assert (made["location_id"], made["created"]) == (location.id, True)


# --- connection tokens --------------------------------------------------------------------

def charging(room):
    room.onboard(room.good("account.create", MINE)["stripe_account_id"])


def test_a_seller_gets_a_token_once_the_amicale_may_charge(room):
    assert room.ask("terminal.token", {}, SELLER) == {"problem": "account_missing"}
    account = room.good("account.create", MINE)["stripe_account_id"]
    answer = room.ask("terminal.token", {}, SELLER)
    assert answer["problem"] == "account_cannot_charge"
    assert answer["about"]["onboarding_completed"] is False
    room.sim.control(f"accounts/{account}/stage", {"stage": "onboarded"})
    one, two = (room.good("terminal.token", {}, user) for user in (SELLER, ADMIN))
    assert set(one) == {"secret", "location_id"} and one["secret"].startswith("pst_test_")
    assert one["secret"] != two["secret"]
    assert room.ask("terminal.token", {}, STRANGER) == {"problem": "account_missing"}


def place_of(room):
    return room.sql_one("SELECT stripe_location_id FROM amicales WHERE id = %s", (WHOLE,))


def scopes(room):
    """The location of each token that Stripe gave, by its secret."""
    return {token["id"]: token["location"]
            for token in room.sim.control("summary")["connection_tokens"]}


def test_a_token_is_good_for_the_amicales_location_alone(placed):
    charging(placed)
    given = placed.good("terminal.token", {}, SELLER)
    assert given["location_id"] == placed.place
    assert scopes(placed) == {given["secret"]: placed.place}


def test_the_first_token_makes_the_location(room):
    charging(room)
    given = room.good("terminal.token", {}, SELLER)
    (location,) = room.locations()
    assert given["location_id"] == location.id == place_of(room)
    assert location.display_name == "Amicale de Pléneuf"
    assert scopes(room) == {given["secret"]: location.id}
    assert room.good("terminal.token", {}, ADMIN)["location_id"] == location.id
    assert room.good("location.create", MINE) == {
        "amicale_id": WHOLE, "location_id": location.id, "created": False}
    assert len(room.locations()) == 1


def test_two_phones_at_once_get_tokens_of_one_location(room):
    charging(room)
    room.fault("latency", LOCATIONS, ms=400, times=2)
    answers = room.at_once(room.job("terminal.token", {}, SELLER),
                           room.job("terminal.token", {}, ADMIN))
    (location,) = room.locations()
    assert {one["body"]["location_id"] for one in answers} == {location.id}
    assert list(scopes(room).values()) == [location.id] * 2


def test_a_phone_and_an_admin_at_once_get_one_location(room):
    charging(room)
    room.fault("latency", LOCATIONS, ms=400, times=2)
    answers = room.at_once(room.job("terminal.token", {}, SELLER),
                           room.job("location.create", MINE))
    (location,) = room.locations()
    assert {one["body"]["location_id"] for one in answers} == {location.id}


@pytest.mark.parametrize("kind, times", [
    ("drop_after", 1), ("drop_after", 3), ("drop_before", 4), ("error_after", 1),
    ("unavailable", 4)])
def test_stripe_may_fail_in_any_way_and_the_token_has_one_location(room, kind, times):
    charging(room)
    room.fault(kind, LOCATIONS, times=times)
    given = room.good("terminal.token", {}, SELLER)
    (location,) = room.locations()
    assert scopes(room) == {given["secret"]: location.id}


def test_a_worker_that_dies_while_a_token_makes_the_location_leaves_one(room):
    charging(room)
    room.fault("slow_answer", LOCATIONS, ms=3000, times=1)
    job = room.job("terminal.token", {}, SELLER)
    room.killed(job, room.locations)
    assert place_of(room) is None
    other = room.good("terminal.token", {}, ADMIN)
    given = room.finish(job)["body"]
    (location,) = room.locations()
    assert other["location_id"] == given["location_id"] == location.id


def test_an_amicale_without_a_full_address_gets_tokens_of_no_location(room):
    charging(room)
    room.execute("UPDATE amicales SET code_postal = ' ' WHERE id = %s", (WHOLE,))
    given = room.good("terminal.token", {}, SELLER)
    room.execute("UPDATE amicales SET code_postal = '22370' WHERE id = %s", (WHOLE,))
    assert given["location_id"] is None
    assert scopes(room) == {given["secret"]: None}
    assert room.locations() == []
    assert room.good("terminal.token", {}, SELLER)["location_id"] == place_of(room)


def test_a_location_that_was_deleted_at_stripe_is_made_again_with_the_next_token(placed):
    charging(placed)
    assert placed.good("terminal.token", {}, SELLER)["location_id"] == placed.place
    stripe.terminal.Location.retrieve(placed.place).delete()
    given = placed.good("terminal.token", {}, SELLER)
    (location,) = placed.locations()
    assert given["location_id"] == location.id == place_of(placed) != placed.place
    assert scopes(placed)[given["secret"]] == location.id
    assert placed.good("location.create", MINE)["created"] is False


def test_two_phones_that_find_the_location_deleted_make_one_again(placed):
    charging(placed)
    stripe.terminal.Location.retrieve(placed.place).delete()
    placed.fault("latency", LOCATIONS, ms=400, times=2)
    answers = placed.at_once(placed.job("terminal.token", {}, SELLER),
                             placed.job("terminal.token", {}, ADMIN))
    (location,) = placed.locations()
    assert {one["body"]["location_id"] for one in answers} == {location.id}


def test_a_job_whose_own_location_was_deleted_makes_another_one(room):
    job = room.job("location.create", MINE)
    first = room.finish(job)["body"]["location_id"]
    stripe.terminal.Location.retrieve(first).delete()
    room.execute("UPDATE amicales SET stripe_location_id = NULL, location_job_id = NULL")
    second = room.finish(job)["body"]["location_id"]
    (location,) = room.locations()
    assert second == location.id != first


def test_a_reader_at_a_location_that_is_gone_wants_a_new_location_first(placed):
    stripe.terminal.Location.retrieve(placed.place).delete()
    body = {**MINE, "registration_code": "simulated-wpe"}
    missing = {"problem": "amicale_incomplete",
               "fields": [{"field": "location", "code": "missing"}]}
    assert placed.ask("reader.register", body) == missing
    placed.good("location.create", MINE)
    assert placed.good("reader.register", body)["status"] == "online"


def test_a_token_is_in_no_table(room):
    charging(room)
    room.good("terminal.token", {}, SELLER)
    assert room.sql_one("SELECT COUNT(*) FROM idempotency_keys") == 0


def test_a_token_that_nobody_waits_for_any_more_is_not_made(room):
    charging(room)
    answer = room.ask("terminal.token", {}, SELLER, until_ms=1)
    assert answer == {"problem": "too_late"}


@pytest.mark.parametrize("kind", ["drop_after", "error_before", "unavailable"])
def test_a_token_is_asked_for_again_when_stripe_fails(room, kind):
    charging(room)
    room.fault(kind, "/v1/terminal/connection_tokens", times=4)
    job = room.job("terminal.token", {}, SELLER)
    first = room.handle.run(*job)
    assert first["outcome"] == "LATER", first
    room.sim.control("faults", method="DELETE")
    assert room.good("terminal.token", {}, SELLER)["secret"]


# --- readers ------------------------------------------------------------------------------

def register(room, user=ADMIN, code="simulated-wpe", **more):
    return room.good("reader.register", {**MINE, "registration_code": code, **more}, user)


def readers(room, user=ADMIN, amicale=WHOLE):
    return room.good("reader.list", {"amicale_id": amicale}, user)


def test_without_a_location_no_reader_can_be_registered(room):
    answer = room.ask("reader.register", {**MINE, "registration_code": "simulated-wpe"})
    assert answer == {"problem": "amicale_incomplete",
                      "fields": [{"field": "location", "code": "missing"}]}
    assert room.sql_one("SELECT COUNT(*) FROM terminal_readers") == 0


def test_a_reader_is_registered_at_the_amicales_location(placed):
    made = register(placed, label="Comptoir")
    (reader,) = placed.readers()
    assert made == {"id": made["id"], "stripe_reader_id": reader.id, "label": "Comptoir",
                    "device_type": "simulated_wisepos_e",
                    "serial_number": reader.serial_number, "status": "online",
                    "location": placed.place, "last_seen_at": made["last_seen_at"]}
    assert made["last_seen_at"].endswith("Z")
    assert reader.metadata == {"amicale_id": str(WHOLE), "reader_id": str(made["id"])}
    assert placed.sql("SELECT amicale_id FROM terminal_readers") == ((WHOLE,),)


def test_a_job_that_comes_again_registers_no_second_reader(placed):
    job = placed.job("reader.register", {**MINE, "registration_code": "simulated-wpe"})
    assert placed.finish(job) == placed.finish(job)
    assert len(placed.readers()) == 1


def test_a_code_that_no_reader_shows_is_refused(placed):
    answer = placed.ask("reader.register", {**MINE, "registration_code": "bonjour"})
    assert answer["problem"] == "stripe_refused"
    assert answer["about"]["param"] == "registration_code"
    assert readers(placed) == {"readers": [], "fresh": True}


@pytest.mark.parametrize("kind, times", [
    ("drop_after", 3), ("error_after", 1), ("unavailable", 4)])
def test_stripe_may_fail_in_any_way_and_one_reader_is_registered(placed, kind, times):
    placed.fault(kind, READERS, times=times)
    made = register(placed, code="puppies-plug-could")
    (reader,) = placed.readers()
    assert made["stripe_reader_id"] == reader.id


def test_a_worker_that_dies_before_the_answer_leaves_a_reader_that_is_found(placed):
    placed.fault("slow_answer", READERS, ms=3000, times=1)
    job = placed.job("reader.register", {**MINE, "registration_code": "puppies-plug-could"})
    placed.killed(job, placed.readers)
    made = placed.finish(job)["body"]
    (reader,) = placed.readers()
    assert made["stripe_reader_id"] == reader.id


def test_an_event_that_outruns_the_answer_finds_the_readers_row(placed):
    placed.fault("slow_answer", READERS, ms=1500, times=1)
    answers = []
    job = placed.job("reader.register", {**MINE, "registration_code": "simulated-wpe"})
    thread = threading.Thread(
        target=lambda: answers.append(placed.finish(job, placed.open())))
    thread.start()
    wait_until(placed.readers, "the reader", 20.0)
    (reader,) = placed.readers()
    told = placed.handle.event(events.event("terminal.reader.action_succeeded",
                                            reader.to_dict_recursive()))
    assert told["outcome"] == "DONE", told
    thread.join()
    assert answers[0]["body"]["stripe_reader_id"] == reader.id
    assert placed.sql("SELECT stripe_reader_id, amicale_id FROM terminal_readers") == (
        (reader.id, WHOLE),)


def test_readers_are_listed_as_stripe_has_them(placed):
    made = register(placed)
    other = stripe.terminal.Reader.create(
        registration_code="simulated-wpe", location=placed.place, label="Ailleurs")
    stripe.terminal.Reader.modify(made["stripe_reader_id"], label="Camion")
    placed.execute("UPDATE terminal_readers SET last_seen_at = '2026-01-01 00:00:00'")
    listed = readers(placed)
    assert listed["fresh"] is True
    assert {one["stripe_reader_id"]: one["label"] for one in listed["readers"]} == {
        made["stripe_reader_id"]: "Camion", other.id: "Ailleurs"}
    assert all(one["last_seen_at"] > "2026-02" for one in listed["readers"])
    assert placed.sql_one("SELECT COUNT(*) FROM terminal_readers WHERE amicale_id = 1") == 2


def test_readers_of_another_amicale_are_not_listed(placed):
    register(placed)
    placed.good("location.create", {"amicale_id": OTHER}, OPERATOR)
    assert readers(placed, STRANGER, OTHER) == {"readers": [], "fresh": True}
    assert len(readers(placed, OPERATOR)["readers"]) == 1
    assert readers(placed, OPERATOR, BARE) == {"readers": [], "fresh": True}


def test_a_reader_that_was_taken_away_is_not_listed_any_more(placed):
    one, two = register(placed), register(placed)
    stripe.terminal.Reader.retrieve(one["stripe_reader_id"]).delete()
    assert [left["id"] for left in readers(placed)["readers"]] == [two["id"]]
    placed.fault("unavailable", READERS, "GET")
    assert [left["id"] for left in readers(placed)["readers"]] == [two["id"]]


@pytest.mark.parametrize("kind", ["unavailable", "drop_before", "rate_limit"])
def test_when_stripe_does_not_answer_the_rows_are_shown_as_they_are(placed, kind):
    made = register(placed)
    placed.fault(kind, READERS, "GET")
    listed = readers(placed)
    assert listed == {"readers": [made], "fresh": False}


def test_more_readers_than_a_page_are_all_listed(placed):
    for _ in range(23):
        stripe.terminal.Reader.create(registration_code="simulated-wpe",
                                      location=placed.place)
    assert len(readers(placed)["readers"]) == 23


def test_a_reader_that_an_event_changes_meanwhile_stays_as_the_event_left_it(placed):
    made = register(placed)
    placed.fault("slow_answer", READERS, "GET", ms=1500, times=1)
    before = placed.sql_one("SELECT revision FROM terminal_readers")
    job = placed.job("reader.list", MINE)
    other = placed.open()
    other.begin(*job)
    wait_until(lambda: placed.sim.control("faults")["faults"][0]["hits"] == 1,
               "the list to be asked for", 20.0)
    reader = stripe.terminal.Reader.modify(made["stripe_reader_id"], label="Nouveau")
    told = placed.handle.event(events.event("terminal.reader.action_succeeded",
                                            reader.to_dict_recursive()))
    assert told["outcome"] == "DONE", told
    assert other.answer()["outcome"] == "DONE"
    label, revision = placed.sql("SELECT label, revision FROM terminal_readers")[0]
    assert label == "Nouveau" and revision == before + 1
