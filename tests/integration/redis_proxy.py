# SPDX-License-Identifier: MIT
"""A way to Redis that can keep back what passes: requests and replies that contain a word."""

import socket
import threading

PIECE_BYTES = 1 << 16


class RedisProxy:
    """Listens on a port of its own and passes everything on to a Unix socket, apart from
    requests that contain one of `swallow` (they are lost), replies that contain one of
    `hold` (they wait for let_go), with `deaf` everything that is published (lost), and
    script calls that contain `step` (each waits for a let_one, until let_go)."""

    def __init__(self, path, swallow=(), hold=(), deaf=False, step=None):
        self.path, self.swallow, self.hold = str(path), swallow, hold
        self.deaf, self.step = deaf, step
        self.kept = 0  # so many pieces were swallowed or held
        self.lost = 0  # so many messages were not passed on
        self._go = threading.Event()
        self._steps = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def let_go(self):
        self._go.set()
        self._steps.release()

    def let_one(self):
        self._steps.release()

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
                client, server, self._may_ask)).start()
            threading.Thread(target=self._pass, daemon=True, args=(
                server, client, self._wait, Messages(self))).start()

    def _may_ask(self, piece):
        # A call's later pieces do not name the command again.
        if self.step and b"EVALSHA" in piece and self.step in piece:
            self.kept += 1
            self._steps.acquire()
            if self._go.is_set():
                self._steps.release()  # for the next one
        return not self._has(piece, self.swallow)

    def _wait(self, piece):
        if self._has(piece, self.hold):
            self._go.wait()
        return True

    def _has(self, piece, words):
        found = any(word in piece for word in words)
        self.kept += found
        return found

    @staticmethod
    def _pass(source, target, may_pass, left=bytes):
        try:
            while piece := source.recv(PIECE_BYTES):
                if may_pass(piece):
                    target.sendall(left(piece))
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # one of the two has left


class Messages:
    """What is left of one connection's replies without the messages in them. Called with
    each piece in turn."""

    BEGIN = b"*3\r\n$7\r\nmessage\r\n"

    def __init__(self, proxy):
        self.proxy, self.held = proxy, b""

    def __call__(self, piece):
        if not self.proxy.deaf:
            piece, self.held = self.held + piece, b""
            return piece
        self.held += piece
        passed = b""
        while (at := self.held.find(self.BEGIN)) >= 0:
            passed, self.held = passed + self.held[:at], self.held[at:]
            end = self._end()
            if end is None:
                return passed  # the rest of it is on its way
            self.held = self.held[end:]
            self.proxy.lost += 1
        keep = next((n for n in range(len(self.BEGIN) - 1, 0, -1)
                     if self.held.endswith(self.BEGIN[:n])), 0)
        cut = len(self.held) - keep
        passed, self.held = passed + self.held[:cut], self.held[cut:]
        return passed

    def _end(self):
        """Where the message at the beginning ends; None: it is not whole."""
        at = len(self.BEGIN)
        for _ in range(2):  # the channel, what was said
            line = self.held.find(b"\r\n", at)
            if line < 0:
                return None
            at = line + 2 + int(self.held[at + 1:line]) + 2
        return at if at <= len(self.held) else None
