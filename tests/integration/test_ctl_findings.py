# SPDX-License-Identifier: MIT
"""tocsin findings, conflicts and status: what needs a person, and how it is put away."""

import json
import re

import pytest

from books_room import room  # noqa: F401  (fixture)
from support.programs import ROOT

WIDE = 80
REASON = json.dumps({"reason": "Stripe has no such object"})


@pytest.fixture
def found(room):
    """Two amicales; findings of a run, of a worker and of events, one of them closed."""
    room.sql("INSERT INTO amicales (id, encrypted_name) VALUES (7, 'x'), (8, 'y')")
    room.sql("INSERT INTO users (id, amicale_id, role, encrypted_name, encrypted_email,"
             " email_lookup, password_hash) VALUES (12, 7, 'pompier', 'x', 'x', 'l12', 'x')")
    room.sql("INSERT INTO reconciliation_runs (id, name, state) VALUES"
             " (3, 'books:2026-11-21', 'finished')")
    for row in ((1, "payment_amount", "pi_1", 7, 1200,
                 '{"intent": "pi_1", "books": 1500, "stripe": 300}', 3, None),
                (2, "receipt_unsure", "pi_2", 7, 0, REASON, None, None),
                (3, "payment_overdue", "ask:1", 8, 900, None, None, None),
                (4, "unattributed", "pi_" + "x" * 60, None, -50, "{}", None, None),
                (5, "totals", "7", 7, 5, "{}", 3, "2026-11-21 10:00:00")):
        room.sql("INSERT INTO reconciliation_findings (id, kind, subject, amicale_id, amount,"
                 " detail, opened_run_id, closed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
    return room


def numbers(room, *words):
    return [row["finding"] for row in room.tocsin("findings", *words, json_output=True)["findings"]]


def audited(room):
    return room.sql("SELECT verb, what, why FROM audit_log ORDER BY id")


def narrow(text):
    assert max(len(line) for line in text.splitlines()) <= WIDE, text
    return text


# --- findings -------------------------------------------------------------------------------


def test_findings_are_listed_as_asked(found):
    for words, wanted in (([], [1, 2, 3, 4]),
                          (["--all"], [1, 2, 3, 4, 5]),
                          (["--amicale", "7"], [1, 2]),
                          (["--amicale", "7", "--all"], [1, 2, 5]),
                          (["--kind", "payment_overdue"], [3]),
                          (["--kind", "totals"], []),
                          (["--kind", "totals", "--all"], [5]),
                          (["--amicale", "99"], [])):
        assert numbers(found, *words) == wanted, words


def test_a_finding_tells_what_is_known_of_it(found):
    first, unsure, overdue, stray, closed = found.tocsin(
        "findings", "--all", json_output=True)["findings"]
    assert (first["kind"], first["subject"], first["amicale"], first["amount"],
            first["currency"], first["detail"], first["closes"], first["opened_run"]) == (
        "payment_amount", "pi_1", 7, 1200, "eur",
        {"intent": "pi_1", "books": 1500, "stripe": 300},
        "reconciliation", "books:2026-11-21")
    assert first["closed_at"] is None and first["opened_at"].endswith("Z")
    assert [row["closes"] for row in (unsure, overdue, stray)] == ["hand", "worker", "hand"]
    assert stray["amicale"] is None and overdue["detail"] is None
    assert closed["closed_at"] == "2026-11-21T10:00:00.000Z"
    text = narrow(found.tocsin("findings"))
    assert re.search(r"^SUBJECT +KIND +FINDING +AMICALE +EUR +SINCE$", text, re.M)
    assert re.search(r"^pi_1 +payment_amount +1 +7 +12\.00 +\S+\n"
                     r"  books 1500, stripe 300, intent pi_1$",
                     text, re.M)
    assert re.search(r"^pi_2 +receipt_unsure .*\n  Stripe has no such object$", text, re.M)
    assert re.search(r"^pi_x{60}\n +unattributed +4 +- +-0\.50 ", text, re.M)
    assert found.tocsin("findings", "--kind", "none").splitlines()[1] == "-"


def test_findings_come_page_by_page(found):
    page = found.tocsin("findings", "--limit", "3", json_output=True)
    assert ([row["finding"] for row in page["findings"]], page["cursor"]) == ([1, 2, 3], "3")
    page = found.tocsin("findings", "--limit", "3", "--cursor", "3", json_output=True)
    assert ([row["finding"] for row in page["findings"]], page["cursor"]) == ([4], None)
    assert "more: --cursor 1\n" in found.tocsin("findings", "--limit", "1")
    for words in (["--limit", "0"], ["--cursor", "x"], ["--amicale", "0"], ["more"]):
        found.tocsin("findings", *words, expect=2)


def test_a_finding_that_nothing_closes_is_closed_with_the_reason(found):
    assert found.tocsin("findings", "close", "2", "--why", "the buyer has it",
                        json_output=True) == {"finding": 2}
    ((by, closed),) = found.sql("SELECT closed_by, closed_at IS NOT NULL FROM"
                                " reconciliation_findings WHERE id = 2")
    assert "@" in by and closed == 1
    assert audited(found) == (("findings close", "finding 2", "the buyer has it"),)
    assert numbers(found) == [1, 3, 4]
    done = found.tocsin("findings", "close", "2", "--why", "again", expect=None)
    assert done.returncode == 4 and "closed already" in done.stderr
    assert len(audited(found)) == 1


def test_a_finding_that_closes_itself_is_left_unless_forced(found):
    for number, when in ((1, "when Stripe and the books agree again"),
                         (3, "when Stripe knows the payment")):
        done = found.tocsin("findings", "close", number, "--why", "x", expect=None)
        assert done.returncode == 4 and when in done.stderr and "--force" in done.stderr
        assert number in numbers(found)
    assert audited(found) == ()
    found.tocsin("findings", "close", 1, "--why", "accepted by the treasurer", "--force")
    assert numbers(found) == [2, 3, 4] and len(audited(found)) == 1


def test_a_kind_that_is_not_known_closes_as_it_was_opened(found):
    found.sql("UPDATE reconciliation_findings SET kind = 'novelty' WHERE id IN (1, 2)")
    assert [row["closes"] for row in found.tocsin(
        "findings", "--kind", "novelty", json_output=True)["findings"]] == [
            "reconciliation", "hand"]
    found.tocsin("findings", "close", "1", "--why", "x", expect=4)
    found.tocsin("findings", "close", "2", "--why", "x")


def test_a_close_that_makes_no_sense_changes_nothing(found):
    for words, code in ((["2"], 2), (["2", "--why", " "], 2), (["x", "--why", "y"], 2),
                        (["--why", "y"], 2), (["0", "--why", "y"], 2),
                        (["2", "--why", "y" * 1001], 2), (["99", "--why", "y"], 3)):
        found.tocsin("findings", "close", *words, expect=code)
    assert numbers(found) == [1, 2, 3, 4] and audited(found) == ()


def test_the_operators_page_explains_every_kind_of_finding():
    kinds = re.findall(r'^    \{"(\w+)", FINDING_', (ROOT / "ctl/finding_kind.c").read_text(),
                       re.M)
    page = (ROOT / "docs/operating.md").read_text()
    assert len(kinds) > 30
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.M)
    explained = {kind for row in rows for kind in re.findall(r"`(\w+)`", row)}
    assert set(kinds) <= explained


