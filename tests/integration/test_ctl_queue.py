# SPDX-License-Identifier: MIT
"""tocsin's verbs that show the queue and change it, with no other program running."""

import json
import re

import pytest

from books_room import EVENT, MAIL, New, Room, room  # noqa: F401  (fixture)
from support.process import wait_until
from support.programs import run_tocsin

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STATES = ("ready", "leased", "scheduled", "done", "dead")


def fill(room):
    """One job in each state, under the name of its state."""
    room.settled("evt_dead", "NEVER", fault="stripe 400: no such thing", tenant="7",
                 refs=("pi_1", "acct_7"))
    room.settled("evt_done", "DONE", tenant="7")
    room.settled("evt_scheduled", "LATER", fault="mariadb 1213: deadlock", delay_ms=600000)
    room.leased("evt_leased")
    room.ready("evt_ready", tenant="7", refs=("pi_1",))
    room.ready("receipt:pi_1", MAIL, tenant="7", refs=("pi_1",))


def narrow(words):
    """Every line fits a terminal of eighty columns."""
    for line in words.splitlines():
        assert len(line) <= 80, line
    return words


# --- lanes, status, workers -----------------------------------------------------------------


def test_lanes_count_jobs_by_state(room):
    fill(room)
    lanes = {(lane["lane"], lane["kind"]): lane
             for lane in room.tocsin("lanes", json_output=True)["lanes"]}
    assert set(lanes) == {("webhook", "stripe.event"), ("mail", "receipt.send")}
    events = lanes["webhook", "stripe.event"]
    assert [events[state] for state in STATES] == [1, 1, 1, 1, 1]
    assert events["oldest_ready_ms"] >= 0 and events["paused"] is False
    assert lanes["mail", "receipt.send"]["ready"] == 1
    text = narrow(room.tocsin("lanes"))
    assert text.splitlines()[0].split() == [
        "LANE", "KIND", "READY", "LEASED", "SCHED", "DONE", "DEAD", "OLDEST"]
    assert "webhook" in text and "receipt.send" in text


def test_status_sums_it_up(room):
    fill(room)
    room.sql("INSERT INTO stripe_events (stripe_event_id, type) VALUES ('evt_1', 't')")
    room.sql("INSERT INTO reconciliation_findings (kind, subject, amount)"
             " VALUES ('unattributed', 'pi_9', 1250), ('amount', 'pi_8', -1205)")
    room.sql("INSERT INTO event_cursors (walk, complete_until) VALUES"
             " ('a', '2026-11-22 10:05:00'), ('b', '2026-11-22 10:04:00')")
    text = narrow(room.tocsin("status"))
    assert "queue      2 ready, 1 leased, 1 scheduled, 1 done, 1 dead\n" in text
    assert "workers    1\n" in text
    assert "events     1 not processed, oldest of 20" in text
    assert re.search(r"^ledger     complete up to (2026-11-22 )?11:04:00, 0 gaps$", text, re.M)
    assert "finding    1 unattributed, 12.50 at stake\n" in text
    assert "finding    1 amount, -12.05 at stake\n" in text
    status = room.tocsin("status", json_output=True)
    assert set(status) == {"redis", "mariadb", "now", "lanes", "neighbours", "workers",
                           "pauses", "totals", "warnings", "schema", "findings", "books",
                           "ledger", "reconciliation", "flush"}
    assert (status["redis"], status["mariadb"]) == ("up", "up")
    assert status["totals"]["enqueued"] == 6
    assert status["findings"] == [{"kind": "amount", "count": 1, "amount": -1205},
                                  {"kind": "unattributed", "count": 1, "amount": 1250}]
    assert status["books"]["unprocessed_events"] == 1
    assert status["schema"]["pending"] == 0
    assert status["warnings"] == []


