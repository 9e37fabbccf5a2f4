# SPDX-License-Identifier: MIT
"""What was sold: sums by day, lists by pompier, one payment's state; right to the cent, and
read from indexes, so that a million payments do not slow them down."""

import json
import re

import pytest

from support.client import Client
from support.seed import ADMIN_EMAIL, OPERATOR_EMAIL, POMPIER_EMAIL, seed_demo

MILLION = 1_000_000

ROW = ("INSERT INTO payment_intents (stripe_payment_intent_id, amicale_id, pompier_id, amount,"
       " status, payment_method, amount_received, amount_refunded, application_fee,"
       " application_fee_refunded, sold_at, sale_day, local_id)"
       " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)")


class Books:
    """The demo amicale, a second one, and sales written as they will have been."""

    def __init__(self, stack):
        self.stack = stack
        ids = seed_demo(stack)
        self.amicale, self.pompier = ids["amicale_id"], ids["pompier_id"]
        self.other = int(stack.tocsin(
            "amicale", "add", "--name", "Une autre amicale", "--email",
            "autre@demo.tocsin.test", json_output=True)["amicale"])
        self.count = 0

    def sale(self, day, amount, method="card", status="succeeded", received=None, refunded=0,
             fee=0, fee_refunded=0, amicale=None, pompier=None, time="10:00:00.000"):
        self.count += 1
        received = (amount if method == "card" and status in
                    ("succeeded", "refunded", "partially_refunded") else 0) \
            if received is None else received
        self.stack.sql(ROW, (
            f"pi_sales{self.count}" if method == "card" else None, amicale or self.amicale,
            pompier or self.pompier, amount, status, method, received, refunded, fee,
            fee_refunded, f"{day} {time}", day, f"sale-{self.count}"))
        return self.stack.sql_one("SELECT MAX(id) FROM payment_intents")

    def client(self, email):
        client = Client(self.stack.api.url)
        client.login(email, self.stack.demo_password)
        return client


@pytest.fixture
def books(stack):
    return Books(stack)


def test_days_add_up_by_method_with_refunds_and_fees(books):
    books.sale("2026-11-02", 1000)
    books.sale("2026-11-02", 2500, status="partially_refunded", refunded=700, fee=100,
               fee_refunded=28)
    books.sale("2026-11-02", 1500, method="cash")
    books.sale("2026-11-02", 9900, method="cash", status="voided")
    books.sale("2026-11-02", 700, method="cheque")
    books.sale("2026-11-03", 3000, status="refunded", refunded=3000)
    books.sale("2026-11-03", 5000, received=4200)  # captured in part
    for status in ("requires_payment_method", "requires_capture", "canceled", "failed", "new"):
        books.sale("2026-11-03", 100, status=status)
    books.sale("2026-11-04", 800)  # after the range
    books.sale("2026-11-02", 600, amicale=books.other, pompier=None)

    admin = books.client(ADMIN_EMAIL)
    answer = admin.get(f"/api/amicales/{books.amicale}/stats?from=2026-11-01&to=2026-11-03")
    assert answer.status == 200
    second, third = answer.json["days"]
    assert second == {
        "date": "2026-11-02", "total_ventes": 4, "total_montant": 5700,
        "total_commissions": 72, "total_rembourse": 700, "total_net": 5700 - 700 - 72,
        "card": {"ventes": 2, "montant": 3500}, "cash": {"ventes": 1, "montant": 1500},
        "cheque": {"ventes": 1, "montant": 700}}
    assert third["total_montant"] == 7200 and third["total_net"] == 4200
    totals = answer.json["totals"]
    for name in ("total_ventes", "total_montant", "total_commissions", "total_rembourse",
                 "total_net"):
        assert totals[name] == second[name] + third[name]
    assert totals["card"] == {"ventes": 4, "montant": 10700}


def test_stats_are_an_admins_of_that_amicale_and_the_operators(books):
    path = f"/api/amicales/{books.amicale}/stats"
    admin, pompier = books.client(ADMIN_EMAIL), books.client(POMPIER_EMAIL)
    assert admin.nobody().get(path).status == 401
    assert pompier.get(path).code == "role_not_allowed"
    assert admin.get(f"/api/amicales/{books.other}/stats").code == "not_found"
    assert admin.get("/api/amicales/x/stats").code == "not_found"
    operator = books.client(OPERATOR_EMAIL)
    assert operator.get(path).status == 200
    assert operator.get(f"/api/amicales/{books.other}/stats").json["days"] == []
    assert operator.get("/api/amicales/999999/stats").code == "not_found"


@pytest.mark.parametrize("query,fields", [
    ("from=2026-11-31", {"from": "bad_format"}),
    ("to=yesterday", {"to": "bad_format"}),
    ("from=2026-11-02&to=2026-11-01", {"from": "bad_format"}),
    ("from=2025-01-01&to=2026-01-02", {"from": "bad_format"}),
    ("since=2026-11-01", {"since": "unknown"}),
    ("from=2026-11-01&from=2026-11-02", {"from": "bad_format"}),
    ("from=%FF", {"from": "bad_format"}),
])
def test_a_wrong_range_is_told_by_its_field(books, query, fields):
    answer = books.client(ADMIN_EMAIL).get(f"/api/amicales/{books.amicale}/stats?{query}")
    assert answer.status == 422
    assert {one["field"]: one["code"] for one in answer.json["errors"]} == fields


