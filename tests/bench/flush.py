# SPDX-License-Identifier: MIT
"""A village gets its network back: 200 phones of 20 amicales hand over 500 offline sales
each at the same moment.

First MariaDB alone: rows like those of a sale, each in a commit of its own. Then the phones
while no worker runs: how fast their sales are taken in, and what each costs Redis while it
waits. Then the workers: how fast they are recorded, and in which order. Then the same again
while the workers run. Meanwhile other users begin sales by card, some each second, beside
what they waited when nothing else was going on. At the end too many come, and are told when
to come again.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from support.process import wait_until
from support.programs import build_dir
from support.seed import meet_stripe, seed_demo
from support.stack import Stack

from .callers import Callers
from .flush_phones import CALLERS, FIRST_CALLER, FIRST_PHONE, PHONES, SIZES, fill, together
from .machine import cpu_seconds, stolen_seconds

ITEMS = 500
SLOTS = 32  # of a worker, and connections of the plain commits
CALLS_PER_S = 20
QUIET_S = 15
PHASE_S = 100  # no phase takes longer
BACKLOG_MOST = 1000  # for the phones that are refused


# MariaDB alone.

def plain_commits(stack):
    """Rows a second, each in a commit of its own, over one connection and over many."""
    stack.sql("CREATE TABLE single_commits LIKE payment_intents")
    found = {}
    for connections, rows in ((1, 1500), (SLOTS, 15000)):
        done = subprocess.run(
            [str(build_dir() / "tests/bench/single_commits"), "--socket",
             str(stack.mariadb.socket), "--database", "tocsin",
             "--connections", str(connections), "--rows", str(rows)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        found[str(connections)] = json.loads(done.stdout)
        stack.sql("TRUNCATE single_commits")
    stack.sql("DROP TABLE single_commits")
    return found


# What things cost.

class Costs:
    """CPU seconds of each sort of process since this was made."""

    def __init__(self, stack):
        self.pids = {"api": [stack.api.pid], "redis": [stack.redis.pid],
                     "workers": [worker.pid for worker in stack.workers if worker.pid],
                     "mariadb": [stack.mariadb.pid]}
        self.before = {name: cpu_seconds(pids) for name, pids in self.pids.items()}
        self.stolen = stolen_seconds()

    def so_far(self):
        return {**{name: round(cpu_seconds(pids) - self.before[name], 2)
                   for name, pids in self.pids.items()},
                "stolen": round(stolen_seconds() - self.stolen, 2)}


def used_memory(stack):
    with stack.redis.client() as client:
        return client.info("memory")["used_memory"]


def waits(calls, first=0.0, last=float("inf")):
    """What callers waited who were due between two moments."""
    some = sorted(took for due, took, _ in calls if first <= due <= last)
    bad = sum(status != 200 for due, _, status in calls if first <= due <= last)
    if len(some) < 2:
        return {"calls": len(some), "not_200": bad}
    return {"calls": len(some), "not_200": bad,
            "p50_ms": statistics.median(some) * 1000,
            "p99_ms": some[min(len(some) - 1, int(len(some) * 0.99))] * 1000,
            "most_ms": some[-1] * 1000}


# What the books say of a flush.

def recorded(stack, name):
    """When the sales of a flush were recorded, by MariaDB's clock, from its first row."""
    where = f"local_id LIKE '{name}-%%' AND pompier_id >= {FIRST_PHONE}"
    (rows, commits, seconds), = stack.sql(
        "SELECT COUNT(*), COUNT(DISTINCT amicale_id, created_at),"
        " TIMESTAMPDIFF(MICROSECOND, MIN(created_at), MAX(created_at)) / 1e6"
        f" FROM payment_intents WHERE {where}")
    phones = stack.sql(
        "SELECT amicale_id,"
        " TIMESTAMPDIFF(MICROSECOND, began, MIN(created_at)) / 1e6,"
        " TIMESTAMPDIFF(MICROSECOND, began, MAX(created_at)) / 1e6"
        f" FROM payment_intents JOIN (SELECT MIN(created_at) AS began FROM payment_intents"
        f" WHERE {where}) AS whole WHERE {where} GROUP BY pompier_id, amicale_id, began")
    first = sorted(float(row[1]) for row in phones)
    last = sorted(float(row[2]) for row in phones)
    sizes = {}
    for label, amicale in (("largest", 0), ("smallest", 1), ("of nine", 2)):
        of = [row for row in phones if row[0] == 1000 + amicale]
        sizes[label] = {"phones": SIZES[amicale],
                        "first_row_s": min(float(row[1]) for row in of),
                        "last_row_s": max(float(row[2]) for row in of)}
    return {"rows": rows, "rows_per_commit": rows / commits, "seconds": float(seconds),
            "rows_per_s": rows / float(seconds),  # from the first row to the last
            "first_rows_s": [first[0], statistics.median(first), first[-1]],
            "last_rows_s": [last[0], statistics.median(last), last[-1]],
            "amicales": sizes}