def test_status_tells_what_stripe_does_not_know_and_what_is_due(room):
    text = room.tocsin("status")
    assert "sessions   0 open\n" in text
    assert "unsent" not in text and "to be answered" not in text
    for sold, hours in ((1, 0), (2, 2), (3, 2)):
        room.sql("INSERT INTO payment_intents (id, amount, status, sold_at, sale_day, updated_at)"
                 " VALUES (%s, 1000, 'new', NOW(3), NOW(3), NOW(3) - INTERVAL %s HOUR)",
                 (sold, hours))
    room.sql("INSERT INTO refunds (payment_id, amount, status, updated_at)"
             " VALUES (1, 500, 'new', NOW(3) - INTERVAL 2 HOUR)")
    room.sql("INSERT INTO disputes (stripe_dispute_id, amount, status, evidence_due_by, closed_at)"
             " VALUES ('dp_1', 1, 'needs_response', '2026-12-03 22:59:59', NULL),"
             " ('dp_2', 1, 'needs_response', '2026-12-01 22:59:59', NULL),"
             " ('dp_3', 1, 'won', '2026-11-01 22:59:59', NOW(3))")
    room.tocsin("user", "add", "--role", "viewer", "--email", "a@b.fr", "--name", "A",
                stdin="longer-one\n")
    room.sql("INSERT INTO sessions (token_hash, user_id, expires_at) VALUES"
             " ('a', 1, NOW(3) + INTERVAL 1 HOUR), ('b', 1, NOW(3) - INTERVAL 1 HOUR)")
    text = narrow(room.tocsin("status"))
    assert "unsent     2 payments, 1 refunds that Stripe does not know\n" in text
    assert "dispute    to be answered by 2026-12-01T22:59:59.000Z\n" in text
    assert "sessions   1 open\n" in text
    books = room.tocsin("status", json_output=True)["books"]
    assert (books["unsent_payments"], books["unsent_refunds"], books["open_sessions"],
            books["next_dispute_due_at"]) == (2, 1, 1, "2026-12-01T22:59:59.000Z")


def test_status_warns_when_redis_would_forget(room):
    with room.redis.client() as client:
        client.config_set("appendfsync", "everysec")
    assert "appendfsync" in room.tocsin("status", json_output=True)["warnings"][0]
    assert "warning    " in room.tocsin("status")


def test_status_shows_half_of_the_picture_when_redis_is_away(room):
    room.redis.stop()
    done = room.tocsin("status", expect=None)
    room.redis.start()
    assert done.returncode == 5
    assert "queue      away\n" in done.stdout and "schema     " in done.stdout
    assert done.stderr.startswith("tocsin: redis: ")


def test_status_shows_the_other_half_when_mariadb_is_away(room):
    fill(room)
    done = room.tocsin("--set", "mariadb.socket=/nonexistent.sock", "status", "--json",
                       expect=None)
    assert done.returncode == 5
    status = json.loads(done.stdout)
    assert (status["redis"], status["mariadb"]) == ("up", "away")
    assert "lanes" in status and "books" not in status


def test_a_neighbour_that_is_down_is_named(room):
    for number in range(3):
        room.settled(f"evt_{number}", "LATER", delay_ms=600000, down="mariadb",
                     fault="mariadb 2002: gone")
    assert "down       mariadb for " in narrow(room.tocsin("status"))
    status = room.tocsin("status", json_output=True)
    (neighbour,) = status["neighbours"]
    assert (neighbour["name"], neighbour["down"]) == ("mariadb", True)
    assert STAMP.fullmatch(neighbour["down_since"])
    assert {lane["waits_for"] for lane in status["lanes"]} == {"mariadb"}


def test_workers_are_shown_with_what_they_say_about_themselves(room):
    room.queue.beat("castle:12:1", about=json.dumps(
        {"host": "castle", "pid": 12, "version": "0.1.0", "slots": 32, "held": 3,
         "overruns": 0, "started_ms": 1, "running": [{"id": "evt_1"}]}))
    room.queue.beat("village:7:1", about="not json")
    workers = {worker["name"]: worker
               for worker in room.tocsin("workers", json_output=True)["workers"]}
    assert workers["castle:12:1"]["about"]["slots"] == 32
    assert workers["village:7:1"]["about"] is None
    assert all(worker["beat_age_ms"] >= 0 for worker in workers.values())
    text = narrow(room.tocsin("workers"))
    assert re.search(r"^castle:12:1 .* 32 +3 +0 +0\.1\.0$", text, re.MULTILINE), text


