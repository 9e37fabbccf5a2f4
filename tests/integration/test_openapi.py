# SPDX-License-Identifier: MIT
"""api/openapi.yaml is the front door's route table in words, and the check of answers
against it can fail."""

import json
import re
import subprocess
from email.message import Message

import pytest
from support.front_door import FrontDoor
from support.openapi import METHODS, Contract, ContractError, contract, load
from support.programs import ROOT, program


def nameless(path):
    """Names of parameters are nobody's business but the document's."""
    return re.sub(r"\{\w+\}", "{}", path)


def route_table():
    """{(method, path): who may come in}, as the front door itself says it"""
    said = subprocess.run([program("tocsin-api"), "--routes"], capture_output=True, text=True,
                          check=True).stdout
    rows = (line.split() for line in said.splitlines())
    return {(method, nameless(path)): set(who.split(",")) for method, path, who in rows}


def described():
    return {(method.upper(), nameless(path)): operation
            for path, item in contract().document["paths"].items()
            for method, operation in item.items() if method in METHODS}


def test_the_route_table_and_the_description_name_the_same_routes():
    assert set(route_table()) == set(described())


def test_the_description_says_who_may_call_as_the_route_table_does():
    operations = described()
    for route, who in route_table().items():
        said = operations[route]
        assert (route, set(said["x-roles"])) == (route, who)
        public = who in ({"anyone"}, {"observers"})
        assert (route, said.get("security") == []) == (route, public)


def test_every_write_takes_an_idempotency_key_but_those_that_say_why_not():
    for (method, path), operation in described().items():
        names = {contract().resolve(one)["name"] for one in operation.get("parameters", [])}
        if method != "POST" or operation.get("security") == []:
            continue
        if "Idempotency-Key" not in names:
            assert "takes no Idempotency-Key" in operation["description"].replace(
                "Takes", "takes"), path


def test_the_description_that_is_served_is_the_file(workdir, redis_server):
    with FrontDoor(workdir, redis_server.address) as door:
        status, said, body = door.request("GET", "/api/openapi.yaml")
        assert (status, body) == (200, (ROOT / "api/openapi.yaml").read_bytes())
        assert said["Content-Type"] == "application/yaml"


# The check itself.

def headers(**words):
    made = Message()
    for name, value in words.items():
        made[name.replace("_", "-")] = value
    return made


JSON = headers(Content_Type="application/json; charset=utf-8")
PROBLEM = headers(Content_Type="application/problem+json; charset=utf-8")
TOKEN = "/api/terminal/connection-token"
GIVEN = b'{"secret": "pst_1", "location_id": "tml_1"}'


def problem(status, code, **more):
    return json.dumps({"type": "urn:tocsin:problem:x", "title": "t", "status": status,
                       "detail": "d", "code": code, "request_id": "req_1", **more}).encode()


@pytest.mark.parametrize("method, path, status, said, body", [
    ("GET", "/healthz", 200, JSON, b'{"alive": true}'),
    ("HEAD", "/healthz", 200, JSON, b""),
    ("POST", TOKEN, 200, JSON, GIVEN),
    ("POST", TOKEN, 200, JSON, b'{"secret": "pst_1", "location_id": null}'),
    ("POST", TOKEN, 401, PROBLEM, problem(401, "unauthenticated")),
    ("POST", TOKEN, 413, PROBLEM, problem(413, "too_large")),
    ("GET", "/api/nothing", 404, PROBLEM, problem(404, "not_found")),
    ("DELETE", "/healthz", 405, headers(Allow="GET, HEAD"), problem(405, "method_not_allowed")),
])
def test_answers_that_are_documented_pass(method, path, status, said, body):
    contract().check_answer(method, path, status, said, body)


@pytest.mark.parametrize("method, path, status, said, body, why", [
    ("GET", "/api/nothing", 200, JSON, b"{}", "no such path"),
    ("DELETE", "/healthz", 200, JSON, b"{}", "no such method"),
    ("DELETE", "/healthz", 405, PROBLEM, problem(405, "method_not_allowed"), "without Allow"),
    ("POST", TOKEN, 201, JSON, GIVEN, "does not document"),
    ("POST", TOKEN, 200, headers(Content_Type="text/html"), b"", "as text/html"),
    ("POST", TOKEN, 200, JSON, b'{"secret": 5, "location_id": null}', "is not of type"),
    ("POST", TOKEN, 200, JSON, b"{}", "required property"),
    ("POST", TOKEN, 200, JSON, b'{"secret": "pst_1", "location_id": null, "more": 1}',
     "'more' was unexpected"),
    ("POST", TOKEN, 200, JSON, b"pst_1", "no JSON"),
    ("POST", TOKEN, 409, PROBLEM, problem(409, "wrong_state"), "with the code wrong_state"),
    ("POST", TOKEN, 409, PROBLEM, problem(422, "idempotency_in_flight"), "with the code"),
    ("POST", TOKEN, 200, headers(Content_Type="application/json", X_Mood="good"),
     GIVEN, "X-Mood"),
    ("POST", "/api/stripe/locations", 202, JSON, b"{}", "without the header location"),
    ("POST", "/api/logout", 204, headers(), b"x", "with a body"),
])
def test_answers_that_are_not_documented_fail(method, path, status, said, body, why):
    with pytest.raises(ContractError, match=why):
        contract().check_answer(method, path, status, said, body)


