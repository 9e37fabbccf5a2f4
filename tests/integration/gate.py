# SPDX-License-Identifier: MIT
"""A way to a TCP server of the loopback that can be shut: whoever connects is refused."""

import contextlib
import socket
import threading

PIECE_BYTES = 1 << 16


class Gate:
    """Listens on a port of its own and passes everything on to the port `target`, until it
    is shut."""

    def __init__(self, target=None):
        self.target = target
        self.port = 0
        self._listener = None
        self._sockets = []
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self):
        """Ends what is open, too."""
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):  # the other side was first
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self._sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, target),
                                 daemon=True).start()

    @staticmethod
    def _pass(source, target):
        try:
            while piece := source.recv(PIECE_BYTES):
                target.sendall(piece)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # one of the two has left
