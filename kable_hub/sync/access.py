"""Access to a provider: a plugin's Connection with fresh credentials, refreshed single-flight.

Law 9 of the contract: a short lease on the credentials, re-read inside it, stored by
compare-and-swap before use; a lost answer is tried once more with the old credentials; on a
rejection the store is read again before anybody concludes that a person has to reconnect. The
threads of one process wait for each other by `flights`; the lease keeps out other processes.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from kable_hub.clock import Clock, epoch_ms
from kable_hub.connection import CallGuard, Connection
from kable_hub.dialogue import Credentials
from kable_hub.dispatch import Dispatcher
from kable_hub.domain import Environment
from kable_hub.errors import OutcomeUnknown, ReconnectRequired, Rejected, Transient
from kable_hub.provider import Capability, Provider
from kable_hub.settings import Settings
from kable_hub.store.credentials import (
    Stored,
    end_refresh,
    lease_refresh,
    load_credentials,
    save_credentials,
)
from kable_hub.store.database import Database
from kable_hub.store.pauses import Lane
from kable_hub.store.vault import Vault
from kable_hub.sync.flights import Flights
from kable_hub.sync.memory import Memories

log = logging.getLogger(__name__)

MARGIN = timedelta(seconds=300)
REFRESH_LEASE_MS = 75_000
WAIT_SECONDS = 0.05
SAVE_TRIES = 10


class Access:
    """Opens connections for plugins."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        dispatcher: Dispatcher,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._dispatcher = dispatcher
        self._settings = settings
        self._clock = clock
        self._memories = Memories(database, clock)
        self._flights = Flights()
        self._operators: dict[tuple[str, Environment], tuple[Mapping[str, str], ...]] = {}

    def credentials(self, lane: Lane, guard: CallGuard) -> Stored:
        """The credentials to use now, refreshed where they are about to expire."""
        stored = self.stored(lane)
        expires = stored.credentials.expires_at
        if expires is None or expires - MARGIN > self._clock.now():
            return stored
        provider = self._dispatcher.registry.provider(lane.provider)
        return self.refresh(lane, stored, guard) if provider.can(Capability.REFRESH) else stored

    def open(self, lane: Lane, credentials: Credentials, guard: CallGuard) -> Connection:
        """The plugin's view of the connection."""
        provider = self._dispatcher.registry.provider(lane.provider)
        environment = lane.scope.environment
        app, urls = self._operators_part(provider, environment)
        return Connection(
            id=lane.id,
            account_id=lane.scope.account_id,
            environment=environment,
            provider=lane.provider,
            external_id=lane.external_id,
            credentials=credentials.secrets,
            settings=provider.settings_for(lane.settings),
            app=app,
            urls=urls,
            deadline=self._clock.now() + timedelta(seconds=60),
            guard=guard,
            memory=self._memories.of(lane, (*credentials.secrets.values(), *app.values())),
            clock=self._clock.now,
        )

    def _operators_part(
        self, provider: Provider, environment: Environment
    ) -> tuple[Mapping[str, str], ...]:
        """App settings and base URLs: fixed while the process runs, and dear to validate."""
        key = (provider.slug, environment)
        if key not in self._operators:
            app = self._settings.app_settings(provider, environment).values
            urls = self._settings.urls(provider, environment)
            # One for all calls: no plugin may change it for another.
            self._operators[key] = (MappingProxyType(dict(app)), MappingProxyType(urls))
        return self._operators[key]

    def refresh(self, lane: Lane, stale: Stored, guard: CallGuard) -> Stored:
        """Newer credentials than `stale`: another worker's, or fetched now by this one alone."""
        return self._flights.fly(
            lane.id,
            lambda: self._newer(lane, stale),
            lambda: self._refresh_alone(lane, stale, guard),
        )

    def _newer(self, lane: Lane, stale: Stored) -> Stored | None:
        current = self.stored(lane)
        return current if current.version != stale.version else None

    def _refresh_alone(self, lane: Lane, stale: Stored, guard: CallGuard) -> Stored:
        """No other thread of this process is here; other processes may be."""
        never = threading.Event()
        for _ in range(int(REFRESH_LEASE_MS / 1000 / WAIT_SECONDS)):
            now = epoch_ms(self._clock.now())
            with self._database.write():
                leased = lease_refresh(lane.id, now, REFRESH_LEASE_MS)
            current = self.stored(lane)
            if current.version != stale.version:
                self._end(lane, leased)
                return current
            if leased:
                return self._refresh_leased(lane, current, guard, leased)
            self._clock.wait(never, WAIT_SECONDS)
        raise Transient("the credentials are being refreshed by another worker")

    def _refresh_leased(self, lane: Lane, current: Stored, guard: CallGuard, leased: int) -> Stored:
        try:
            fresh = self._fetch(lane, current, guard)
        except (ReconnectRequired, Rejected) as refusal:
            again = self.stored(lane)
            self._end(lane, leased)
            if again.version != current.version:
                return again
            raise _reconnect(refusal) from refusal
        except BaseException:
            self._end(lane, leased)
            raise
        self._save(lane, fresh, current.version)
        return self.stored(lane)

    def _save(self, lane: Lane, fresh: Credentials, version: int) -> None:
        """The old credentials may be dead by now, so a store that stumbles is asked again."""
        for left in reversed(range(SAVE_TRIES)):
            try:
                with self._database.write():
                    now = epoch_ms(self._clock.now())
                    save_credentials(self._vault, lane.scope, lane.id, fresh, now, version)
                return
            except Exception:
                if not left:
                    raise
                log.exception("new credentials of %s could not be stored; once more", lane.id)
                self._clock.wait(threading.Event(), 1.0)

    def _fetch(self, lane: Lane, current: Stored, guard: CallGuard) -> Credentials:
        call: Callable[[], Credentials] = lambda: self._dispatcher.call(  # noqa: E731
            lane.provider, "refresh", connection=self.open(lane, current.credentials, guard)
        )
        try:
            return call()
        except OutcomeUnknown:
            return call()

    def stored(self, lane: Lane) -> Stored:
        """The credentials as they are kept. Raises ReconnectRequired where there are none."""
        with self._database.read():
            stored = load_credentials(self._database, self._vault, lane.scope, lane.id)
        if stored is None:
            raise ReconnectRequired("the connection has no credentials", code="disconnected")
        return stored

    def _end(self, lane: Lane, leased: int) -> None:
        if leased:
            with self._database.write():
                end_refresh(lane.id, leased)


def _reconnect(refusal: ReconnectRequired | Rejected) -> ReconnectRequired:
    return ReconnectRequired(
        refusal.message, provider_code=refusal.provider_code, request_id=refusal.request_id
    )
