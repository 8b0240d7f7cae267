"""When access ends by itself: warned of thirty days ahead, and kept alive as far as that goes."""

import logging
from dataclasses import replace
from datetime import timedelta

from kable_hub.clock import from_ms
from kable_hub.errors import ProviderError
from kable_hub.plugins import UnknownProvider
from kable_hub.provider import Capability
from kable_hub.store import connections
from kable_hub.store.connections import ConnectionRow
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.reconnecting import reconnect_url

log = logging.getLogger(__name__)

AHEAD = timedelta(days=30)
_AHEAD_MS = int(AHEAD.total_seconds() * 1000)


def warned(hub: Hub, row: ConnectionRow) -> ConnectionRow:
    """The connection, its warnings with one more where its access ends soon or has ended."""
    told = _warning(hub, row)
    return replace(row, warnings=(*row.warnings, told)) if told else row


def soon_to_reconnect(hub: Hub) -> int:
    """How many connections need a person within thirty days, or needed one, over all tenants."""
    with hub.database.read():
        return len(connections.ending(hub.now() + _AHEAD_MS))


class Watch:
    """Looks after what ends soon; tells of each connection once while the process runs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: set[tuple[str, bool]] = set()

    def look(self) -> None:
        """Refresh what may live longer by that, and log what a person has to renew."""
        for row in self._ending():
            self._keep_alive(row)
        for row in self._ending():
            self._tell(row)

    def _ending(self) -> list[ConnectionRow]:
        with self._hub.database.read():
            return connections.ending(self._hub.now() + _AHEAD_MS)

    def _keep_alive(self, row: ConnectionRow) -> None:
        """Some access ends when it is not used; a connection that pauses uses nothing."""
        try:
            provider = self._hub.registry.provider(row.provider)
            if provider.can(Capability.REFRESH) and "reconnect" not in row.pauses:
                self._hub.asking.renew(row)
        except (ProviderError, UnknownProvider) as error:
            log.info("%s could not be kept alive: %s", row.id, error)

    def _tell(self, row: ConnectionRow) -> None:
        ended = row.reconnect_by is not None and row.reconnect_by <= self._hub.now()
        if (row.id, ended) not in self._told:
            self._told.add((row.id, ended))
            log.warning("connection %s (%s): %s", row.id, row.provider, _warning(self._hub, row))


def _warning(hub: Hub, row: ConnectionRow) -> str:
    end, now = row.reconnect_by, hub.now()
    if end is None or not row.connected or end > now + _AHEAD_MS:
        return ""
    day, at = from_ms(end).date().isoformat(), reconnect_url(hub, row)
    said = "ended on" if end <= now else "ends on"
    return f"The access {said} {day}: connect again at {at}"
