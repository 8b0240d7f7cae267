"""The software of an account that is told what happens: a real HTTP server that keeps all."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers `statuses` in turn, then 204; `on_request` runs before each answer."""

    url: str
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.heard]

    def verified(self, secret: str) -> Any:
        """What the last request says, proved by the library. Raises where it proves nothing."""
        return Webhook(secret).verify(self.heard[-1].body, self.heard[-1].headers)


@contextmanager
def receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Listening on a port of its own."""
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            found.heard.append(Heard(self.path, named, body))
            found.on_request()
            self.send_response(found.statuses.pop(0) if found.statuses else 204)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer((host, 0), Handler) as server:
        found.url = f"http://{host}:{server.server_address[1]}/hooks?from=hub"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()


@contextmanager
def says(*chunks: bytes) -> Iterator[str]:
    """A server that reads a request and says these bytes instead of an answer; its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        wire, _ = listening.accept()
        with wire:
            wire.recv(65_536)
            for one in chunks:
                wire.sendall(one)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(60)
    finally:
        listening.close()
