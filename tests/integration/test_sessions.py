# SPDX-License-Identifier: MIT
"""Sessions: login, what a token opens, how it ends, and what limits those who guess."""

import concurrent.futures
import datetime
import http.client
import http.cookies
import warnings

import pytest

with warnings.catch_warnings():
    # Gone from Python 3.13 on; Debian 12 has 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

from session_room import PASSWORD, SETTINGS, Town, hash_of, timed, town  # noqa: F401
from support.process import wait_until
from support.programs import Worker

DAY_S = 86400
ONE_LOOP = {**SETTINGS, "api.loops": 1}  # what it remembers, every connection finds


def wrong(client, address, password="wrong horse"):
    return client.post("/api/login", {"email": address, "password": password})


def moment(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00"))


def expires_s(town, token):
    """Until the row's end."""
    return float(town.stack.sql_one(
        "SELECT TIMESTAMPDIFF(MICROSECOND, NOW(3), expires_at) / 1000000 FROM sessions"
        " WHERE token_hash = %s", (hash_of(token),)))


# --- a session's life -----------------------------------------------------------------------


def test_a_session_lives_from_login_to_logout(town):
    client, user, _ = town.signed_in()
    shown = client.get("/api/session")
    assert shown.status == 200
    assert shown.json["user"] == {"id": user, "role": "pompier", "amicale_id": town.amicale}
    assert expires_s(town, client.token) == pytest.approx(30 * DAY_S, abs=60)
    left = moment(shown.json["expires_at"]) - datetime.datetime.now(datetime.timezone.utc)
    assert left.total_seconds() == pytest.approx(30 * DAY_S, abs=60)
    answer = client.logout()
    assert answer.body == b""
    for _ in range(10):  # on connections of both loops
        gone = client.get("/api/session")
        assert (gone.status, gone.code) == (401, "unauthenticated")
    assert gone.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert town.stack.sql("SELECT 1 FROM sessions WHERE token_hash = %s",
                          (hash_of(client.token),)) == ()
    assert client.post("/api/logout").status == 401


def test_without_a_token_nobody_comes_in(town):
    answer = town.client().get("/api/session")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é",
                                   "A" * 43])
def test_what_is_no_token_of_ours_opens_nothing(town, token):
    answer = town.client().get("/api/session", headers={
        "Authorization": b"Bearer " + token.encode()})
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_the_address_is_the_same_in_capitals_and_with_spaces_inside_json(town):
    user, address = town.user()
    client = town.client()
    assert client.login(address.upper(), PASSWORD).json["user"]["id"] == user


def test_an_operator_belongs_to_no_amicale(town):
    client, user, _ = town.signed_in("operator")
    assert client.user == {"id": user, "role": "operator", "amicale_id": None}
    assert client.get("/api/session").json["user"] == client.user


def test_a_hash_that_php_made_is_believed_once_and_becomes_yescrypt(town):
    user, address = town.user()
    old = crypt.crypt("mot de passe de PHP", "$2y$10$" + "abcdefghijklmnopqrstu.")
    assert old.startswith("$2y$10$")
    town.stack.sql("UPDATE users SET password_hash = %s WHERE id = %s", (old, user))
    assert wrong(town.client(), address).status == 401
    assert town.stack.sql_one("SELECT password_hash FROM users WHERE id = %s", (user,)) == old
    town.client().login(address, "mot de passe de PHP")
    new = town.stack.sql_one("SELECT password_hash FROM users WHERE id = %s", (user,))
    assert new.startswith("$y$")
    town.client().login(address, "mot de passe de PHP")
    assert town.stack.sql_one("SELECT password_hash FROM users WHERE id = %s", (user,)) == new


