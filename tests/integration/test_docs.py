# SPDX-License-Identifier: MIT
"""What the pages tell people to type works.

Lines of ```sh blocks are run as they stand against a running stack, with the words in
capitals replaced. Indented blocks belong to a machine's administration: of these the names
of units, and the words that ./dev takes, are checked.
"""

import re
import shlex
import subprocess
from datetime import date, timedelta

import pytest

from support.events import payment_event
from support.process import wait_until
from support.programs import ROOT

PAGES = ["README.md", "docs/operating.md", "docs/security.md"]


def commands(page):
    """The lines of a page's ```sh blocks."""
    text = (ROOT / page).read_text()
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
            for line in block.splitlines()]


def indented(page):
    return re.findall(r"^    (\S.*)$", (ROOT / page).read_text(), re.M)


RUNNABLE = [line for page in PAGES for line in commands(page)]

PHP_HASH = "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"


def a_dead_job(stack):
    """An event whose object makes no sense: trying again cannot work."""
    event = payment_event()
    event["data"]["object"] = {"object": "payment_intent"}
    assert stack.post(event) == 200
    wait_until(lambda: stack.tocsin("job", event["id"],
                                    json_output=True)["jobs"][0]["state"] == "dead",
               "the job to be dead")
    return event["id"]


def a_payment(stack):
    event = payment_event()
    assert stack.post(event) == 200
    return event["data"]["object"]["id"]


def somebody_who_sells(stack, password_file):
    stack.tocsin("amicale", "add", "--name", "Amicale", "--email", "une@example.fr", "--id", 1)
    stack.tocsin("user", "add", "--role", "pompier", "--amicale", 1, "--email", "eve@example.fr",
                 "--name", "Ève", "--password-file", password_file)


def a_finding(stack):
    stack.sql("INSERT INTO reconciliation_findings (kind, subject)"
              " VALUES ('refund_failed', 're_1')")
    return stack.sql_one("SELECT MAX(id) FROM reconciliation_findings")


def a_conflict(stack):
    stack.sql("INSERT INTO sync_conflicts (amicale_id, pompier_id, local_id, given_mac, kind,"
              " given) SELECT amicale_id, id, 'u-1', 'm', 'other_amount', '{}' FROM users"
              " WHERE amicale_id IS NOT NULL LIMIT 1")
    return stack.sql_one("SELECT MAX(id) FROM sync_conflicts")


# Made when a command names them.
MADE = {"ID": a_dead_job, "pi_ID": a_payment, "FINDING": a_finding, "CONFLICT": a_conflict}


def stand_ins(workdir):
    """What the words in capitals stand for, where nothing has to happen for it."""
    amicales = workdir / "amicales.csv"
    amicales.write_text("nom;email;code_postal;ville\nAmicale;amicale@example.fr;35000;Rennes\n")
    password = workdir / "password"
    password.write_text("motdepasse-13\n")
    hashed = workdir / "hash"
    hashed.write_text(PHP_HASH + "\n")
    users = workdir / "users.csv"
    users.write_text("nom;email;role;amicale;password_hash\n"
                     f"Noé;noe@example.fr;pompier;1;{PHP_HASH}\n")
    return {"NEW_FILE": str(workdir / "new.keys"), "AMICALES.csv": str(amicales),
            "PASSWORD_FILE": str(password), "HASH_FILE": str(hashed), "USERS.csv": str(users),
            "AMICALE": "1", "DEVICE": "1", "FIRST_DAY": str(date.today() - timedelta(days=9)),
            "LAST_DAY": str(date.today() - timedelta(days=1))}


def test_the_pages_have_commands_to_run():
    assert len(RUNNABLE) >= 10
    assert all(line.startswith("tocsin ") for line in RUNNABLE)


def test_every_command_of_the_pages_runs(stack, workdir):
    somebody_who_sells(stack, stand_ins(workdir)["PASSWORD_FILE"])
    stack.all_walked()
    for line in RUNNABLE:
        words = shlex.split(line)[1:]
        words = [MADE[word](stack) if word in MADE else word for word in words]
        for word, stand_in in stand_ins(workdir).items():
            words = [stand_in if given == word else given for given in words]
        stack.tocsin(*words)


@pytest.mark.parametrize("page", PAGES)
def test_every_unit_that_a_page_names_is_there(page):
    named = set(re.findall(r"\b(tocsin[\w.@-]*\.(?:service|socket|target))",
                           (ROOT / page).read_text()))
    there = {path.name for path in (ROOT / "systemd").iterdir()}
    for unit in named:
        assert re.sub(r"@[^.]*\.", "@.", unit) in there


@pytest.mark.parametrize("page", PAGES)
def test_every_word_of_dev_that_a_page_uses_is_in_its_help(page):
    usage = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True,
                           check=True).stdout
    for line in indented(page):
        if line.startswith("./dev "):
            words = line.split("#")[0].split()[1:]
            assert f"./dev {words[0]}" in usage
            assert all(word in usage for word in words if word.startswith("--"))


@pytest.mark.parametrize("page", PAGES + ["docs/words.md", "docs/benchmarks.md", "docs/api.md"])
def test_every_file_that_a_page_names_is_there(page):
    text = (ROOT / page).read_text()
    named = re.findall(r"\]\(([\w./-]+)\)", text)
    beside = (ROOT / page).parent
    for path in named:
        assert (beside / path).exists(), path
    in_code = re.findall(r"`((?:common|api|worker|ctl|schema|tests|docs|systemd)/[\w./-]+)`",
                         text)
    for path in in_code:
        assert (ROOT / path).exists(), path
