# SPDX-License-Identifier: MIT
"""tocsin job, amicale and user: what the books say, and who is in them."""

import json
import os
import pty
import re
import select
import subprocess
import warnings

import pytest

with warnings.catch_warnings():
    # Gone from Python 3.13 on; Debian 12 has 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

from books_room import EVENT, MAIL, Kind, room  # noqa: F401  (fixture)
from support.programs import ROOT, program, sanitizer_env

BOOKS = ("archive events payments refunds disputes payouts balance_transactions accounts "
         "receipts batches conflicts runs findings audit").split()


@pytest.fixture
def sold(room):
    """A payment from its webhook to the refund, in the queue and in the books."""
    room.settled("evt_paid", "DONE", tenant="7", refs=("pi_1", "ch_1", "acct_7"))
    room.settled("receipt:pi_1", "NEVER", MAIL, fault="smtp 550: no such box", tenant="7",
                 refs=("pi_1",))
    for statement in (
            "INSERT INTO amicales (id, encrypted_name) VALUES (7, 'x')",
            "INSERT INTO stripe_accounts (amicale_id, stripe_account_id, charges_enabled)"
            " VALUES (7, 'acct_7', 1)",
            "INSERT INTO payment_intents (id, stripe_payment_intent_id, amicale_id, amount,"
            " status, stripe_charge_id, sold_at, sale_day, amount_refunded) VALUES"
            " (41, 'pi_1', 7, 1500, 'partially_refunded', 'ch_1', '2026-11-22 10:00:00',"
            " '2026-11-22', 500)",
            "INSERT INTO refunds (id, stripe_refund_id, payment_id, amount, status)"
            " VALUES (5, 're_1', 41, 500, 'succeeded')",
            "INSERT INTO receipts (template, subject, payment_id, state, message_id, attempts,"
            " last_fault) VALUES ('receipt', 'pi_1', 41, 'failed', 'm1', 3, '550')",
            "INSERT INTO stripe_events (stripe_event_id, type, account, amicale_id, object_id,"
            " stripe_payment_intent_id, received_at, processed_at, result, sealed_body) VALUES"
            " ('evt_paid', 'payment_intent.succeeded', 'acct_7', 7, 'pi_1', 'pi_1',"
            " '2026-11-22 10:00:01', '2026-11-22 10:00:02.5', 'applied', 'sealed'),"
            " ('evt_back', 'refund.created', 'acct_7', 7, 're_1', 'pi_1',"
            " '2026-11-22 11:00:01', NULL, NULL, NULL)"):
        room.sql(statement)
    return room


def ids(page, book, column="id"):
    return [row[column] for row in page[book]]


def test_a_job_is_shown_with_its_whole_life(sold):
    page = sold.tocsin("job", "evt_paid", json_output=True)
    assert set(page) == {"name", "state", "away", "jobs", *BOOKS}
    assert page["state"] == "done"
    (job,) = page["jobs"]
    assert (job["id"], job["state"], job["refs"]) == (
        "evt_paid", "done", ["pi_1", "ch_1", "acct_7"])
    assert [entry["outcome"] for entry in job["history"]] == ["DONE"]
    (event,) = page["events"]
    assert event["processed_at"] == "2026-11-22T10:00:02.500Z"
    assert (event["result"], event["body_kept"]) == ("applied", True)
    assert ids(page, "payments") == ["pi_1"]
    assert page["payments"][0]["refunded"] == 500
    assert ids(page, "refunds") == ["re_1"]
    assert ids(page, "receipts", "subject") == ["pi_1"]
    text = sold.tocsin("job", "evt_paid")
    for wanted in ("job evt_paid\n", "  state            done\n", "  history\n", "\nevent\n",
                   "\npayment\n", "  status           partially_refunded\n", "\nreceipt\n"):
        assert wanted in text
    assert "no such box" not in text