def test_an_imported_user_signs_in_with_the_password_of_the_old_system(town, tmp_path):
    file = tmp_path / "users.csv"
    rows = {f"{name}@ancien.example": crypt.crypt(f"ancien {name}", setting) for name, setting
            in (("php", "$2y$10$abcdefghijklmnopqrstu."), ("perl", "$2a$08$" + "a" * 21 + "O"),
                ("python", "$2b$09$" + "b" * 21 + "e"), ("debian", "$y$j9T$saltsalt$"))}
    file.write_text("name,email,role,amicale,password_hash\n" + "".join(
        f"Camille,{address},pompier,{town.amicale},{hashed}\n"
        for address, hashed in rows.items()))
    made = town.tocsin("user", "import", str(file), json_output=True)["users"]
    for row, (address, old) in zip(made, rows.items()):
        name = address.split("@")[0]
        assert wrong(town.client(), address, old).status == 401
        answer = town.client().login(address, f"ancien {name}")
        assert answer.json["user"] == {"id": row["user"], "role": "pompier",
                                       "amicale_id": town.amicale}
        new = town.stack.sql_one("SELECT password_hash FROM users WHERE id = %s",
                                 (row["user"],))
        assert new.startswith("$y$j9T$") and (new == old) == (name == "debian")
        town.client().login(address, f"ancien {name}")


def test_of_more_than_twenty_sessions_the_longest_without_use_ends(town):
    user, address = town.user()
    old = [town.session(user, created=f"NOW(3) - INTERVAL {i + 1} DAY",
                        seen=f"NOW(3) - INTERVAL {i + 1} HOUR") for i in range(21)]
    assert all(client.get("/api/session").status == 200 for client in old)
    new = town.client()
    new.login(address, PASSWORD)
    assert town.stack.sql_one("SELECT COUNT(*) FROM sessions WHERE user_id = %s", (user,)) == 20
    wait_until(lambda: [client.get("/api/session").status for client in old]
               == [200] * 19 + [401] * 2, "the oldest two to be forgotten")
    assert new.get("/api/session").status == 200


def test_neither_password_nor_token_nor_address_is_seen_anywhere(town):
    client, user, address = town.signed_in()
    wrong(town.client(), address, "perroquet vert")
    with town.stack.redis.client() as redis:
        seen = b""
        for key in redis.keys("*"):
            seen += key + b"\n"
            sort = redis.type(key)
            if sort == b"string":
                seen += redis.get(key)
            elif sort == b"hash":
                seen += b"".join(b"".join(pair) for pair in redis.hgetall(key).items())
    for log in (town.stack.api, *town.stack.workers):
        seen += log.log_text().encode()
    rows = town.stack.sql("SELECT token_hash FROM sessions")
    seen += str(rows).encode()
    for secret in (PASSWORD, "perroquet", client.token, address):
        assert secret.encode() not in seen


# --- cookies --------------------------------------------------------------------------------


def test_a_cookie_opens_what_the_token_opens(town):
    user, address = town.user("admin")
    client = town.client()
    answer = client.login(address, PASSWORD, cookie=True)
    jar = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["tocsin_session"]
    assert jar.value == answer.json["token"]
    assert (jar["httponly"], jar["samesite"], jar["path"], jar["secure"]) \
        == (True, "Strict", "/", "")
    assert client.get("/api/session").json["user"]["id"] == user
    mixed = client.get("/api/session", headers={"Cookie": f"a=b; tocsin_session={jar.value};c=d"})
    assert mixed.status == 200
    ended = client.logout()
    jar = http.cookies.SimpleCookie(ended.headers["Set-Cookie"])["tocsin_session"]
    assert (jar.value, jar["max-age"]) == ("", "0")


def test_over_https_the_cookie_is_for_https_alone(town):
    _, address = town.user()
    client = town.client()
    answer = client.login(address, PASSWORD, headers={"X-Forwarded-Proto": "https"})
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_the_bearer_token_goes_before_the_cookie(town):
    one, first, _ = town.signed_in()
    other, second, _ = town.signed_in()
    cookie = {"Cookie": f"tocsin_session={other.token}"}
    assert one.get("/api/session", headers=cookie).json["user"]["id"] == first
    assert one.nobody().get("/api/session", headers=cookie).json["user"]["id"] == second
    assert one.get("/api/session", headers={
        **cookie, "Authorization": "Bearer " + "A" * 43}).status == 401
    assert one.get("/api/session", headers={
        **cookie, "Authorization": "Basic cHJveHk6cHJveHk="}).json["user"]["id"] == second