# --- jobs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_jobs_are_listed_by_state(room, state):
    fill(room)
    page = room.tocsin("jobs", "--state", state, "--kind", "stripe.event", json_output=True)
    assert [job["id"] for job in page["jobs"]] == [f"evt_{state}"]
    assert (page["cursor"], page["partial"]) == (None, False)
    (job,) = page["jobs"]
    assert set(job) == {"id", "kind", "lane", "tenant", "state", "outcome", "attempt",
                        "max_attempts", "crashes", "deferrals", "enqueued_at", "at",
                        "worker", "fault", "refs"}
    assert job["state"] == state and STAMP.fullmatch(job["enqueued_at"])
    text = narrow(room.tocsin("jobs", "--state", state))
    assert f"evt_{state}" in text
    if state == "dead":
        assert "\n  stripe 400: no such thing\n" in text


def test_jobs_are_filtered(room):
    fill(room)

    def ids(*words):
        return {job["id"] for job in room.tocsin("jobs", "--state", "ready", *words,
                                                 json_output=True)["jobs"]}
    assert ids() == {"evt_ready", "receipt:pi_1"}
    assert ids("--lane", "mail") == {"receipt:pi_1"}
    assert ids("--kind", "stripe.event") == {"evt_ready"}
    assert ids("--tenant", "8") == set()
    assert ids("--tenant", "7") == {"evt_ready", "receipt:pi_1"}


@pytest.mark.parametrize("partitions", [1, 3])
def test_pages_follow_one_another_without_gap_or_repetition(workdir, mariadb_server, partitions):
    with_parts = Room(workdir, mariadb_server, {"redis.partitions": partitions}).open()
    try:
        expected = set()
        for number in range(50):
            with_parts.queue.prefix = (
                "{tocsin}" if partitions == 1 else f"{{tocsin:{number % partitions}}}")
            with_parts.ready(f"evt_{number}")
            expected.add(f"evt_{number}")
        seen, cursor = [], []
        while True:
            page = with_parts.tocsin("jobs", "--state", "ready", "--limit", "7", *cursor,
                                     json_output=True)
            seen += [job["id"] for job in page["jobs"]]
            assert len(page["jobs"]) <= 7
            if page["cursor"] is None:
                break
            assert not set(page["cursor"]) & set(" \t'\"\\$&|;<>()")
            cursor = ["--cursor", page["cursor"]]
        assert len(seen) == 50 and set(seen) == expected
        text = with_parts.tocsin("jobs", "--state", "ready", "--limit", "7")
        assert re.search(r"^more: --cursor \S+$", text, re.MULTILINE)
    finally:
        with_parts.close()


@pytest.mark.parametrize("words", [
    [], ["--state", "asleep"], ["--state", "dead", "--lane", "fast"],
    ["--state", "dead", "--limit", "0"], ["--state", "dead", "--limit", "many"],
    ["--state", "dead", "--cursor", "nonsense"], ["--state", "dead", "--cursor", "9~x"],
    ["--state", "dead", "--cursor", "0~x"],
])
def test_jobs_refuses_words_that_make_no_sense(room, words):
    done = room.tocsin("jobs", *words, expect=None)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("tocsin: ")


# --- retry, discard, pause, resume --------------------------------------------------------------


def test_a_dead_job_is_retried(room):
    fill(room)
    assert room.tocsin("retry", "evt_dead", "--why", "it was mended") == "evt_dead is ready\n"
    record = room.queue.show("evt_dead")
    assert (record["state"], record["attempt"]) == ("ready", "0")
    assert '"text":"it was mended"' in record["history"]
    assert len(room.audit_jobs()) == 1


def test_a_scheduled_job_is_retried_at_once(room):
    fill(room)
    assert room.tocsin("retry", "evt_scheduled", json_output=True) == {
        "verb": "retry", "what": "evt_scheduled", "state": "ready"}


@pytest.mark.parametrize("state", ["ready", "leased", "done"])
def test_other_jobs_are_not_retried(room, state):
    fill(room)
    done = room.tocsin("retry", f"evt_{state}", expect=None)
    assert done.returncode == 4
    assert f"evt_{state} is {state}: it cannot be retried" in done.stderr
    assert room.state(f"evt_{state}") == state
    assert room.audit_jobs() == []


@pytest.mark.parametrize("state", ["ready", "scheduled", "dead"])
def test_a_job_is_discarded_with_a_reason(room, state):
    fill(room)
    room.tocsin("discard", f"evt_{state}", expect=2)
    assert room.state(f"evt_{state}") == state
    room.tocsin("discard", f"evt_{state}", "--why", "sent by mistake")
    record = room.queue.show(f"evt_{state}")
    assert (record["state"], record["outcome"]) == ("done", "discarded")
    assert "sent by mistake" in record["history"]
    assert len(room.audit_jobs()) == 1