# --- conflicts ------------------------------------------------------------------------------


@pytest.fixture
def torn(found):
    """Three conflicts: with its row, with a row that it does not name, with none."""
    found.sql("INSERT INTO payment_intents (id, stripe_payment_intent_id, amicale_id, pompier_id,"
              " local_id, amount, status, payment_method, sold_at, sale_day) VALUES"
              " (41, 'pi_1', 7, 12, 'u-1', 2000, 'succeeded', 'card', '2026-11-21 09:00:00',"
              " '2026-11-21'),"
              " (42, NULL, 7, 12, 'u-2', 500, 'succeeded', 'cash', '2026-11-21 09:00:00',"
              " '2026-11-21')")
    for number, local_id, payment, kind, given in (
            (1, "u-1", 41, "other_intent", {"amount": 1500, "payment_method": "card",
                                            "stripe_payment_intent_id": "pi_9"}),
            (2, "u-2", None, "other_amount", {"amount": 700, "payment_method": "cash"}),
            (3, "u" * 64, None, "unknown_intent", {"amount": 700, "payment_method": "card"})):
        found.sql("INSERT INTO sync_conflicts (id, amicale_id, pompier_id, local_id, given_mac,"
                  " payment_id, sync_batch_id, kind, given) VALUES"
                  " (%s, 7, 12, %s, 'm', %s, 'bat_1', %s, %s)",
                  (number, local_id, payment, kind, json.dumps(given)))
    return found