@pytest.mark.parametrize("headers,allowed", [
    ({}, True),
    ({"Origin": "http://{host}"}, True),
    ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "https://{host}"}, True),  # a proxy's, if it does not say so
    ({"Origin": "https://{host}", "X-Forwarded-Proto": "https"}, True),
    ({"Origin": "http://{host}", "X-Forwarded-Proto": "https"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "http://{host}.evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, False),
])
def test_a_write_with_a_cookie_comes_from_a_page_of_ours(town, headers, allowed):
    client, _, _ = town.signed_in()
    headers = {name: value.format(host=client.url.netloc) for name, value in headers.items()}
    by_cookie = client.nobody()
    by_cookie.cookie = client.token
    answer = by_cookie.post("/api/logout", headers=headers)
    if allowed:
        assert answer.status == 204
        return
    assert (answer.status, answer.code) == (403, "cross_site")
    assert by_cookie.get("/api/session", headers=headers).status == 200  # reading is no harm
    assert client.post("/api/logout", headers=headers).status == 204  # no page has the token


@pytest.mark.stack(settings={
    **SETTINGS, "api.cors_origins": "https://other.test https://admin.tocsin.test"})
def test_a_page_of_an_origin_in_the_settings_may_sign_in_and_write_with_the_cookie(own_stack):
    town = Town(own_stack)
    _, address = town.user()
    for origin, site, there in (("https://admin.tocsin.test", "same-site", True),
                                ("https://admin.tocsin.test", "cross-site", True),
                                ("https://x.tocsin.test", "same-site", False)):
        page = {"Origin": origin, "Sec-Fetch-Site": site}
        login = town.client().post("/api/login", {"email": address, "password": PASSWORD},
                                   headers=page)
        assert login.status == (200 if there else 403)
        client, _, _ = town.signed_in()
        by_cookie = client.nobody()
        by_cookie.cookie = client.token
        assert by_cookie.post("/api/logout", headers=page).status == (204 if there else 403)


def test_a_login_from_a_foreign_page_is_refused(town):
    _, address = town.user()
    answer = town.client().post("/api/login", {"email": address, "password": PASSWORD},
                                headers={"Origin": "https://evil.example"})
    assert (answer.status, answer.code) == (403, "cross_site")


# --- refusals -------------------------------------------------------------------------------


def test_refusals_do_not_tell_whether_the_account_exists(town):
    """Same status, headers and body; and the answer leaves at a half second, whatever it
    took."""
    _, yescrypt = town.user()
    user, bcrypt = town.user()
    town.stack.sql("UPDATE users SET password_hash = %s WHERE id = %s", (
        crypt.crypt(PASSWORD, "$2y$11$" + "abcdefghijklmnopqrstu."), user))
    disabled_user, disabled = town.user()
    town.stack.sql("UPDATE users SET disabled_at = NOW(3) WHERE id = %s", (disabled_user,))
    tries = [(yescrypt, "wrong horse"), (bcrypt, "wrong horse"), (disabled, PASSWORD),
             ("nobody@ville.example", "wrong horse"), ("nobody@ville.example", PASSWORD)]
    seen = []
    for address, password in tries:
        took_s, answer = timed(lambda: wrong(town.client(), address, password))
        assert (answer.status, answer.code) == (401, "wrong_credentials")
        body = {name: value for name, value in answer.json.items() if name != "request_id"}
        headers = {name: value for name, value in answer.headers.items()
                   if name != "Date" and not name.endswith("Request-Id")}
        assert "Set-Cookie" not in headers
        assert took_s >= 0.499
        seen.append((body, headers))
    for one in seen:
        assert one == seen[0]


def test_fields_are_checked_before_anybody_is_charged(town):
    client = town.client()
    for body, fields in (
            ({}, {"email": "missing", "password": "missing"}),
            ({"email": "x", "password": "y"}, {"email": "bad_format"}),
            ({"email": "a@b.example", "password": ""}, {"password": "missing"}),
            ({"email": "a@b.example", "password": "y" * 501}, {"password": "too_long"}),
            ({"email": "a@b.example", "password": 7}, {"password": "wrong_type"}),
            ({"email": "a@b.example", "password": "y", "remember": 1}, {"remember": "unknown"})):
        answer = client.post("/api/login", body)
        assert answer.status == 422
        assert {one["field"]: one["code"] for one in answer.json["errors"]} == fields
    assert client.post("/api/login", b"{").status == 400
    assert client.post("/api/login", b"{}", headers={"Content-Type": "text/plain"}).status == 415


