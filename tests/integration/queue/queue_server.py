# SPDX-License-Identifier: MIT
"""A Redis whose wall clock stands still until the test moves it."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

from support.servers import Redis

START_MS = 1_763_800_000_000


class TimedRedis(Redis):
    """Redis under clock_shim.c, in memory alone; `now_ms` reads and sets its time."""

    def __init__(self, directory, name="timed", options=()):
        # jemalloc's thread waits for a moment of the clock, which never comes when that
        # stands still: it would look again and again for as long as the server runs.
        super().__init__(directory, name, options=["appendonly no", "jemalloc-bg-thread no",
                                                   *options])
        clock = self.dir / f"{name}.clock"
        clock.write_bytes(bytes(8))
        with open(clock, "r+b") as file:
            self._clock = mmap.mmap(file.fileno(), 8)
        self._clock_path = clock
        self.now_ms = START_MS

    @property
    def now_ms(self):
        return struct.unpack("<q", self._clock[:])[0] // 1000

    @now_ms.setter
    def now_ms(self, value):
        self._clock[:] = struct.pack("<q", value * 1000)

    def prepare(self):
        super().prepare()
        shim = self.dir / "clock_shim.so"
        if not shim.exists():
            compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
            subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", shim,
                            Path(__file__).with_name("clock_shim.c")], check=True)

    def env(self):
        return {"LD_PRELOAD": self.dir / "clock_shim.so", "QUEUE_TEST_CLOCK": self._clock_path}
