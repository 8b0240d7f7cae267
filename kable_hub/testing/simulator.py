"""The base of a provider's simulator: a real socket, a request log, a clock and faults.

A simulator of a provider is a subclass whose `routes` registers Flask views and whose
attributes are the provider's state. Everything else stands here:

    class AcmeSimulator(Simulator):
        def routes(self, app):
            @app.post("/invoices")
            def create(): ...

    with AcmeSimulator() as acme:
        acme.fault(Fault(path="/invoices", stage="after", reset=True))   # commit, no answer
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from flask import Flask
from werkzeug.http import http_date
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from kable_hub.clock import Clock, SystemClock
from kable_hub.testing import wire


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match, after `skip` that pass.

    `path` is a regular expression searched in the path, `method` empty means any. Stage
    `before`: the request is not executed; `after`: it is executed and the answer is spoilt.
    `reset` cuts the connection; otherwise `status` and `body` are answered (stage `after`
    without a status keeps the real one); `truncate` cuts the body to so many bytes while
    the header promises all; `extra` adds fields to an answer that is a JSON object; `delay`
    seconds pass first.
    """

    path: str = ""
    method: str = ""
    stage: Literal["before", "after"] = "before"
    status: int | None = None
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    truncate: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    skip: int = 0
    times: int = 1

    def matches(self, request: Request) -> bool:
        """Whether this request is meant; counts `skip` and `times` down."""
        if self.times <= 0 or (self.method and request.method != self.method):
            return False
        if not re.search(self.path, request.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


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

    def clear_faults(self) -> None:
        """Behave again."""
        with self.lock:
            self._faults.clear()

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
            fault = next((one for one in self._faults if one.matches(request)), None)
            refused = self.admit(request)
        _sleep(self.latency + (fault.delay if fault else 0.0))
        spoilt = fault is not None and (fault.reset or fault.status is not None)
        executed = not (refused or (spoilt and fault is not None and fault.stage == "before"))
        answer = self._execute(environ) if executed else refused or Response(status=500)
        answer = _spoil(answer, fault)
        # RFC 9110, 6.6.1: whoever has a clock sends it.
        answer.headers.setdefault("Date", http_date(self.clock.now()))
        cut = fault is not None and fault.reset
        self._log(request, body, 0 if cut else answer.status_code, executed)
        for observer in list(_observers):
            observer(self, request, answer)
        if refused is None:
            with self.lock:
                self.leave(request)
        if cut:
            wire.cut(environ["werkzeug.socket"])
            raise ConnectionResetError
        if fault is not None and fault.extra:
            answer = _with_more(answer, fault.extra)
        if fault is not None and fault.truncate is not None:
            environ[wire.CUT] = fault.truncate
        return answer(environ, start_response)

    def _execute(self, environ: dict[str, Any]) -> Response:
        with self.lock:
            return Response.from_app(self.app.wsgi_app, environ, buffered=True)

    def _log(self, request: Request, body: bytes, status: int, executed: bool) -> None:
        if not self.keep_log:
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.args.to_dict()
        at = self.clock.now().timestamp()
        self.requests.append(
            Seen(request.method, request.path, query, headers, body, status, executed, at)
        )


def _spoil(answer: Response, fault: Fault | None) -> Response:
    if fault is None or fault.status is None:
        return answer
    return Response(fault.body, status=fault.status, headers=dict(fault.headers))


def _with_more(answer: Response, extra: Mapping[str, Any]) -> Response:
    body = answer.get_json(silent=True)
    if isinstance(body, dict):
        # As the provider wrote it: its numbers must not pass through a float.
        text = answer.get_data(as_text=True).strip()
        more = json.dumps(dict(extra))[:-1]
        answer.set_data(f"{more}{',' if body else ''}{text[1:]}")
    return answer


def _sleep(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)