@pytest.mark.parametrize("state", ["leased", "done"])
def test_other_jobs_are_not_discarded(room, state):
    fill(room)
    room.tocsin("discard", f"evt_{state}", "--why", "x", expect=4)
    assert room.state(f"evt_{state}") == state


@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_a_job_that_is_not_there_is_told(room, verb):
    fill(room)
    done = room.tocsin(verb, "evt_none", "--why", "x", expect=None)
    assert done.returncode == 3 and "there is no job evt_none" in done.stderr
    done = room.tocsin(verb, "pi_1", "--why", "x", expect=None)
    assert done.returncode == 3
    assert "pi_1 is a reference of the job evt_dead" in done.stderr


def test_a_dead_job_that_redis_forgot_is_retried_from_the_archive(room):
    room.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, mac, refs,"
             " sealed_payload, died_at) VALUES ('evt_old', 'stripe.event', 'webhook', '7',"
             " 'exhausted', 'm', 'pi_5 acct_7', 'sealed', '2026-01-01')")
    assert room.tocsin("retry", "evt_old") == "evt_old is ready\n"
    record = room.queue.show("evt_old")
    assert (record["state"], record["tenant"], record["refs"], record["payload"]) == (
        "ready", "7", "pi_5 acct_7", "sealed")
    assert len(room.audit_jobs()) == 1
    room.tocsin("retry", "evt_old", expect=4)


def test_an_archived_job_that_never_had_a_fingerprint_is_retried(room):
    """Whatever comes under its name is the same: a batch without a key, a lost event."""
    room.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, sealed_payload,"
             " died_at) VALUES ('sync.batch:1:bat_1', 'sync.batch', 'sync', '7', 'never',"
             " 'sealed', '2026-01-01')")
    assert room.tocsin("retry", "sync.batch:1:bat_1") == "sync.batch:1:bat_1 is ready\n"
    record = room.queue.show("sync.batch:1:bat_1")
    assert (record["state"], record["payload"]) == ("ready", "sealed")


def test_an_archived_job_without_its_payload_is_not_retried(room):
    room.sql("INSERT INTO jobs_archive (job_id, kind, lane, tenant, reason, died_at) VALUES"
             " ('evt_a', 'stripe.event', 'webhook', '7', 'never', '2026-01-01'),"
             " ('evt_b', 'no.such.kind', 'webhook', '7', 'never', '2026-01-01')")
    assert "its payload is gone" in room.tocsin("retry", "evt_a", expect=None).stderr
    assert "its kind is not known" in room.tocsin("retry", "evt_b", expect=None).stderr
    assert room.state("evt_a") is None and room.audit_jobs() == []


@pytest.mark.parametrize("what", ["all", "lane:mail", "kind:receipt.send"])
def test_what_is_paused_is_not_taken_until_it_is_resumed(room, what):
    room.ready("receipt:pi_1", MAIL)
    room.tocsin("pause", what, expect=2)
    assert room.tocsin("pause", what, "--why", "the mail server moves") == f"{what} is paused\n"
    assert room.queue.take("w:1:1", [MAIL], general=4)["jobs"] == []
    assert f"paused     {what} for " in room.tocsin("status")
    (pause,) = room.tocsin("status", json_output=True)["pauses"]
    assert (pause["what"], pause["why"]) == (what, "the mail server moves")
    assert "@" in pause["by"] and STAMP.fullmatch(pause["since"])
    assert room.tocsin("resume", what, json_output=True) == {
        "verb": "resume", "what": what, "state": "running"}
    assert [job["id"] for job in room.queue.take("w:1:1", [MAIL], general=4)["jobs"]] == [
        "receipt:pi_1"]
    assert len(room.audit_jobs()) == 2
    done = room.tocsin("resume", what, expect=None)
    assert done.returncode == 4 and f"{what} is not paused" in done.stderr


