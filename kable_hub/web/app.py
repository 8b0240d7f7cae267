"""The hub as a WSGI application."""

from types import TracebackType

import structlog
from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from kable_hub import __version__
from kable_hub.usecases.hub import Hub
from kable_hub.web import (
    api,
    auth,
    connect,
    context,
    dashboard,
    docs,
    headers,
    health,
    metrics,
    problems,
    thanks,
    tracing,
    webhooks,
)
from kable_hub.web.exact import ExactJSON

_log = structlog.get_logger(__name__)


class HubApp(Flask):
    """Flask with exact JSON, whose log names the route of a failure and not its path."""

    json_provider_class = ExactJSON

    def log_exception(
        self,
        exc_info: (tuple[type, BaseException, TracebackType | None] | tuple[None, None, None]),
    ) -> None:
        """Log what nobody caught. The path may hold a ticket, so the rule stands for it."""
        rule = request.url_rule.rule if request.url_rule else "(no route)"
        _log.error("failed", method=request.method, route=rule, exc_info=exc_info)


def create_app(hub: Hub) -> Flask:
    """The whole HTTP side of an opened hub."""
    app = HubApp("kable_hub.web")
    app.config.update(
        MAX_CONTENT_LENGTH=hub.settings.max_body_bytes,
        API_TITLE="Kable Hub",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
    )
    context.install(app, hub)
    # Headers first: what is installed last looks at the answer first.
    for part in (tracing, headers, auth, problems):
        part.install(app)
    description = api.install(app, hub)
    for blueprint in (
        connect.blueprint,
        webhooks.blueprint,
        health.blueprint,
        metrics.blueprint,
        thanks.blueprint,
    ):
        app.register_blueprint(blueprint)
    dashboard.install(app)
    docs.install(app, description)
    _trust(app, hub.settings.trusted_proxies)
    return app


def _trust(app: Flask, proxies: int) -> None:
    """Believe what this many proxies say of the caller's address and scheme, and nobody else."""
    if proxies:
        proxied = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]
