# SPDX-License-Identifier: MIT
"""How fast webhooks get in, and how fast they get through.

The door: 64 keep-alive connections, signed events of 3 KB, each with an id of its own, to
the webhook route, which answers 200 once Redis has them on disk (appendfsync always).
Beside it, in the same rounds, nginx that only says `return 200`: what HTTP alone costs.

End to end: the same events with workers running, from the first request to the last
committed row in stripe_events and payment_intents.
"""

import json
import os
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from support.process import Process, accepts, free_port, wait_until
from support.programs import build_dir
from support.seed import seed_demo
from support.servers import find_server
from support.stack import Stack

from .machine import children, cpu_seconds, stolen_seconds

CONNECTIONS = 64
BODY_BYTES = 3000
ROUNDS = 3
DOOR_REQUESTS = 60000
THROUGH_EVENTS = 20000


class Nginx(Process):
    def __init__(self, directory):
        super().__init__(directory, "nginx")
        self.port = free_port()

    def prepare(self):
        (self.dir / "nginx.conf").write_text(
            f"daemon off; worker_processes {os.cpu_count()}; pid {self.dir}/nginx.server;\n"
            "error_log stderr; events { worker_connections 512; }\n"
            "http { access_log off; keepalive_requests 1000000000;\n"
            f"client_body_temp_path {self.dir}/nginx-body;\n"
            f"server {{ listen 127.0.0.1:{self.port} backlog=4096;\n"
            "location / { return 200 'ok'; } } }\n")

    def argv(self):
        return [find_server("nginx"), "-e", "stderr", "-p", self.dir,
                "-c", self.dir / "nginx.conf"]

    def is_ready(self):
        return accepts(("127.0.0.1", self.port))


def load(port, requests, *words):
    """Runs the load generator and returns what it printed."""
    done = subprocess.run(
        [str(build_dir() / "tests/bench/webhook_load"), "--port", str(port),
         "--connections", str(CONNECTIONS), "--body-bytes", str(BODY_BYTES),
         "--requests", str(requests), "--prefix", secrets.token_hex(4),
         *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def measured(port, requests, pids, *words):
    """A run of the load generator with what it cost the server's processes."""
    stolen, before = stolen_seconds(), cpu_seconds(pids)
    result = load(port, requests, *words)
    result["cpu_s_per_1000"] = (cpu_seconds(pids) - before) * 1000 / result["requests"]
    result["stolen_s"] = stolen_seconds() - stolen
    return result


def door(directory):
    """Rounds of nginx and the webhook route in turn."""
    rounds = {"nginx": [], "tocsin-api": []}
    stack = Stack(directory, workers=0)
    stack.start_servers()
    stack.create_database()
    stack.migrate()
    try:
        with Nginx(directory) as nginx, stack.api as api:
            secret = ("--secret-file", stack.secrets / "webhook")
            load(nginx.port, 2000)
            load(api.port, 2000, *secret)
            for number in range(1, ROUNDS + 1):
                rounds["nginx"].append(measured(
                    nginx.port, DOOR_REQUESTS, children(nginx.pid)))
                with stack.redis.client() as client:
                    client.flushall()
                before = cpu_seconds([stack.redis.pid])
                result = measured(api.port, DOOR_REQUESTS, [api.pid], *secret)
                result["redis_cpu_s_per_1000"] = (
                    (cpu_seconds([stack.redis.pid]) - before) * 1000 / result["requests"])
                rounds["tocsin-api"].append(result)
                print(f"round {number}: nginx {rounds['nginx'][-1]['per_s']:,.0f}/s, "
                      f"tocsin-api {result['per_s']:,.0f}/s", flush=True)
    finally:
        stack.stop()
    return rounds


def through(directory):
    """Events per second from the first request to the last committed row."""
    rounds = []
    with Stack(directory, workers=2) as stack:
        demo = seed_demo(stack)
        for number in range(1, ROUNDS + 1):
            known = stack.sql_one("SELECT COUNT(*) FROM stripe_events")
            pids = [stack.api.pid, *(worker.pid for worker in stack.workers),
                    stack.redis.pid, stack.mariadb.pid]
            before, began = cpu_seconds(pids), time.monotonic()
            sent = load(stack.api.port, THROUGH_EVENTS,
                        "--secret-file", stack.secrets / "webhook",
                        "--amicale", demo["amicale_id"], "--pompier", demo["pompier_id"])
            wait_until(lambda wanted=known + THROUGH_EVENTS: stack.sql_one(
                "SELECT COUNT(*) FROM stripe_events WHERE processed_at IS NOT NULL")
                >= wanted, "all events to be processed", 600, every_s=0.1)
            seconds = time.monotonic() - began
            rounds.append({
                "events": THROUGH_EVENTS, "not_200": sent["not_200"], "seconds": seconds,
                "per_s": THROUGH_EVENTS / seconds, "door_per_s": sent["per_s"],
                "cpu_s_per_1000": (cpu_seconds(pids) - before) * 1000 / THROUGH_EVENTS})
            print(f"round {number}: {rounds[-1]['per_s']:,.0f} events/s end to end",
                  flush=True)
    return rounds


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def table(rounds):
    print(f"\n{CONNECTIONS} keep-alive connections, signed events of {BODY_BYTES} bytes, "
          f"median of {ROUNDS} rounds\n")
    print(f"{'':12}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU s/1000':>12}"
          f"{'not 200':>9}")
    for name in ("nginx", "tocsin-api"):
        print(f"{name:12}{median(rounds[name], 'per_s'):>12,.0f}"
              f"{median(rounds[name], 'p50_ms'):>9.2f}{median(rounds[name], 'p99_ms'):>9.2f}"
              f"{median(rounds[name], 'cpu_s_per_1000'):>12.4f}"
              f"{sum(one['not_200'] for one in rounds[name]):>9}")
    share = median(rounds["tocsin-api"], "per_s") / median(rounds["nginx"], "per_s")
    print(f"\nthe webhook route does {share:.0%} of nginx's rate; Redis spends "
          f"{median(rounds['tocsin-api'], 'redis_cpu_s_per_1000'):.4f} s of CPU per 1,000")
    print(f"end to end: {median(rounds['end-to-end'], 'per_s'):,.0f} events/s from the "
          "first request to the last committed row, "
          f"{median(rounds['end-to-end'], 'cpu_s_per_1000'):.3f} s of CPU per 1,000 "
          "(api, 2 workers, Redis, MariaDB)")


def run():
    directory = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    try:
        rounds = door(directory / "door")
        rounds["end-to-end"] = through(directory / "through")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    table(rounds)
    return {"connections": CONNECTIONS, "body_bytes": BODY_BYTES, "rounds": rounds}