def test_a_pompier_pages_through_their_sales(books):
    for number in range(45):
        books.sale(f"2026-11-{1 + number // 5:02}", 1000 + number,
                   time=f"10:00:{number % 5:02}.000")
    books.sale("2026-11-10", 5000, method="cash", status="voided")
    books.sale("2026-11-10", 4000, status="requires_payment_method")
    pompier = books.client(POMPIER_EMAIL)
    path = f"/api/pompiers/{books.pompier}/ventes"
    seen, link = [], path
    while link:
        answer = pompier.get(link)
        assert answer.status == 200 and answer.json["total"] == 46
        assert answer.json["per_page"] == 20 and answer.json["total_pages"] == 3
        assert answer.json["totals"] == {
            "ventes": 45, "montant": sum(range(1000, 1045)), "rembourse": 0,
            "commissions": 0, "net": sum(range(1000, 1045))}
        seen += answer.json["ventes"]
        link = answer.json["links"]["next"]
        if link:
            assert f'<{link}>; rel="next"' in answer.headers["Link"]
    assert [one["amount"] for one in seen] == [5000, *range(1044, 999, -1)]
    assert seen[0]["status"] == "voided"
    last = pompier.get(f"{path}?page=3&from=2026-11-01&to=2026-11-09")
    assert len(last.json["ventes"]) == 5
    assert last.json["links"]["prev"].endswith("page=2&from=2026-11-01&to=2026-11-09")
    beyond = pompier.get(f"{path}?page=9")
    assert beyond.json["ventes"] == [] and beyond.json["links"]["prev"].endswith("page=3")
    assert pompier.get(f"{path}?page=0").json["errors"][0]["code"] == "too_small"


def test_sales_are_seen_by_their_seller_and_their_amicales_admin(books):
    path = f"/api/pompiers/{books.pompier}/ventes"
    admin = books.client(ADMIN_EMAIL)
    assert admin.nobody().get(path).status == 401
    assert admin.get(path).status == 200
    assert books.client(OPERATOR_EMAIL).get(path).status == 200
    pompier = books.client(POMPIER_EMAIL)
    assert pompier.get(f"/api/pompiers/{admin.user['id']}/ventes").code == "not_found"
    books.stack.sql("UPDATE users SET amicale_id = %s WHERE id = %s",
                    (books.other, books.pompier))
    assert admin.get(path).code == "not_found"


def test_what_a_pompier_sold_for_another_amicale_is_not_this_ones_to_see(books):
    here = books.sale("2026-11-02", 1000)
    there = books.sale("2026-11-02", 600, amicale=books.other)
    path = f"/api/pompiers/{books.pompier}/ventes?from=2026-11-02&to=2026-11-02"
    for email, seen in ((ADMIN_EMAIL, {here}), (POMPIER_EMAIL, {here}),
                        (OPERATOR_EMAIL, {here, there})):
        sales = books.client(email).get(path).json
        assert {sale["id"] for sale in sales["ventes"]} == seen
        assert sales["totals"]["ventes"] == sales["total"] == len(seen)


def test_a_payments_state_has_its_refunds_and_its_last_error(books):
    sale = books.sale("2026-11-02", 2500, status="partially_refunded", refunded=700)
    books.stack.sql("INSERT INTO refunds (stripe_refund_id, payment_id, amount, status, reason)"
                    " VALUES ('re_1', %s, 700, 'succeeded', 'requested_by_customer')", (sale,))
    books.stack.sql("INSERT INTO refunds (stripe_refund_id, payment_id, amount, status,"
                    " is_release) VALUES ('re_2', %s, 100, 'succeeded', 1)", (sale,))
    pompier = books.client(POMPIER_EMAIL)
    by_row = pompier.get(f"/api/payments/{sale}/status").json
    by_name = pompier.get(f"/api/payments/{by_row['payment_intent_id']}/status").json
    assert by_row == by_name and by_row["id"] == sale
    assert by_row["amount_refunded"] == 700 and by_row["last_error"] is None
    assert [(one["refund_id"], one["amount"]) for one in by_row["refunds"]] == [("re_1", 700)]
    assert re.fullmatch(r"2026-11-02T10:00:00\.000Z", by_row["sold_at"])

    books.stack.sql("UPDATE payment_intents SET status = 'requires_payment_method',"
                    " last_error_code = 'card_declined', last_error_decline_code = 'stolen_card'"
                    " WHERE id = %s", (sale,))
    told = pompier.get(f"/api/payments/{sale}/status").json["last_error"]
    assert told == {"code": "card_declined", "decline_code": "stolen_card", "message": None}
    theirs = books.sale("2026-11-02", 600, amicale=books.other)
    for name in (theirs, "pi_unknown", 987654, "x"):
        assert pompier.get(f"/api/payments/{name}/status").code == "not_found"
    assert books.client(OPERATOR_EMAIL).get(f"/api/payments/{theirs}/status").status == 200


