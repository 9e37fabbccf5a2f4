# SPDX-License-Identifier: MIT
"""Which phones take cards by themselves, as anybody may ask the front door."""

import pytest

from books_room import room  # noqa: F401  (fixture)
from support.client import Client
from support.front_door import FrontDoor
from support.process import wait_until
from support.stack import DATABASE

CHECK = "/api/devices/check-tap-to-pay"
LIST = "/api/devices/certified-android"
SEEDED = 10
PIXEL = {"platform": "android", "manufacturer": "Google", "model": "Pixel 6",
         "os_version": "14"}


def start(room, **sets):
    room.api.sets.update({"api.loops": 1,
                          **{key.replace("__", "."): value for key, value in sets.items()}})
    room.api.start()
    return Client(room.api.url)


@pytest.fixture
def phone(room):
    yield start(room)
    room.api.stop()


@pytest.fixture
def forgetful(room):
    """Believes its list for an instant."""
    yield start(room, devices__list_ms=100)
    room.api.stop()


def check(client, language="en", **device):
    answer = client.post(CHECK, device, language=language)
    assert answer.status == 200, answer
    assert set(answer.json) == {"tap_to_pay_supported", "message", "alternative"}
    assert (answer.json["alternative"] is None) == answer.json["tap_to_pay_supported"]
    return answer.json


def is_supported(client, **device):
    return check(client, **device)["tap_to_pay_supported"]


@pytest.mark.parametrize("device, supported, says", [
    ({"model": "iPhone11,2"}, True, "contactless"),
    ({"model_identifier": "iPhone11,8"}, True, "contactless"),
    ({"model": "iPhone SE", "model_identifier": "iPhone12,8"}, True, "contactless"),
    ({"model": "iPhone XS"}, True, "contactless"),
    ({"manufacturer": "Apple", "model": "iPhone 15 Pro"}, True, "contactless"),
    ({"model": "iPhone10,6"}, False, "iPhone XS"),
    ({"model": "iPhone1,1"}, False, "iPhone XS"),
    ({"model": "iPad13,4"}, False, "Only an iPhone"),
    ({"model": "iPhone SE"}, False, "model_identifier"),
    ({"model": "arm64"}, False, "model_identifier"),
    ({"model": "iPhone14,5", "os_version": "16.3.1"}, False, "iOS 16.4"),
    ({"model": "iPhone14,5", "os_version": "16.4"}, True, "contactless"),
])
def test_an_iphone_is_told_whether_it_can(phone, device, supported, says):
    answer = check(phone, **{"platform": "ios", "os_version": "17.0.1", **device})
    assert (answer["tap_to_pay_supported"], says in answer["message"]) == (supported, True)


@pytest.mark.parametrize("device, supported, says", [
    ({"manufacturer": "samsung", "model": "SM-G991B"}, True, "contactless"),
    ({"manufacturer": "Samsung", "model": "Galaxy S21"}, True, "contactless"),
    ({"manufacturer": "SAMSUNG", "model_identifier": "sm-g991b"}, True, "contactless"),
    ({"manufacturer": "Google", "model": "Pixel 8"}, True, "contactless"),
    ({"manufacturer": "Google", "model": "Pixel 8", "os_version": "13"}, False, "Android 14"),
    ({"manufacturer": "Google", "model": "Pixel 99"}, False, "certified in France"),
    ({"manufacturer": "Samsung", "model": "Pixel 8"}, False, "certified in France"),
])
def test_an_android_phone_is_looked_up(phone, device, supported, says):
    answer = check(phone, **{"platform": "android", "os_version": "14", **device})
    assert (answer["tap_to_pay_supported"], says in answer["message"]) == (supported, True)


def test_people_are_told_in_their_language_what_else_they_can_do(phone):
    device = {"platform": "ios", "model": "iPhone10,6", "os_version": "16.4"}
    english = check(phone, language="en-GB", **device)
    french = check(phone, language=None, **device)
    assert "too old" in english["message"] and "card reader" in english["alternative"]
    assert "trop ancien" in french["message"] and "lecteur de carte" in french["alternative"]
    old = {"platform": "ios", "model": "iPhone14,5", "os_version": "15"}
    assert "iOS 16.4 ou une version plus récente" in check(phone, language="fr", **old)[
        "message"]