def test_rows_have_the_members_that_the_page_promises(sold):
    sold.sql("INSERT INTO disputes (stripe_dispute_id, payment_id, amount, status)"
             " VALUES ('dp_1', 41, 1500, 'needs_response')")
    sold.sql("INSERT INTO payouts (stripe_payout_id, amount, status)"
             " VALUES ('po_1', 1500, 'paid')")
    sold.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, died_at)"
             " VALUES ('pi_1', 'k', 'mail', '7', 'never', NOW(3))")
    sold.sql("INSERT INTO audit_log (job_id, who, verb, what, at)"
             " VALUES ('audit:1', 'ada', 'retry', 'pi_1', NOW(3))")
    sold.sql("INSERT INTO reconciliation_findings (kind, subject) VALUES ('k', 'pi_1')")
    sold.sql("INSERT INTO balance_transactions (stripe_balance_transaction_id, type, amount, net,"
             " source_id, stripe_created) VALUES ('txn_1', 'payout', -1500, -1500, 'po_1', NOW(3))")
    sold.sql("INSERT INTO reconciliation_runs (name) VALUES ('books:2026-11-22')")
    add_batch(sold)
    promised = {book: re.sub(r" \(.*?\)", "", members) for book, members in re.findall(
        r"^\| (\w+) \| ((?:row|id), .*) \|$", (ROOT / "docs/cli.md").read_text(),
        re.MULTILINE)}
    assert set(promised) == set(BOOKS)
    rows = {book: row for name in ("pi_1", "po_1", "acct_7", "bat_1", "u-1", "books:2026-11-22")
            for book, found in sold.tocsin("job", name, json_output=True).items()
            if book in BOOKS for row in found}
    assert {book: ", ".join(row) for book, row in rows.items()} == promised


def add_batch(room):
    """A batch of one sale in cash, which came again with another amount."""
    room.sql("INSERT INTO users (id, amicale_id, role, encrypted_name, encrypted_email,"
             " email_lookup, password_hash) VALUES (12, 7, 'pompier', 'x', 'x', 'l12', 'x'),"
             " (13, 7, 'pompier', 'x', 'x', 'l13', 'x')")
    room.sql("INSERT INTO sync_batches (id, amicale_id, pompier_id, item_count, items)"
             " VALUES ('bat_1', 7, 12, 2, '[]')")
    room.sql("INSERT INTO payment_intents (id, amicale_id, pompier_id, local_id, amount, status,"
             " payment_method, sync_batch_id, sold_at, sale_day) VALUES"
             " (51, 7, 12, 'u-1', 1000, 'succeeded', 'cash', 'bat_1', NOW(3), NOW(3)),"
             " (52, 7, 13, 'u-1', 900, 'succeeded', 'cash', NULL, NOW(3), NOW(3)),"
             " (53, 7, 12, 'u:2', 800, 'succeeded', 'cash', 'bat_1', NOW(3), NOW(3))")
    room.sql("INSERT INTO sync_conflicts (amicale_id, pompier_id, local_id, given_mac,"
             " payment_id, kind, given) VALUES (7, 12, 'u-1', 'm', 51, 'other_amount',"
             " '{\"amount\": 2000}')")
    room.sql("INSERT INTO receipts (template, subject, payment_id, state, message_id)"
             " VALUES ('receipt', 'payment:51', 51, 'failed', 'm51')")


def test_what_a_phone_handed_over_is_found_by_its_names(sold):
    add_batch(sold)
    for name, payments, conflicts, batches, receipts in (
            ("bat_1", [51, 53], 0, ["bat_1"], ["payment:51"]),
            ("sync.batch:12:bat_1", [], 0, ["bat_1"], []),
            ("sync:12:u-1", [51], 1, [], ["payment:51"]),
            ("sync:12:u-1/pi_9", [51], 1, [], ["payment:51"]),
            ("sync:13:u-1", [52], 0, [], []),
            ("sync:12:u:2", [53], 0, [], []),
            ("u-1", [51, 52], 1, [], ["payment:51"]),
            ("u:2", [53], 0, [], []),
            ("payment:51", [51], 0, [], ["payment:51"])):
        page = sold.tocsin("job", name, json_output=True)
        assert (ids(page, "payments", "row"), len(page["conflicts"]), ids(page, "batches"),
                ids(page, "receipts", "subject")) == (
            payments, conflicts, batches, receipts), name


