# SPDX-License-Identifier: MIT
"""tocsin reconcile: asked for, followed and reported. What workers write is written here by
hand, to the moment; the last test has real ones."""

import json
import os
import pty
import re
import signal
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from books_room import Kind, Queue, Room, Settlement
from payments_room import PaymentsRoom
from support.process import wait_until
from support.programs import program, sanitizer_env

PLAN = Kind("books.plan", lane="backfill", max=20, needs="mariadb")
PART = Kind("books.reconcile", lane="backfill", max=20, needs="mariadb")
TOTALS = {"books": {"payments": 150000, "fees": 0}, "stripe": {"payments": 148800, "fees": 0}}


def paris_day(days_ago=0):
    return str(datetime.now(ZoneInfo("Europe/Paris")).date() - timedelta(days=days_ago))


class Office(Room):
    """Two amicales, and a worker that is alive for an hour and does nothing."""

    def open(self, bare=False):
        super().open(bare)
        self.queue.client.close()
        # A payload that was sealed is no text.
        self.queue = Queue(self.redis.client(decode_responses=True, encoding_errors="replace"))
        self.sql("INSERT INTO amicales (id, encrypted_name) VALUES (7, 'x'), (8, 'y')")
        self.started = []
        return self

    def a_worker(self):
        self.queue.take("w:1:1", [PART], general=1)

    def begin(self, *words, stderr=subprocess.PIPE, **environment):
        """tocsin, running."""
        running = subprocess.Popen(
            [str(program("tocsin")), "--config", str(self.config), *words],
            stdout=subprocess.PIPE, stderr=stderr, text=True,
            env={**os.environ, **sanitizer_env(), **environment})
        self.started.append(running)
        return running

    def asked(self):
        """The name of the run that is asked for."""
        def plans():
            return [record["id"] for record in self.queue.list("ready", kind="books.plan")[0]]
        wait_until(plans, "the run to be asked for")
        (name,) = plans()
        return name

    def plan(self, name, amicales=(7, 8), state="finished"):
        """What a worker writes that has planned a run; all at once, as a plan without parts
        would be over."""
        parts = [(f"{name}:{amicale}", name, amicale) for amicale in amicales]
        self.sql("INSERT INTO reconciliation_runs (name, plan, amicale_id, from_day, to_day,"
                 " state, finished_at, compared_until) VALUES (%s, DEFAULT, DEFAULT,"
                 " '2026-11-01', '2026-11-22', %s, NOW(3), '2026-11-22 10:00:00')"
                 + ", (%s, %s, %s, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT)" * len(parts),
                 (name, state, *(word for part in parts for word in part)))

    def finish(self, name, amicale, state="finished", opened=0, closed=0, fault=None):
        self.sql("UPDATE reconciliation_runs SET state = %s, finished_at = NOW(3),"
                 " opened_count = %s, closed_count = %s, last_fault = %s, totals = %s,"
                 " checked_count = 10 WHERE name = %s",
                 (state, opened, closed, fault, json.dumps(TOTALS), f"{name}:{amicale}"))

    def finding(self, name, kind, subject, amicale, amount=0, hours_ago=0):
        self.sql("INSERT INTO reconciliation_findings (kind, subject, amicale_id, amount, detail,"
                 " opened_run_id, seen_at) SELECT %s, %s, %s, %s, '{\"reason\": \"it differs\"}',"
                 " id, NOW(3) - INTERVAL %s HOUR FROM reconciliation_runs WHERE name = %s",
                 (kind, subject, amicale, amount, hours_ago, name))

    def close(self):
        for running in self.started:
            if running.poll() is None:
                running.kill()
            running.communicate()
        super().close()


@pytest.fixture
def office(workdir, mariadb_server):
    office = Office(workdir, mariadb_server, {"worker.dead_after_ms": 60000}).open()
    yield office
    office.close()


def ended(running, code):
    out, err = running.communicate(timeout=60)
    assert running.returncode == code, (out, err)
    return out, err


# --- asking ---------------------------------------------------------------------------------


