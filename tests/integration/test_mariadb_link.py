# SPDX-License-Identifier: MIT
"""The link to MariaDB in C, against a real server."""

import os
import subprocess

from support.programs import build_dir, sanitizer_env


def test_the_link_keeps_its_promises(mariadb_server):
    with mariadb_server.client() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS link CHARACTER SET utf8mb4")
    done = subprocess.run(
        [str(build_dir() / "tests/link/test_mariadb")], capture_output=True, text=True,
        timeout=120, check=False,
        env={**os.environ, **sanitizer_env(),
             "TOCSIN_TEST_DB_SOCKET": str(mariadb_server.socket)})
    assert done.returncode == 0, done.stdout + done.stderr
