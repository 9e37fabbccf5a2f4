# SPDX-License-Identifier: MIT
"""An account is onboarded on a page of the simulator, by a link that is good once."""

import html.parser
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
import stripe
from stripesim_room import (  # noqa: F401  (fixtures)
    CONNECT_SECRET, call, create, idle, receiver, sim)

BOTH = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
URLS = {"refresh_url": "http://tocsin.test/refresh?a=1", "return_url": "http://tocsin.test/ok"}


def amicale(**more):
    return stripe.Account.create(type="express", country="FR", business_type="non_profit",
                                 capabilities=BOTH, **more)


def link_to(account):
    return stripe.AccountLink.create(account=account.id, type="account_onboarding", **URLS)


class Form(html.parser.HTMLParser):
    """The only form of a page: its method, its action, and its buttons."""

    def __init__(self, page):
        super().__init__()
        self.attributes, self.buttons = {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "form":
            self.attributes = dict(attributes)
        elif tag == "button":
            self.buttons.append(dict(attributes))


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def visit(url, data=None):
    """(status, where it leads, page), without being led there."""
    opener = urllib.request.build_opener(Stay)
    try:
        with opener.open(url, data and urllib.parse.urlencode(data).encode()) as answer:
            return answer.status, None, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Location"], answer.read().decode()


def press(url, value):
    """Opens the page and presses the button of that value."""
    status, _, page = visit(url)
    assert status == 200
    form = Form(page)
    assert form.attributes["method"] == "post"
    button = next(one for one in form.buttons if one["value"] == value)
    return visit(urllib.parse.urljoin(url, form.attributes.get("action", "")),
                 {button["name"]: button["value"]})


def test_a_fresh_account_cannot_charge_and_says_what_it_needs(sim):
    account = amicale(email="amicale@example.test", metadata={"amicale_id": "7"},
                      company={"name": "Amicale de <Test>",
                               "address": {"city": "Lyon", "country": "FR"}})
    assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (
        False, False, False)
    assert "external_account" in account.requirements.currently_due
    assert account.requirements.disabled_reason == "requirements.past_due"
    assert account.capabilities.to_dict() == {"card_payments": "inactive",
                                              "transfers": "inactive"}
    assert account.company.name == "Amicale de <Test>"
    assert account.company.address.city == "Lyon"
    listed, = stripe.Account.list()
    assert listed.metadata == {"amicale_id": "7"}


def test_finishing_the_page_enables_the_account_and_tells_the_connect_endpoint(sim, receiver):
    account = amicale()
    link = link_to(account)
    assert link.url.startswith(sim.url + "/connect/setup/")
    assert link.expires_at == link.created + 300
    idle(sim)
    receiver.clear()
    assert press(link.url, "finish")[:2] == (303, URLS["return_url"])
    after = stripe.Account.retrieve(account.id)
    assert (after.charges_enabled, after.payouts_enabled, after.details_submitted) == (
        True, True, True)
    assert (after.requirements.currently_due, after.requirements.disabled_reason) == ([], None)
    idle(sim)
    assert {path for path, _, _ in receiver.received} == {"/connect"}
    assert receiver.types() == ["capability.updated", "capability.updated", "account.updated"]
    _, headers, body = receiver.received[-1]
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], CONNECT_SECRET)
    assert event.account == event.data.object.id == account.id
    assert event.data.object.charges_enabled is True
    assert create(transfer_data={"destination": account.id}).status == "requires_payment_method"


def test_leaving_the_page_for_later_leaves_requirements(sim, receiver):
    account = amicale()
    before = set(account.requirements.currently_due)
    assert press(link_to(account).url, "later")[:2] == (303, URLS["return_url"])
    after = stripe.Account.retrieve(account.id)
    assert (after.charges_enabled, after.details_submitted) == (False, False)
    assert set() < set(after.requirements.currently_due) < before
    idle(sim)
    assert receiver.types()[-1] == "account.updated"
    assert press(link_to(account).url, "finish")[:2] == (303, URLS["return_url"])
    assert stripe.Account.retrieve(account.id).charges_enabled is True


