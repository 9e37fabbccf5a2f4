# SPDX-License-Identifier: MIT
"""What the figures were measured on, and what processes cost."""

import json
import os
import platform
import subprocess
import time
from pathlib import Path

from support.programs import ROOT, build_dir
from support.servers import find_server

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    """User and system time of these processes, their threads included, so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def stolen_seconds():
    """What the hypervisor took from this machine: figures taken meanwhile are doubtful."""
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]) / TICKS


def children(pid):
    """A process and all that descend from it."""
    found = [pid]
    for directory in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = directory.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += children(int(directory.parent.name))
    return found


def _first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().split("\n")[0]


def describe():
    model = [line.split(":", 1)[1].strip()
             for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": model[0] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "build": build_dir().name,
        "commit": _first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "redis": _first_line("redis-server", "--version"),
        "mariadb": _first_line(find_server("mariadbd"), "--version"),
        "nginx": _first_line(find_server("nginx"), "-v"),
    }


def write_report(name, results):
    path = ROOT / "build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmark": name, "machine": describe(), **results},
                               indent=1) + "\n")
    return path.relative_to(ROOT)
