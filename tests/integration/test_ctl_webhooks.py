# SPDX-License-Identifier: MIT
"""tocsin webhooks registers at Stripe what the worker handles, once, and keeps the secrets."""

import json
import os
import stat

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    KEY, create, idle, receiver, sim, tap)

from support.programs import Stripesim, run_tocsin
from support.stack import Stack, key_ring

VERSION = "2024-06-20"
CONNECT_TYPES = {"account.updated", "account.application.authorized",
                 "account.application.deauthorized", "capability.updated", "payout.paid",
                 "payout.failed"}


class Desk:
    """Where an operator sits: settings, and the two files for secrets."""

    def __init__(self, directory, simulator, public_url, key=KEY, livemode="false"):
        self.platform = directory / "secrets" / "platform.whsec"
        self.connect = directory / "secrets" / "connect.whsec"
        self.config = directory / "desk.conf"
        self.url = public_url + "/api/stripe/webhook"
        self.platform.parent.mkdir(exist_ok=True)
        for name, text in (("ring", key_ring()), ("stripe_key", key + "\n")):
            Stack.write_private(directory / name, text)
        self.config.write_text(f"""
[stripe]
api_base = {simulator.url}
secret_key_file = {directory / "stripe_key"}
public_url = {public_url}
livemode = {livemode}
total_ms = 3000
[seal]
keys_file = {directory / "ring"}
pii_keys_file = {directory / "ring"}
""")

    def files(self):
        return ("--platform-secret-file", self.platform,
                "--connect-secret-file", self.connect)

    def run(self, verb, *words, files=True, expect=0):
        """The endpoints by their names; with another exit status too."""
        done = run_tocsin(self.config, "webhooks", verb, *(self.files() if files else ()),
                          *words, json_output=True, expect=None)
        assert done.returncode == expect, done.stderr
        if not done.stdout:
            return done.stderr
        answer = json.loads(done.stdout)
        assert answer["url"] == self.url
        return {one["endpoint"]: one for one in answer["endpoints"]}

    def refused(self, verb, *words, expect, files=True):
        """What standard error says."""
        done = run_tocsin(self.config, "webhooks", verb, *(self.files() if files else ()),
                          *words, expect=None)
        assert done.returncode == expect, done.stderr
        return done.stderr


@pytest.fixture
def desk(workdir, sim, receiver):  # noqa: F811  (fixtures)
    return Desk(workdir, sim, receiver.url)


def registered():
    """What Stripe knows, oldest first."""
    return list(stripe.WebhookEndpoint.list(limit=100))[::-1]


def lines(path):
    return path.read_text().splitlines()


def dids(ends):
    return [ends[name]["did"] for name in ("platform", "connect")]


def test_setup_registers_both_endpoints_and_keeps_their_secrets(desk, sim, receiver):
    ends = desk.run("setup")
    assert dids(ends) == ["made", "made"]
    platform, connect = registered()
    assert (platform.id, connect.id) == (ends["platform"]["id"], ends["connect"]["id"])
    for one in (platform, connect):
        assert (one.url, one.api_version, one.status) == (desk.url, VERSION, "enabled")
    assert connect.application and not platform.application
    assert set(connect.enabled_events) == CONNECT_TYPES
    assert "payment_intent.succeeded" in platform.enabled_events
    assert not any(one.startswith("account.") for one in platform.enabled_events)
    for path in (desk.platform, desk.connect):
        assert [one.startswith("whsec_") for one in lines(path)] == [True]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # What comes is signed with what was kept.
    tap(sim, create())
    sim.control("accounts", {"id": "acct_1One"})
    sim.control("accounts/acct_1One/stage", {"stage": "restricted"})
    idle(sim)
    came = [(headers, body) for path, headers, body in receiver.received
            if path == "/api/stripe/webhook"]
    assert len(came) == 3 + 3
    for headers, body in came:
        path = desk.connect if "account" in json.loads(body) else desk.platform
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], lines(path)[0])


def test_setup_again_changes_nothing(desk):
    first = desk.run("setup")
    before = (registered(), lines(desk.platform), lines(desk.connect))
    again = desk.run("setup")
    assert dids(again) == ["unchanged", "unchanged"]
    assert again["platform"]["id"] == first["platform"]["id"]
    assert (registered(), lines(desk.platform), lines(desk.connect)) == before
    assert desk.run("check")["connect"]["problems"] == []


