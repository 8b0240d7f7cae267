"""Connections: begin, look after and end an account's access to a provider."""

from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView

from kable_hub.store.connections import ConnectionRow
from kable_hub.usecases import connecting, connections, linking
from kable_hub.usecases.connecting import Started
from kable_hub.usecases.connections import PUSH_EARLIER, Health
from kable_hub.usecases.expiry import warned
from kable_hub.usecases.forms import FormField
from kable_hub.usecases.reconnecting import reconnect_url
from kable_hub.web.api.blueprint import ApiBlueprint, render
from kable_hub.web.api.fields import Answer, Body, Day, Moment, text, texts
from kable_hub.web.context import current_hub, current_scope
from kable_hub.web.idempotency import asks_provider, kept_with, shown_once

blueprint = ApiBlueprint("connections", "accounts", "The account's access to providers.")


class Connection(Answer):
    """A connection. `pauses` maps each reason (plan, reconnect, provider, operator) to its text."""

    id = text()
    provider = text()
    kind = text()
    environment = text(attribute="scope.environment")
    state = text(metadata={"enum": ["active", "paused", "disconnected"]})
    pauses = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    external_id = text("The account at the provider.")
    title = text()
    method = text()
    shared = ma.fields.Boolean(metadata={"description": "Its grant serves live and test."})
    warnings = texts()
    reconnect_by = Moment(
        allow_none=True,
        metadata={"description": "When the access ends; a warning tells of it 30 days ahead."},
    )
    reconnect_url = text("A lasting public page that renews it for the same account there.")
    created_at = Moment()
    connected_at = Moment()
    checked_at = Moment(allow_none=True)

    def shape(self, shown: ConnectionRow | Health) -> dict[str, Any]:
        """The connection's fields, what its age adds, and its health beside where asked for."""
        told = isinstance(shown, Health)
        row = warned(current_hub(), shown.connection if isinstance(shown, Health) else shown)
        more = {"reconnect_url": reconnect_url(current_hub(), row)}
        return {**vars(row), **more, **(vars(shown) if told else {})}


class ConnectionHealth(Connection):
    """A connection and how it stands."""

    counts = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        metadata={"description": "Its deliveries by state."},
    )
    oldest_due = Moment(allow_none=True)
    webhook_url = text("Its own address for the provider's webhooks, if it sends any.")


class Connections(Answer):
    """All connections of the account in this environment."""

    items = ma.fields.List(ma.fields.Nested(Connection))


class Choice(Answer):
    """One value to choose."""

    value = text()
    label = text()


class Field(Answer):
    """One field of a form or of settings."""

    name = text()
    type = text(
        metadata={
            "enum": ["text", "secret", "choice", "integer", "number", "boolean", "date", "map"],
            "description": "A map is an object of texts, its choices are for the values.",
        }
    )
    label = text()
    required = ma.fields.Boolean()
    help = text()
    default = ma.fields.Raw(allow_none=True)
    choices = ma.fields.List(ma.fields.Nested(Choice))
    from_provider = ma.fields.Boolean(
        metadata={"description": "GET its choices; they are read from the provider."}
    )
    per_customer = ma.fields.Boolean(
        metadata={"description": "It may be set for a single customer, on its link."}
    )
    key_label = text("What the names in a map are.")

    def shape(self, field: FormField) -> dict[str, Any]:
        """Choices as objects."""
        choices = [{"value": value, "label": label} for value, label in field.choices]
        return {**vars(field), "choices": choices}


class Form(Answer):
    """A form to fill in."""

    title = text()
    help = text()
    error = text("What was wrong with the last values.")
    fields_ = ma.fields.List(ma.fields.Nested(Field), data_key="fields", attribute="fields")


class StartBody(Body):
    """What to connect."""

    provider = text("The provider's slug.", required=True)
    method = text("One of the provider's; the first where empty.", load_default="")
    return_to = text("Where the browser goes in the end.", load_default="")
    form = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        load_default=None,
        metadata={"description": "Values of the form that an earlier answer asked for."},
    )


class StartedAnswer(Answer):
    """How it goes on: in a browser at `connectUrl`, by the form, or it is done."""

    connect_url = text()
    form = ma.fields.Nested(Form, allow_none=True)
    connections = ma.fields.List(ma.fields.Nested(Connection))


class SettingsBody(Body):
    """A connection's settings; absent values take their default."""

    values = ma.fields.Dict(keys=ma.fields.String(), required=True)
    push_earlier = text(
        "Which invoices go out when a customer is linked (accounting only).",
        load_default=None,
        validate=ma.validate.OneOf(PUSH_EARLIER),
    )
    push_since = Day(load_default=None)


class Settings(Answer):
    """A connection's settings and what they may be."""

    values = ma.fields.Dict(keys=ma.fields.String())
    fields_ = ma.fields.List(ma.fields.Nested(Field), data_key="fields", attribute="fields")
    push_earlier = text(metadata={"enum": list(PUSH_EARLIER)})
    push_since = Day(allow_none=True)