class Plans:
    """How MariaDB runs what the front door really asks: the statements of a request, as
    they were executed, and their ANALYZE (r_ fields are counted while it runs)."""

    def __init__(self, stack):
        self.stack = stack

    def of(self, request, table="payment_intents"):
        self.stack.sql("SET GLOBAL log_output = 'TABLE'")
        self.stack.sql("SET GLOBAL general_log = ON")
        try:
            answer = request()
        finally:
            self.stack.sql("SET GLOBAL general_log = OFF")
        rows = self.stack.sql(
            "SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log"
            " WHERE command_type = 'Execute' AND user_host LIKE 'tocsin_reader%%'"
            " AND argument LIKE %s ORDER BY event_time", (f"%FROM {table}%",))
        self.stack.sql("TRUNCATE mysql.general_log")
        plans = [json.loads(self.stack.sql_one("ANALYZE FORMAT=JSON "
                                               + row[0].replace("%", "%%"), ()))
                 for row in rows]
        assert plans, "the request read nothing"
        return answer, plans


def find(plan, key):
    """Every value of a key, however deep."""
    if isinstance(plan, dict):
        for name, value in plan.items():
            if name == key:
                yield value
            yield from find(value, key)
    elif isinstance(plan, list):
        for value in plan:
            yield from find(value, key)


def fill(books, count):
    """Two amicales with a tenth and the rest; a thousand sellers take turns."""
    stack = books.stack
    stack.sql("INSERT INTO users (amicale_id, role, encrypted_name, encrypted_email,"
              " email_lookup, password_hash)"
              " SELECT %s, 'pompier', '', '', SHA2(seq, 256), '' FROM seq_1_to_999",
              (books.other,))
    first = stack.sql_one("SELECT MIN(id) FROM users WHERE email_lookup = SHA2(1, 256)")
    stack.sql(
        "INSERT INTO payment_intents (stripe_payment_intent_id, amicale_id, pompier_id, amount,"
        " status, payment_method, amount_received, sold_at, sale_day, local_id)"
        " SELECT IF(MOD(seq, 5) < 3, CONCAT('pi_many', seq), NULL),"
        " IF(MOD(seq, 10) = 0, %(mine)s, %(other)s),"
        " IF(MOD(seq, 1000) = 0, %(seller)s, %(first)s + MOD(seq, 1000) - 1),"
        " 500 + MOD(seq, 40) * 100, IF(MOD(seq, 20) = 10, 'canceled', 'succeeded'),"
        " ELT(1 + MOD(seq, 5), 'card', 'card', 'card', 'cash', 'cheque'),"
        " IF(MOD(seq, 5) < 3 AND MOD(seq, 20) <> 10, 500 + MOD(seq, 40) * 100, 0),"
        " '2026-01-01' + INTERVAL seq * 30 SECOND,"
        " DATE('2026-01-01' + INTERVAL seq * 30 SECOND), CONCAT('many-', seq)"
        f" FROM seq_1_to_{count}",
        {"mine": books.amicale, "other": books.other, "seller": books.pompier,
         "first": first})
    stack.sql("ANALYZE TABLE payment_intents")


@pytest.mark.plain
def test_a_million_payments_are_read_through_their_indexes(books):
    stack, plans = books.stack, Plans(books.stack)
    fill(books, MILLION)
    assert stack.sql_one("SELECT COUNT(*) FROM payment_intents") == MILLION
    client = books.client(ADMIN_EMAIL)

    answer, (stats,) = plans.of(lambda: client.get(
        f"/api/amicales/{books.amicale}/stats?from=2026-01-01&to=2026-12-31"))
    assert list(find(stats, "key")) == ["amicale_day"]
    assert list(find(stats, "using_index")) == [True], "the index alone has all"
    assert not list(find(stats, "temporary_table")) and not list(find(stats, "filesort"))
    assert sum(find(stats, "r_rows")) <= MILLION / 10
    expected = stack.sql_one(
        "SELECT CAST(SUM(IF(payment_method = 'card', amount_received, amount)) AS SIGNED)"
        " FROM payment_intents WHERE amicale_id = %s AND status = 'succeeded'", (books.amicale,))
    assert answer.json["totals"]["total_montant"] == expected

    answer, (totals, page) = plans.of(lambda: client.get(
        f"/api/pompiers/{books.pompier}/ventes?page=2"))
    for plan in (totals, page):
        assert list(find(plan, "key")) == ["pompier_sales"]
        assert not list(find(plan, "filesort"))
    sold = MILLION // 1000
    assert sum(find(totals, "r_rows")) <= sold
    assert sum(find(page, "r_rows")) <= 2 * 20 * 2, "a page reads what it shows, and skips"
    assert answer.json["total"] == sold and len(answer.json["ventes"]) == 20

    sale = answer.json["ventes"][0]["id"]
    _, (one,) = plans.of(lambda: client.get(f"/api/payments/{sale}/status"))
    assert list(find(one, "key")) == ["PRIMARY"]