@pytest.mark.parametrize("body, field, code", [
    ({"platform": "ios", "model": "iPhone11,2"}, "os_version", "missing"),
    ({"platform": "ios", "model": "iPhone11,2", "os_version": "v17"}, "os_version",
     "bad_format"),
    ({"platform": "ios", "model": "iPhone11,2", "os_version": ""}, "os_version", "missing"),
    ({"platform": "ios", "model": "iPhone11,2", "os_version": 17}, "os_version",
     "wrong_type"),
    ({"platform": "ios", "os_version": "17"}, "model", "missing"),
    ({"platform": "ios", "os_version": "17", "model": " "}, "model", "missing"),
    ({"platform": "android", "os_version": "14", "model": "Pixel 6"}, "manufacturer",
     "missing"),
    ({"platform": "android", "os_version": "14", "manufacturer": "Google"}, "model",
     "missing"),
    ({"platform": "symbian", "model": "N8", "os_version": "3"}, "platform", "not_a_choice"),
    ({"model": "iPhone11,2", "os_version": "17"}, "platform", "missing"),
    ({"platform": "ios", "modell": "x", "model": "x", "os_version": "17"}, "modell",
     "unknown"),
    ({"platform": "ios", "model": "x" * 101, "os_version": "17"}, "model", "too_long"),
])
def test_a_question_that_makes_no_sense_is_refused_by_field(phone, body, field, code):
    answer = phone.post(CHECK, body)
    assert (answer.status, answer.code) == (422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [
        (field, code)]


def test_the_certified_phones_are_listed(phone):
    answer = phone.get(LIST)
    assert answer.status == 200
    assert answer.json["country"] == "FR"
    devices = answer.json["devices"]
    assert len(devices) == SEEDED
    assert {"manufacturer": "Google", "model": "Pixel 6", "model_identifier": "oriole",
            "min_android_version": 12} in devices
    assert [device["manufacturer"] for device in devices] == sorted(
        device["manufacturer"] for device in devices)


def test_a_list_that_has_not_changed_is_not_sent_again(phone):
    first = phone.get(LIST)
    etag = first.headers["ETag"]
    assert first.headers.get_all("Cache-Control") == ["private, max-age=60"]
    for names in (etag, f'"other", W/{etag}', "*"):
        again = phone.get(LIST, headers={"If-None-Match": names})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert phone.get(LIST, headers={"If-None-Match": '"other"'}).status == 200


def test_only_what_is_certified_in_france_counts(room):
    room.sql("UPDATE android_certified_devices SET tap_to_pay_certified = 0"
             " WHERE model = 'Pixel 6'")
    room.sql("UPDATE android_certified_devices SET country = 'BE' WHERE model = 'Pixel 7'")
    phone = start(room)
    try:
        assert len(phone.get(LIST).json["devices"]) == SEEDED - 2
        assert not is_supported(phone, **PIXEL)
        assert not is_supported(phone, **{**PIXEL, "model": "Pixel 7"})
        assert is_supported(phone, **{**PIXEL, "model": "Pixel 8"})
    finally:
        room.api.stop()


def test_a_phone_that_is_added_is_known_when_the_list_is_read_again(room, forgetful):
    new = {**PIXEL, "manufacturer": "Fairphone", "model": "FP5"}
    etag = forgetful.get(LIST).headers["ETag"]
    assert not is_supported(forgetful, **new)
    room.sql("INSERT INTO android_certified_devices (manufacturer, model, model_identifier,"
             " min_android_version) VALUES ('Fairphone', 'FP5', 'FP5', 13)")
    wait_until(lambda: is_supported(forgetful, **new), "the new phone to be known",
               every_s=0.1)
    assert forgetful.get(LIST).headers["ETag"] != etag
    assert len(forgetful.get(LIST).json["devices"]) == SEEDED + 1


def test_a_list_is_believed_for_a_minute(room, phone):
    assert is_supported(phone, **PIXEL)
    room.sql("DELETE FROM android_certified_devices")
    assert is_supported(phone, **PIXEL)
    assert len(phone.get(LIST).json["devices"]) == SEEDED


def test_without_mariadb_the_last_list_serves(room, forgetful):
    assert is_supported(forgetful, **PIXEL)
    room.sql(f"RENAME TABLE {DATABASE}.android_certified_devices TO {DATABASE}.away")
    wait_until(lambda: is_supported(forgetful, **PIXEL)
               and "certified devices stay as they were" in room.api.log_text(),
               "a list that cannot be read anew", every_s=0.1)
    assert len(forgetful.get(LIST).json["devices"]) == SEEDED
    room.sql(f"RENAME TABLE {DATABASE}.away TO {DATABASE}.android_certified_devices")
    room.sql("DELETE FROM android_certified_devices WHERE model = 'Pixel 6'")
    wait_until(lambda: not is_supported(forgetful, **PIXEL), "the list to be read again", every_s=0.1)


def test_without_mariadb_and_a_list_only_iphones_are_answered(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address) as door:
        phone = Client(door.url)
        refused = phone.post(CHECK, PIXEL)
        assert (refused.status, refused.code) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert phone.get(LIST).status == 503
        assert is_supported(phone, platform="ios", model="iPhone11,2", os_version="17")


def test_the_least_version_of_ios_is_a_setting(room):
    phone = start(room, devices__ios_least_version="17.2")
    try:
        device = {"platform": "ios", "model": "iPhone14,5"}
        assert not is_supported(phone, **device, os_version="17.1.9")
        assert is_supported(phone, **device, os_version="17.2")
    finally:
        room.api.stop()


def test_a_least_version_that_is_none_stops_the_start(room):
    room.api.sets["devices.ios_least_version"] = "seventeen"
    room.api.start(wait=False)
    assert room.api.wait_exit() == 78
    assert "devices.ios_least_version is no version" in room.api.log_text()


def test_who_asks_too_often_is_told_to_wait(phone):
    device = {"platform": "ios", "model": "iPhone11,2", "os_version": "17"}
    first = phone.post(CHECK, device)
    assert first.headers["RateLimit"] and first.headers["RateLimit-Policy"]

    def refused():
        answers = (phone.post(CHECK, device) for _ in range(200))
        return next(answer for answer in answers if answer.status != 200)
    answer = refused()
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) >= 1
    # One limit for both; one is allowed again each second, and may be this one.
    assert any(refused() and phone.get(LIST).status == 429 for _ in range(20))