def test_setup_mends_what_was_changed_at_stripe(desk):
    ends = desk.run("setup")
    stripe.WebhookEndpoint.modify(ends["platform"]["id"], disabled=True)
    stripe.WebhookEndpoint.modify(ends["connect"]["id"], enabled_events=[
        "account.updated", "person.created"])
    found = desk.run("check", expect=4)
    assert found["platform"]["problems"] == ["its status is disabled"]
    assert found["connect"]["problems"] == [
        "it is not told of account.application.authorized, "
        "account.application.deauthorized, capability.updated, payout.paid, payout.failed",
        "it is told for nothing of person.created"]
    assert dids(desk.run("setup")) == ["changed", "changed"]
    assert len(registered()) == 2
    assert desk.run("check")["platform"]["status"] == "enabled"


def test_an_endpoint_of_another_version_is_replaced_and_its_secret_stays(desk):
    old = stripe.WebhookEndpoint.create(url=desk.url, enabled_events=["*"],
                                        api_version="2023-10-16")
    desk.platform.write_text(f"# of the dashboard\n{old.secret}\n")
    found = desk.run("check", expect=3)
    assert "its version is 2023-10-16, not 2024-06-20" in found["platform"]["problems"]
    assert found["connect"]["problems"][0] == f"not registered for {desk.url}"
    ends = desk.run("setup")
    assert dids(ends) == ["replaced", "made"]
    assert ends["platform"]["id"] != old.id
    assert stripe.WebhookEndpoint.retrieve(old.id).status == "disabled"
    assert lines(desk.platform)[1:] == ["# of the dashboard", old.secret]
    desk.run("check")


def test_an_endpoint_made_in_the_dashboard_is_adopted(desk):
    made = stripe.WebhookEndpoint.create(url=desk.url, enabled_events=["charge.succeeded"],
                                         api_version=VERSION)
    assert desk.run("setup", expect=4)["platform"]["problems"] == [
        f"there is no secret in {desk.platform}"]
    desk.platform.write_text(made.secret + "\n")
    ends = desk.run("setup")
    assert dids(ends) == ["unchanged", "unchanged"]
    assert ends["platform"]["id"] == made.id
    assert lines(desk.platform) == [made.secret]


def test_a_new_secret_goes_before_the_old_one(desk):
    desk.run("setup")
    old = lines(desk.platform)
    os.chmod(desk.platform, 0o644)
    ends = desk.run("setup", "--new-secret")
    assert dids(ends) == ["replaced", "replaced"]
    assert lines(desk.platform)[1:] == old
    assert lines(desk.platform)[0] != old[0]
    assert stat.S_IMODE(desk.platform.stat().st_mode) == 0o640
    assert [one.status for one in registered()].count("enabled") == 2
    assert desk.run("check")["platform"]["secrets"] == 2


def test_a_lost_secret_is_noticed_and_replaced(desk):
    desk.run("setup")
    desk.platform.write_text("whsec_of_another_endpoint\n")
    assert desk.run("check", expect=4)["platform"]["problems"] == [
        f"its secret is not in {desk.platform}"]
    assert dids(desk.run("setup")) == ["replaced", "unchanged"]
    desk.run("check")


def test_a_secret_is_shown_only_when_asked_for(desk):
    told = run_tocsin(desk.config, "webhooks", "setup", *desk.files())
    assert "whsec_" not in told
    assert "made" in told and "platform" in told
    shown = desk.run("setup", "--new-secret", "--show-secret", files=False)
    assert shown["platform"]["secret"].startswith("whsec_")
    assert shown["platform"]["secrets"] is None
    assert "secret" not in desk.run("check", files=False)["platform"]


def test_a_secret_without_a_place_is_not_asked_for(desk):
    for words in ((), ("--platform-secret-file", desk.platform)):
        assert "wants --platform-secret-file FILE" in desk.refused(
            "setup", *words, files=False, expect=2)
    desk.connect.mkdir()
    desk.refused("setup", expect=1)
    assert registered() == []