# --- limits ---------------------------------------------------------------------------------


def test_after_five_wrong_passwords_the_account_waits_and_others_do_not(town):
    _, address = town.user()
    _, neighbour = town.user()
    village = town.address()
    client = town.client(village)
    for left in (4, 3, 2, 1, 0):
        answer = wrong(client, address)
        assert answer.status == 401
        assert answer.headers["RateLimit-Policy"] == '"login_account";q=5;w=300'
        assert answer.headers["RateLimit"].startswith(f'"login_account";r={left};t=')
    for password in ("wrong horse", PASSWORD):
        took_s, answer = timed(lambda: wrong(client, address, password))
        assert (answer.status, answer.code) == (429, "too_many_requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.headers["RateLimit"].startswith('"login_account";r=0;t=')
    assert wrong(client, address.upper()).status == 429
    town.client(village).login(neighbour, PASSWORD)  # the village shares one address
    town.client().login(address, PASSWORD)           # and nobody is locked out from afar


def test_right_passwords_are_not_counted(town):
    _, address = town.user()
    client = town.client(town.address())
    for _ in range(12):
        client.login(address, PASSWORD)


@pytest.mark.stack(workers=0, settings=SETTINGS)
def test_a_login_that_nobody_looked_at_is_not_counted(stack):
    town = Town(stack)
    _, address = town.user()
    client = town.client()
    for _ in range(7):
        answer = client.post("/api/login", {"email": address, "password": PASSWORD},
                             headers={"Prefer": "wait=1"})
        assert (answer.status, answer.code) == (503, "too_late")
    with Worker(stack.config, "late"):
        client.login(address, PASSWORD)
        assert stack.sql_one("SELECT COUNT(*) FROM sessions") == 1


def test_fifty_wrong_passwords_from_one_address_are_enough(town):
    village = town.address()
    _, address = town.user()

    def guess(number):
        return wrong(town.client(village), f"somebody{number}@ville.example").status
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        took_s, answers = timed(lambda: list(pool.map(guess, range(54))))
    assert 50 <= answers.count(401) <= 50 + took_s / 6  # one comes back each 6 s
    assert answers.count(429) == 54 - answers.count(401)
    more = (wrong(town.client(village), f"more{number}@ville.example") for number in range(30))
    refused = next(answer for answer in more if answer.status == 429)
    assert refused.headers["RateLimit-Policy"] == '"login_address";q=50;w=300'
    assert 1 <= int(refused.headers["Retry-After"]) <= 6
    town.client().login(address, PASSWORD)


def test_a_network_of_ipv6_is_one_address(town):
    _, address = town.user()
    for number in range(5):
        assert wrong(town.client(f"2001:db8:7:7::{number + 1}"), address).status == 401
    assert wrong(town.client("2001:db8:7:7:ffff::9"), address).status == 429
    assert wrong(town.client("2001:db8:7:8::1"), address).status == 401


# --- how sessions end -----------------------------------------------------------------------


def statuses(clients):
    """Each on several connections, so that both loops are asked."""
    return {client.get("/api/session").status for client in clients for _ in range(6)}


def test_disabling_a_user_ends_their_sessions_at_once(town):
    client, user, address = town.signed_in()
    second = town.client()
    second.login(address, PASSWORD)
    other, _, _ = town.signed_in()
    assert statuses([client, second, other]) == {200}
    town.tocsin("user", "disable", user, "--why", "left")
    wait_until(lambda: statuses([client, second]) == {401}, "the sessions to end", 5.0)
    assert statuses([other]) == {200}
    assert wrong(town.client(), address, PASSWORD).status == 401
    town.tocsin("user", "enable", user, "--why", "came back")
    assert statuses([client]) == {401}
    town.client().login(address, PASSWORD)


def test_another_password_ends_the_sessions_of_the_old_one(town):
    client, user, address = town.signed_in()
    assert statuses([client]) == {200}
    town.tocsin("user", "password", user, "--why", "forgotten", stdin="un autre mot\n")
    wait_until(lambda: statuses([client]) == {401}, "the session to end", 5.0)
    assert wrong(town.client(), address, PASSWORD).status == 401
    town.client().login(address, "un autre mot")


def test_a_session_is_believed_for_a_minute_and_no_longer_in_redis(town):
    client, _, _ = town.signed_in()
    assert statuses([client]) == {200}
    with town.stack.redis.client() as redis:
        key = "{tocsin}:session:" + hash_of(client.token)
        assert 0 < redis.pttl(key) <= 60_000
        assert b"pompier" not in redis.get(key)


def test_a_session_that_was_not_used_has_ended(town):
    user, _ = town.user()
    late = town.session(user, expires="NOW(3) - INTERVAL 1 SECOND")
    assert late.get("/api/session").status == 401


def test_a_session_that_is_used_goes_on(town):
    user, _ = town.user()
    client = town.session(user, expires="NOW(3) + INTERVAL 10 DAY",
                          seen="NOW(3) - INTERVAL 20 DAY")
    assert client.get("/api/session").status == 200

    def extensions(state):
        jobs = town.tocsin("jobs", "--state", state, "--kind", "session.extend",
                           json_output=True)["jobs"]
        return [job for job in jobs if f":{user}:" in job["id"]]
    wait_until(lambda: expires_s(town, client.token) > 29 * DAY_S, "the end to move")
    assert town.stack.sql_one("SELECT last_seen_at > NOW(3) - INTERVAL 1 HOUR FROM sessions"
                              " WHERE token_hash = %s", (hash_of(client.token),)) == 1
    for _ in range(20):
        assert client.get("/api/session").status == 200
    for state, count in (("done", 1), ("ready", 0), ("leased", 0), ("scheduled", 0)):
        wait_until(lambda state=state, count=count: len(extensions(state)) == count,
                   f"{count} of its jobs to be {state}")


def test_a_session_ends_half_a_year_after_its_login_however_it_is_used(town):
    user, _ = town.user()
    client = town.session(user, created="NOW(3) - INTERVAL 179 DAY",
                          expires="NOW(3) + INTERVAL 1 HOUR")
    assert client.get("/api/session").status == 200
    wait_until(lambda: expires_s(town, client.token) > 7200, "the end to move")
    assert expires_s(town, client.token) == pytest.approx(DAY_S, abs=120)


def test_a_session_of_another_role_since_opens_what_the_role_opens_now(town):
    client, user, _ = town.signed_in("pompier")
    town.stack.sql("UPDATE users SET role = 'admin' WHERE id = %s", (user,))
    assert client.get("/api/session").json["user"]["role"] == "admin"


def test_rows_of_ended_sessions_and_keys_go(town):
    user, _ = town.user()
    for _ in range(3):
        town.session(user, expires="NOW(3) - INTERVAL 1 SECOND")
    alive = town.session(user)
    town.stack.sql("INSERT INTO idempotency_keys (user_id, idempotency_key, request_mac,"
                   " expires_at) VALUES (%s, 'old', REPEAT('a', 64), NOW(3) - INTERVAL 1 DAY),"
                   " (%s, 'new', REPEAT('a', 64), NOW(3) + INTERVAL 1 DAY)", (user, user))
    with Worker(town.stack.config, "worker9"):  # its first round comes soon after its start
        town.stack.wait_sql("SELECT COUNT(*) FROM sessions WHERE user_id = %s", 1, (user,))
        town.stack.wait_sql("SELECT COUNT(*) FROM idempotency_keys WHERE user_id = %s", 1,
                            (user,))
    assert town.stack.sql_one("SELECT idempotency_key FROM idempotency_keys WHERE user_id = %s",
                              (user,)) == "new"
    assert alive.get("/api/session").status == 200


# --- a worker that dies ---------------------------------------------------------------------


@pytest.mark.stack(workers=0, settings={**SETTINGS, "worker.beat_ms": 200,
                                        "worker.dead_after_ms": 1000})
def test_a_login_that_runs_twice_opens_one_session(stack):
    """The first worker dies when the row is written and Redis does not know yet."""
    town = Town(stack)
    user, address = town.user()
    crashing = Worker(stack.config, "crashing", binary="tocsin-worker-test",
                      environment={"TOCSIN_CRASH_AT": "handled"})
    crashing.start()
    client = town.client()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.login, address, PASSWORD,
                            headers={"Prefer": "wait=25"})
        assert crashing.wait_exit() == -9
        assert stack.sql_one("SELECT COUNT(*) FROM sessions WHERE user_id = %s", (user,)) == 1
        with Worker(stack.config, "second"):
            assert asked.result().json["user"]["id"] == user
    assert stack.sql("SELECT token_hash FROM sessions WHERE user_id = %s", (user,)) \
        == ((hash_of(client.token),),)
    assert client.get("/api/session").status == 200