def test_a_sales_job_shows_its_batch_and_not_the_batchs_other_sales(sold):
    add_batch(sold)
    sold.settled("sync:12:u-1", "DONE", Kind("sync.sale", lane="sync", max=25, needs="mariadb"),
                 tenant="7", refs=("bat_1", "u-1"))
    page = sold.tocsin("job", "sync:12:u-1", json_output=True)
    assert page["state"] == "done"
    assert (ids(page, "payments", "row"), ids(page, "batches")) == ([51], ["bat_1"])
    # By its local_id alone the job is found, and with it whose the sale is.
    page = sold.tocsin("job", "u:2", json_output=True)
    assert ids(page, "payments", "row") == [53]


def test_a_run_and_its_parts_are_found_by_their_names(sold):
    sold.sql("INSERT INTO reconciliation_runs (name, plan, amicale_id, state, last_fault,"
             " totals) VALUES ('books:2026-11-22', NULL, NULL, 'finished', NULL, NULL),"
             " ('books:2026-11-22:7', 'books:2026-11-22', 7, 'failed', 'no such window',"
             " '{\"books\": {}}')")
    (run,) = sold.tocsin("job", "books:2026-11-22", json_output=True)["runs"]
    assert (run["state"], run["amicale"]) == ("finished", None)
    (part,) = sold.tocsin("job", "books:2026-11-22:7", json_output=True)["runs"]
    assert (part["plan"], part["amicale"], part["fault"], part["totals"]) == (
        "books:2026-11-22", 7, "no such window", {"books": {}})


def test_a_balance_transaction_is_found_by_what_moved_the_money(sold):
    sold.sql("INSERT INTO balance_transactions (stripe_balance_transaction_id, type, amount, net,"
             " source_id, stripe_charge_id, stripe_payment_intent_id, stripe_created) VALUES"
             " ('txn_1', 'charge', 1500, 1455, 'ch_1', 'ch_1', 'pi_1', '2026-11-22 10:00:00'),"
             " ('txn_2', 'refund', -500, -500, 're_1', 'ch_1', NULL, '2026-11-22 11:00:00'),"
             " ('txn_3', 'charge', 900, 870, 'ch_3', 'ch_3', 'pi_3', '2026-11-22 12:00:00')")
    for name, found in (("txn_2", ["txn_2"]), ("re_1", ["txn_1", "txn_2"]),
                        ("pi_1", ["txn_1", "txn_2"]), ("ch_1", ["txn_1", "txn_2"])):
        page = sold.tocsin("job", name, json_output=True)
        assert sorted(ids(page, "balance_transactions")) == found, name


def test_a_dead_job_says_why(sold):
    text = sold.tocsin("job", "receipt:pi_1")
    assert "  state            dead (never)\n" in text
    assert "  fault            smtp 550: no such box\n" in text
    assert "  archived         not yet\n" in text
    assert "  status           partially_refunded\n" in text


@pytest.mark.parametrize("ref, jobs, events", [
    ("pi_1", {"evt_paid", "receipt:pi_1"}, ["evt_paid", "evt_back"]),
    ("ch_1", {"evt_paid"}, ["evt_paid"]),
    ("re_1", set(), ["evt_back"]),
    ("evt_back", set(), ["evt_back"]),
    ("acct_7", {"evt_paid"}, None),
])
def test_a_job_is_found_by_any_reference(sold, ref, jobs, events):
    page = sold.tocsin("job", ref, json_output=True)
    assert {job["id"] for job in page["jobs"]} == jobs
    if events is not None:
        assert ids(page, "events") == events
        assert ids(page, "payments") == ["pi_1"]
    else:
        assert set(ids(page, "events")) == {"evt_paid", "evt_back"}
        assert ids(page, "accounts") == ["acct_7"]
        assert page["accounts"][0]["charges_enabled"] is True


def test_several_jobs_of_a_reference_are_listed(sold):
    text = sold.tocsin("job", "pi_1")
    assert re.search(r"^JOB +KIND +STATE +WHEN$", text, re.MULTILINE)
    assert re.search(r"^receipt:pi_1 +receipt\.send +dead +\S+$", text, re.MULTILINE)
    assert "\npayment\n" in text


