# SPDX-License-Identifier: MIT
"""Where the servers of a test keep what they write, for as long as it lasts."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

ROOM_BYTES = 2 << 30
MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def short_directory():
    """An empty directory with a short path: Unix sockets allow 107 bytes. In memory where
    there is room: what a killed server has written survives it there as on a disk, and the
    tests wait for no disk."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) \
        and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    directory = Path(tempfile.mkdtemp(prefix="tocsin-", dir=MEMORY if roomy else "/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
