# SPDX-License-Identifier: MIT
"""tocsin migrate: the schema of the books, applied once and in order."""

import subprocess
import threading

import pymysql
import pytest

from books_room import DATABASE, READER, Room, bare_room, room  # noqa: F401  (fixtures)
from support.process import wait_until
from support.programs import ROOT, program

FILES = sorted(path.stem for path in (ROOT / "schema/migrations").glob("*.sql"))
LATEST = int(FILES[-1][:4])

# The columns whose names other programs rely on.
COLUMNS = {
    "amicales": "id encrypted_name encrypted_email adresse1 adresse2 code_postal ville "
                "stripe_location_id",
    "users": "id encrypted_name email_lookup password_hash role amicale_id",
    "stripe_accounts": "id amicale_id stripe_account_id charges_enabled payouts_enabled "
                       "onboarding_completed created_at updated_at",
    "payment_intents": "id stripe_payment_intent_id amicale_id pompier_id amount currency "
                       "status application_fee metadata created_at payment_method local_id "
                       "sold_at sale_day",
    "terminal_readers": "id stripe_reader_id amicale_id label location status device_type "
                        "last_seen_at",
    "android_certified_devices": "id manufacturer model model_identifier "
                                 "tap_to_pay_certified certification_date "
                                 "min_android_version country last_verified",
}
TABLES = ("amicales users sessions stripe_accounts payment_intents refunds disputes payouts "
          "terminal_readers android_certified_devices stripe_events event_cursors "
          "sync_batches sync_conflicts receipts idempotency_keys audit_log jobs_archive "
          "reconciliation_runs reconciliation_findings periodic_runs balance_transactions "
          "schema_migrations schema_lock").split()
UNIQUE = {
    ("stripe_accounts", ("stripe_account_id",)),
    ("payment_intents", ("stripe_payment_intent_id",)),
    ("payment_intents", ("pompier_id", "local_id")),
    ("refunds", ("stripe_refund_id",)),
    ("terminal_readers", ("stripe_reader_id",)),
    ("stripe_events", ("stripe_event_id",)),
    ("balance_transactions", ("stripe_balance_transaction_id",)),
    ("receipts", ("template", "subject")),
    ("users", ("email_lookup",)),
    ("audit_log", ("job_id",)),
    ("jobs_archive", ("job_id", "died_at")),
}
DEVICES = {
    ("Samsung", "Galaxy S21", "SM-G991B", 11),
    ("Samsung", "Galaxy S21+", "SM-G996B", 11),
    ("Samsung", "Galaxy S21 Ultra", "SM-G998B", 11),
    ("Samsung", "Galaxy S22", "SM-S901B", 12),
    ("Samsung", "Galaxy S23", "SM-S911B", 13),
    ("Samsung", "Galaxy S24", "SM-S921B", 14),
    ("Google", "Pixel 6", "oriole", 12),
    ("Google", "Pixel 6 Pro", "raven", 12),
    ("Google", "Pixel 7", "panther", 13),
    ("Google", "Pixel 8", "shiba", 14),
}


def take_lock(room, holder, seconds):
    """As another migrate would: the row is there once the tables are."""
    room.tocsin("migrate")
    room.sql("UPDATE schema_lock SET holder = %s, token = 'another',"
             " expires_at = UTC_TIMESTAMP(3) + INTERVAL %s SECOND", (holder, seconds))


def test_an_empty_database_gets_everything(bare_room):
    assert bare_room.tocsin("migrate", "--status", json_output=True, expect=4) == {
        "version": 0, "latest": LATEST, "pending": len(FILES),
        "migrations": [{"version": int(name[:4]), "name": name, "state": "pending",
                        "statements": statements, "done": 0, "applied_at": None,
                        "fault": None}
                       for name, statements in zip(FILES, statement_counts(bare_room))]}
    words = bare_room.tocsin("migrate")
    assert words.splitlines() == [f"applied {name}" for name in FILES] + [
        f"schema {LATEST} of {LATEST}"]
    tables = {name for (name,) in bare_room.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
        (DATABASE,))}
    assert tables == set(TABLES)
    now = bare_room.tocsin("migrate", "--status", json_output=True)
    assert (now["version"], now["pending"]) == (LATEST, 0)
    assert {file["state"] for file in now["migrations"]} == {"applied"}


def statement_counts(room):
    dry = room.tocsin("migrate", "--dry-run", json_output=True)
    return [len(file["sql"]) for file in dry["migrations"]]