def test_a_run_is_asked_for_by_its_days(office):
    for words, first, last in (([], 34, 0),
                               (["--amicale", "7"], 34, 0),
                               (["--from", paris_day(10), "--to", paris_day(3)], 10, 3),
                               (["--from", paris_day(365)], 365, 0),
                               (["--set", "books.window_days=1"], 0, 0)):
        asked = office.tocsin("reconcile", "--no-wait", *words, json_output=True)
        assert re.fullmatch(r"books:ask:[0-9a-f]{16}", asked["run"])
        assert (asked["state"], asked["from"], asked["to"]) == (
            "waiting", paris_day(first), paris_day(last)), words
        jobs = office.tocsin("job", asked["run"], json_output=True)["jobs"]
        assert [(job["kind"], job["lane"], job["state"], job["tenant"]) for job in jobs] == [
            ("books.plan", "backfill", "ready", "-")]
        assert any(asked["run"] in office.tocsin("job", audit) for audit in office.audit_jobs())
    assert len(office.audit_jobs()) == 5


def test_a_run_that_makes_no_sense_is_not_asked_for(office):
    for words, code, why in (
            (["--from", "2026-02-30"], 2, "--from is a day that exists"),
            (["--to", "soon"], 2, "--to is a day that exists"),
            (["--to", paris_day(-1)], 2, "still to come"),
            (["--from", paris_day(1), "--to", paris_day(2)], 2, "--from is behind --to"),
            (["--from", paris_day(366)], 2, "at most 366 days"),
            (["--amicale", "0"], 2, "--amicale is a number"),
            (["--amicale", "99"], 3, "there is no amicale 99"),
            (["--run", "books:ask:1", "--amicale", "7"], 2, "no --amicale"),
            (["--run", "books:ask:1"], 3, "there is no run books:ask:1"),
            (["--run", "books:ask:1", "--no-wait"], 3, "there is no run books:ask:1"),
            (["--why", "y" * 1001], 2, "--why takes at most"),
            (["more"], 2, "reconcile wants no words")):
        done = office.tocsin("reconcile", *words, expect=None)
        assert (done.returncode, done.stdout) == (code, ""), words
        assert why in done.stderr
    assert office.queue.list("ready")[0] == []


def test_without_redis_nothing_is_asked_for(office):
    done = office.tocsin("--set", "redis.address=unix:/nonexistent.sock", "reconcile",
                         expect=None)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("tocsin: redis: ")


# --- following ------------------------------------------------------------------------------


def test_a_run_is_followed_until_all_of_it_has_ended(office):
    office.a_worker()
    running = office.begin("reconcile", "--why", "the season ends")
    name = office.asked()
    office.plan(name)
    office.finish(name, 7, opened=1, closed=2)
    office.finding(name, "payment_amount", "pi_1", 7, 1200)
    assert running.poll() is None
    office.finish(name, 8)
    out, err = ended(running, 6)
    assert max(len(line) for line in out.splitlines()) <= 80
    assert re.search(r"^pi_1 +payment_amount +\d+ +7 +12\.00 +\S+\n  it differs$", out, re.M)
    assert re.search(r"^ +7  payments +1500\.00 +1488\.00 +-12\.00$", out, re.M)
    assert f"{name}, 2026-11-01 to 2026-11-22: finished\n" in out
    assert re.search(r"^compared until (2026-11-22 )?11:00:00$", out, re.M)
    assert out.endswith("1 findings, 1 new, 2 closed\n")
    assert re.search(r"^tocsin: 3 of 3 parts$", err, re.M)
    assert "\033" not in err and "\r" not in err


def test_books_without_findings_end_well(office):
    office.a_worker()
    running = office.begin("reconcile", "--json")
    name = office.asked()
    office.plan(name)
    office.finish(name, 7)
    office.finish(name, 8)
    # What other jobs have found is told, and is no difference.
    office.sql("INSERT INTO reconciliation_findings (kind, subject) VALUES ('dispute', 'dp_1')")
    out, err = ended(running, 0)
    report = json.loads(out)
    assert err == ""
    assert (report["run"], report["state"], report["total"], report["done"], report["open"],
            report["others_open"], report["findings"], report["checked"]) == (
        name, "finished", 3, 3, 0, 1, [], 20)
    assert (report["from"], report["to"], report["compared_until_at"]) == (
        "2026-11-01", "2026-11-22", "2026-11-22T10:00:00.000Z")
    assert [(part["amicale"], part["state"], part["totals"]) for part in report["parts"]] == [
        (None, "finished", None), (7, "finished", TOTALS), (8, "finished", TOTALS)]