def test_a_run_that_ends_before_the_secret_is_kept_is_made_good(desk, sim):
    # The mark is the second call that writes: the first endpoint is half made.
    sim.control("faults", {"kind": "error_before", "method": "POST", "times": 9,
                           "path": "/v1/webhook_endpoints/{id}"})
    desk.refused("setup", expect=1)
    half, = registered()
    sim.control("faults", method="DELETE")
    assert dids(desk.run("setup")) == ["replaced", "made"]
    assert stripe.WebhookEndpoint.retrieve(half.id).status == "disabled"
    desk.run("check")


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "unavailable", "lock_timeout"])
def test_a_lost_answer_registers_no_endpoint_twice(desk, sim, kind):
    sim.control("faults", {"kind": kind, "method": "POST", "times": 1,
                           "path": "/v1/webhook_endpoints"})
    assert dids(desk.run("setup")) == ["made", "made"]
    assert len(registered()) == 2
    desk.run("check")


def test_what_is_registered_twice_is_told(desk):
    ends = desk.run("setup")
    other = stripe.WebhookEndpoint.create(url=desk.url, enabled_events=["*"],
                                          api_version=VERSION)
    known = {ends["platform"]["id"], other.id}
    problem, = [one for one in desk.run("check", expect=4)["platform"]["problems"]
                if one.endswith("is registered too")]
    assert problem.split()[0] in known


def test_the_endpoints_of_others_are_left_alone(desk):
    for _ in range(12):
        stripe.WebhookEndpoint.create(url="https://other.test/hook", enabled_events=["*"])
    theirs = registered()
    desk.run("setup")
    assert [one for one in registered() if one.url != desk.url] == theirs


def test_check_exits_with_what_it_finds(desk, sim):
    found = desk.run("check", expect=3)
    assert [one["id"] for one in found.values()] == [None, None]
    desk.run("setup")
    table = run_tocsin(desk.config, "webhooks", "check", *desk.files())
    assert desk.url in table and "6/6" in table and VERSION in table
    desk.platform.write_text(desk.platform.read_text() + "nonsense\n")
    assert desk.run("check", expect=4)["platform"]["problems"] == [
        f"{desk.platform}:2: no secret (whsec_...)"]
    sim.stop()
    assert "stripe" in desk.refused("check", expect=5)


def test_a_key_of_the_other_mode_is_refused(workdir, sim):
    live = Desk(workdir, sim, "https://tocsin.test", livemode="true")
    assert "a key of the other mode" in live.refused("check", expect=2)
    plain = Desk(workdir, sim, "http://tocsin.test", key=KEY.replace("test", "live"),
                 livemode="true")
    assert "https:// alone" in plain.refused("setup", expect=2)


def test_live_endpoints_are_registered_with_a_live_key(workdir):
    with Stripesim(workdir, name="live", options=["--livemode"]) as simulator:
        live = Desk(workdir, simulator, "https://tocsin.test",
                    key=KEY.replace("test", "live"), livemode="true")
        assert dids(live.run("setup")) == ["made", "made"]
        assert live.run("check")["platform"]["livemode"] is True


def test_the_front_door_takes_what_setup_has_arranged(stack):
    simulator = stack.stripesim
    stack.tocsin("--set", f"stripe.public_url={stack.api.url}", "webhooks", "setup",
                 "--platform-secret-file", stack.secrets / "webhook",
                 "--connect-secret-file", stack.secrets / "connect_webhook")
    stack.api.stop()
    stack.api.start()
    stack.api.wait_redis()
    simulator.control("accounts", {"id": "acct_1One"})
    simulator.control("accounts/acct_1One/stage", {"stage": "restricted"})
    simulator.control("play", {"count": 5, "destination": "acct_1One",
                               "mix": {"refunded": 1}})
    assert simulator.control("idle?wait_ms=60000")["idle"]
    counts = simulator.control("webhooks")["webhooks"]
    made = len(simulator.control("events")["events"])
    # Each comes from the command line's endpoint, and most from a registered one too.
    assert counts["failed"] == 0
    assert made < counts["delivered"] <= 2 * made
    stack.wait_sql("SELECT COUNT(*) FROM payment_intents WHERE status = 'refunded'", 5)