def test_a_link_is_good_once_and_then_leads_to_the_refresh_url(sim):
    account = amicale()
    url = link_to(account).url
    assert visit(url)[0] == 200
    assert visit(url)[:2] == (303, URLS["refresh_url"])
    assert visit(url, {"step": "finish"})[:2] == (303, URLS["return_url"])
    assert visit(url, {"step": "finish"})[:2] == (303, URLS["refresh_url"])
    assert visit(url)[:2] == (303, URLS["refresh_url"])


def test_an_expired_link_leads_to_the_refresh_url(sim):
    sim.control("settings", {"link_life_s": 0})
    account = amicale()
    url = link_to(account).url
    assert visit(url)[:2] == (303, URLS["refresh_url"])
    assert visit(url, {"step": "finish"})[:2] == (303, URLS["refresh_url"])
    assert stripe.Account.retrieve(account.id).charges_enabled is False


def test_an_unknown_link_is_404_and_an_empty_form_400(sim):
    assert visit(sim.url + "/connect/setup/nonsense")[0] == 404
    assert visit(link_to(amicale()).url, {"step": "nonsense"})[0] == 400


def test_the_page_shows_names_as_they_are_written(sim):
    account = amicale(business_profile={"name": "Amicale <b>de</b> \"Test\" & Cie"})
    page = visit(link_to(account).url)[2]
    assert "Amicale &lt;b&gt;de&lt;/b&gt; &quot;Test&quot; &amp; Cie" in page
    assert "IBAN" in page


@pytest.mark.parametrize("change, code, param", [
    ({"account": "acct_none"}, "resource_missing", "account"),
    ({"account": None}, "parameter_missing", "account"),
    ({"type": None}, "parameter_missing", "type"),
    ({"type": "custom_account_verification"}, None, "type"),
    ({"type": "account_update"}, None, "type"),
    ({"refresh_url": None}, "parameter_missing", "refresh_url"),
    ({"return_url": "tocsin"}, "url_invalid", "return_url"),
    ({"colour": "red"}, "parameter_unknown", "colour"),
])
def test_a_bad_link_is_refused(sim, change, code, param):
    form = {"account": amicale().id, "type": "account_onboarding", **URLS, **change}
    status, _, body = call(sim, "POST", "/v1/account_links",
                           {name: value for name, value in form.items() if value})
    assert status == 400
    assert (body["error"].get("code"), body["error"]["param"]) == (code, param)
    assert sim.control("summary")["counts"]["account_link"] == 0


@pytest.mark.parametrize("change, code, param", [
    ({"country": "ZZ"}, "country_code_invalid", "country"),
    ({"type": "expres"}, None, "type"),
    ({"business_type": "club"}, None, "business_type"),
    ({"email": "nobody"}, "email_invalid", "email"),
    ({"capabilities": {"card_payments": {"requested": True}}}, None, "capabilities"),
    ({"capabilities": {"card_payment": {"requested": True}}}, "parameter_unknown",
     "capabilities[card_payment][requested]"),
    ({"company": {"nom": "x"}}, "parameter_unknown", "company[nom]"),
    ({"company": {"name": "x" * 101}}, None, "company[name]"),
    ({"business_profile": {"mcc": "12345"}}, None, "business_profile[mcc]"),
    ({"business_profile": "x"}, None, "business_profile"),
])
def test_a_bad_account_is_refused(sim, change, code, param):
    with pytest.raises(stripe.error.InvalidRequestError) as caught:
        stripe.Account.create(**{"type": "express", "country": "FR", "capabilities": BOTH,
                                 **change})
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (
        400, code, param)
    assert json.loads(caught.value.http_body)["error"]["type"] == "invalid_request_error"