def test_a_conflict_tells_what_the_phone_said_and_what_the_books_say(torn):
    first, second, third = torn.tocsin("conflicts", json_output=True)["conflicts"]
    assert (first["conflict"], first["kind"], first["amicale"], first["pompier"],
            first["local_id"], first["batch"]) == (1, "other_intent", 7, 12, "u-1", "bat_1")
    assert first["phone"] == {"amount": 1500, "payment_method": "card",
                              "stripe_payment_intent_id": "pi_9"}
    assert first["books"] == {
        "payment": 41, "stripe_payment_intent_id": "pi_1", "amount": 2000, "currency": "eur",
        "payment_method": "card", "status": "succeeded", "sold_at": "2026-11-21T09:00:00.000Z"}
    assert second["books"]["payment"] == 42 and third["books"] is None
    text = narrow(torn.tocsin("conflicts"))
    assert re.search(r"^LOCAL ID +KIND +CONFLICT +AMICALE +POMPIER +SINCE$", text, re.M)
    assert "  phone: 15.00 card pi_9; books: 20.00 card, succeeded\n" in text
    assert "  phone: 7.00 cash; books: 5.00 cash, succeeded\n" in text
    assert "  phone: 7.00 card; books: nothing under this name yet\n" in text


def test_a_conflict_about_another_seller_s_payment_tells_which(torn):
    torn.sql("INSERT INTO users (id, amicale_id, role, encrypted_name, encrypted_email,"
             " email_lookup, password_hash) VALUES (13, 7, 'pompier', 'x', 'x', 'l13', 'x')")
    torn.sql("INSERT INTO sync_conflicts (id, amicale_id, pompier_id, local_id, given_mac,"
             " given_intent, kind, given) VALUES (4, 7, 13, 'theirs', 'm', 'pi_1',"
             " 'already_linked', '{}')")
    (*_, last) = torn.tocsin("conflicts", json_output=True)["conflicts"]
    assert (last["kind"], last["books"]["payment"], last["books"]["stripe_payment_intent_id"]
            ) == ("already_linked", 41, "pi_1")


def test_conflicts_come_page_by_page_and_by_amicale(torn):
    page = torn.tocsin("conflicts", "--limit", "2", json_output=True)
    assert ([row["conflict"] for row in page["conflicts"]], page["cursor"]) == ([1, 2], "2")
    assert "more: --cursor 2\n" in torn.tocsin("conflicts", "--limit", "2")
    assert torn.tocsin("conflicts", "--amicale", "8", json_output=True)["conflicts"] == []
    torn.tocsin("conflicts", "--amicale", "x", expect=2)


def test_resolving_a_conflict_marks_it_and_changes_no_payment(torn):
    before = torn.sql("SELECT * FROM payment_intents")
    assert torn.tocsin("conflicts", "resolve", "1", "--why", "the buyer paid 20 euros",
                       json_output=True) == {"conflict": 1}
    assert torn.sql("SELECT * FROM payment_intents") == before
    assert [row["conflict"] for row in
            torn.tocsin("conflicts", json_output=True)["conflicts"]] == [2, 3]
    first = torn.tocsin("conflicts", "--all", json_output=True)["conflicts"][0]
    assert first["resolution"] == "the buyer paid 20 euros" and "@" in first["resolved_by"]
    assert first["resolved_at"].endswith("Z")
    assert audited(torn) == (("conflicts resolve", "conflict 1", "the buyer paid 20 euros"),)
    done = torn.tocsin("conflicts", "resolve", "1", "--why", "again", expect=None)
    assert done.returncode == 4 and "resolved already" in done.stderr
    assert len(audited(torn)) == 1


