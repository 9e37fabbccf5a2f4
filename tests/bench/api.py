# SPDX-License-Identifier: MIT
"""What it takes to answer a phone: create-intent and status through the front door, beside
the same calls to the simulated Stripe itself, in the same rounds and with the same client.

The client is wrk, with one connection and with CALLERS. The simulator answers at once and
its webhooks are withheld (ingest measures those). A create-intent is the front door's
request, a job of a worker, a row, a call to the simulator, and the job's answer.

A user may create ten a minute: each of thousands of users sends ten.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.seed import meet_stripe, seed_demo
from support.stack import Stack

from .ingest import Nginx, median
from .machine import children, cpu_seconds, stolen_seconds

CALLERS = 16
SECONDS = 5
ROUNDS = 3
USERS = 20000  # ten payments each; no round can make more
SCRIPT = Path(__file__).with_name("calls.lua")
CALLS = ("create-intent", "direct create", "status", "direct retrieve", "nginx return 200")


class Room:
    """A stack with many sellers, who are signed in, and what it costs."""

    def __init__(self, directory):
        self.stack = Stack(directory, workers=2, settings={"stripe.rate_per_s": 1000})
        self.directory = directory
        self.next_user = 1

    def fill(self):
        """Users from 1000000 on, each with the session that calls.lua knows."""
        seed_demo(self.stack)
        meet_stripe(self.stack)
        self.stack.stripesim.control("webhooks", {"withhold_percent": 100})
        self.stack.sql(
            "INSERT INTO users (id, amicale_id, role, encrypted_name, encrypted_email,"
            " email_lookup, password_hash) SELECT 1000000 + seq, amicale_id, role,"
            " encrypted_name, encrypted_email, SHA2(seq, 256), '!' FROM users"
            f" JOIN seq_1_to_{USERS} WHERE users.role = 'pompier'")
        self.stack.sql(
            "INSERT INTO sessions (token_hash, user_id, expires_at)"
            " SELECT SHA2(CONCAT('bench', LPAD(seq, 38, '0')), 256), 1000000 + seq,"
            f" UTC_TIMESTAMP(3) + INTERVAL 1 DAY FROM seq_1_to_{USERS}")

    def users(self):
        """The next share of the users, for one run."""
        share = USERS // (ROUNDS * 2 + 2)
        first, self.next_user = self.next_user, self.next_user + share
        return first, first + share - 1

    def ids(self, column):
        """A file with the ids of payments that are there."""
        path = self.directory / column
        rows = self.stack.sql(f"SELECT {column} FROM payment_intents"
                              f" WHERE {column} IS NOT NULL ORDER BY id DESC LIMIT 5000")
        path.write_text("".join(f"{row[0]}\n" for row in rows))
        return path

    def pids(self):
        return {"api": [self.stack.api.pid],
                "workers": [worker.pid for worker in self.stack.workers],
                "redis": [self.stack.redis.pid], "mariadb": [self.stack.mariadb.pid],
                "simulator": [self.stack.stripesim.pid]}


def load(url, callers, *words, seconds=SECONDS):
    """Runs wrk and returns what calls.lua printed."""
    threads = min(2, callers)
    done = subprocess.run(
        ["wrk", "-t", str(threads), "-c", str(callers), "-d", f"{seconds}s", "--timeout", "30s",
         "-s", str(SCRIPT), url, "--", *map(str, words)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip().endswith("}"):
        raise RuntimeError(done.stdout + done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measured(pids, url, callers, *words):
    """A run with what it cost each sort of process."""
    stolen = stolen_seconds()
    before = {name: cpu_seconds(some) for name, some in pids.items()}
    result = load(url, callers, *words)
    result["cpu_s_per_1000"] = {
        name: (cpu_seconds(some) - before[name]) * 1000 / max(result["requests"], 1)
        for name, some in pids.items()}
    result["stolen_s"] = stolen_seconds() - stolen
    return result


def one_round(room, nginx, callers):
    """Each call in turn, so that they meet the same machine."""
    api, simulator, pids = room.stack.api.url, room.stack.stripesim.url, room.pids()
    known = room.stack.sql_one("SELECT COUNT(*) FROM payment_intents")
    results = {"create-intent": measured(pids, api, callers, "create", *room.users())}
    made = room.stack.sql_one("SELECT COUNT(*) FROM payment_intents WHERE"
                              " stripe_payment_intent_id IS NOT NULL") - known
    # What was under way when wrk stopped was made, but not counted.
    created = results["create-intent"]
    created["not_made"] = max(created["requests"] - created["refused"] - made, 0)
    results["direct create"] = measured(pids, simulator, callers, "direct", 0, 0)
    results["status"] = measured(pids, api, callers, "status", 1, 1, room.ids("id"))
    results["direct retrieve"] = measured(pids, simulator, callers, "retrieve", 0, 0,
                                          room.ids("stripe_payment_intent_id"))
    results["nginx return 200"] = measured({"nginx": children(nginx.pid)},
                                           f"http://127.0.0.1:{nginx.port}/", callers,
                                           "plain", 0, 0)
    return results


def rounds(directory):
    room, found = Room(directory / "stack"), {1: [], CALLERS: []}
    with room.stack, Nginx(directory) as nginx:
        room.fill()
        load(room.stack.api.url, 4, "create", *room.users(), seconds=2)
        for number in range(1, ROUNDS + 1):
            for callers, results in found.items():
                results.append(one_round(room, nginx, callers))
                print(f"round {number}, {callers:2} callers: " + ", ".join(
                    f"{name} {result['p50_ms']:.2f} ms"
                    for name, result in results[-1].items()), flush=True)
    return found


def table(found):
    print(f"\nmedian of {ROUNDS} rounds of {SECONDS} s; CPU seconds per 1,000 requests\n")
    for callers, results in found.items():
        plural = "s" if callers > 1 else ""
        print(f"{f'{callers} caller{plural}':18}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}"
              f"{'not 200':>9}{'api':>8}{'workers':>9}{'redis':>8}{'mariadb':>9}"
              f"{'simulator':>11}")
        for name in CALLS:
            runs = [one[name] for one in results]
            bad = sum(run["refused"] + run["lost"] + run.get("not_made", 0) for run in runs)
            costs = "".join(
                f"{median([run['cpu_s_per_1000'] for run in runs], part):>{width}.3f}"
                for part, width in (("api", 8), ("workers", 9), ("redis", 8), ("mariadb", 9),
                                    ("simulator", 11))
                if part in runs[0]["cpu_s_per_1000"])
            print(f"{name:18}{median(runs, 'per_s'):>11,.0f}{median(runs, 'p50_ms'):>8.2f}"
                  f"{median(runs, 'p99_ms'):>8.2f}{bad:>9}{costs}")
        for name, direct in (("create-intent", "direct create"), ("status", "direct retrieve")):
            over = median([{"ms": one[name]["p50_ms"] - one[direct]["p50_ms"]}
                           for one in results], "ms")
            print(f"{name}: {over:+.2f} ms (p50) over asking the simulator directly")
        print()


def run():
    directory = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        found = rounds(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    table(found)
    return {"callers": CALLERS, "seconds": SECONDS,
            "rounds": {str(callers): results for callers, results in found.items()}}