# --- neighbours that are away ---------------------------------------------------------------


@pytest.mark.threads
@pytest.mark.stack(settings=ONE_LOOP)
def test_phones_keep_working_while_redis_or_mariadb_is_away(own_stack):
    town = Town(own_stack)
    remembered, user, address = town.signed_in()
    assert statuses([remembered]) == {200}
    unknown = town.session(user)

    own_stack.redis.kill9()
    assert statuses([remembered]) == {200}
    assert statuses([unknown]) == {200}  # MariaDB knows
    login = town.client().post("/api/login", {"email": address, "password": PASSWORD})
    assert login.status == 503

    third = town.session(user)
    own_stack.mariadb.kill9()
    assert statuses([remembered, unknown]) == {200}
    answer = third.get("/api/session")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert "Retry-After" in answer.headers

    own_stack.mariadb.start()
    own_stack.redis.start()
    wait_until(lambda: statuses([third]) == {200}, "everything to be back")
    assert statuses([remembered]) == {200}


@pytest.mark.threads
@pytest.mark.stack(settings={**ONE_LOOP, "api.read_ms": 1000, "api.readers": 1})
def test_a_mariadb_that_hangs_costs_a_limited_time_and_not_the_end(own_stack):
    town = Town(own_stack)
    user, _ = town.user()
    clients = [town.session(user) for _ in range(6)]
    remembered = town.session(user)
    assert statuses([remembered]) == {200}
    own_stack.mariadb.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(
                lambda client: timed(lambda: client.get("/api/session")), clients))
        assert {answer.status for _, answer in answers} == {503}
        assert max(took_s for took_s, _ in answers) < 10
        assert statuses([remembered]) == {200}
        metrics = own_stack.api.request("GET", "/metrics")[2].decode()
        assert "\ntocsin_reads_waiting 0\n" in metrics
        failed = [line for line in metrics.splitlines()
                  if line.startswith("tocsin_read_failures_total ")]
        assert float(failed[0].split()[1]) >= 6
        own_stack.api.stop()
    finally:
        own_stack.mariadb.thaw()


@pytest.mark.threads
@pytest.mark.stack(settings={**ONE_LOOP, "api.drain_ms": 200, "api.readers": 1})
def test_a_front_door_ends_while_its_reader_hangs(own_stack):
    """One question is with the thread, the others wait in line; nobody answers them."""
    town = Town(own_stack)
    user, _ = town.user()
    clients = [town.session(user) for _ in range(4)]
    own_stack.mariadb.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(client.get, "/api/session") for client in clients]
            wait_until(lambda: "\ntocsin_reads_waiting 3\n" in own_stack.api.request(
                "GET", "/metrics")[2].decode(), "three in line")
            took_s, _ = timed(own_stack.api.stop)
            assert took_s < 8
            for one in asked:  # told, or cut when the time for answering was over
                try:
                    assert one.result().status == 503
                except (ConnectionError, http.client.HTTPException):
                    pass
    finally:
        own_stack.mariadb.thaw()
    assert "a neighbour hangs" in own_stack.api.log_text()