def test_a_resolution_that_makes_no_sense_changes_nothing(torn):
    for words, code in ((["1"], 2), (["x", "--why", "y"], 2), (["--why", "y"], 2),
                        (["1", "--why", "y" * 501], 2), (["99", "--why", "y"], 3)):
        torn.tocsin("conflicts", "resolve", *words, expect=code)
    assert len(torn.tocsin("conflicts", json_output=True)["conflicts"]) == 3
    assert audited(torn) == ()


def test_without_mariadb_they_say_so(room):
    for words in (["findings"], ["conflicts"], ["reconcile"],
                  ["findings", "close", "1", "--why", "x"],
                  ["conflicts", "resolve", "1", "--why", "x"]):
        done = room.tocsin("--set", "mariadb.socket=/nonexistent.sock", *words, expect=None)
        assert (done.returncode, done.stdout) == (5, "")
        assert done.stderr.startswith("tocsin: mariadb: ")


def test_the_help_of_a_list_names_the_verbs_beside_it(room):
    for verb, other in (("findings", "close"), ("conflicts", "resolve")):
        assert f"see also: tocsin {verb} {other}\n" in narrow(room.tocsin(verb, "--help"))
        assert "--why TEXT" in narrow(room.tocsin(verb, other, "--help"))


# --- status ---------------------------------------------------------------------------------


def test_status_says_how_far_the_ledger_is_complete(found):
    assert "ledger     not walked yet\n" in found.tocsin("status")
    assert found.tocsin("status", json_output=True)["ledger"] == {
        "complete_until_at": None, "gaps": 0, "held": 0, "not_walked": 0, "walked_at": None,
        "fault": None}
    found.sql("INSERT INTO stripe_accounts (amicale_id, stripe_account_id, deauthorized_at) VALUES"
              " (7, 'acct_7', NULL), (8, 'acct_8', NULL), (8, 'acct_gone', NOW(3))")
    found.sql("INSERT INTO event_cursors (account, walk, complete_until, gap_count, gaps_found)"
              " VALUES ('', 'a', '2026-07-01 10:05:09', 1, 5), ('', 'b', '2026-07-01 10:04:08', 2, 2),"
              " ('acct_7', 'a', '2026-07-01 10:05:00', 0, 0),"
              " ('acct_gone', 'a', '2026-01-01 00:00:00', 9, 9)")
    text = narrow(found.tocsin("status"))
    # On the clocks of France, by the walk that is least far; an account that has left does
    # not hold it back, one that was never walked is told.
    assert "ledger     complete up to 2026-07-01 12:04:08, 3 gaps, 1 not walked yet\n" in text
    ledger = found.tocsin("status", json_output=True)["ledger"]
    assert (ledger["complete_until_at"], ledger["gaps"], ledger["not_walked"]) == (
        "2026-07-01T10:04:08.000Z", 3, 1)
    found.sql("UPDATE event_cursors SET complete_until = NOW(3), gap_count = 0,"
              " last_fault = 'stripe: away' WHERE account <> 'acct_gone'")
    text = narrow(found.tocsin("status"))
    assert re.search(r"^ledger     complete up to \d\d:\d\d:\d\d, 0 gaps, 1 not", text, re.M)
    assert "walk       stripe: away\n" in text


def test_status_counts_events_that_are_held(found):
    found.sql("INSERT INTO event_cursors (account, walk, complete_until) VALUES ('', 'a', NOW(3))")
    found.sql("INSERT INTO stripe_events (stripe_event_id, type, processed_at) VALUES"
              " ('evt_dead', 't', NULL), ('evt_retried', 't', NOW(3)), ('evt_waits', 't', NULL)")
    for name in ("evt_dead", "evt_unread", "evt_retried"):
        found.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, died_at)"
                  " VALUES (%s, 'stripe.event', 'webhook', '7', 'never', NOW(3))", (name,))
    found.sql("INSERT INTO audit_log (job_id, who, verb, what, at) VALUES"
              " ('audit:1', 'ada', 'discard', 'evt_thrown', NOW(3)),"
              " ('audit:2', 'ada', 'discard', 'evt_dead', NOW(3)),"
              " ('audit:3', 'ada', 'discard', 'receipt:pi_1', NOW(3)),"
              " ('audit:4', 'ada', 'retry', 'evt_waits', NOW(3))")
    assert found.tocsin("status", json_output=True)["ledger"]["held"] == 3
    assert re.search(r"^ledger .*, 0 gaps, 3 held$", found.tocsin("status"), re.M)