def wait_recorded(stack, name, rows):
    wait_until(lambda: stack.sql_one(
        "SELECT COUNT(*) FROM payment_intents WHERE pompier_id BETWEEN %s AND %s"
        " AND local_id LIKE %s", (FIRST_PHONE, FIRST_PHONE + PHONES, f"{name}-%")) >= rows,
        "all sales to be recorded", PHASE_S, every_s=0.5)


# The phases.

def hand_over(stack, phones, name):
    """All phones at once; when the first sent and the last was answered, and how often one
    had to come again."""
    bodies = {phone.number: phone.queue(name, ITEMS) for phone in phones}
    for phone in phones:
        phone.answers.clear()
    deadline = time.monotonic() + PHASE_S
    together(phones, lambda phone: phone.hand_over(
        stack.api.port, bodies[phone.number], deadline))
    began = min(phone.answers[0][0] for phone in phones)
    took = sorted(phone.answers[-1][1] - began for phone in phones)
    return began, {"items": ITEMS * len(phones), "seconds": took[-1],
                   "items_per_s": ITEMS * len(phones) / took[-1],
                   "answered_s": [took[0], statistics.median(took), took[-1]],
                   "again": sum(len(phone.answers) - 1 for phone in phones)}


def callers(stack, share):
    """A third of those who may call: none comes so soon again that the limit is theirs."""
    return Callers(stack.api.url, stack.sql_one("SELECT MIN(id) FROM amicales"),
                   FIRST_CALLER + share * CALLERS // 3, CALLERS // 3, CALLS_PER_S)


def quiet(stack):
    with callers(stack, 0) as some:
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + QUIET_S, "the callers", QUIET_S + 5,
                   every_s=0.1)
        return waits(some.finish(), began + 2)


def stored(stack, phones):
    """While no worker runs: taking in, and what it costs Redis."""
    for worker in stack.workers:
        worker.stop()
    before, costs = used_memory(stack), Costs(stack)
    _, found = hand_over(stack, phones, "stored")
    found["redis_bytes_per_item"] = (used_memory(stack) - before) / found["items"]
    found["cpu_s"] = costs.so_far()
    return found


def drained(stack):
    """The workers come, and record what waits."""
    for worker in stack.workers:
        worker.start()
    costs, began = Costs(stack), time.monotonic()
    with callers(stack, 1) as some:
        wait_recorded(stack, "stored", ITEMS * PHONES)
        ended, cpu = time.monotonic(), costs.so_far()
        calls = some.finish()
    return {**recorded(stack, "stored"), "cpu_s": cpu,
            "create_intent": waits(calls, began, ended)}


def flushed(stack, phones):
    """The same while the workers run."""
    costs = Costs(stack)
    with callers(stack, 2) as some:
        began, found = hand_over(stack, phones, "flushed")
        wait_recorded(stack, "flushed", ITEMS * PHONES)
        ended, cpu = time.monotonic(), costs.so_far()
        calls = some.finish()
    return {**found, "recorded": recorded(stack, "flushed"), "through_s": ended - began,
            "cpu_s": cpu, "create_intent": waits(calls, began, ended)}