def test_a_job_that_redis_forgot_is_found_in_the_books(sold):
    sold.queue.client.flushall()
    sold.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, attempts, refs,"
             " history, died_at) VALUES ('receipt:pi_1', 'receipt.send', 'mail', '7', 'never',"
             " 1, 'pi_1 acct_7', '[{\"outcome\":\"NEVER\"}]', '2026-11-22 12:00:00')")
    page = sold.tocsin("job", "receipt:pi_1", json_output=True)
    assert page["jobs"] == []
    (dead,) = page["archive"]
    assert (dead["reason"], dead["died_at"]) == ("never", "2026-11-22T12:00:00.000Z")
    assert dead["history"] == [{"outcome": "NEVER"}]
    assert ids(page, "payments") == ["pi_1"]
    # By what it refers to, and not by a part of that.
    assert ids(sold.tocsin("job", "acct_7", json_output=True), "archive") == ["receipt:pi_1"]
    sold.tocsin("job", "acct_", expect=3)
    assert ids(sold.tocsin("job", "evt_paid", json_output=True), "payments") == ["pi_1"]
    assert "not in the queue (any more)" in sold.tocsin("job", "evt_paid")


def test_what_an_operator_did_is_part_of_a_jobs_life(sold):
    sold.sql("INSERT INTO audit_log (job_id, who, verb, what, why, at) VALUES"
             " ('audit:1', 'ada@castle', 'retry', 'evt_paid', 'mended', '2026-11-22 13:00:00')")
    (deed,) = sold.tocsin("job", "evt_paid", json_output=True)["audit"]
    assert (deed["who"], deed["verb"], deed["why"], deed["done_at"]) == (
        "ada@castle", "retry", "mended", "2026-11-22T13:00:00.000Z")


def test_nothing_known_is_told(sold):
    done = sold.tocsin("job", "evt_none", expect=None)
    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing is known of evt_none" in done.stderr


def test_each_half_of_a_life_is_shown_without_the_other(sold):
    done = sold.tocsin("--set", "redis.address=unix:/nonexistent.sock", "job", "evt_paid",
                       "--json", expect=None)
    assert done.returncode == 5
    page = json.loads(done.stdout)
    assert (page["away"], page["jobs"], ids(page, "payments")) == (["redis"], [], ["pi_1"])
    done = sold.tocsin("--set", "mariadb.socket=/nonexistent.sock", "job", "evt_paid", "--json",
                       expect=None)
    assert done.returncode == 5
    page = json.loads(done.stdout)
    assert page["away"] == ["mariadb"] and page["jobs"][0]["id"] == "evt_paid"
    done = sold.tocsin("--set", "redis.address=unix:/nonexistent.sock",
                       "--set", "mariadb.socket=/nonexistent.sock", "job", "evt_paid",
                       expect=None)
    assert (done.returncode, done.stdout) == (5, "")


def test_a_name_from_outside_is_no_sql(sold):
    sold.tocsin("job", "x' OR '1'='1", expect=3)
    assert sold.sql_one("SELECT COUNT(*) FROM payment_intents") == 1


# --- people ---------------------------------------------------------------------------------


def add_amicale(room, *words, email="Contact@Amicale.FR", **options):
    return room.tocsin("amicale", "add", "--name", "Amicale de Saint-Rémy", "--email",
                       email, *words, **options)


def add_user(room, *words, password="un mot de passe\n", **options):
    return room.tocsin("user", "add", "--name", "Jeanne Dupont", *words, stdin=password,
                       **options)


def test_an_amicale_is_added_with_its_name_sealed(room):
    assert add_amicale(room, "--adresse1", "1 place d'Armes", "--code-postal", "13210",
                       "--ville", "Saint-Rémy", json_output=True) == {"amicale": 1}
    (row,) = room.sql("SELECT encrypted_name, encrypted_email, adresse1, code_postal, ville"
                      " FROM amicales")
    assert b"Amicale" not in row[0] and b".fr" not in row[1].lower() and row[0][0] == 1
    assert row[2:] == ("1 place d'Armes", "13210", "Saint-Rémy")
    assert room.sql("SELECT verb, what FROM audit_log") == (("amicale add", "amicale 1"),)


