# SPDX-License-Identifier: MIT
"""Prints what a job costs in each script: microseconds inside Redis, by its own count.

  /usr/bin/python3 tests/integration/queue/measure.py [jobs]
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from queue_scripts import Kind, New, Queue, Settlement  # noqa: E402  (the path comes first)
from support.servers import Redis  # noqa: E402

HOOK = Kind("stripe.event", "webhook", needs="mariadb")
MAIL = Kind("receipt.send", "mail", needs="mariadb,smtp")
KINDS = [HOOK, MAIL] + [Kind(f"kind.{i}", "sync") for i in range(8)]
NOTE = '"worker":"host:1:2","outcome":"DONE","took_ms":12'


def inside_redis(client, call):
    """What `call` returned, and the microseconds that its scripts took."""
    client.config_resetstat()
    result = call()
    stats = client.info("commandstats")
    return result, stats["cmdstat_evalsha"]["usec"]


def job(i):
    return New(f"evt_{i:016}", HOOK, tenant=str(i % 50), payload="x" * 3000, mac="f" * 64,
               refs=(f"evt_{i:016}", f"pi_{i}", "acct_1"))


def measure(queue, jobs):
    spent = {}

    def count(verb, call):
        result, usec = inside_redis(queue.client, call)
        spent[verb] = spent.get(verb, 0) + usec
        return result

    for start in range(0, jobs, 128):
        count("enqueue, batches of 128",
              lambda: queue.enqueue(*[job(i) for i in range(start, start + 128)]))
    for i in range(jobs // 32):
        taken = count("take, batches of 32",
                      lambda: queue.take("host:1:2", KINDS, general=32, lease_ms=60000))["jobs"]
        held = [(one["id"], one["token"]) for one in taken]
        count("beat, 32 held", lambda: queue.beat("host:1:2", *held, lease_ms=60000))
        told = [Settlement(one["id"], one["token"], answered="mariadb", note=NOTE)
                for one in taken]
        if i % 2:
            count("settle, batches of 64", lambda: queue.settle(*before, *told))
        before = told
    for _ in range(jobs // 500):
        count("trim, batches of 500", lambda: queue.trim(keep_count=0, most=500))
    for verb, usec in spent.items():
        print(f"{verb:26} {usec / jobs:6.1f} us a job")
    for verb, call in (("sweep with nothing to do", queue.sweep), ("stats", queue.stats),
                       ("take with nothing there", lambda: queue.take("w", KINDS, general=32))):
        usec = inside_redis(queue.client, lambda: [call() for _ in range(100)])[1]
        print(f"{verb:26} {usec / 100:6.1f} us")


def main():
    directory = Path(tempfile.mkdtemp(prefix="tocsin-", dir="/tmp"))
    server = Redis(directory, options=["appendonly no"]).start()
    try:
        with server.client(decode_responses=True) as client:
            measure(Queue(client), int(sys.argv[1]) if len(sys.argv) > 1 else 6400)
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