def test_only_what_the_run_looked_at_counts(office):
    office.plan("books:ask:1", amicales=[7])
    office.finish("books:ask:1", 7)
    office.finding("books:ask:1", "payment_amount", "pi_now", 7)
    office.finding("books:ask:1", "payment_amount", "pi_of_another", 8)
    office.finding("books:ask:1", "payment_amount", "pi_of_nobody", None)
    office.finding("books:ask:1", "payment_amount", "pi_before", 7, hours_ago=1)
    office.finding("books:ask:1", "payment_missing", "pi_closed", 7)
    office.sql("UPDATE reconciliation_findings SET closed_at = NOW(3)"
               " WHERE subject = 'pi_closed'")
    done = office.tocsin("reconcile", "--run", "books:ask:1", "--json", expect=None)
    assert done.returncode == 6
    assert [row["subject"] for row in json.loads(done.stdout)["findings"]] == [
        "pi_now", "pi_of_nobody"]


def test_an_earlier_run_is_shown_again_as_it_is_now(office):
    office.plan("books:2026-11-22")
    office.finish("books:2026-11-22", 7, fault="it has no account: payouts were not compared")
    done = office.tocsin("reconcile", "--run", "books:2026-11-22", "--no-wait", "--json",
                         expect=None)
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"], report["done"], report["total"]) == (
        4, "running", 2, 3)
    assert "running, 2 of 3 parts\n" in office.tocsin("reconcile", "--run", "books:2026-11-22",
                                                      "--no-wait", expect=4)
    office.finish("books:2026-11-22", 8)
    text = office.tocsin("reconcile", "--run", "books:2026-11-22")
    assert text.endswith("0 findings, 0 new, 0 closed\n")
    assert "1 parts (--json)\n  amicale 7: it has no account" in text


def test_a_part_that_failed_is_told(office):
    office.plan("books:ask:1")
    office.finish("books:ask:1", 7, "failed", fault="stripe 403: no such account")
    office.finish("books:ask:1", 8)
    office.finding("books:ask:1", "payment_amount", "pi_1", 8)
    done = office.tocsin("reconcile", "--run", "books:ask:1", expect=None)
    assert done.returncode == 1
    assert "amicale 7: stripe 403: no such account\n" in done.stderr
    assert "1 of 3 parts failed" in done.stderr
    assert "books:ask:1, 2026-11-01 to 2026-11-22: failed\n" in done.stdout


def test_a_job_that_died_without_a_word_is_not_waited_for(office):
    office.a_worker()
    office.plan("books:ask:1")
    office.finish("books:ask:1", 8)
    office.settled("books:ask:1:7", "NEVER", PART, fault="books: damaged")
    done = office.tocsin("reconcile", "--run", "books:ask:1", expect=None)
    assert done.returncode == 1
    assert "books:ask:1:7: books: damaged" in done.stderr


def test_a_plan_that_died_is_told(office):
    office.a_worker()
    running = office.begin("reconcile")
    name = office.asked()
    (job,) = office.queue.take("w:1:1", [PLAN], general=1)["jobs"]
    office.queue.settle(Settlement(name, job["token"], "NEVER", fault="stripe 401: no such key"))
    _, err = ended(running, 1)
    assert f"{name} failed: stripe 401: no such key" in err


def test_a_plan_that_was_discarded_is_told(office):
    office.a_worker()
    running = office.begin("reconcile")
    name = office.asked()
    office.tocsin("discard", name, "--why", "not now")
    _, err = ended(running, 1)
    assert f"{name} was discarded" in err


