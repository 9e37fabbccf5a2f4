# SPDX-License-Identifier: MIT
"""tocsin user, amicale and devices: who uses Tocsin, and with what."""

import hashlib
import json
import re
import threading
import warnings

import pytest

with warnings.catch_warnings():
    # Gone from Python 3.13 on; Debian 12 has 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

from books_room import DATABASE, room  # noqa: F401  (fixture)
from support.process import wait_until

WIDE = 80
NO_REDIS = ("--set", "redis.address=unix:/nonexistent.sock")
NO_MARIADB = ("--set", "mariadb.socket=/nonexistent.sock")


def add_amicale(room, name="Amicale de Saint-Rémy", email="contact@amicale.fr", *words):
    return room.tocsin("amicale", "add", "--name", name, "--email", email, *words,
                       json_output=True)["amicale"]


def add_user(room, role="operator", email="ada@castle.fr", name="Ada Lovelace", amicale=None):
    return room.tocsin("user", "add", "--role", role, "--email", email, "--name", name,
                       *(("--amicale", amicale) if amicale else ()), stdin="un mot de passe\n",
                       json_output=True)["user"]


def audit(room):
    """(verb, what, why) of what was done, in order."""
    return room.sql("SELECT verb, what, why FROM audit_log ORDER BY id")


def listed(room, what, *words):
    return room.tocsin(what.removesuffix("s"), "list", *words, json_output=True)[what]


# --- user list ------------------------------------------------------------------------------


@pytest.fixture
def people(room):
    amicale = add_amicale(room)
    add_user(room, "pompier", "jeanne.dupont@sp.fr", "Jeanne Dupont", amicale)
    add_user(room, "admin", "rené@sp.fr".replace("é", "e"), "René Coty", amicale)
    add_user(room)
    return room