def test_an_amicale_keeps_the_number_that_it_had(room):
    assert add_amicale(room, "--id", "4711") == "amicale 4711\n"
    done = add_amicale(room, "--id", "4711", expect=None)
    assert done.returncode == 4 and "there is an amicale 4711 already" in done.stderr
    assert add_amicale(room, email="autre@amicale.fr") == "amicale 4712\n"
    assert room.sql_one("SELECT COUNT(*) FROM audit_log") == 2


@pytest.mark.parametrize("words", [
    [], ["--name", "A"], ["--email", "a@b.fr"], ["--name", " ", "--email", "a@b.fr"],
    ["--name", "A", "--email", "nonsense"], ["--name", "A", "--email", "a@b.fr", "--id", "x"],
    ["--name", "A", "--email", "a@b.fr", "--code-postal", "1000"],
    ["--name", "A", "--email", "a@b.fr", "--ville", "V" * 121],
    ["--name", "A\nB", "--email", "a@b.fr"],
])
def test_an_amicale_that_is_not_whole_is_refused(room, words):
    room.tocsin("amicale", "add", *words, expect=2)
    assert room.sql_one("SELECT COUNT(*) FROM amicales") == 0


def test_an_address_stands_for_one_amicale(room):
    add_amicale(room)
    done = add_amicale(room, email="contact@amicale.fr", expect=None)
    assert done.returncode == 4 and "amicale 1 has this address already" in done.stderr
    assert room.sql_one("SELECT COUNT(*) FROM amicales") == 1
    assert room.sql_one("SELECT COUNT(*) FROM audit_log") == 1


def test_what_is_said_of_an_amicale_is_changed_and_nothing_else(room):
    add_amicale(room, "--adresse1", "1 place d'Armes", "--adresse2", "Bâtiment B")
    before = room.sql("SELECT encrypted_name, adresse1 FROM amicales")
    assert room.tocsin("amicale", "change", "1", "--email", "neuf@amicale.fr", "--adresse2", "",
                       "--code-postal", "13210", "--why", "moved") == "amicale 1\n"
    assert room.sql("SELECT encrypted_name, adresse1 FROM amicales") == before
    assert room.sql("SELECT adresse2, code_postal FROM amicales") == (("", "13210"),)
    assert "n***@a***.fr" in room.tocsin("amicale", "list", "--json")
    assert room.sql("SELECT verb, what, why FROM audit_log")[-1] == (
        "amicale change", "amicale 1", "moved")


@pytest.mark.parametrize("words, code", [
    (["1"], 2), (["x", "--ville", "V"], 2), (["9", "--ville", "V"], 3), (["1", "--name", ""], 2),
    (["1", "--email", "nonsense"], 2), (["1", "--code-postal", "A"], 2),
    (["1", "--email", "autre@amicale.fr"], 4),
])
def test_a_change_that_cannot_be_changes_nothing(room, words, code):
    add_amicale(room)
    add_amicale(room, email="autre@amicale.fr")
    before = room.sql("SELECT * FROM amicales")
    room.tocsin("amicale", "change", *words, expect=code)
    assert room.sql("SELECT * FROM amicales") == before
    assert room.sql_one("SELECT COUNT(*) FROM audit_log") == 2


def test_an_account_is_attached_to_its_amicale(room):
    add_amicale(room)
    add_amicale(room, email="autre@amicale.fr")
    assert room.tocsin("amicale", "account", "1", "acct_1", json_output=True) == {"amicale": 1}
    account = ("SELECT amicale_id, charges_enabled, payouts_enabled, onboarding_completed"
               " FROM stripe_accounts WHERE stripe_account_id = 'acct_1'")
    assert room.sql(account) == ((1, 0, 0, 0),)
    room.tocsin("amicale", "account", "1", "acct_1", "--onboarded")
    assert room.sql(account) == ((1, 1, 1, 1),)
    room.tocsin("amicale", "account", "1", "acct_1")  # takes nothing back
    assert room.sql(account) == ((1, 1, 1, 1),)
    assert "amicale 1 has another account" in room.tocsin(
        "amicale", "account", "1", "acct_2", expect=None).stderr
    assert "acct_1 belongs to amicale 1" in room.tocsin(
        "amicale", "account", "2", "acct_1", expect=None).stderr
    room.tocsin("amicale", "account", "9", "acct_9", expect=3)
    room.tocsin("amicale", "account", "x", "acct_9", expect=2)
    room.tocsin("amicale", "account", "2", "pi_9", expect=2)
    assert room.sql(account) == ((1, 1, 1, 1),)
    assert room.sql_one("SELECT COUNT(*) FROM stripe_accounts") == 1
    assert room.sql_one("SELECT COUNT(*) FROM audit_log WHERE what = 'acct_1'") == 3