GOOD = {"amount": 1500, "amicale_id": 12}
SENT = {"Content-Type": "application/json"}


def test_a_request_that_is_documented_passes():
    contract().check_request("POST", "/api/payments/create-intent",
                             {**SENT, "Idempotency-Key": "a"}, json.dumps(GOOD).encode())
    contract().check_request("GET", "/api/pompiers/3/ventes?page=2&from=2026-11-01", {}, None)


@pytest.mark.parametrize("method, target, sent, body, why", [
    ("POST", "/api/payments/create-intent", SENT, {**GOOD, "amount": 99}, "less than"),
    ("POST", "/api/payments/create-intent", SENT, {**GOOD, "mood": 1}, "'mood'"),
    ("POST", "/api/payments/create-intent", SENT, {"amount": 100}, "required property"),
    ("POST", "/api/payments/create-intent", {**SENT, "Idempotency-Key": "a b"}, GOOD,
     "Idempotency-Key"),
    ("POST", "/api/payments/create-intent", {"Content-Type": "text/plain"}, GOOD, "text/plain"),
    ("POST", "/api/payments/create-intent", SENT, None, "without a body"),
    ("GET", "/api/pompiers/3/ventes?page=first", {}, None, "page"),
    ("GET", "/api/pompiers/3/ventes?mood=1", {}, None, "mood"),
    ("POST", "/api/payments/ch_1/capture", SENT, {}, "payment"),
])
def test_a_request_that_is_not_documented_but_was_taken_fails(method, target, sent, body, why):
    with pytest.raises(ContractError, match=why):
        contract().check_request(method, target, sent,
                                 None if body is None else json.dumps(body).encode())


SALE = {"local_id": "a", "amount": 1500, "created_at": "2026-11-22T19:30:00+01:00",
        "payment_method": "cash"}
BATCH = "/api/payments/batch-sync"


def verdicts(*statuses):
    return json.dumps({"results": [{"status": status} for status in statuses]}).encode()


def test_items_that_were_rejected_need_not_be_documented_but_the_others_must():
    def check(sale, *statuses):
        body = json.dumps({"transactions": [SALE, sale][-len(statuses):]}).encode()
        contract().check_request("POST", BATCH, SENT, body, verdicts(*statuses))
    check({**SALE, "amount": 99}, "queued", "rejected")
    check({**SALE, "amount": 99}, "rejected")
    with pytest.raises(ContractError, match="less than"):
        check({**SALE, "amount": 99}, "rejected", "queued")
    with pytest.raises(ContractError, match="created_at"):
        check({**SALE, "created_at": "yesterday"}, "duplicate")


STREAM = headers(Content_Type="text/event-stream; charset=utf-8")
PROGRESS = {"batch_id": "bat_" + "a" * 24, "total": 1, "done": 0,
            "outcomes": dict.fromkeys(
                ("waiting", "recorded", "conflict", "rejected", "failed"), 0),
            "totals": {**dict.fromkeys(("amount", "recorded", "paid", "conflict"), 0),
                       **dict.fromkeys(("card", "cash", "cheque"), {"count": 0, "amount": 0})}}


def event(name, data):
    return f": still here\n\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


def test_events_of_a_stream_are_held_against_the_description():
    def check(*events):
        contract().check_answer("GET", "/api/batches/bat_x", 200, STREAM, b"".join(events))
    check(event("progress", PROGRESS), event("done", {**PROGRESS, "done": 1}))
    with pytest.raises(ContractError, match="an event mood"):
        check(event("mood", PROGRESS))
    with pytest.raises(ContractError, match="required property"):
        check(event("progress", PROGRESS), event("done", {"total": 1}))


def test_a_member_that_the_description_drops_is_missed():
    document = load()
    del document["components"]["schemas"]["ConnectionToken"]["properties"]["secret"]
    with pytest.raises(ContractError, match="'secret' was unexpected"):
        Contract(document).check_answer("POST", TOKEN, 200, JSON, GIVEN)
