"""Serve the app: gunicorn in this process for work, a plain thread for tests and the demo."""

import gc
import socket
import threading
from collections.abc import Callable
from typing import Any, Self

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from kable_hub.usecases.hub import Hub
from kable_hub.web.context import HUB

THREADS = 16
GRACE = 45
"""Seconds a request may go on after SIGTERM: a provider is waited for 40 at the most."""

GARBAGE = 50_000
"""Objects made before garbage is looked for: a bulk makes more than a hundred thousand, and
nearly all go without being looked for."""


def _nothing() -> None:
    return None


def serve(
    app: Flask,
    host: str,
    port: int,
    on_start: Callable[[], None] = _nothing,
    on_stop: Callable[[], None] = _nothing,
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first. Does not return.

    One worker process with threads. `on_start` runs in it before the first request (start
    threads there, never before: they would not survive the fork), `on_stop` when it ends.
    """
    # What the worker inherits must not be an open connection to the database.
    hub: Hub = app.extensions[HUB]
    hub.database.close()
    gc.collect()
    gc.freeze()  # what stands by now stays, and is not walked over again and again
    gc.set_threshold(GARBAGE)
    _Gunicorn(app, host, port, on_start, on_stop).run()


class _Logger(Logger):  # type: ignore[misc]
    """Lets gunicorn's lines go the way of all others."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 (gunicorn hands it over)
        self.error_log.propagate = True
        self.error_log.handlers = []
        self.access_log.propagate = False


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        app: Flask,
        host: str,
        port: int,
        on_start: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._app = app
        self._options = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 30,
            "graceful_timeout": GRACE,
            "logger_class": _Logger,
            "control_socket_disable": True,
            # Who may speak for the caller is a setting of the hub, for every server alike.
            "forwarded_allow_ips": "",
            "post_worker_init": lambda _worker: on_start(),
            "worker_exit": lambda _server, _worker: on_stop(),
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the app logs its requests itself."""


class ThreadServer:
    """The app on a loopback socket in a thread. A context manager, or `stop` it."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self._server = server
        self._stopped = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopped:
            self._server.handle_request()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        """Stop listening."""
        if not self._stopped:
            self._stopped = True
            # The thread waits for a request and not for a moment: this one is its last.
            socket.create_connection(("127.0.0.1", self._server.port), timeout=5).close()
            self._thread.join(5)
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def serve_in_thread(app: Flask, port: int = 0) -> ThreadServer:
    """Serve on loopback, at a free port where `port` is 0; for the demo and for tests."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    return ThreadServer(server)
