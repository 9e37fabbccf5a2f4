# SPDX-License-Identifier: MIT
"""The simulator's Terminal readers."""

import pytest
import stripe
from stripesim_room import create, idle, receiver, sim, tap  # noqa: F401  (fixtures)


def test_a_reader_tells_how_its_payment_ended(sim, receiver):
    sim.control("readers", {"id": "tmr_one", "label": "Centre"})
    good, bad = create(), create()
    tap(sim, good, reader="tmr_one")
    tap(sim, bad, "declined", reader="tmr_one")
    idle(sim)
    told = [(event["type"], event["data"]["object"]["action"]) for event in receiver.events()
            if event["type"].startswith("terminal.")]
    assert [kind for kind, _ in told] == ["terminal.reader.action_succeeded",
                                          "terminal.reader.action_failed"]
    assert told[0][1]["process_payment_intent"]["payment_intent"] == good.id
    assert told[1][1]["failure_code"] == "card_declined"


def test_readers_are_retrieved_and_listed_of_their_account_alone(sim):
    theirs = {"stripe_account": "acct_1One"}
    sim.control("accounts", {"id": "acct_1One"})
    ours = sim.control("readers", {"label": "Nous", "location": "tml_1"})["object"]
    sim.control("readers", {"id": "tmr_theirs", "account": "acct_1One"})
    assert stripe.terminal.Reader.retrieve(ours["id"]).to_dict_recursive() == ours
    assert [one.id for one in stripe.terminal.Reader.list()] == [ours["id"]]
    assert [one.id for one in stripe.terminal.Reader.list(location="tml_1")] == [ours["id"]]
    assert list(stripe.terminal.Reader.list(location="tml_2")) == []
    assert list(stripe.terminal.Reader.list(status="offline")) == []
    assert [one.id for one in stripe.terminal.Reader.list(**theirs)] == ["tmr_theirs"]
    intent = create(**theirs)
    tap(sim, intent, reader="tmr_theirs")
    action = stripe.terminal.Reader.retrieve("tmr_theirs", **theirs).action
    assert action.process_payment_intent.payment_intent == intent.id
    for reader, scope in (("tmr_theirs", {}), (ours["id"], theirs)):
        with pytest.raises(stripe.error.InvalidRequestError) as caught:
            stripe.terminal.Reader.retrieve(reader, **scope)
        assert (caught.value.http_status, caught.value.code, caught.value.param) == (
            404, "resource_missing", "reader")


ADDRESS = {"line1": "1 rue du Test", "city": "Lyon", "postal_code": "69001", "country": "FR"}


def place(**more):
    return stripe.terminal.Location.create(**{"display_name": "Caserne", "address": ADDRESS,
                                              **more})


def test_a_location_is_made_changed_listed_and_deleted(sim):
    first = place(metadata={"amicale_id": "7"})
    assert first.id.startswith("tml_")
    assert first.address.to_dict() == {**ADDRESS, "line2": None, "state": None}
    second = place(display_name="Centre")
    assert [one.id for one in stripe.terminal.Location.list()] == [second.id, first.id]
    changed = stripe.terminal.Location.modify(
        first.id, display_name="Ancienne caserne", address={"line2": "bâtiment B"})
    assert (changed.display_name, changed.address.line1, changed.address.line2) == (
        "Ancienne caserne", ADDRESS["line1"], "bâtiment B")
    assert stripe.terminal.Location.retrieve(first.id).metadata == {"amicale_id": "7"}
    assert first.delete().deleted is True
    assert stripe.terminal.Location.retrieve(first.id).deleted is True
    assert [one.id for one in stripe.terminal.Location.list()] == [second.id]
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.terminal.Location.modify(first.id, display_name="x")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


@pytest.mark.parametrize("change, code, param", [
    ({"address": None}, "parameter_missing", "address"),
    ({"address": "1 rue du Test"}, None, "address"),
    ({"address": {**ADDRESS, "country": None}}, "parameter_missing", "address[country]"),
    ({"address": {**ADDRESS, "country": "ZZ"}}, "country_code_invalid", "address[country]"),
    ({"address": {**ADDRESS, "line1": None}}, "parameter_missing", "address[line1]"),
    ({"address": {**ADDRESS, "city": None}}, "parameter_missing", "address[city]"),
    ({"address": {**ADDRESS, "postal_code": None}}, "parameter_missing",
     "address[postal_code]"),
    ({"address": {**ADDRESS, "rue": "x"}}, "parameter_unknown", "address[rue]"),
    ({"display_name": None}, "parameter_missing", "display_name"),
    ({"display_name": "x" * 1001}, None, "display_name"),
])
def test_a_location_needs_a_whole_address(sim, change, code, param):
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        place(**change)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (
        400, code, param)


def test_a_connection_token_is_fresh_each_time_and_may_name_its_location(sim):
    location = place()
    one = stripe.terminal.ConnectionToken.create()
    two = stripe.terminal.ConnectionToken.create(location=location.id)
    assert one.secret.startswith("pst_test_") and one.secret != two.secret
    assert "location" not in one and two.location == location.id
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.terminal.ConnectionToken.create(location="tml_none")
    assert (caught.value.code, caught.value.param) == ("resource_missing", "location")


def test_a_reader_is_registered_by_its_code_at_a_location(sim):
    location = place()
    reader = stripe.terminal.Reader.create(
        registration_code="simulated-wpe", location=location.id, label="Comptoir",
        metadata={"amicale_id": "7"}, expand=["location"])
    assert (reader.device_type, reader.label, reader.status) == (
        "simulated_wisepos_e", "Comptoir", "online")
    assert reader.location.display_name == "Caserne"
    other = stripe.terminal.Reader.create(registration_code="simulated-wpe",
                                          location=location.id)
    assert other.label == other.serial_number != reader.serial_number
    real = stripe.terminal.Reader.create(registration_code="puppies-plug-could",
                                         location=place().id)
    assert real.device_type == "bbpos_wisepos_e"
    assert [one.id for one in stripe.terminal.Reader.list(location=location.id)] == [
        other.id, reader.id]
    assert [one.id for one in stripe.terminal.Reader.list(
        serial_number=reader.serial_number)] == [reader.id]
    sim.control(f"readers/{reader.id}/status", {"status": "offline"})
    assert [one.id for one in stripe.terminal.Reader.list(status="offline")] == [reader.id]
    assert stripe.terminal.Reader.modify(reader.id, label="Entrée").label == "Entrée"
    assert reader.delete().deleted is True
    assert [one.id for one in stripe.terminal.Reader.list(location=location.id)] == [other.id]
    assert stripe.terminal.Reader.retrieve(reader.id).deleted is True


@pytest.mark.parametrize("change, code, param", [
    ({"registration_code": None}, "parameter_missing", "registration_code"),
    ({"registration_code": "nonsense"}, "resource_missing", "registration_code"),
    ({"registration_code": "used-up-code"}, "resource_missing", "registration_code"),
    ({"location": None}, "parameter_missing", "location"),
    ({"location": "tml_none"}, "resource_missing", "location"),
    ({"label": ""}, "parameter_invalid_empty", "label"),
])
def test_a_bad_registration_is_refused(sim, change, code, param):
    location = place()
    stripe.terminal.Reader.create(registration_code="used-up-code", location=location.id)
    form = {"registration_code": "simulated-wpe", "location": location.id, **change}
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.terminal.Reader.create(**form)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (
        400, code, param)
    assert sim.control("summary")["counts"]["terminal.reader"] == 1
