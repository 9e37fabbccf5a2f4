# SPDX-License-Identifier: MIT
"""A region whose network comes back: amicales with their pompiers, one phone each, and the
queues that those phones hand over at the same moment."""

import datetime
import http.client
import json
import threading
import time

from .callers import token

# Phones of each amicale: one large, one with a single phone, and some between.
SIZES = (37, 1, *[9] * 18)
PHONES = sum(SIZES)
CALLERS = 600
FIRST_AMICALE = 1000
FIRST_PHONE = 1_000_000  # ids of users
FIRST_CALLER = 2_000_000


class Phone:
    def __init__(self, number, amicale):
        self.number = number
        self.user = FIRST_PHONE + number
        self.amicale = amicale
        self.answers = []  # (when it was sent, when it was answered, status, Retry-After)
        self.batch = None

    def queue(self, name, items):
        """What it sends: sales in cash and by cheque of the last hours."""
        now = datetime.datetime.now(datetime.timezone.utc)
        sales = [{"local_id": f"{name}-{self.number}-{item:05d}",
                  "amount": 500 + 100 * (item % 30),
                  "created_at": (now - datetime.timedelta(seconds=20 * item)).isoformat(
                      timespec="milliseconds"),
                  "payment_method": "cheque" if item % 10 == 0 else "cash"}
                 for item in range(items)]
        return json.dumps({"device_id": f"phone{self.number}", "sent_at": now.isoformat(
            timespec="milliseconds"), "transactions": sales}).encode()

    def send(self, port, body):
        """Once; what came of it is kept."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        began = time.monotonic()
        try:
            connection.request("POST", "/api/payments/batch-sync", body,
                               {"Authorization": f"Bearer {token(self.user)}",
                                "Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            self.answers.append((began, time.monotonic(), answer.status,
                                 int(answer.headers.get("Retry-After") or 0)))
            if answer.status == 202:
                self.batch = json.loads(said)["batch_id"]
            return answer.status
        finally:
            connection.close()

    def hand_over(self, port, body, deadline):
        """Until it is accepted, as a phone does."""
        while self.send(port, body) != 202:
            if time.monotonic() > deadline:
                raise RuntimeError(f"phone {self.number} got no answer: {self.answers[-1]}")
            time.sleep(self.answers[-1][3] or 1)


def fill(stack):
    """The amicales and their people, all signed in, made like those of the demo."""
    def rows(table, columns, where, values):
        with stack.mariadb.client(database="tocsin") as connection, \
                connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table} SELECT {columns} FROM {where}", values)
    rows("amicales (id, encrypted_name, encrypted_email)",
         "%s, encrypted_name, encrypted_email", "amicales ORDER BY id LIMIT 1",
         [(FIRST_AMICALE + number,) for number in range(len(SIZES))])
    demo = stack.sql_one("SELECT MIN(id) FROM amicales")
    of = [FIRST_AMICALE + amicale for amicale, phones in enumerate(SIZES)
          for _ in range(phones)]
    people = [(FIRST_PHONE + number, amicale) for number, amicale in enumerate(of)]
    people += [(FIRST_CALLER + number, demo) for number in range(CALLERS)]
    rows("users (id, amicale_id, role, encrypted_name, encrypted_email, email_lookup,"
         " password_hash)",
         "%s, %s, role, encrypted_name, encrypted_email, SHA2(%s, 256), '!'",
         "users WHERE role = 'pompier' ORDER BY id LIMIT 1",
         [(user, amicale, user) for user, amicale in people])
    with stack.mariadb.client(database="tocsin") as connection, \
            connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO sessions (token_hash, user_id, expires_at) VALUES"
            " (SHA2(%s, 256), %s, UTC_TIMESTAMP(3) + INTERVAL 1 DAY)",
            [(token(user), user) for user, _ in people])
    return [Phone(number, amicale) for number, amicale in enumerate(of)]


def together(phones, run):
    """run(phone) of all phones at the same moment; fails with the first that does."""
    start, failures = threading.Barrier(len(phones)), []

    def one(phone):
        try:
            start.wait()
            run(phone)
        except Exception as failure:  # told below, by the thread that waits
            failures.append(failure)
    threads = [threading.Thread(target=one, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
