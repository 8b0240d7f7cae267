"""Webhook endpoints: addresses of the caller's own software that are told what happens."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from kable_hub.usecases import endpoints
from kable_hub.usecases.endpoints import EVENT_TYPES, MessageRow
from kable_hub.web.api.blueprint import ApiBlueprint, at
from kable_hub.web.api.fields import Answer, Body, Moment, text
from kable_hub.web.context import current_hub, current_scope
from kable_hub.web.idempotency import shown_once
from kable_hub.web.paging import Paging, as_page, page_of

blueprint = ApiBlueprint("endpoints", "accounts", "Webhooks that the hub sends to your software.")

TYPES = "Which events; an empty list means all, those of later versions too."


def _types(**said: Any) -> ma.fields.List[Any]:
    one = ma.fields.String(validate=ma.validate.OneOf(list(EVENT_TYPES)))
    return ma.fields.List(one, metadata={"description": TYPES}, **said)


class NewEndpointBody(Body):
    """An endpoint to be told."""

    url = text("https; in test also http. Not in a private network.", required=True)
    description = text("For people.", load_default="")
    event_types = _types(load_default=())


class EndpointChange(Body):
    """What to change; absent fields stay."""

    url = text("https; in test also http. Not in a private network.")
    description = text("For people.")
    event_types = _types()
    enabled = ma.fields.Boolean(
        metadata={"description": "One enabled again is sent what still waits for it."}
    )


class Endpoint(Answer):
    """An endpoint without its secret."""

    id = text()
    url = text()
    description = text()
    event_types = ma.fields.List(ma.fields.String(), metadata={"description": TYPES})
    enabled = ma.fields.Boolean()
    disabled_reason = text("Why the hub disabled it; empty where a person did.")
    failing_since = Moment(
        allow_none=True, metadata={"description": "Since when nothing arrived there any more."}
    )
    old_secret_until = Moment(
        allow_none=True, metadata={"description": "Until then the secret before signs too."}
    )
    created_at = Moment()
    updated_at = Moment()


class FreshEndpoint(Endpoint):
    """An endpoint with its fresh secret."""

    secret = text("`whsec_…`, for verifying signatures. It is shown this once.")

    def shape(self, made: endpoints.NewEndpoint) -> dict[str, Any]:
        """The endpoint's fields beside the secret."""
        return {**vars(made.endpoint), "secret": made.secret}


class Endpoints(Answer):
    """All endpoints, oldest first."""

    items = ma.fields.List(ma.fields.Nested(Endpoint))


class Try(Answer):
    """One try of a message."""

    status = ma.fields.Integer(allow_none=True, metadata={"description": "What was answered."})
    error = text("Why there was no answer.")
    started_at = Moment()
    duration_ms = ma.fields.Integer()


class Message(Answer):
    """An event on its way to an endpoint, with every try."""

    id = text()
    event_id = text("The `webhook-id` it is sent under, each time.")
    type = text()
    state = text(metadata={"enum": ["waiting", "delivered", "failed"]})
    next_try_at = Moment(attribute="due_at", allow_none=True)
    tried = ma.fields.List(ma.fields.Nested(Try))
    created_at = Moment()
    finished_at = Moment(allow_none=True)


class MessageFull(Message):
    """A message with the exact text that is sent."""

    body = text("What is sent, byte for byte.")


@blueprint.route("/webhook-endpoints")
class AllEndpoints(MethodView):
    """The account's endpoints in this environment."""

    @blueprint.arguments(NewEndpointBody)
    @blueprint.response(201, FreshEndpoint)
    def post(self, body: dict[str, Any]) -> Any:
        """Add an endpoint; a repeat under the same Idempotency-Key is 409 `already_created`."""
        made = endpoints.add_endpoint(current_hub(), current_scope(), **body)
        shown_once()
        return made, at(f"/webhook-endpoints/{made.endpoint.id}")

    @blueprint.response(200, Endpoints)
    def get(self) -> Any:
        """List the endpoints, oldest first."""
        return {"items": endpoints.list_endpoints(current_hub(), current_scope())}


@blueprint.route("/webhook-endpoints/<endpoint_id>")
class OneEndpoint(MethodView):
    """One endpoint."""

    @blueprint.response(200, Endpoint)
    def get(self, endpoint_id: str) -> Any:
        """Show an endpoint."""
        return endpoints.get_endpoint(current_hub(), current_scope(), endpoint_id)

    @blueprint.arguments(EndpointChange)
    @blueprint.response(200, Endpoint)
    def patch(self, body: dict[str, Any], endpoint_id: str) -> Any:
        """Change an endpoint, disable it, or enable it again."""
        return endpoints.change_endpoint(current_hub(), current_scope(), endpoint_id, **body)

    @blueprint.response(204)
    def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint with all that was sent to it."""
        endpoints.remove_endpoint(current_hub(), current_scope(), endpoint_id)


@blueprint.route("/webhook-endpoints/<endpoint_id>/rotate")
class Rotate(MethodView):
    """A new secret."""

    @blueprint.response(200, FreshEndpoint)
    def post(self, endpoint_id: str) -> Any:
        """Make a new secret; for 24 hours the one before signs too."""
        made = endpoints.rotate_secret(current_hub(), current_scope(), endpoint_id)
        shown_once()
        return made


@blueprint.route("/webhook-endpoints/<endpoint_id>/test")
class Test(MethodView):
    """A try."""

    @blueprint.response(201, MessageFull)
    def post(self, endpoint_id: str) -> MessageRow:
        """Send the endpoint an event of type `webhook.test`."""
        return endpoints.send_test(current_hub(), current_scope(), endpoint_id)


@blueprint.route("/webhook-endpoints/<endpoint_id>/messages")
class Messages(MethodView):
    """What was sent to an endpoint."""

    @blueprint.arguments(Paging, location="query")
    @blueprint.response(200, page_of(Message))
    def get(self, query: dict[str, Any], endpoint_id: str) -> Any:
        """List what was sent in the last 30 days with every try, newest first."""
        hub, scope = current_hub(), current_scope()
        return as_page(endpoints.list_messages(hub, scope, endpoint_id, **query))


@blueprint.route("/webhook-endpoints/<endpoint_id>/messages/<message_id>")
class OneMessage(MethodView):
    """One message."""

    @blueprint.response(200, MessageFull)
    def get(self, endpoint_id: str, message_id: str) -> MessageRow:
        """Show a message with the exact text that is sent."""
        return endpoints.get_message(current_hub(), current_scope(), endpoint_id, message_id)


@blueprint.route("/webhook-endpoints/<endpoint_id>/messages/<message_id>/resend")
class Resend(MethodView):
    """Once more."""

    @blueprint.response(200, MessageFull)
    def post(self, endpoint_id: str, message_id: str) -> MessageRow:
        """Send a message again at once, under the same event id."""
        return endpoints.resend(current_hub(), current_scope(), endpoint_id, message_id)
