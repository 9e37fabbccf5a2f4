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
