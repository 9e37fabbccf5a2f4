# SPDX-License-Identifier: MIT
"""Prints what a job costs in each script: microseconds inside Redis, by its own count. Then
what offline sales cost that wait: bytes each, and CPU of Redis from enqueuing to settling,
with its lists of fields kept small as schema/keys.md says, and as Debian ships it.

  /usr/bin/python3 tests/integration/queue/measure.py [jobs [sales]]
"""

import os
import secrets
import shutil
import sys
import tempfile
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from queue_scripts import Kind, New, Queue, Settlement  # noqa: E402  (the path comes first)
from support.servers import Redis  # noqa: E402

HOOK = Kind("stripe.event", "webhook", needs="mariadb")
MAIL = Kind("receipt.send", "mail", needs="mariadb,smtp")
KINDS = [HOOK, MAIL] + [Kind(f"kind.{i}", "sync") for i in range(8)]
SALE = Kind("sync.sale", "sync", max=25, group_max=64, needs="mariadb")
SEALED_BYTES = 300  # of a sale as common/model/sale.h carries it
PHONE_SALES, VILLAGE_PHONES = 500, 10
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


def sale(i):
    phone, local_id = i // PHONE_SALES, str(uuid.uuid4())
    return New(f"sync:{4000 + phone}:{local_id}", SALE, tenant=str(phone // VILLAGE_PHONES),
               member=str(4000 + phone), payload=os.urandom(SEALED_BYTES),
               mac=secrets.token_hex(32), refs=(f"bat_{phone:024}", local_id))


def measure_sales(client, sales):
    """Of those that wait, and of those that are done and remembered."""
    queue = Queue(client)

    def cpu_us():
        cpu = client.info("cpu")
        return 1e6 * (cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"])

    def bytes_each():
        return (client.info("memory")["used_memory"] - empty) / sales

    empty, began = client.info("memory")["used_memory"], cpu_us()
    for start in range(0, sales, 100):
        queue.enqueue(*[sale(i) for i in range(start, min(sales, start + 100))])
    waiting, enqueued, took, settled, left = bytes_each(), cpu_us(), 0, 0, sales
    while left > 0:
        before = cpu_us()
        jobs = queue.take("host:1:2", [SALE], general=8, lease_ms=600000)["jobs"]
        between = cpu_us()
        for start in range(0, len(jobs), 64):
            queue.settle(*[Settlement(one["id"], one["token"], answered="mariadb", note=NOTE)
                           for one in jobs[start:start + 64]])
        left -= len(jobs)
        took, settled = took + between - before, settled + cpu_us() - between
    print(f"{waiting:.0f} bytes a sale that waits, {bytes_each():.0f} once done; "
          f"us of CPU each: enqueue {(enqueued - began) / sales:.1f}, take {took / sales:.1f}, "
          f"settle {settled / sales:.1f}")


def with_redis(call, *options):
    directory = Path(tempfile.mkdtemp(prefix="tocsin-", dir="/tmp"))
    server = Redis(directory, options=["appendonly no", *options]).start()
    try:
        with server.client(decode_responses=True, encoding="latin-1") as client:
            call(client)
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 6400
    sales = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    with_redis(lambda client: measure(Queue(client), jobs))
    for value in (4096, 64):
        print(f"hash-max-listpack-value {value}: ", end="", flush=True)
        with_redis(lambda client: measure_sales(client, sales), f"hash-max-listpack-value {value}")


if __name__ == "__main__":
    main()