def test_every_partition_is_paused_under_one_audit_name(workdir, mariadb_server):
    parts = Room(workdir, mariadb_server, {"redis.partitions": 3}).open()
    try:
        parts.tocsin("pause", "all", "--why", "a test")
        client = parts.queue.client
        assert all(client.hexists(f"{{tocsin:{number}}}:paused", "all") for number in range(3))
        assert len(client.keys("{tocsin:*}:job:audit:*")) == 1
        assert len(parts.tocsin("status", json_output=True)["pauses"]) == 1
        parts.tocsin("resume", "all")
        assert client.keys("{tocsin:*}:paused") == []
    finally:
        parts.close()


@pytest.mark.parametrize("what", ["", "everything", "lane:fast", "kind:nope", "lane:", "mail"])
def test_only_what_exists_is_paused(room, what):
    room.tocsin("pause", what, "--why", "x", expect=2)
    assert room.tocsin("status", json_output=True)["pauses"] == []


def test_deeds_tell_who_did_them(room):
    room.ready("evt_1")
    done = run_tocsin(room.config, "discard", "evt_1", "--why", "x", expect=None)
    assert done.returncode == 0
    assert re.search(r'"by":"[^"@]+@[^"]+"', room.queue.show("evt_1")["history"])


# --- the rest -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    ["lanes"], ["workers"], ["jobs", "--state", "dead"], ["retry", "evt_1"],
    ["discard", "evt_1", "--why", "x"], ["pause", "all", "--why", "x"], ["resume", "all"],
])
def test_without_redis_it_says_so(room, words):
    done = room.tocsin("--set", "redis.address=unix:/nonexistent.sock", *words, expect=None)
    assert done.returncode == 5 and done.stdout == ""
    assert done.stderr.startswith("tocsin: redis: ")


def test_status_without_the_right_to_ask_for_redis_settings(room, workdir):
    (workdir / "sesame").write_text("sesame\n")
    with room.redis.client() as client:
        client.acl_setuser("operator", enabled=True, passwords=["+sesame"], keys="*",
                           channels="*", commands=["+@all", "-config"])
    status = room.tocsin("--set", "redis.username=operator", "--set",
                         f"redis.password_file={workdir / 'sesame'}", "status",
                         json_output=True)
    assert status["redis"] == "up"
    assert "how Redis keeps" in status["warnings"][0]


def test_what_comes_from_outside_does_not_steer_the_terminal(room):
    fault = "gone \x9b31m\x7f"
    room.settled("evt_1", "NEVER", fault="\x1b[2J" + fault)
    room.settled("evt_2", "NEVER", fault=fault)
    for words in (["jobs", "--state", "dead"], ["job", "evt_1"], ["job", "evt_2"]):
        for form in ([], ["--json"]):
            text = room.tocsin(*words, *form)
            assert "gone" in text and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    (job,) = room.tocsin("job", "evt_1", json_output=True)["jobs"]
    assert job["fault"] == "\x1b[2J" + fault
    (job,) = room.tocsin("job", "evt_2", json_output=True)["jobs"]
    assert job["history"][0]["text"] == fault


def test_what_was_stored_cannot_pass_for_lines_of_ours(room):
    room.settled("evt_1", "NEVER", fault="no such thing\n  state            done")
    room.tocsin("pause", "lane:mail", "--why", "moving\npaused     kind:stripe.event")
    for words in (["jobs", "--state", "dead"], ["job", "evt_1"], ["status"]):
        text = room.tocsin(*words)
        assert not re.search(r"^  state            done|^paused     kind", text, re.MULTILINE)


@pytest.mark.parametrize("words", [["retry", "evt_1"], ["discard", "evt_1"], ["pause", "all"],
                                   ["resume", "all"]])
def test_a_reason_that_the_audit_log_could_not_keep_is_refused(room, words):
    room.settled("evt_1", "NEVER", fault="x")
    room.tocsin(*words, "--why", "y" * 1001, expect=2)
    assert room.tocsin("jobs", "--state", "dead", json_output=True)["jobs"]


@pytest.mark.parametrize("words, code", [
    (["--help"], 0), (["help", "retry"], 0), (["user", "add", "--help"], 0),
    (["--version"], 0), ([], 2), (["fly"], 2), (["job"], 2), (["jobs", "--fast"], 2),
    (["--set", "no.such=1", "lanes"], 2), (["--set", "redis.partitions=99", "lanes"], 2),
    (["--check"], 0), (["--check", "--set", "mail.port=0"], 2),
    (["--check", "--set", "seal.keys_file=/dev/null"], 2),
    (["--check", "--set", "redis.address=nowhere"], 2),
])
def test_the_exit_code_tells_usage_from_the_rest(room, words, code):
    done = room.tocsin(*words, expect=None)
    assert done.returncode == code, done.stderr
    assert (done.stderr != "") == (code != 0)