def refused(stack, phones):
    """More than there is room for: what the phones are told."""
    for worker in stack.workers:
        worker.stop()
    stack.api.stop()
    stack.api.sets["sync.backlog_most"] = BACKLOG_MOST
    stack.api.start()
    for phone in phones[:BACKLOG_MOST // ITEMS + 1]:
        phone.send(stack.api.port, phone.queue("filling", ITEMS))
    last = phones[-1]
    wait_until(lambda: last.send(stack.api.port, last.queue("trying", 1)) == 429,
               "a phone to be refused", 20, every_s=0.2)
    for phone in phones:
        phone.answers.clear()
    body = phones[0].queue("refused", 1)
    together(phones, lambda phone: phone.send(stack.api.port, body))
    told = sorted(answer[3] for phone in phones for answer in phone.answers)
    seconds = {second: told.count(second) for second in set(told)}
    return {"phones": len(phones),
            "status_429": sum(phone.answers[-1][2] == 429 for phone in phones),
            "retry_after_s": [told[0], statistics.median(told), told[-1]],
            "most_in_one_second": max(seconds.values())}


def phases(directory):
    found = {}
    with Stack(directory, workers=2) as stack:
        seed_demo(stack)
        meet_stripe(stack)
        stack.stripesim.control("webhooks", {"withhold_percent": 100})
        phones = fill(stack)
        for name, run in (("plain_commits", lambda: plain_commits(stack)),
                          ("quiet", lambda: quiet(stack)),
                          ("stored", lambda: stored(stack, phones)),
                          ("drained", lambda: drained(stack)),
                          ("flushed", lambda: flushed(stack, phones)),
                          ("refused", lambda: refused(stack, phones))):
            began = time.monotonic()
            found[name] = run()
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return found


# The report.

def table(found):
    one, many = found["plain_commits"]["1"], found["plain_commits"][str(SLOTS)]
    stored_, drained_, flushed_ = found["stored"], found["drained"], found["flushed"]
    items = stored_["items"]
    print(f"\n{PHONES} phones of {len(SIZES)} amicales, {ITEMS} sales each: {items:,} sales\n")
    print(f"{'':46}{'rows/s':>10}")
    print(f"{'MariaDB alone, a commit for each row':46}{one['per_s']:>10,.0f}")
    print(f"{f'  the same over {SLOTS} connections':46}{many['per_s']:>10,.0f}")
    print(f"{'taken in (until the last 202), no worker runs':46}"
          f"{stored_['items_per_s']:>10,.0f}")
    print(f"{'recorded by 2 workers':46}{drained_['rows_per_s']:>10,.0f}"
          f"   {drained_['rows_per_commit']:.1f} rows a commit")
    print(f"{'taken in while the workers record':46}{flushed_['items_per_s']:>10,.0f}")
    print(f"{'  and recorded':46}{flushed_['recorded']['rows_per_s']:>10,.0f}"
          f"   {flushed_['recorded']['rows_per_commit']:.1f} rows a commit")
    print(f"\nRedis: {stored_['redis_bytes_per_item']:,.0f} bytes for each sale that waits")
    print(f"\n{'create-intent, ' + str(CALLS_PER_S) + ' a second':46}{'calls':>8}"
          f"{'not 200':>9}{'p50 ms':>9}{'p99 ms':>9}{'most':>9}")
    for label, some in (("nothing else", found["quiet"]),
                        ("while the workers record", drained_["create_intent"]),
                        ("during the whole flush", flushed_["create_intent"])):
        print(f"  {label:44}{some['calls']:>8}{some['not_200']:>9}{some['p50_ms']:>9.1f}"
              f"{some['p99_ms']:>9.1f}{some['most_ms']:>9.1f}")
    print(f"\n{'seconds from the first row':46}{'first':>8}{'median':>9}{'last':>9}")
    for label, key in (("a phone's first row", "first_rows_s"),
                       ("a phone's last row: its batch is done", "last_rows_s")):
        print(f"  {label:44}" + "{:>8.2f}{:>9.2f}{:>9.2f}".format(*drained_[key]))
    for label, of in drained_["amicales"].items():
        title = f"amicale {label}, {of['phones']} phones"
        print(f"  {title:44}{of['first_row_s']:>8.2f}{'':9}{of['last_row_s']:>9.2f}")
    print(f"\n{'CPU seconds':46}{'api':>8}{'workers':>9}{'redis':>9}{'mariadb':>9}")
    for label, some in (("taking in", stored_), ("recording", drained_),
                        ("both at once", flushed_)):
        cost = some["cpu_s"]
        print(f"  {label:44}{cost['api']:>8.1f}{cost['workers']:>9.1f}{cost['redis']:>9.1f}"
              f"{cost['mariadb']:>9.1f}")
    told = found["refused"]
    least, median, most = told["retry_after_s"]
    print(f"\nwith room for {BACKLOG_MOST:,}: {told['status_429']} of {told['phones']} phones "
          f"are told to come again, in {least} to {most} s (median {median:.0f}), at most "
          f"{told['most_in_one_second']} of them in the same second")


def run():
    directory = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        found = phases(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    table(found)
    return {"phones": PHONES, "items": ITEMS, "slots": SLOTS, **found}
