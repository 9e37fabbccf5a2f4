# SPDX-License-Identifier: MIT
"""python -m bench.callers URL AMICALE FIRST USERS RATE: people who begin sales by card, RATE
each second, until standard input ends; then one line of JSON with every call.

Each call is due at a moment of its own, and its time counts from there: a front door that
is slow for a while does not make the callers ask less. A process of its own, so that the
phones of the same benchmark do not delay it.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

THREADS = 16
CALLS_OF_ONE = 10  # in a row: what a user may begin at once


def token(user):
    """The session of a user, as the benchmarks write it into the database."""
    return f"bench{user:038d}"


class Callers:
    """A running process of them; it ends with the block that it belongs to."""

    def __init__(self, url, amicale, first, users, rate):
        words = [url, amicale, first, users, rate]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.callers", *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[1])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def finish(self):
        """[(when it was due, seconds until the answer, status)], by the monotonic clock."""
        said, _ = self.process.communicate(timeout=120)
        return json.loads(said)


def call(connection, amicale, user):
    """The status, or 0 when there was no answer."""
    try:
        connection.request("POST", "/api/payments/create-intent",
                           json.dumps({"amount": 1500, "amicale_id": amicale}),
                           {"Authorization": f"Bearer {token(user)}",
                            "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def main(url, amicale, first, users, rate):
    url = urllib.parse.urlsplit(url)
    ended, calls = threading.Event(), []
    began = time.monotonic()

    def run(number):
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        while True:
            due = began + number / float(rate)
            if ended.wait(max(0, due - time.monotonic())):
                return
            user = int(first) + number // CALLS_OF_ONE % int(users)
            status = call(connection, int(amicale), user)
            calls.append((due, time.monotonic() - due, status))
            number += THREADS

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps(sorted(calls)))


if __name__ == "__main__":
    main(*sys.argv[1:])
