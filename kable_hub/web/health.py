"""Probes for whoever watches the process. No key, no detail."""

import structlog
from flask import Blueprint, Response, json

from kable_hub.store.moves import StoreClosed
from kable_hub.usecases import alarms, expiry
from kable_hub.usecases.errors import Unavailable
from kable_hub.usecases.hub import pending
from kable_hub.web.context import current_hub

log = structlog.get_logger(__name__)
blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return _said("ok")


@blueprint.get("/readyz")
def ready() -> Response:
    """The store answers and has this version's schema; else 503 `not_ready`.

    `reconnectSoon` counts the connections whose access ends within thirty days or has ended,
    `longUncertain` the deliveries of which nobody knows for a day whether they exist.
    """
    hub = current_hub()
    try:
        with hub.database.read():
            hub.database.sql("SELECT 1")
        waiting = pending(hub.settings, hub.database)
        soon = 0 if waiting else expiry.soon_to_reconnect(hub)
        unsure = 0 if waiting else alarms.long_uncertain(hub)
    except StoreClosed as error:
        raise Unavailable("not_ready", "The store was moved.") from error
    except Exception as error:
        log.warning("not ready", reason=f"{type(error).__name__}: {error}")
        raise Unavailable("not_ready", "The store does not answer.") from error
    if waiting:
        raise Unavailable("not_ready", "The store waits for its migrations.")
    return _said("ready", reconnectSoon=soon, longUncertain=unsure)


def _said(status: str, **more: int) -> Response:
    return Response(json.dumps({"status": status, **more}), content_type="application/json")
