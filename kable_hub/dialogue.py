"""The connect dialogue: what a plugin is asked and what it answers, step by step."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from kable_hub.connection import Call, CallGuard
from kable_hub.domain import Environment

if TYPE_CHECKING:
    from marshmallow import Schema


@dataclass(frozen=True)
class Credentials:
    """Secrets of one connection, as the hub encrypts and keeps them.

    `expires_at`: when the access token dies; `reconnect_by`: when a person has to reconnect.
    """

    secrets: Mapping[str, str] = field(repr=False)
    expires_at: datetime | None = None
    reconnect_by: datetime | None = None


@dataclass(frozen=True)
class Form:
    """Ask the person for the fields of `schema` (marshmallow); the values come as `form`.

    `error` says what was wrong with the last values.
    """

    schema: "type[Schema]"
    title: str
    help: str = ""
    error: str = ""


@dataclass(frozen=True)
class Redirect:
    """Send the browser to `url`. `carry` comes back at the next step; the hub encrypts it."""

    url: str
    carry: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Grant:
    """The provider agreed. One grant may serve both environments.

    `external_id` is the account at the provider, `app_id` the client id that was used.
    `shared` says that taking the grant back at the provider ends it for all environments.
    """

    external_id: str
    title: str
    environments: Mapping[Environment, Credentials]
    app_id: str = ""
    shared: bool = False


@dataclass(frozen=True)
class ConnectRequest:
    """One step of the dialogue.

    `method` is one of the provider's declared connect methods. `query` is what the callback
    brought (all values), `form` what a person typed, `carry` what the last Redirect left.
    `state` is the hub's and goes into the redirect unchanged; the hub has checked it on the
    way back. `app` and `urls` hold the operator's settings and the provider's base URLs per
    environment; `environments` are those the hub can serve. `external_id` is set on a
    reconnect: the account that is expected.
    """

    environment: Environment
    method: str
    callback_url: str
    state: str
    app: Mapping[Environment, Mapping[str, str]] = field(repr=False)
    urls: Mapping[Environment, Mapping[str, str]]
    now: datetime
    guard: CallGuard = field(repr=False, compare=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    carry: Mapping[str, str] = field(default_factory=dict, repr=False)
    external_id: str = ""

    def call(self, name: str, *, writes: bool) -> AbstractContextManager[Call]:
        """Stand around every HTTP request, as `Connection.call` does."""
        return self.guard(name, writes)
