"""Where providers report. The raw bytes are verified and stored; the work is done later."""

from flask import Blueprint, Response, json, request

from kable_hub.domain import Environment
from kable_hub.usecases import webhooks
from kable_hub.usecases.errors import NotFound
from kable_hub.web.context import current_hub

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.post("/<slug>")
def receive(slug: str) -> Response:
    """Take a provider's webhook in; 200 with how many events were new."""
    return _receive(slug, "")


@blueprint.post("/<slug>/<place>")
def receive_at(slug: str, place: str) -> Response:
    """The same at an address of its own: `live` or `test` chooses the environment's secrets."""
    if place not in list(Environment):
        raise NotFound("webhook address", place)
    return _receive(slug, place)


def _receive(slug: str, environment: str) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.get_data(cache=False)
    count = webhooks.receive(current_hub(), slug, headers, body, environment)
    return Response(json.dumps({"received": count}), content_type="application/json")
