# SPDX-License-Identifier: MIT
"""Every example of docs/api.md runs, in order, and is answered as the page shows."""

import json
import re
import urllib.parse

import pytest
from support import examples
from support.openapi import METHODS, check_answer, contract
from support.process import wait_until
from support.programs import ROOT
from support.seed import meet_stripe, seed_demo
from support.up import write_env

PAGE = (ROOT / "docs" / "api.md").read_text()


@pytest.mark.stack(workers=2)
def test_every_example_of_the_page_is_answered_as_it_shows(stack, workdir):
    seed_demo(stack)
    meet_stripe(stack)
    wait_until(lambda: json.loads(stack.api.request("GET", "/readyz")[2])["workers"] == 2,
               "both workers to be seen")
    write_env(stack)
    found = examples.read(PAGE)
    wrong = []
    try:
        examples.run(found, stack.dir, workdir / "examples")
    except AssertionError as failure:
        wrong.append(str(failure))
    for example in (one for one in found if one.has_run()):
        try:
            for method, url, *answer in example.calls():
                if url.startswith(stack.api.url):
                    check_answer(method, url, *answer)
            examples.check(example)
        except AssertionError as difference:
            wrong.append(f"{example.script}{difference}")
    assert not wrong, "\n\n".join(wrong)


def test_the_page_has_an_example_for_every_route():
    """Of a path and its alias one is enough, where the description says they are the same."""
    called = {urllib.parse.urlsplit(url.replace("$TOCSIN_URL", "http://host")).path
              for url in re.findall(r'"(\$TOCSIN_URL[^"]*)"', PAGE)}
    templates = {contract().find(path.replace("$", ""))[0] for path in called}
    missing = [path for path, item in contract().document["paths"].items()
               if path not in templates and not any(
                   "The same as" in item[method].get("description", "")
                   for method in METHODS if method in item)]
    assert not missing


def test_the_page_has_every_code_that_a_caller_may_be_told():
    codes = set(contract().document["components"]["schemas"]["Problem"]["properties"]
                ["code"]["enum"])
    machines = {"bad_signature", "bad_event", "forbidden", "timeout", "expectation_failed",
                "not_implemented", "http_version"}
    table = PAGE.split("| status | code |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) >= codes - machines
