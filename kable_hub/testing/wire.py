"""The wire of a simulator: HTTP/1.1 with connections kept alive, and ways to cut them.

Werkzeug's own handler closes the connection after every answer. A simulator reads every body
and buffers every answer, so its connections can be kept, as a real provider keeps them.
"""

import select
import socket
import struct
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import WSGIRequestHandler

CUT = "kable.simulator.cut"
"""Set in the WSGI environment: cut the connection after so many bytes of the body."""


GLANCE_MS = 100


class Handler(WSGIRequestHandler):
    """Answers requests on one connection until somebody closes or cuts it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Let the server know of the socket, so that stopping can cut it."""
        super().setup()
        self.server.open_sockets.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        """Forget the socket; one that was cut is no failure."""
        self.server.open_sockets.discard(self.connection)  # type: ignore[attr-defined]
        try:
            super().finish()
        except OSError:
            return

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the request log is in the simulator."""

    def run_wsgi(self) -> None:
        """Answer one request, in one write."""
        environ = self.make_environ()
        head: list[Any] = []

        def start(status: str, headers: Any, _failure: Any = None, /) -> Callable[[bytes], object]:
            head[:] = [status, headers]
            return head.append

        try:
            body = b"".join(self.server.app(environ, start))
            self._answer(head[0], head[1], body, environ.get(CUT))
        except (ConnectionError, TimeoutError, ClientDisconnected):
            self.close_connection = True

    def _answer(
        self, status: str, headers: list[tuple[str, str]], body: bytes, keep: int | None
    ) -> None:
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if not any(name.lower() == "content-length" for name, _ in headers):
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head + (body if keep is None else body[:keep]))
        if keep is not None:
            self.close_connection = True


def poke(port: int) -> None:
    """Connect and hang up: whoever waits there for a request wakes."""
    socket.create_connection(("127.0.0.1", port), timeout=60).close()


def hold(connection: socket.socket, listening: Callable[[], bool]) -> None:
    """Wait until the other side hangs up, or nobody is `listening` here any more."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    while listening() and not waiting.poll(GLANCE_MS):
        continue


def cut(connection: socket.socket) -> None:
    """End a connection without a word."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
