"""Ask a provider while a person waits: one hook call with fresh credentials, past the outbox."""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kable_hub.clock import Clock, epoch_ms
from kable_hub.connection import Call
from kable_hub.dialogue import ConnectRequest, Form, Grant, Redirect
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import Environment
from kable_hub.errors import (
    ContractViolation,
    CredentialsExpired,
    LeaseLost,
    ReconnectRequired,
    Transient,
)
from kable_hub.provider import Capability, Provider
from kable_hub.settings import Settings
from kable_hub.store.consequences import lose_access
from kable_hub.store.credentials import version_of
from kable_hub.store.database import Database
from kable_hub.store.pauses import Lane, load_lane
from kable_hub.sync.access import Access
from kable_hub.sync.budget import Budget, Spender
from kable_hub.sync.gate import Gate

PATIENCE = 40.0
"""Seconds a person waits at the most, refresh included."""


class HasId(Protocol):
    """Anything that names a connection."""

    @property
    def id(self) -> str:
        """The connection's id."""
        ...


class Asking:
    """Interactive calls. Never inside a transaction: the gate refuses."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        access: Access,
        budget: Budget,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._access = access
        self._budget = budget
        self._settings = settings
        self._clock = clock

    def ask(self, connection: HasId, hook: str, **arguments: Any) -> Any:
        """Call `hook` with this connection; the other arguments are the hook's.

        Refreshes once where the credentials turn out stale; pauses the connection where a
        person has to reconnect. Raises ProviderError.
        """
        lane = self._lane(connection)
        provider = self._dispatcher.registry.provider(lane.provider)
        gate = self._gate(Spender(provider, lane.scope.environment, lane.id, lane.app_id), PATIENCE)
        return self._ask(lane, gate, hook, arguments)

    def ask_offline(self, connection: HasId, hook: str, **arguments: Any) -> Any:
        """Call a hook that has to do without the network, with the stored credentials as is.

        Raises ProviderError; ContractViolation where the plugin calls all the same.
        """
        lane = self._lane(connection)
        stored = self._access.stored(lane)
        opened = self._access.open(lane, stored.credentials, _no_calls)
        return self._dispatcher.call(lane.provider, hook, connection=opened, **arguments)

    def renew(self, connection: HasId) -> None:
        """Refresh the credentials now, before their time. Raises ProviderError, as `ask` does."""
        lane, used = self._lane(connection), None
        provider = self._dispatcher.registry.provider(lane.provider)
        gate = self._gate(Spender(provider, lane.scope.environment, lane.id, lane.app_id), PATIENCE)
        try:
            stored = self._access.stored(lane)
            used = stored.version
            self._access.refresh(lane, stored, gate)
        except LeaseLost as error:
            raise Transient("the provider took too long to answer", code="timeout") from error
        except ReconnectRequired as error:
            self._pause(lane, used, error)
            raise

    def ask_connect(
        self,
        provider: Provider,
        *,
        environment: Environment,
        method: str,
        callback_url: str,
        state: str,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        carry: Mapping[str, str] | None = None,
        external_id: str = "",
    ) -> Form | Redirect | Grant:
        """Take one step of a provider's connect dialogue. Raises ProviderError."""
        request = ConnectRequest(
            environment=environment,
            method=method,
            callback_url=callback_url,
            state=state,
            app={one: self._app(provider, one) for one in Environment},
            urls={one: self._settings.urls(provider, one) for one in Environment},
            now=self._clock.now(),
            guard=self._gate(Spender(provider, environment, f"connect {provider.slug}"), PATIENCE),
            query=query or {},
            form=form or {},
            carry=carry or {},
            external_id=external_id,
        )
        step: Form | Redirect | Grant = self._dispatcher.call(
            provider.slug, "connect", request=request
        )
        return step

    def _ask(self, lane: Lane, gate: Gate, hook: str, arguments: dict[str, Any]) -> Any:
        used: int | None = None
        try:
            stored = self._access.credentials(lane, gate)
            for last in (False, True):
                used = stored.version
                connection = self._access.open(lane, stored.credentials, gate)
                try:
                    return self._dispatcher.call(
                        lane.provider, hook, connection=connection, **arguments
                    )
                except CredentialsExpired as error:
                    if last or not self._refreshes(lane):
                        raise ReconnectRequired(error.message, code=error.code) from error
                    stored = self._access.refresh(lane, stored, gate)
        except LeaseLost as error:
            raise Transient("the provider took too long to answer", code="timeout") from error
        except ReconnectRequired as error:
            self._pause(lane, used, error)
            raise
        raise AssertionError("the second round returns or raises")

    def _pause(self, lane: Lane, used: int | None, error: ReconnectRequired) -> None:
        """A person has to reconnect, unless one did while the old access was refused."""
        with self._database.write():
            if used in (None, version_of(lane.scope, lane.id)):
                lose_access(lane.scope, lane.id, error.message, epoch_ms(self._clock.now()))

    def _lane(self, connection: HasId) -> Lane:
        with self._database.read():
            lane = load_lane(connection.id)
        if lane is None:
            raise LookupError(f"there is no connection {connection.id}")
        return lane

    def _refreshes(self, lane: Lane) -> bool:
        return self._dispatcher.registry.provider(lane.provider).can(Capability.REFRESH)

    def _app(self, provider: Provider, environment: Environment) -> Mapping[str, str]:
        return self._settings.app_settings(provider, environment).values

    def _gate(self, spender: Spender, seconds: float) -> Gate:
        return Gate(
            clock=self._clock,
            budget=self._budget,
            spender=spender,
            ends=self._clock.monotonic() + seconds,
            in_transaction=self._database.in_transaction,
            stop=threading.Event(),
        )


def _no_calls(name: str, writes: bool) -> AbstractContextManager[Call]:
    kind = "writing" if writes else "reading"
    raise ContractViolation(f"{name}: no {kind} call is allowed while a webhook is received")
