# SPDX-License-Identifier: MIT
"""A way to Redis that can keep back what passes: requests and replies that contain a word."""

import socket
import threading

PIECE_BYTES = 1 << 16


class RedisProxy:
    """Listens on a port of its own and passes everything on to a Unix socket, apart from
    requests that contain one of `swallow` (they are lost), and replies that contain one of
    `hold` (they wait for let_go)."""

    def __init__(self, path, swallow=(), hold=()):
        self.path, self.swallow, self.hold = str(path), swallow, hold
        self.kept = 0  # so many pieces were swallowed or held
        self._go = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def let_go(self):
        self._go.set()

    def close(self):
        self.let_go()
        for one in self._sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was first
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            self._sockets += [client, server]
            threading.Thread(target=self._pass, daemon=True, args=(
                client, server, lambda piece: not self._has(piece, self.swallow))).start()
            threading.Thread(target=self._pass, daemon=True, args=(
                server, client, self._wait)).start()

    def _wait(self, piece):
        if self._has(piece, self.hold):
            self._go.wait()
        return True

    def _has(self, piece, words):
        found = any(word in piece for word in words)
        self.kept += found
        return found

    @staticmethod
    def _pass(source, target, may_pass):
        try:
            while piece := source.recv(PIECE_BYTES):
                if may_pass(piece):
                    target.sendall(piece)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # one of the two has left