def test_status_tells_the_last_reconciliation(found):
    found.sql("DELETE FROM reconciliation_findings WHERE opened_run_id IS NOT NULL")
    found.sql("DELETE FROM reconciliation_runs")
    assert "reconciled not yet\n" in found.tocsin("status")
    assert found.tocsin("status", json_output=True)["reconciliation"] is None
    found.sql("INSERT INTO reconciliation_runs (id, name, plan, amicale_id, state, started_at,"
              " finished_at, opened_count) VALUES"
              " (10, 'books:2026-07-01', NULL, NULL, 'finished', '2026-07-01 02:00:00',"
              " '2026-07-01 02:00:05', 0),"
              " (11, 'books:2026-07-01:7', 'books:2026-07-01', 7, 'finished',"
              " '2026-07-01 02:00:05', '2026-07-01 02:00:09', 2),"
              " (12, 'books:2026-07-01:8', 'books:2026-07-01', 8, 'running',"
              " '2026-07-01 02:00:05', NULL, 0)")
    found.sql("INSERT INTO reconciliation_findings (kind, subject, opened_run_id)"
              " VALUES ('payment_missing', 'pi_8', 11)")
    text = narrow(found.tocsin("status"))
    assert "reconciled since 2026-07-01 04:00:00, 2 of 3 parts, 1 findings\n" in text
    found.sql("UPDATE reconciliation_runs SET state = 'failed', finished_at ="
              " '2026-07-01 02:00:10' WHERE id = 12")
    text = narrow(found.tocsin("status"))
    assert "reconciled 2026-07-01 04:00:10, 2 amicales, 1 failed, 1 findings\n" in text
    assert "tocsin reconcile --run books:2026-07-01\n" in text
    last = found.tocsin("status", json_output=True)["reconciliation"]
    assert (last["run"], last["state"], last["total"], last["failed"], last["open"],
            last["opened"]) == ("books:2026-07-01", "failed", 3, 1, 1, 2)
    found.sql("UPDATE reconciliation_runs SET state = 'finished' WHERE id = 12")
    assert "reconciled 2026-07-01 04:00:10, 2 amicales, 1 findings\n" in found.tocsin("status")


def test_status_tells_of_phones_whose_clock_is_wrong(found):
    assert "flushed    0 batches, 0 sales in a day\n" in found.tocsin("status")
    for name, device, skew_ms, hours in (("bat_1", "d1", 300000, 1), ("bat_2", "d2", -7200001, 2),
                                         ("bat_3", "d2", 90000000, 3), ("bat_4", None, 400000, 1),
                                         ("bat_5", "d5", 90000000, 25), ("bat_6", "d6", None, 1)):
        found.sql("INSERT INTO sync_batches (id, amicale_id, pompier_id, device_id, item_count,"
                  " items, skew_ms, received_at) VALUES (%s, 7, 12, %s, 10, '[]', %s,"
                  " NOW(3) - INTERVAL %s HOUR)", (name, device, skew_ms, hours))
    text = narrow(found.tocsin("status"))
    assert "flushed    5 batches, 50 sales in a day\n" in text
    assert "clocks     2 phones are off: user 12 +6m, user 12 -2h\n" in text
    flush = found.tocsin("status", json_output=True)["flush"]
    assert (flush["batches"], flush["items"], flush["clocks_off"]) == (5, 50, 2)
    assert [(clock["pompier"], clock["device"], clock["skew_ms"]) for clock in flush["clocks"]] == [
        (12, None, 400000), (12, "d2", -7200001)]