class Choices(Answer):
    """What a setting may be, read from the provider."""

    items = ma.fields.List(ma.fields.Nested(Choice), attribute="choices")
    default = text()


class PauseBody(Body):
    """Why a connection is paused."""

    reason = text(load_default="")


class SearchQuery(ma.Schema):
    """What a person typed."""

    search = text(required=True, validate=ma.validate.Length(1, 200))


class Candidate(Answer):
    """A customer at the provider."""

    reference = text()
    title = text()
    email = text()
    currency = text()


class Candidates(Answer):
    """Customers at the provider that fit, best first."""

    items = ma.fields.List(ma.fields.Nested(Candidate))


@blueprint.route("/connections")
class AllConnections(MethodView):
    """The connections of the account in this environment."""

    @blueprint.response(200, Connections)
    def get(self) -> Any:
        """List the connections, by provider."""
        return {"items": connections.list_connections(current_hub(), current_scope())}

    @blueprint.arguments(StartBody)
    @blueprint.response(200, StartedAnswer)
    @blueprint.alt_response(201, schema=StartedAnswer, success=True)
    @asks_provider
    def post(self, body: dict[str, Any]) -> Response:
        """Start to connect a provider; 201 where that is all, 200 where it goes on.

        It goes on at `connectUrl` in a browser, or by this call again with the form's values.
        """
        slug = body.pop("provider")
        started = connecting.start_connecting(
            current_hub(), current_scope(), slug, **body, also=kept_with(_started)
        )
        return _started(started)


def _started(started: Started) -> Response:
    if started.connect_url:
        shown_once()
    if started.connections:
        location = f"/connections/{started.connections[0].id}"
        return render(StartedAnswer, started, 201, location)
    return render(StartedAnswer, started)


@blueprint.route("/connections/<reference>")
class OneConnection(MethodView):
    """One connection, by its id or its provider's slug."""

    @blueprint.response(200, ConnectionHealth)
    def get(self, reference: str) -> Any:
        """Show a connection and how it stands."""
        return connections.health(current_hub(), current_scope(), reference)


@blueprint.route("/connections/<reference>/settings")
class ConnectionSettings(MethodView):
    """The settings of a connection."""

    @blueprint.response(200, Settings)
    def get(self, reference: str) -> Any:
        """Show the settings and what they may be."""
        return connections.get_settings(current_hub(), current_scope(), reference)

    @blueprint.arguments(SettingsBody)
    @blueprint.response(200, Settings)
    def put(self, body: dict[str, Any], reference: str) -> Any:
        """Replace the settings; what was blocked on them goes on."""
        return connections.put_settings(current_hub(), current_scope(), reference, **body)


@blueprint.route("/connections/<reference>/settings/<name>/choices")
class SettingChoices(MethodView):
    """What one setting may be."""

    @blueprint.response(200, Choices)
    def get(self, reference: str, name: str) -> Any:
        """Read the choices from the provider."""
        return connections.setting_choices(current_hub(), current_scope(), reference, name)


@blueprint.route("/connections/<reference>/customers")
class CustomersThere(MethodView):
    """Customers at the provider."""

    @blueprint.arguments(SearchQuery, location="query")
    @blueprint.response(200, Candidates)
    def get(self, query: dict[str, str], reference: str) -> Any:
        """Search the provider's customers, to link one."""
        hub, scope = current_hub(), current_scope()
        slug = connections.get_connection(hub, scope, reference).provider
        return {"items": linking.search_at_provider(hub, scope, slug, query["search"])}


@blueprint.route("/connections/<reference>/check")
class Check(MethodView):
    """A try of the connection."""

    @blueprint.response(200, ConnectionHealth)
    @asks_provider
    def post(self, reference: str) -> Any:
        """Try the connection at the provider; a success lets go on what it had paused."""
        return connections.check(current_hub(), current_scope(), reference)


@blueprint.route("/connections/<reference>/pause")
class Pause(MethodView):
    """A person's pause."""

    @blueprint.arguments(PauseBody)
    @blueprint.response(200, Connection)
    def post(self, body: dict[str, str], reference: str) -> Any:
        """Send nothing more over this connection until it is resumed."""
        return connections.pause(current_hub(), current_scope(), reference, body["reason"])


@blueprint.route("/connections/<reference>/resume")
class Resume(MethodView):
    """The end of a person's pause."""

    @blueprint.response(200, Connection)
    def post(self, reference: str) -> Any:
        """Take a person's pause back; pauses for other reasons stay."""
        return connections.resume(current_hub(), current_scope(), reference)


@blueprint.route("/connections/<reference>/disconnect")
class Disconnect(MethodView):
    """The end of a connection."""

    @blueprint.response(200, Connection)
    @asks_provider
    def post(self, reference: str) -> Any:
        """End the connection and delete its secrets; the row and its history stay."""
        return connections.disconnect(current_hub(), current_scope(), reference)
