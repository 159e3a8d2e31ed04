"""A way to a server on this machine that can fall silent, as a network does that carries nothing any more."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Tunnel:
    """Passes connections on to a port of 127.0.0.1; those that are there stay open when it falls silent."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._silent = threading.Event()
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        """From now on nothing arrives, at either end; new connections are made, and as silent."""
        self._silent.set()

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if not self._silent.is_set():
                    other.sendall(data)
            if not self._silent.is_set():
                other.shutdown(socket.SHUT_WR)


@contextmanager
def tunnel(target: int) -> Iterator[Tunnel]:
    made = Tunnel(target)
    try:
        yield made
    finally:
        made.close()