def test_users_are_listed_with_their_addresses_masked(people):
    page = people.tocsin("user", "list", json_output=True)
    assert page["cursor"] is None
    jeanne, rene, ada = page["users"]
    assert (jeanne["user"], jeanne["role"], jeanne["amicale"], jeanne["name"]) == (
        1, "pompier", 1, "Jeanne Dupont")
    assert jeanne["email"] == "j***@s***.fr"
    assert (jeanne["sessions"], jeanne["last_seen_at"], jeanne["disabled_at"]) == (
        0, None, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", jeanne["created_at"])
    assert (ada["role"], ada["amicale"]) == ("operator", None)
    assert rene["name"] == "René Coty"
    text = people.tocsin("user", "list")
    assert "Jeanne Dupont" in text and "j***@s***.fr" in text
    assert "jeanne.dupont" not in text


def test_whole_addresses_are_shown_when_they_are_asked_for(people):
    assert listed(people, "users", "--show-addresses")[0]["email"] == "jeanne.dupont@sp.fr"
    text = people.tocsin("user", "list", "--show-addresses")
    assert "  jeanne.dupont@sp.fr\n" in text


@pytest.mark.parametrize("words, users", [
    ([], [1, 2, 3]), (["--role", "admin"], [2]), (["--amicale", "1"], [1, 2]),
    (["--amicale", "1", "--role", "pompier"], [1]), (["--amicale", "9"], []),
])
def test_users_are_found_by_role_and_amicale(people, words, users):
    assert [user["user"] for user in listed(people, "users", *words)] == users


def test_disabled_users_are_listed_when_they_are_asked_for(people):
    people.tocsin("user", "disable", "1", "--why", "left")
    assert [user["user"] for user in listed(people, "users")] == [2, 3]
    jeanne = listed(people, "users", "--all")[0]
    assert jeanne["user"] == 1 and jeanne["disabled_at"]
    assert re.search(r"^ +1 +pompier +1 +disabled +Jeanne Dupont",
                     people.tocsin("user", "list", "--all"), re.M)


def test_users_come_page_by_page(people):
    first = people.tocsin("user", "list", "--limit", "2", json_output=True)
    assert [user["user"] for user in first["users"]] == [1, 2] and first["cursor"] == "2"
    last = people.tocsin("user", "list", "--limit", "2", "--cursor", first["cursor"],
                         json_output=True)
    assert ([user["user"] for user in last["users"]], last["cursor"]) == ([3], None)
    assert "more: --cursor 1\n" in people.tocsin("user", "list", "--limit", "1")
    for words in (["--cursor", "x"], ["--cursor", "-1"], ["--limit", "0"],
                  ["--limit", "1001"], ["--role", "chef"], ["--amicale", "x"], ["more"]):
        people.tocsin("user", "list", *words, expect=2)


def test_lists_fit_a_phone(people):
    add_user(people, "viewer", "v" * 60 + "@" + "d" * 60 + ".fr", "X" * 190)
    add_amicale(people, "Y" * 190, "a" * 60 + "@b.fr", "--ville", "V" * 100)
    people.tocsin("devices", "add", "--manufacturer", "M" * 20, "--model", "N" * 90,
                  "--identifier", "I" * 60, "--least-android", "14")
    for words in (("user", "list"), ("user", "list", "--show-addresses"),
                  ("amicale", "list"), ("devices", "list"), ("--help",),
                  *((verb, "--help") for verb in ("user list", "amicale import",
                                                  "devices add"))):
        text = people.tocsin(*" ".join(words).split())
        assert max(len(line) for line in text.splitlines()) <= WIDE, words
        assert len(text.splitlines()) > 2


def test_what_cannot_be_unsealed_is_told_and_left_out(people):
    people.sql("UPDATE users SET encrypted_name = 'damaged' WHERE id = 2")
    done = people.tocsin("user", "list", "--json", expect=None)
    assert done.returncode == 1
    assert "users.encrypted_name" in done.stderr
    names = [user["name"] for user in json.loads(done.stdout)["users"]]
    assert names == ["Jeanne Dupont", None, "Ada Lovelace"]


# --- user disable, enable, password ---------------------------------------------------------


def sign_in(room, user, token):
    """As a login leaves it: a row, and what a front door read in it."""
    hashed = hashlib.sha256(token.encode()).hexdigest()
    room.sql("INSERT INTO sessions (token_hash, user_id, expires_at) VALUES"
             " (%s, %s, NOW(3) + INTERVAL 1 DAY)", (hashed, user))
    with room.redis.client() as client:
        client.set(f"{{tocsin}}:session:{hashed}", b"sealed", ex=60)
    return hashed


def cached(room):
    with room.redis.client() as client:
        return len(client.keys("{tocsin}:session:*"))


class Listener:
    """What is said on the channel of ended sessions."""

    def __init__(self, room):
        self.client = room.redis.client(decode_responses=True)
        self.channel = self.client.pubsub(ignore_subscribe_messages=True)
        self.channel.subscribe("{tocsin}:ended")
        wait_until(lambda: self.client.pubsub_numsub("{tocsin}:ended")[0][1] == 1,
                   "the subscription")
        self.heard = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        while not self.ending.is_set():
            message = self.channel.get_message(timeout=0.1)
            if message:
                self.heard.append(message["data"])

    def close(self):
        self.ending.set()
        self.thread.join()
        self.channel.close()
        self.client.close()


@pytest.fixture
def ended(room):
    listener = Listener(room)
    yield listener
    listener.close()


def test_disabling_a_user_ends_their_sessions_everywhere(people, ended):
    sign_in(people, 1, "phone")
    sign_in(people, 1, "browser")
    kept = sign_in(people, 2, "other")
    assert listed(people, "users")[0]["sessions"] == 2
    done = people.tocsin("user", "disable", "1", "--why", "lost her phone", json_output=True)
    assert done == {"user": 1, "state": "disabled", "sessions_ended": 2}
    assert people.sql_one("SELECT disabled_at IS NOT NULL FROM users WHERE id = 1") == 1
    assert people.sql("SELECT token_hash FROM sessions") == ((kept,),)
    assert cached(people) == 1
    wait_until(lambda: "user 1" in ended.heard, "the word that it ended")
    assert audit(people)[-1] == ("user disable", "user 1", "lost her phone")
    assert people.sql_one("SELECT who FROM audit_log ORDER BY id DESC LIMIT 1").count("@") == 1


def test_a_user_is_found_by_address_however_it_is_spelt(people):
    assert people.tocsin("user", "disable", " Jeanne.Dupont@SP.fr", "--why", "x") == (
        "user 1 is disabled; sessions ended: 0\n")
    assert people.tocsin("user", "enable", "jeanne.dupont@sp.fr") == (
        "user 1 is enabled; sessions ended: 0\n")
    assert people.sql_one("SELECT disabled_at FROM users WHERE id = 1") is None
    assert [row[:2] for row in audit(people)[-2:]] == [
        ("user disable", "user 1"), ("user enable", "user 1")]


@pytest.mark.parametrize("words, code, says", [
    (["disable", "1"], 2, "user disable wants --why TEXT"),
    (["disable", "1", "--why", " "], 2, "user disable wants --why TEXT"),
    (["disable", "1", "--why", "x" * 1001], 2, "--why takes at most 1000 bytes"),
    (["disable", "9", "--why", "x"], 3, "there is no user 9"),
    (["disable", "nobody@sp.fr", "--why", "x"], 3, "there is no user nobody@sp.fr"),
    (["disable", "Jeanne", "--why", "x"], 2, "no number of a user and no address"),
    (["enable", "1"], 4, "user 1 is not disabled"),
    (["enable", "9"], 3, "there is no user 9"),
    (["password", "9"], 3, "there is no user 9"),
    (["password", "1"], 2, "at least 8 characters"),
    (["password", "1", "--password-file", "/nonexistent"], 2, "cannot be read"),
])
def test_what_cannot_be_done_to_a_user_is_refused(people, words, code, says):
    before = people.sql("SELECT * FROM users"), audit(people)
    done = people.tocsin("user", *words, expect=None, stdin="short\n")
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert (people.sql("SELECT * FROM users"), audit(people)) == before


def test_a_user_is_disabled_once(people):
    people.tocsin("user", "disable", "1", "--why", "x")
    done = people.tocsin("user", "disable", "1", "--why", "x", expect=None)
    assert done.returncode == 4 and "user 1 is disabled already" in done.stderr
    assert len(audit(people)) == 5


def test_another_password_ends_the_sessions(people, ended):
    sign_in(people, 3, "laptop")
    done = people.tocsin("user", "password", "ada@castle.fr", "--why", "forgotten",
                         stdin="encore un autre\n", json_output=True)
    assert done == {"user": 3, "state": "enabled", "sessions_ended": 1}
    hashed = people.sql_one("SELECT password_hash FROM users WHERE id = 3")
    assert crypt.crypt("encore un autre", hashed) == hashed
    assert people.sql_one("SELECT COUNT(*) FROM sessions") == cached(people) == 0
    wait_until(lambda: "user 3" in ended.heard, "the word that it ended")
    assert audit(people)[-1] == ("user password", "user 3", "forgotten")


def test_the_password_of_a_disabled_user_leaves_them_disabled(people, workdir):
    (workdir / "pw").write_text("pompiers-13\n")
    people.tocsin("user", "disable", "1", "--why", "x")
    assert people.tocsin("user", "password", "1", "--password-file", workdir / "pw",
                         json_output=True)["state"] == "disabled"
    assert people.sql_one("SELECT disabled_at IS NOT NULL FROM users WHERE id = 1") == 1


def test_sessions_end_in_the_books_while_redis_is_away(people):
    sign_in(people, 1, "phone")
    done = people.tocsin(*NO_REDIS, "user", "disable", "1", "--why", "x", expect=None)
    assert (done.returncode, done.stdout) == (5, "user 1 is disabled; sessions ended: 1\n")
    assert "for up to a minute" in done.stderr
    assert people.sql_one("SELECT COUNT(*) FROM sessions") == 0
    people.tocsin(*NO_REDIS, "user", "enable", "1")
    people.tocsin(*NO_REDIS, "user", "list")


# --- amicale list ---------------------------------------------------------------------------


def test_amicales_are_listed_with_their_accounts(people):
    other = add_amicale(people, "Amicale de Rennes", "rennes@sp.fr", "--code-postal", "35000",
                        "--ville", "Rennes", "--adresse1", "1 rue")
    people.tocsin("amicale", "account", other, "acct_1", "--onboarded")
    first, second = listed(people, "amicales")
    assert (first["name"], first["email"], first["users"], first["account"]) == (
        "Amicale de Saint-Rémy", "c***@a***.fr", 2, None)
    assert not first["charges_enabled"] and first["ville"] is None
    assert second["account"] == "acct_1"
    assert second["charges_enabled"] and second["onboarding_completed"]
    assert (second["adresse1"], second["code_postal"], second["ville"]) == (
        "1 rue", "35000", "Rennes")
    text = people.tocsin("amicale", "list")
    assert "acct_1, 35000 Rennes, r***@s***.fr" in text
    assert "rennes@sp.fr" in people.tocsin("amicale", "list", "--show-addresses")


def test_amicales_come_page_by_page(room):
    for number in range(3):
        add_amicale(room, f"A{number}", f"a{number}@b.fr")
    seen, cursor = [], ()
    while cursor is not None:
        page = room.tocsin("amicale", "list", "--limit", "1", *cursor, json_output=True)
        seen += [row["amicale"] for row in page["amicales"]]
        cursor = ("--cursor", page["cursor"]) if page["cursor"] else None
    assert seen == [1, 2, 3]


# --- amicale import -------------------------------------------------------------------------

FRENCH = ("\ufeffnom;email;adresse1;adresse2;code_postal;ville\r\n"
          "\"Amicale de \"\"Saint-Rémy\"\"\";Contact@Amicale.FR;1 place d'Armes;;13210;"
          "Saint-Rémy\r\n"
          "Amicale de Bourg;bourg@sp.fr;;;01000;Bourg-en-Bresse\r\n"
          ";;;;;\r\n")


@pytest.fixture
def write(workdir):
    def write(text, name="amicales.csv"):
        path = workdir / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


def test_a_french_spreadsheet_is_imported(room, write):
    done = room.tocsin("amicale", "import", write(FRENCH), "--why", "season 2027",
                       json_output=True)
    assert done == {"dry_run": False, "rows": 2, "added": 2, "known": 0, "amicales": [
        {"line": 2, "state": "added", "amicale": 1},
        {"line": 3, "state": "added", "amicale": 2}]}
    first, second = listed(room, "amicales", "--show-addresses")
    assert (first["name"], first["email"], first["adresse1"], first["code_postal"],
            first["ville"]) == ('Amicale de "Saint-Rémy"', "contact@amicale.fr",
                                "1 place d'Armes", "13210", "Saint-Rémy")
    assert second["code_postal"] == "01000"
    assert audit(room) == (("amicale import", "amicale 1", "season 2027"),
                           ("amicale import", "amicale 2", "season 2027"))
    assert b"Bourg" not in room.sql_one("SELECT encrypted_name FROM amicales WHERE id = 2")


def test_the_same_file_can_be_imported_again(room, write):
    file = write(FRENCH)
    assert room.tocsin("amicale", "import", file) == (
        "added: 2; known already, left as they are: 0\n")
    before = room.sql("SELECT * FROM amicales")
    assert room.tocsin("amicale", "import", file) == (
        "added: 0; known already, left as they are: 2\n")
    more = write(FRENCH.replace("Bourg-en-Bresse", "Bourg")
                 + "Amicale de Rennes;rennes@sp.fr;;;35000;Rennes\r\n")
    done = room.tocsin("amicale", "import", more, json_output=True)
    assert [(row["state"], row["amicale"]) for row in done["amicales"]] == [
        ("known", 1), ("known", 2), ("added", 3)]
    assert room.sql("SELECT * FROM amicales WHERE id < 3") == before
    assert len(audit(room)) == 3


def test_an_amicale_that_was_added_by_hand_is_known_by_its_address(room, write):
    add_amicale(room, "Amicale (Saint-Rémy)", "CONTACT@amicale.fr")
    done = room.tocsin("amicale", "import", write(FRENCH), json_output=True)
    assert (done["added"], done["known"]) == (1, 1)
    assert done["amicales"][0] == {"line": 2, "state": "known", "amicale": 1}


def test_an_amicale_stays_known_under_the_address_it_was_imported_with(room, write):
    file = write(FRENCH)
    room.tocsin("amicale", "import", file)
    # As a later change of its address leaves it.
    room.sql("UPDATE amicales SET encrypted_email = NULL WHERE id = 1")
    assert room.tocsin("amicale", "import", file, json_output=True)["added"] == 0


def test_a_dry_run_changes_nothing(room, write):
    add_amicale(room)
    before = audit(room)
    done = room.tocsin("amicale", "import", write(FRENCH), "--dry-run", json_output=True)
    assert (done["dry_run"], done["added"], done["known"]) == (True, 1, 1)
    assert done["amicales"] == [{"line": 2, "state": "known", "amicale": 1},
                                {"line": 3, "state": "added", "amicale": None}]
    assert room.sql_one("SELECT COUNT(*) FROM amicales") == 1
    assert audit(room) == before
    assert "to be added (nothing was changed): 1" in room.tocsin(
        "amicale", "import", write(FRENCH), "--dry-run")


def test_everything_that_is_wrong_is_told_and_nothing_is_imported(room, write):
    file = write("email,nom,code_postal\n"
                 "good@sp.fr,Bonne,35000\n"
                 "nobody,Mauvaise,1000\n"
                 "good@sp.fr,,35000\n"
                 "x@sp.fr,\"A\"B,35000\n")
    done = room.tocsin("amicale", "import", file, expect=None)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [line.replace(f"tocsin: {file}, ", "") for line in done.stderr.splitlines()]
    assert lines == [
        "line 3, column 1 (email): it is no address",
        "line 3, column 3 (code_postal): a postal code has 5 digits (a spreadsheet drops a 0"
        " in front)",
        "line 4, column 1 (email): line 2 has the same address",
        "line 4, column 2 (nom): it is empty",
        "line 5, column 2: something stands behind the closing quote",
        "tocsin: nothing was imported: 5 to mend"]
    assert room.sql_one("SELECT COUNT(*) FROM amicales") == 0
    assert audit(room) == ()


@pytest.mark.parametrize("text, says", [
    ("", "line 1: the file is empty"),
    ("nom;courriel\n", "line 1, column 2: there is no such column"),
    ("nom;ville\nA;B\n", "line 1 (email): the column is missing"),
    ("nom;email\nSaint-Rémy;a@b.fr\n".encode("cp1252"), "not UTF-8"),
    ("nom;email\nA\0B;a@b.fr\n", "not UTF-8"),
    ("nom;email\n\"A;a@b.fr\n", "never closed"),
])
def test_a_file_that_is_none_is_refused(room, write, text, says):
    done = room.tocsin("amicale", "import", write(text), expect=None)
    assert done.returncode == 1 and says in done.stderr


def test_a_file_that_cannot_be_read_is_refused(room, workdir):
    for path in (workdir / "none.csv", workdir):
        done = room.tocsin("amicale", "import", path, expect=None)
        assert (done.returncode, done.stdout) == (2, "")
        assert "cannot be read" in done.stderr


def test_two_imports_at_once_add_an_amicale_once(room, write):
    file = write(FRENCH)
    connection = room.mariadb.client(database=DATABASE)
    try:
        # Another import has begun: its row is there, and not committed.
        room.tocsin("amicale", "import", file)
        (lookup,) = room.sql("SELECT import_lookup FROM amicales WHERE id = 2")[0]
        room.sql("DELETE FROM amicales")
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO amicales (encrypted_name, import_lookup)"
                           " VALUES ('x', %s)", (lookup,))
            results = []
            waiting = threading.Thread(target=lambda: results.append(
                room.tocsin("amicale", "import", file, expect=None)))
            waiting.start()
            wait_until(lambda: room.sql_one(
                "SELECT COUNT(*) FROM information_schema.innodb_trx"
                " WHERE trx_state = 'LOCK WAIT'") > 0 or results,
                "the second import to wait", every_s=0.2)
            cursor.execute("COMMIT")
            waiting.join()
    finally:
        connection.close()
    assert results[0].returncode == 4
    assert "the amicale of line 3 was added by somebody else" in results[0].stderr
    assert room.sql_one("SELECT COUNT(*) FROM amicales") == 1