def test_an_account_that_was_unknown_finds_its_amicale(room):
    add_amicale(room)
    room.sql("INSERT INTO stripe_accounts (stripe_account_id, charges_enabled)"
             " VALUES ('acct_1', 1)")
    room.sql("INSERT INTO reconciliation_findings (kind, subject)"
             " VALUES ('unknown_account', 'acct_1'), ('unknown_account', 'acct_2')")
    room.tocsin("amicale", "account", "1", "acct_1")
    assert room.sql("SELECT amicale_id, charges_enabled FROM stripe_accounts") == ((1, 1),)
    assert room.sql("SELECT subject FROM reconciliation_findings WHERE closed_at IS NULL") == (
        ("acct_2",),)


def test_an_account_that_stripe_refused_to_make_stands_in_nobodys_way(room):
    add_amicale(room)
    room.sql("INSERT INTO stripe_accounts (amicale_id, job_id) VALUES (1, 'account.create:1:a')")
    done = room.tocsin("amicale", "account", "1", "acct_1", expect=None)
    assert done.returncode == 4 and "one is being made" in done.stderr
    room.sql("UPDATE stripe_accounts SET job_id = NULL")
    room.tocsin("amicale", "account", "1", "acct_1")
    assert room.sql("SELECT amicale_id, stripe_account_id FROM stripe_accounts") == (
        (1, "acct_1"),)


def test_two_accounts_with_a_row_each_are_not_one_amicales(room):
    add_amicale(room)
    room.tocsin("amicale", "account", "1", "acct_1")
    room.sql("INSERT INTO stripe_accounts (stripe_account_id) VALUES ('acct_2')")
    before = room.sql("SELECT * FROM stripe_accounts")
    done = room.tocsin("amicale", "account", "1", "acct_2", expect=None)
    assert done.returncode == 4 and "amicale 1 has another account" in done.stderr
    assert room.sql("SELECT * FROM stripe_accounts") == before


def test_a_user_is_added_with_a_hash_of_the_password(room):
    add_amicale(room)
    assert add_user(room, "--role", "pompier", "--amicale", "1", "--email", "Jeanne@SP.fr",
                    json_output=True) == {"user": 1}
    ((role, amicale, name, email, lookup, hashed, disabled),) = room.sql(
        "SELECT role, amicale_id, encrypted_name, encrypted_email, email_lookup,"
        " password_hash, disabled_at FROM users")
    assert (role, amicale, disabled) == ("pompier", 1, None)
    assert b"Jeanne" not in name and b"sp.fr" not in email.lower()
    assert re.fullmatch(r"[0-9a-f]{64}", lookup)
    assert hashed.startswith("$y$")
    assert crypt.crypt("un mot de passe", hashed) == hashed
    assert crypt.crypt("un autre", hashed) != hashed


def test_an_address_signs_in_one_user_however_it_is_spelt(room):
    add_user(room, "--role", "operator", "--email", "ada@castle.fr")
    done = add_user(room, "--role", "viewer", "--email", " ADA@Castle.FR", expect=None)
    assert done.returncode == 4
    assert "there is a user with this address" in done.stderr
    assert room.sql_one("SELECT COUNT(*) FROM audit_log") == 1


def test_the_password_comes_from_a_file(room, workdir):
    (workdir / "pw").write_text("pompiers-13\nnot this\n")
    add_user(room, "--role", "operator", "--email", "a@b.fr", "--password-file",
             workdir / "pw", password=None)
    hashed = room.sql_one("SELECT password_hash FROM users")
    assert crypt.crypt("pompiers-13", hashed) == hashed


