"""Where providers report. The raw bytes are verified and stored; the work is done later."""

from flask import Blueprint, Response, json, request

from kable_hub.usecases import webhooks
from kable_hub.web.context import current_hub

LARGEST = 512 * 1024
"""Bytes of a webhook. Providers send some kilobytes, and whoever sends more is not proven yet."""

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.post("/<slug>", defaults={"place": ""})
@blueprint.post("/<slug>/<place>")
def receive(slug: str, place: str) -> Response:
    """Take a provider's webhook in; 200 with how many events were new.

    `place` is `live`, `test`, or the token of a connection's own address.
    """
    own = current_hub().settings.max_body_bytes
    request.max_content_length = min(LARGEST, own)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.get_data(cache=False)
    count = webhooks.receive(current_hub(), slug, headers, body, place)
    return Response(json.dumps({"received": count}), content_type="application/json")