def test_settings_that_are_missing_are_told(workdir):
    done = run_tocsin(workdir / "none.conf", "lanes", expect=None)
    assert done.returncode == 2 and "none.conf" in done.stderr


def test_settings_in_force_are_shown(room):
    text = room.tocsin("--set", "worker.slots=8", "settings")
    assert "[worker]\nslots = 8    ; set\nlease_ms = 60000\n" in text
    shown = {(row["section"], row["key"]): row
             for row in room.tocsin("settings", json_output=True)["settings"]}
    assert shown["redis", "address"]["value"] == room.redis.address
    assert shown["redis", "address"]["default"] == "127.0.0.1:6379"
    assert room.db_password not in text


def test_the_settings_file_of_defaults_is_one_that_is_read(room, workdir):
    text = room.tocsin("settings", "--defaults")
    assert "[redis]" in text and "slots" in text
    (workdir / "defaults.conf").write_text(text)
    sets = [word for name in ("keys_file", "pii_keys_file")
            for word in ("--set", f"seal.{name}={room.secrets / 'pii_keys'}")]
    assert run_tocsin(workdir / "defaults.conf", *sets, "--check") == ""


def test_a_key_ring_is_made_once(room, workdir):
    ring = workdir / "new.keys"
    assert room.tocsin("keygen", ring) == f"wrote {ring}\n"
    assert ring.stat().st_mode & 0o777 == 0o600
    made = ring.read_text()
    assert re.fullmatch(r"1 [A-Za-z0-9+/]{43}=\nindex [A-Za-z0-9+/]{43}=\n", made)
    room.tocsin("keygen", ring, expect=4)
    assert ring.read_text() == made
    room.tocsin("keygen", workdir / "none" / "x", expect=1)
    other = workdir / "other.keys"
    assert room.tocsin("keygen", other, json_output=True) == {"file": str(other)}
    assert other.read_text() != made
    room.tocsin("--set", f"seal.keys_file={ring}", "pause", "all", "--why", "with the new keys")


def test_keys_can_be_made_before_there_are_settings(workdir):
    run_tocsin(workdir / "none.conf", "keygen", workdir / "first.keys")
    assert (workdir / "first.keys").exists()


# --- with many jobs, and with a worker ------------------------------------------------------------


@pytest.mark.slow
def test_a_million_jobs_do_not_make_it_slow(room):
    with room.redis.client() as client:
        client.config_set("appendfsync", "no")
    for first in range(0, 1_000_000, 500):
        room.queue.enqueue(*[
            New(f"evt_{number}", EVENT, tenant=str(number % 300), refs=(f"pi_{number}",),
                delay_ms=10**9 if number % 2 else 0) for number in range(first, first + 500)])
    for words in (["status"], ["lanes"], ["workers"], ["jobs", "--state", "ready"],
                  ["jobs", "--state", "scheduled", "--limit", "500"],
                  ["jobs", "--state", "ready", "--tenant", "none"], ["job", "evt_777777"],
                  ["job", "pi_777777"], ["retry", "evt_777777"],
                  ["discard", "evt_777777", "--why", "x"], ["pause", "all", "--why", "x"]):
        room.tocsin(*words, timeout_s=2)


def test_what_an_operator_did_arrives_in_the_audit_log(stack):
    stack.tocsin("pause", "lane:mail", "--why", "the mail server moves")
    stack.tocsin("resume", "lane:mail")
    stack.wait_sql("SELECT COUNT(*) FROM audit_log", 2)
    assert stack.sql("SELECT verb, what, why FROM audit_log ORDER BY at") == (
        ("pause", "lane:mail", "the mail server moves"), ("resume", "lane:mail", ""))
    (who,) = {who for (who,) in stack.sql("SELECT who FROM audit_log")}
    assert "@" in who
    def audit():
        return stack.tocsin("job", "lane:mail", json_output=True)
    assert [deed["verb"] for deed in audit()["audit"]] == ["pause", "resume"]
    wait_until(lambda: {job["state"] for job in audit()["jobs"]} == {"done"},
               "both jobs to be settled")