# --- devices --------------------------------------------------------------------------------

FAIRPHONE = ("devices", "add", "--manufacturer", "Fairphone", "--model", "Fairphone 5",
             "--identifier", "FP5", "--least-android", "13")


def devices(room):
    return room.tocsin("devices", "list", json_output=True)["devices"]


def test_a_device_is_added_to_the_list(room):
    seeded = len(devices(room))
    done = room.tocsin(*FAIRPHONE, "--certified-on", "2026-09-01", "--why", "Stripe's page",
                       json_output=True)
    device = devices(room)[-1]
    assert device.pop("last_verified_at").endswith("Z")
    assert device == {"device": done["device"], "manufacturer": "Fairphone",
                      "model": "Fairphone 5", "model_identifier": "FP5",
                      "min_android_version": 13, "country": "FR", "certified": True,
                      "certified_on": "2026-09-01"}
    assert len(devices(room)) == seeded + 1
    assert audit(room) == (
        ("devices add", f"device {done['device']} Fairphone FP5", "Stripe's page"),)
    assert re.search(r"^FP5 +\d+ +13 +FR +Fairphone Fairphone 5$",
                     room.tocsin("devices", "list"), re.M)


def test_a_device_stands_in_the_list_once_for_each_country(room):
    room.tocsin(*FAIRPHONE)
    done = room.tocsin(*(word.lower() if word == "FP5" else word for word in FAIRPHONE),
                       expect=None)
    assert done.returncode == 4 and "in the list for FR already" in done.stderr
    room.tocsin(*FAIRPHONE, "--country", "BE")
    assert [device["country"] for device in devices(room)[-2:]] == ["FR", "BE"]
    assert len(audit(room)) == 2


