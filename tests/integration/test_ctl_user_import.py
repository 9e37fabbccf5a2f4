# SPDX-License-Identifier: MIT
"""tocsin user import and --password-hash-file: users who keep the passwords they have."""

import warnings

import pytest

with warnings.catch_warnings():
    # Gone from Python 3.13 on; Debian 12 has 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

from books_room import room  # noqa: F401  (fixture)

SALT = "abcdefghijklmnopqrstu."
PHP = crypt.crypt("mot de passe de PHP", "$2y$07$" + SALT)
YESCRYPT = crypt.crypt("un autre", "$y$j75$saltsalt$")
TITLES = "nom;email;role;amicale;password_hash\n"
USERS = (TITLES + f"Zoé Martin;Zoe@SP.fr;pompier;1;{PHP}\n"
         f"René Coty;rene@sp.fr;admin;Contact@Amicale.FR;{YESCRYPT}\n"
         f"Ada;ada@castle.fr;viewer;;{PHP}\n")


@pytest.fixture
def write(workdir):
    def write(text, name="users.csv"):
        path = workdir / name
        path.write_text(text)
        return path
    return write


@pytest.fixture
def books(room):  # noqa: F811
    room.tocsin("amicale", "add", "--name", "Amicale", "--email", "contact@amicale.fr")
    return room


def users(room):  # noqa: F811
    return room.sql("SELECT id, role, amicale_id, password_hash FROM users ORDER BY id")


def test_users_are_imported_with_the_hashes_they_have(books, write):
    done = books.tocsin("user", "import", write(USERS), "--why", "season 2027",
                        json_output=True)
    assert done == {"dry_run": False, "rows": 3, "added": 3, "known": 0, "users": [
        {"line": line, "state": "added", "user": line - 1} for line in (2, 3, 4)]}
    assert users(books) == ((1, "pompier", 1, PHP), (2, "admin", 1, YESCRYPT),
                            (3, "viewer", None, PHP))
    listed = books.tocsin("user", "list", "--show-addresses", json_output=True)["users"]
    assert [(user["name"], user["email"]) for user in listed] == [
        ("Zoé Martin", "zoe@sp.fr"), ("René Coty", "rene@sp.fr"), ("Ada", "ada@castle.fr")]
    assert books.sql("SELECT verb, what, why FROM audit_log WHERE verb = 'user import'"
                     " ORDER BY id") == tuple(
        ("user import", f"user {number}", "season 2027") for number in (1, 2, 3))


def test_a_second_import_changes_nothing(books, write):
    books.tocsin("user", "import", write(USERS))
    before = books.sql("SELECT * FROM users"), books.sql("SELECT * FROM audit_log")
    again = USERS.replace("admin", "pompier").replace(PHP, YESCRYPT).replace("Ada", "Bo")
    assert books.tocsin("user", "import", write(again)) == (
        "added: 0; known already, left as they are: 3\n")
    assert (books.sql("SELECT * FROM users"), books.sql("SELECT * FROM audit_log")) == before
    more = books.tocsin("user", "import", write(USERS + f"Bo;bo@sp.fr;pompier;1;{PHP}\n"),
                        json_output=True)
    assert [row["state"] for row in more["users"]] == ["known"] * 3 + ["added"]


def test_a_dry_run_of_users_changes_nothing(books, write):
    done = books.tocsin("user", "import", write(USERS), "--dry-run", json_output=True)
    assert (done["dry_run"], done["added"], done["users"][0]["user"]) == (True, 3, None)
    assert users(books) == ()


def test_everything_wrong_with_users_is_told_at_once_and_no_hash_with_it(books, write):
    short = PHP[:-1]
    file = write(TITLES
                 + f"A;a@sp.fr;pompier;1;{PHP}\n"
                 f"B;b@sp.fr;chef;1;{short}\n"
                 f"C;c@sp.fr;pompier;9;{PHP}\n"
                 f"D;d@sp.fr;pompier;nobody@sp.fr;{YESCRYPT[:-1]}!\n"
                 f"E;a@sp.fr;viewer;;{PHP.replace('$07$', '$31$')}\n"
                 "F;f@sp.fr;operator;1;$1$saltsalt$qjXMvbEw8oaL.CzflDugt.\n"
                 f"G;g@sp.fr;operator;1;{PHP}\n")
    done = books.tocsin("user", "import", file, expect=None)
    assert (done.returncode, done.stdout) == (1, "")
    said = [line.replace(f"tocsin: {file}, ", "").split(":")[0]
            for line in done.stderr.splitlines()[:-1]]
    assert said == ["line 3, column 3 (role)", "line 3, column 5 (password_hash)",
                    "line 4, column 4 (amicale)", "line 5, column 4 (amicale)",
                    "line 5, column 5 (password_hash)", "line 6, column 2 (email)",
                    "line 6, column 5 (password_hash)", "line 7, column 5 (password_hash)",
                    "line 8, column 4 (amicale)"]
    assert done.stderr.endswith("nothing was imported: 9 to mend\n")
    for hashed in (SALT, short[-10:], YESCRYPT[-10:-1], "saltsalt"):
        assert hashed not in done.stderr
    assert users(books) == ()


def test_a_user_is_added_with_the_hash_of_a_file(books, write):
    add = ("user", "add", "--role", "viewer", "--email", "a@b.fr", "--name", "A")
    hashed = write(PHP + "\n", "hash")
    books.tocsin(*add, "--password-hash-file", hashed)
    assert users(books) == ((1, "viewer", None, PHP),)
    for words in (("--password-hash-file", write(PHP[:-1], "short")),
                  ("--password-hash-file", write("", "empty")),
                  ("--password-hash-file", "/nonexistent"),
                  ("--password-hash-file", hashed, "--password-file", hashed)):
        done = books.tocsin(*add, *words, expect=None)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert PHP[-12:-1] not in done.stderr
    assert len(users(books)) == 1


def test_a_group_of_verbs_alone_lists_them(books):
    for group, verb in (("user", "import"), ("amicale", "account"), ("devices", "remove"),
                        ("webhooks", "check")):
        done = books.tocsin(group, expect=None)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{group} wants one of: " in done.stderr and verb in done.stderr
        assert f"\n  {group} {verb} " in books.tocsin(group, "--help")