def test_the_password_is_asked_for_twice_and_not_shown(room):
    shown = bytearray()
    parent, child = pty.openpty()

    def see(what):
        """Reads until the terminal shows it, or the other side is gone (None)."""
        while what is None or what not in shown:
            assert select.select([parent], [], [], 30)[0], f"not shown: {what}; {shown}"
            try:
                got = os.read(parent, 1000)
            except OSError:  # how a terminal says that the other side is gone
                got = b""
            if not got:
                assert what is None, shown
                return
            shown.extend(got)

    asking = subprocess.Popen(
        [str(program("tocsin")), "--config", str(room.config), "user", "add", "--role",
         "operator", "--email", "a@b.fr", "--name", "Ada"],
        stdin=child, stdout=child, stderr=child, env={**os.environ, **sanitizer_env()})
    os.close(child)
    for question in (b"Password: ", b"Once more: "):
        see(question)
        os.write(parent, b"motdepasse1\n")
    see(None)
    assert asking.wait(30) == 0, shown
    os.close(parent)
    assert b"motdepasse1" not in shown and b"user 1" in shown


@pytest.mark.parametrize("words, password, code", [
    (["--role", "chef", "--email", "a@b.fr"], "longer-one\n", 2),
    (["--role", "pompier", "--email", "a@b.fr"], "longer-one\n", 2),
    (["--role", "operator", "--amicale", "1", "--email", "a@b.fr"], "longer-one\n", 2),
    (["--role", "operator", "--email", "nobody"], "longer-one\n", 2),
    (["--role", "operator", "--email", "a@b.fr"], "short\n", 2),
    (["--role", "operator", "--email", "a@b.fr"], "", 2),
    (["--role", "operator", "--email", "a@b.fr"], "x" * 501 + "\n", 2),
    (["--role", "operator", "--email", "a@b.fr"], "longer-one\0and more\n", 2),
    (["--role", "operator", "--email", "a@b.fr", "--password-file", "/nonexistent"], "", 2),
    (["--role", "admin", "--amicale", "99", "--email", "a@b.fr"], "longer-one\n", 3),
])
def test_users_that_cannot_be_are_refused(room, words, password, code):
    add_user(room, *words, password=password, expect=code)
    assert room.sql_one("SELECT COUNT(*) FROM users") == 0
    assert room.sql_one("SELECT COUNT(*) FROM audit_log") == 0


def test_a_name_is_one_line(room):
    done = room.tocsin("user", "add", "--name", "Jeanne\nBcc: x@y.fr", "--role", "operator",
                       "--email", "a@b.fr", stdin="longer-one\n", expect=None)
    assert done.returncode == 2 and "--name NAME" in done.stderr
    assert room.sql_one("SELECT COUNT(*) FROM users") == 0


@pytest.mark.parametrize("words", [
    ["amicale", "add", "--name", "A", "--email", "a@b.fr"],
    ["amicale", "account", "1", "acct_1"],
    ["user", "add", "--role", "operator", "--name", "A", "--email", "a@b.fr"],
])
def test_without_mariadb_it_says_so(room, words):
    done = room.tocsin("--set", "mariadb.socket=/nonexistent.sock", *words, expect=None,
                       stdin="longer-one\n")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("tocsin: mariadb: ")


def test_people_are_added_while_redis_is_away(room):
    words = ["--set", "redis.address=unix:/nonexistent.sock"]
    room.tocsin(*words, "amicale", "add", "--name", "A", "--email", "a@b.fr")
    room.tocsin(*words, "user", "add", "--role", "admin", "--amicale", "1", "--name", "A",
                "--email", "a@b.fr", stdin="longer-one\n")
    assert room.sql_one("SELECT COUNT(*) FROM users") == 1


def test_a_job_of_an_unknown_kind_is_shown_all_the_same(room):
    room.ready("x:1", EVENT.__class__("no.such.kind"))
    assert room.tocsin("job", "x:1", json_output=True)["jobs"][0]["kind"] == "no.such.kind"