def test_migrating_twice_changes_nothing(room):
    before = room.sql("SELECT * FROM schema_migrations")
    assert room.tocsin("migrate") == f"schema {LATEST} of {LATEST}\n"
    assert room.sql("SELECT * FROM schema_migrations") == before


def test_a_dry_run_shows_every_statement_and_does_none(bare_room):
    words = bare_room.tocsin("migrate", "--dry-run")
    assert words.count("CREATE TABLE") == len(TABLES) - 2
    assert bare_room.sql("SELECT COUNT(*) FROM information_schema.tables"
                         " WHERE table_schema = %s", (DATABASE,)) == ((0,),)
    bare_room.tocsin("migrate")
    assert bare_room.tocsin("migrate", "--dry-run") == "-- nothing to do\n"


def test_columns_have_the_names_that_others_rely_on(room):
    for table, wanted in COLUMNS.items():
        got = {name for (name,) in room.sql(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = %s AND table_name = %s", (DATABASE, table))}
        assert set(wanted.split()) <= got, table
    assert room.sql_one(
        "SELECT column_default FROM information_schema.columns WHERE table_schema = %s"
        " AND table_name = 'payment_intents' AND column_name = 'currency'",
        (DATABASE,)) == "'eur'"
    assert room.sql_one(
        "SELECT column_default FROM information_schema.columns WHERE table_schema = %s"
        " AND table_name = 'android_certified_devices' AND column_name = 'country'",
        (DATABASE,)) == "'FR'"


def test_what_must_be_unique_is(room):
    keys = {}
    for table, key, column in room.sql(
            "SELECT table_name, index_name, column_name FROM information_schema.statistics"
            " WHERE table_schema = %s AND non_unique = 0 ORDER BY seq_in_index",
            (DATABASE,)):
        keys.setdefault((table, key), []).append(column)
    assert UNIQUE <= {(table, tuple(columns)) for (table, _), columns in keys.items()}
    assert room.sql("SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index)"
                    " FROM information_schema.statistics WHERE table_schema = %s"
                    " AND table_name = 'android_certified_devices'"
                    " AND index_name = 'manufacturer_model'", (DATABASE,)) == (
                        ("manufacturer,model",),)


def test_tables_are_transactional_and_know_every_letter(room):
    for name, engine, collation in room.sql(
            "SELECT table_name, engine, table_collation FROM information_schema.tables"
            " WHERE table_schema = %s", (DATABASE,)):
        assert (engine, collation) == ("InnoDB", "utf8mb4_bin"), name
    assert room.sql("SELECT table_name, column_name FROM information_schema.columns"
                    " WHERE table_schema = %s AND data_type = 'datetime'"
                    " AND datetime_precision <> 3", (DATABASE,)) == ()


def test_rows_point_to_amicales_and_users_that_exist(room):
    links = set(room.sql(
        "SELECT table_name, column_name, referenced_table_name"
        " FROM information_schema.key_column_usage WHERE table_schema = %s"
        " AND referenced_table_name IN ('amicales', 'users')", (DATABASE,)))
    for table in ("stripe_accounts", "payment_intents", "terminal_readers", "users",
                  "sync_batches", "stripe_events"):
        assert (table, "amicale_id", "amicales") in links
    assert ("payment_intents", "pompier_id", "users") in links
    with pytest.raises(pymysql.err.IntegrityError):
        room.sql("INSERT INTO payment_intents (amicale_id, amount, status, sold_at,"
                 " sale_day) VALUES (99, 100, 'new', NOW(), NOW())")


def test_ids_differ_by_case(room):
    for name in ("evt_a", "evt_A"):
        room.sql("INSERT INTO stripe_events (stripe_event_id, type) VALUES (%s, 't')", (name,))
    assert room.sql_one("SELECT COUNT(*) FROM stripe_events") == 2


@pytest.mark.parametrize("columns, values", [
    ("amount, status", "-1, 'new'"),
    ("amount, status", "100, 'paid'"),
    ("amount, status, payment_method, stripe_payment_intent_id", "100, 'new', 'cash', 'pi_1'"),
    ("amount, status, receipt_email_encrypted, receipt_email_erase_at", "100, 'new', 'x', NULL"),
])
def test_payments_that_cannot_be_are_refused(room, columns, values):
    with pytest.raises(pymysql.err.OperationalError) as refusal:
        room.sql(f"INSERT INTO payment_intents ({columns}, sold_at, sale_day)"
                 f" VALUES ({values}, NOW(), NOW())")
    assert refusal.value.args[0] == 4025  # a CHECK failed


def test_an_address_is_erased_after_thirteen_months_unless_told_otherwise(room):
    room.sql("INSERT INTO payment_intents (amount, status, sold_at, sale_day,"
             " receipt_email_encrypted) VALUES (100, 'new', NOW(), NOW(), 'sealed')")
    assert room.sql_one("SELECT TIMESTAMPDIFF(MONTH, created_at, receipt_email_erase_at)"
                        " FROM payment_intents") == 13


def test_one_finding_of_a_kind_is_open_at_a_time(room):
    insert = "INSERT INTO reconciliation_findings (kind, subject) VALUES ('unattributed', 'pi_1')"
    room.sql(insert)
    with pytest.raises(pymysql.err.IntegrityError):
        room.sql(insert)
    room.sql("UPDATE reconciliation_findings SET closed_at = NOW(3)")
    room.sql(insert)
    assert room.sql_one("SELECT COUNT(*) FROM reconciliation_findings") == 2


def test_an_amicale_has_one_account_at_a_time(room):
    room.sql("INSERT INTO amicales (id, encrypted_name) VALUES (1, 'x')")
    insert = "INSERT INTO stripe_accounts (amicale_id, stripe_account_id) VALUES (1, %s)"
    room.sql(insert, ("acct_1",))
    with pytest.raises(pymysql.err.IntegrityError):
        room.sql(insert, ("acct_2",))
    room.sql("UPDATE stripe_accounts SET deauthorized_at = NOW(3)")
    room.sql(insert, ("acct_2",))


def test_the_certified_phones_are_there(room):
    assert set(room.sql(
        "SELECT manufacturer, model, model_identifier, min_android_version"
        " FROM android_certified_devices WHERE tap_to_pay_certified AND country = 'FR'"
    )) == DEVICES
    # However a phone spells its maker.
    assert room.sql_one("SELECT COUNT(*) FROM android_certified_devices"
                        " WHERE manufacturer = 'samsung' AND model = 'GALAXY S21+'") == 1


def test_the_reader_may_only_read(room):
    with room.mariadb.client(user=READER, password=room.reader_password,
                             database=DATABASE) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT * FROM android_certified_devices") == 10
        with pytest.raises(pymysql.err.OperationalError):
            cursor.execute("DELETE FROM android_certified_devices")


def test_a_changed_file_is_refused(room):
    room.sql("UPDATE schema_migrations SET checksum = REPEAT('0', 64) WHERE version = 3")
    for words in (["migrate"], ["migrate", "--status"], ["migrate", "--dry-run"]):
        done = room.tocsin(*words, expect=None)
        assert done.returncode == 4
        assert "0003_terminal is not the file that was applied" in done.stderr


def test_a_file_that_this_program_lacks_is_refused(room):
    room.sql("INSERT INTO schema_migrations (version, name, checksum, statements, begun,"
             " done, done_checksum, applied_by, applied_at)"
             " SELECT 99, '0099_future', checksum, 1, 1, 1, done_checksum, 'x', NOW(3)"
             " FROM schema_migrations WHERE version = 1")
    done = room.tocsin("migrate", expect=None)
    assert done.returncode == 4
    assert "0099_future is applied, but this program does not have it" in done.stderr


def test_a_file_that_comes_too_late_is_refused(room):
    room.sql("DELETE FROM schema_migrations WHERE version = 4")
    done = room.tocsin("migrate", expect=None)
    assert done.returncode == 4
    assert "0004_certified_devices is not applied, although a later one is" in done.stderr
    assert room.sql_one("SELECT COUNT(*) FROM android_certified_devices") == 10


def test_a_statement_that_is_refused_leaves_what_came_before_and_can_be_repeated(bare_room):
    # The second statement of the file finds its table there already.
    bare_room.sql("CREATE TABLE terminal_readers (id INT)")
    bare_room.sql("CREATE TABLE disputes (id INT)")
    done = bare_room.tocsin("migrate", expect=None)
    assert done.returncode == 1
    assert "0002_money, statement 4 of 5: refused" in done.stderr
    assert "already exists (1050)" in done.stderr
    state = bare_room.tocsin("migrate", "--status", json_output=True, expect=4)
    money = state["migrations"][1]
    assert (money["state"], money["done"], money["applied_at"]) == ("half", 3, None)
    assert "already exists" in money["fault"]
    assert bare_room.sql_one("SELECT COUNT(*) FROM refunds") == 0

    bare_room.sql("DROP TABLE disputes")
    done = bare_room.tocsin("migrate", expect=None)
    assert done.returncode == 1 and "0003_terminal, statement 1 of 2" in done.stderr
    bare_room.sql("DROP TABLE terminal_readers")
    bare_room.tocsin("migrate")
    assert bare_room.sql_one("SELECT COUNT(*) FROM android_certified_devices") == 10


def test_a_statement_whose_end_is_unknown_is_asked_about(bare_room):
    bare_room.sql("CREATE TABLE disputes (id INT)")
    bare_room.tocsin("migrate", expect=1)
    # As if the program had been killed while the fourth statement ran.
    bare_room.sql("DROP TABLE disputes")
    bare_room.sql("UPDATE schema_migrations SET begun = 4 WHERE version = 2")
    done = bare_room.tocsin("migrate", expect=None)
    assert done.returncode == 4
    assert "statement 4 was begun and its end is not known: CREATE TABLE disputes" in done.stderr
    assert "--unsure" in done.stderr
    assert bare_room.sql_one("SELECT begun FROM schema_migrations WHERE version = 2") == 4
    bare_room.tocsin("migrate", "--unsure", "maybe", expect=2)
    bare_room.tocsin("migrate", "--unsure", "repeat")
    assert bare_room.sql_one("SELECT COUNT(*) FROM disputes") == 0


def test_a_half_applied_file_may_only_change_behind_what_is_done(bare_room):
    bare_room.sql("CREATE TABLE disputes (id INT)")
    bare_room.tocsin("migrate", expect=1)
    bare_room.sql("DROP TABLE disputes")
    # The rest of the file was another when the first three statements were done.
    bare_room.sql("UPDATE schema_migrations SET checksum = REPEAT('0', 64), statements = 9"
                  " WHERE version = 2")
    # And then the part that was done.
    (kept,) = bare_room.sql("SELECT done_checksum FROM schema_migrations WHERE version = 2")
    bare_room.sql("UPDATE schema_migrations SET done_checksum = REPEAT('0', 64)"
                  " WHERE version = 2")
    done = bare_room.tocsin("migrate", expect=None)
    assert done.returncode == 4 and "0002_money is not the file" in done.stderr
    bare_room.sql("UPDATE schema_migrations SET done_checksum = %s WHERE version = 2", kept)
    bare_room.tocsin("migrate")
    bare_room.tocsin("migrate")


def test_a_statement_that_happened_is_not_repeated(bare_room):
    bare_room.sql("CREATE TABLE reconciliation_findings (id INT, kind VARCHAR(64),"
                  " amicale_id BIGINT, detail JSON)")  # what later migrations build on
    bare_room.tocsin("migrate", expect=1)
    bare_room.sql("UPDATE schema_migrations SET begun = 2 WHERE version = 9")
    bare_room.tocsin("migrate", expect=4)
    bare_room.tocsin("migrate", "--unsure", "done")
    state = bare_room.tocsin("migrate", "--status", json_output=True)
    assert state["pending"] == 0


def start_stuck(room, connection):
    """A migrate whose first statement of 0003 waits for a table that somebody has locked."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE terminal_readers (id INT)")
        cursor.execute("LOCK TABLES terminal_readers WRITE")
    migrate = subprocess.Popen(
        [str(program("tocsin")), "--config", str(room.config), "migrate"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with room.mariadb.client() as watcher, watcher.cursor() as cursor:
        def waits():
            cursor.execute("SELECT COUNT(*) FROM information_schema.processlist"
                           " WHERE state LIKE 'Waiting for table metadata lock%%'")
            return cursor.fetchone()[0] == 1
        wait_until(waits, "migrate waits for the table")
    return migrate


def test_a_migrate_that_is_killed_leaves_word_of_what_it_was_doing(bare_room):
    with bare_room.mariadb.client(database=DATABASE) as connection:
        migrate = start_stuck(bare_room, connection)
        migrate.kill()
        migrate.communicate()
        done = bare_room.tocsin("migrate", "--wait", "0", expect=None)
        assert done.returncode == 4 and "another migrate runs" in done.stderr
    bare_room.sql("UPDATE schema_lock SET expires_at = UTC_TIMESTAMP(3)")
    done = bare_room.tocsin("migrate", expect=None)
    assert done.returncode == 4
    assert "0003_terminal: statement 1 was begun and its end is not known" in done.stderr
    bare_room.sql("DROP TABLE terminal_readers")
    bare_room.tocsin("migrate", "--unsure", "repeat")
    assert bare_room.tocsin("migrate", "--status", json_output=True)["pending"] == 0


@pytest.mark.slow
def test_the_lock_is_kept_while_a_statement_takes_its_time(bare_room):
    with bare_room.mariadb.client(database=DATABASE) as connection:
        migrate = start_stuck(bare_room, connection)
        end = "SELECT expires_at FROM schema_lock"
        first = bare_room.sql_one(end)
        wait_until(lambda: bare_room.sql_one(end) > first, "the lock to be renewed")
    _, words = migrate.communicate(timeout=60)
    assert migrate.returncode == 1 and "already exists" in words


def test_rows_of_a_migration_come_with_the_note_that_they_did(bare_room):
    bare_room.tocsin("migrate")
    begun, done, steps = bare_room.sql(
        "SELECT begun, done, steps FROM schema_migrations WHERE version = 4")[0]
    assert (begun, done, steps) == (1, 1, 1)  # one step, not begin and end apart


def test_another_migrate_is_waited_for_and_then_refused(room):
    take_lock(room, "ada@castle", 600)
    done = room.tocsin("migrate", "--wait", "0", expect=None)
    assert done.returncode == 4
    assert "another migrate runs: ada@castle until" in done.stderr
    assert room.sql_one("SELECT token FROM schema_lock") == "another"


def test_a_lock_that_ran_out_is_taken(room):
    take_lock(room, "ada@castle", -1)
    room.tocsin("migrate", "--wait", "0")
    assert room.sql_one("SELECT holder FROM schema_lock") != "ada@castle"
    # And given back at once.
    assert room.sql_one("SELECT expires_at <= UTC_TIMESTAMP(3) FROM schema_lock") == 1


def test_a_lock_that_is_given_back_is_taken_while_waiting(room):
    take_lock(room, "ada@castle", 600)
    result = []
    waiter = threading.Thread(
        target=lambda: result.append(room.tocsin("migrate", "--wait", "60", expect=None)))
    waiter.start()
    # It is seen to wait: its updates find the row taken.
    with room.mariadb.client() as connection, connection.cursor() as cursor:
        def asks():
            cursor.execute("SELECT COUNT(*) FROM information_schema.processlist"
                           " WHERE user = 'tocsin'")
            return cursor.fetchone()[0] > 0
        wait_until(asks, "migrate waits")
    assert result == []
    room.sql("UPDATE schema_lock SET expires_at = UTC_TIMESTAMP(3)")
    waiter.join(60)
    assert result[0].returncode == 0


def test_many_at_once_apply_each_file_once(bare_room):
    results = []
    threads = [threading.Thread(target=lambda: results.append(
        bare_room.tocsin("migrate", "--wait", "60", expect=None))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [done.returncode for done in results] == [0] * 4, [done.stderr for done in results]
    assert sum(done.stdout.count("applied ") for done in results) == len(FILES)


def test_without_a_server_it_says_so(room):
    room.tocsin("--set", "mariadb.socket=/nonexistent.sock", "migrate", expect=5)
    done = room.tocsin("--set", "mariadb.user=nobody_here", "migrate", "--status", expect=None)
    assert done.returncode == 5
    assert "Access denied" in done.stderr


def test_the_template_of_rights_is_enough_and_not_more(workdir, own_mariadb):
    room = Room(workdir, own_mariadb)
    room.write_config()
    (workdir / "password").write_text("change me\n")
    with own_mariadb.client() as connection, connection.cursor() as cursor:
        lines = (ROOT / "schema/grants.sql").read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith("--"))
        for statement in filter(str.strip, text.split(";")):
            cursor.execute(statement)

    def as_user(name, *words, **options):
        return room.tocsin("--set", f"mariadb.user={name}", "--set",
                           f"mariadb.password_file={workdir / 'password'}", *words, **options)
    assert "CREATE command denied" in as_user("tocsin", "migrate", expect=None).stderr
    as_user("tocsin_migrator", "migrate")
    add = ("amicale", "add", "--name", "A", "--email", "a@b.fr")
    as_user("tocsin", *add)
    other = (*add[:-1], "c@d.fr")
    assert "INSERT command denied" in as_user("tocsin_reader", *other, expect=None).stderr
    assert as_user("tocsin_reader", "migrate", "--status", json_output=True)["pending"] == 0
