"""The base of a provider's simulator: a real socket, a request log, a clock and faults.

A simulator of a provider is a subclass whose `routes` registers Flask views and whose
attributes are the provider's state. Everything else stands here:

    class AcmeSimulator(Simulator):
        def routes(self, app):
            @app.post("/invoices")
            def create(): ...

    with AcmeSimulator() as acme:
        acme.fault(Fault(path="/invoices", stage="after", reset=True))   # commit, no answer

`kable_hub/testing/fault.py` has all that can go wrong.
"""

import io
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from flask import Flask
from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from kable_hub.clock import Clock, SystemClock
from kable_hub.testing import wire
from kable_hub.testing.fault import Fault, spoilt, with_more

Choose = Callable[[Request], Fault | None]
"""Says of a request what goes wrong with it, if anything does."""


@dataclass(frozen=True)
class Seen:
    """One request of the log. `status` 0: the connection was cut. `executed`: state changed."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int
    executed: bool
    at: float

    def header(self, name: str) -> str:
        """A header's value by its lower-case name, or empty."""
        return self.headers.get(name, "")


Observer = Callable[["Simulator", Request, Response], None]
"""Sees a simulator's request and the answer to it. Called in the server's threads."""

_observers: list[Observer] = []


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Show every request to any simulator of this process to `observer`, once it is answered
    and before the answer is sent; what a fault keeps from being executed is shown too."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


class Simulator:
    """A fake provider on a loopback socket. Use as a context manager, or `start` and `stop`."""

    def __init__(self, *, port: int = 0, clock: Clock | None = None, latency: float = 0.0) -> None:
        self.clock: Clock = clock or SystemClock()
        self.latency = latency
        self.requests: list[Seen] = []
        self.keep_log = True
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self._choose: Choose = lambda _request: None
        self._late: list[tuple[float, dict[str, Any]]] = []
        self._port = port
        self._server: BaseWSGIServer | None = None
        self.app = Flask(type(self).__name__)
        self.routes(self.app)

    def routes(self, app: Flask) -> None:
        """Register the provider's views. Views run one at a time, under `lock`."""
        raise NotImplementedError

    def admit(self, request: Request) -> Response | None:  # noqa: ARG002
        """Refuse a request at the door, before any latency; None lets it in.

        For what depends on the requests that are under way. Called under `lock`.
        """
        return None

    def leave(self, request: Request) -> None:
        """A request that was let in is about to be answered. Called under `lock`."""

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Listen on loopback in a thread of its own."""
        server = make_server(
            "127.0.0.1", self._port, self, threaded=True, request_handler=wire.Handler
        )
        server.open_sockets = set()  # type: ignore[attr-defined]
        server.daemon_threads = True  # type: ignore[attr-defined]
        self._port = server.port
        self._server = server
        self._thread = threading.Thread(target=self._serve, args=(server,), daemon=True)
        self._thread.start()
        return self

    def _serve(self, server: BaseWSGIServer) -> None:
        while self._server is server:
            server.handle_request()

    def stop(self) -> None:
        """Close the listening socket and cut what is open; the state stays."""
        server, self._server = self._server, None
        if server is None:
            return
        wire.poke(server.port)
        self._thread.join()
        server.server_close()
        for connection in list(server.open_sockets):  # type: ignore[attr-defined]
            wire.cut(connection)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def fault(self, *faults: Fault) -> None:
        """Add faults; of several that match the first added is taken."""
        with self.lock:
            self._faults.extend(faults)

    def trouble(self, choose: Choose) -> None:
        """Ask `choose` at every request for which no fault was added. It is called under `lock`."""
        with self.lock:
            self._choose = choose

    def clear_faults(self) -> None:
        """Behave again; what is still to be executed late comes all the same."""
        with self.lock:
            self._faults.clear()
            self._choose = lambda _request: None

    def catch_up(self) -> int:
        """Execute what a fault put off (`late`) and is due by now; how many those were.

        Every request does so first; whoever looks at the state without one has to ask.
        """
        with self.lock:
            now = self.clock.monotonic()
            due = [one for one in self._late if one[0] <= now]
            self._late = [one for one in self._late if one[0] > now]
            for _, environ in due:
                Response.from_app(self.app.wsgi_app, environ, buffered=True)
        return len(due)

    def seen(self, method: str = "", path: str = "") -> list[Seen]:
        """The logged requests with this method and a path that matches the expression."""
        return [
            one
            for one in list(self.requests)
            if method in ("", one.method) and re.search(path, one.path)
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request as WSGI, with faults and log."""
        request = Request(environ)
        body = request.get_data()
        # Read once here for the log; the views read it again from this copy.
        environ["wsgi.input"] = io.BytesIO(body)
        with self.lock:
            self.catch_up()
            fault = self._fault_for(request)
            refused = self.admit(request)
        answer, executed = self._work(environ, body, fault, refused)
        # RFC 9110, 6.6.1: whoever has a clock sends it.
        answer.headers.setdefault("Date", http_date(self.clock.now()))
        self._log(request, body, 0 if fault.silent else answer.status_code, executed)
        for observer in list(_observers):
            observer(self, request, answer)
        if fault.hang:
            wire.hold(environ["werkzeug.socket"], lambda: self._server is not None)
        if refused is None:
            with self.lock:
                self.leave(request)
        if fault.down:
            self.stop()
        if fault.silent:
            wire.cut(environ["werkzeug.socket"])
            raise ConnectionResetError
        if fault.extra:
            answer = with_more(answer, fault.extra)
        if fault.truncate is not None:
            environ[wire.CUT] = fault.truncate
        return answer(environ, start_response)

    def _fault_for(self, request: Request) -> Fault:
        found = next((one for one in self._faults if one.matches(request)), None)
        return found or self._choose(request) or Fault()

    def _work(
        self, environ: dict[str, Any], body: bytes, fault: Fault, refused: Response | None
    ) -> tuple[Response, bool]:
        """The answer as the fault leaves it, and whether what was asked for is done by now."""
        _sleep(self.latency + (fault.delay if fault.stage == "before" else 0.0))
        if refused is not None:
            return spoilt(refused, fault), False
        if fault.late is not None:
            with self.lock:
                again = {**environ, "wsgi.input": io.BytesIO(body)}
                self._late.append((self.clock.monotonic() + fault.late, again))
        if fault.late is not None or (fault.spoils and fault.stage == "before"):
            return spoilt(Response(status=500), fault), False
        with self.lock:
            answer = Response.from_app(self.app.wsgi_app, environ, buffered=True)
        _sleep(fault.delay if fault.stage == "after" else 0.0)
        return spoilt(answer, fault), True

    def _log(self, request: Request, body: bytes, status: int, executed: bool) -> None:
        if not self.keep_log:
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.args.to_dict()
        at = self.clock.now().timestamp()
        self.requests.append(
            Seen(request.method, request.path, query, headers, body, status, executed, at)
        )


def _sleep(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)