def test_a_device_is_taken_off_the_list(room):
    seeded = devices(room)
    number = seeded[0]["device"]
    room.tocsin("devices", "remove", number, "--why", "withdrawn")
    assert devices(room) == seeded[1:]
    assert audit(room) == (
        ("devices remove", f"device {number} Samsung SM-G991B", "withdrawn"),)
    room.tocsin("devices", "remove", number, "--why", "withdrawn", expect=3)
    room.tocsin("devices", "remove", seeded[1]["device"], expect=2)
    room.tocsin("devices", "remove", "SM-G996B", "--why", "x", expect=2)
    assert len(audit(room)) == 1


@pytest.mark.parametrize("words", [
    ["--manufacturer", ""], ["--model", " "], ["--identifier", ""], ["--least-android", "0"],
    ["--least-android", "100"], ["--least-android", "x"], ["--country", "France"],
    ["--country", "fr"], ["--certified-on", "2026-02-30"], ["--certified-on", "22/11/2026"],
    ["--certified-on", "2026-11-22T10:00:00Z"], ["--model", "x" * 101],
    ["--model", "two\nlines"],
])
def test_a_device_that_cannot_be_is_refused(room, words):
    given = list(FAIRPHONE)
    if words[0] in given:
        given[given.index(words[0]) + 1] = words[1]
    else:
        given += words
    room.tocsin(*given, expect=2)
    assert audit(room) == ()


def test_a_device_wants_all_that_tells_it(room):
    for option in ("--manufacturer", "--model", "--identifier", "--least-android"):
        at = FAIRPHONE.index(option)
        room.tocsin(*FAIRPHONE[:at], *FAIRPHONE[at + 2:], expect=2)


# --- all of them ----------------------------------------------------------------------------


def test_without_mariadb_each_says_so(room, write):
    for words in (["user", "list"], ["user", "disable", "1", "--why", "x"],
                  ["user", "enable", "1"], ["user", "password", "1"], ["amicale", "list"],
                  ["amicale", "import", write(FRENCH)],
                  ["user", "import", write("nom,email,role,password_hash\n", "users.csv")],
                  ["devices", "list"], list(FAIRPHONE),
                  ["devices", "remove", "1", "--why", "x"]):
        done = room.tocsin(*NO_MARIADB, *words, expect=None, stdin="longer-one\n")
        assert (done.returncode, done.stdout) == (5, ""), words
        assert done.stderr.startswith("tocsin: mariadb: "), words
