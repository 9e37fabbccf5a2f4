# SPDX-License-Identifier: MIT
"""The side of systemd in sd_notify(3): a datagram socket that collects what is said."""

import socket


class NotifySocket:
    def __init__(self, path):
        self.path = path
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.said = []

    def _collect(self):
        while True:
            try:
                self.said += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return

    def has(self, word):
        self._collect()
        return word in self.said

    def count(self, word):
        self._collect()
        return self.said.count(word)

    def close(self):
        self._socket.close()
        self.path.unlink(missing_ok=True)