def test_without_a_worker_nobody_waits(office):
    done = office.tocsin("reconcile", expect=None)
    assert (done.returncode, done.stdout) == (5, "")
    assert "no worker is alive" in done.stderr
    (name,) = re.findall(r"tocsin reconcile --run (books:ask:\w+)$", done.stderr, re.M)
    assert office.state(name) == "ready"


def test_what_holds_a_run_up_is_told(office):
    office.a_worker()
    running = office.begin("reconcile")
    office.asked()
    office.tocsin("pause", "kind:books.plan", "--why", "Stripe asks for it")
    for line in running.stderr:
        if "books.plan is paused" in line:
            break
    else:
        raise AssertionError("it was not told")
    running.send_signal(signal.SIGINT)
    ended(running, 130)


def test_an_interrupted_wait_leaves_the_run_going(office):
    office.a_worker()
    running = office.begin("reconcile")
    name = office.asked()
    running.send_signal(signal.SIGINT)
    out, err = ended(running, 130)
    assert out == ""
    assert f"it goes on; to look again: tocsin reconcile --run {name}\n" in err
    assert office.state(name) == "ready"


def test_a_terminal_has_a_bar(office):
    office.a_worker()
    parent, child = pty.openpty()
    running = office.begin("reconcile", stderr=child, TERM="xterm")
    os.close(child)
    name = office.asked()
    office.plan(name)
    office.finish(name, 7)
    shown = b""
    while b"2 of 3 parts" not in shown:
        shown += os.read(parent, 1000)
    assert b"\r\033[K[##########################..............]  2 of 3 parts" in shown
    office.finish(name, 8)
    assert running.wait(60) == 0
    shown = os.read(parent, 1000)
    os.close(parent)
    assert shown.endswith(b"\r\033[K")


# --- with real workers ----------------------------------------------------------------------


@pytest.fixture
def shop(workdir, mariadb_server):
    shop = PaymentsRoom(workdir, mariadb_server, settings={"books.margin_s": 0})
    try:
        yield shop.start()
    finally:
        shop.stop()


def test_real_workers_find_what_differs_and_close_it_again(shop):
    sale = shop.paid(1500).json
    shop.paid(2000)
    refunded = shop.admin.act("refund", shop.paid(3000).json["payment_intent_id"],
                              {"amount": 1000}, prefer="wait=20")
    assert refunded.status == 200, refunded
    shop.wait_quiet()
    shop.stack.all_walked()
    asked = ["reconcile", "--json"]
    clean = json.loads(shop.stack.tocsin(*asked))
    assert (clean["state"], clean["total"], clean["done"], clean["open"]) == (
        "finished", 3, 3, 0)
    sums = {part["amicale"]: part["totals"] for part in clean["parts"]}
    for side in ("books", "stripe"):
        assert (sums[1][side]["payments"], sums[1][side]["refunds"]) == (6500, 1000)
        assert sums[2][side]["payments"] == 0
    shop.sql("UPDATE payment_intents SET amount = 1400, amount_received = 1400 WHERE id = %s",
             (sale["id"],))
    text = shop.stack.tocsin("reconcile", "--amicale", "1", expect=6)
    assert re.search(rf"^{sale['payment_intent_id']} +payment_amount +\d+ +1 ", text, re.M)
    assert re.search(r"^ +1  payments +64\.00 +65\.00 +1\.00$", text, re.M)
    assert text.endswith("1 findings, 1 new, 0 closed\n")
    shop.stack.tocsin("reconcile", "--amicale", "2")
    shop.sql("UPDATE payment_intents SET amount = 1500, amount_received = 1500 WHERE id = %s",
             (sale["id"],))
    assert shop.stack.tocsin("reconcile", "--from", paris_day()).endswith(
        "0 findings, 0 new, 1 closed\n")
    assert re.search(r"^reconciled \d\d:\d\d:\d\d, 2 amicales, 0 findings$",
                     shop.stack.tocsin("status"), re.M)
    shop.stack.wait_sql("SELECT COUNT(*) FROM audit_log WHERE verb = 'reconcile'"
                        " AND what LIKE 'books:ask:%%'", 4)
