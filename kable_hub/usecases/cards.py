"""What people see of the providers of a kind: each with its way in and the account's connection."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kable_hub.domain import Environment, Kind
from kable_hub.plugins import PluginReport
from kable_hub.provider import Capability, Provider
from kable_hub.store import connect_attempts, connections, deliveries
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import NotFound
from kable_hub.usecases.expiry import AHEAD
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_if_there
from kable_hub.usecases.provider_checks import WayIn, ways_in
from kable_hub.usecases.webhooks import webhook_url

_AHEAD_MS = int(AHEAD.total_seconds() * 1000)


@dataclass(frozen=True)
class Card:
    """A provider as an account sees it in one environment.

    `provider` is None where the plugin of a standing connection is away. `ways` are the ways to
    connect in this environment; none where the provider has no such environment. `twin` is the
    connection of the other environment that lives on the same grant. `counts` are deliveries by
    state, `oldest_due` a moment (epoch milliseconds).
    """

    slug: str
    title: str
    provider: Provider | None = None
    ways: tuple[WayIn, ...] = ()
    connection: ConnectionRow | None = None
    twin: ConnectionRow | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    oldest_due: int | None = None
    webhook_url: str = field(default="", repr=False)
    ends_soon: bool = False

    @property
    def state(self) -> str:
        """active, paused, disconnected or not_connected."""
        return self.connection.state if self.connection else "not_connected"

    @property
    def connected(self) -> bool:
        """Whether the provider can be asked."""
        return self.connection is not None and self.connection.connected

    @property
    def way_back(self) -> WayIn | None:
        """The way to connect again: as it was connected, else the first that is set up."""
        ready = [one for one in self.ways if one.ready]
        method = self.connection.method if self.connection else ""
        same = [one for one in ready if one.method.name == method]
        return next(iter(same + ready), None)

    def can(self, capability: str) -> bool:
        """Whether the provider is there and declares this ability."""
        return self.provider is not None and self.provider.can(Capability(capability))


@dataclass(frozen=True)
class LastDialogue:
    """How a connect dialogue ended: `connected`, or the code and the message of what failed."""

    outcome: str
    message: str


def cards(hub: Hub, scope: Scope, kind: Kind) -> tuple[Card, ...]:
    """One card for each provider of the kind, those whose plugin is away last."""
    return tuple(_cards(hub, scope, kind, counted=True))


def card(hub: Hub, scope: Scope, kind: Kind, slug: str, *, counted: bool = True) -> Card:
    """The card of one provider; without `counted` nothing is counted. Raises NotFound."""
    found = [one for one in _cards(hub, scope, kind, counted) if one.slug == slug]
    if not found:
        raise NotFound("provider", slug)
    return found[0]


def unusable_plugins(hub: Hub) -> tuple[PluginReport, ...]:
    """What was found but not admitted. Nobody knows of what kind it would have been."""
    return tuple(one for one in hub.registry.reports if one.state != "admitted")


def last_dialogue(hub: Hub, scope: Scope, slug: str) -> LastDialogue | None:
    """How the account's last finished connect dialogue with a provider ended."""
    with hub.database.read():
        found = connect_attempts.last_outcome(scope, slug)
    return LastDialogue(*found) if found else None


def _cards(hub: Hub, scope: Scope, kind: Kind, counted: bool) -> Iterator[Card]:
    with hub.database.read():
        standing = {one.provider: one for one in connections.listed(scope)}
        others = {one.provider: one for one in connections.listed(_other(scope))}
        sums = deliveries.counts(scope) if counted else []
        oldest = deliveries.oldest_due_each(scope) if counted else {}
    for provider in hub.registry.providers():
        if provider.kind is kind:
            row = standing.get(provider.slug)
            yield Card(
                slug=provider.slug,
                title=provider.title,
                provider=provider,
                ways=ways_in(hub, provider, scope.environment),
                connection=row,
                twin=_twin(row, others.get(provider.slug)),
                counts={state: many for at, state, many in sums if row and at == row.id},
                oldest_due=oldest.get(row.id) if row else None,
                webhook_url=webhook_url(hub, row) if row and row.connected else "",
                ends_soon=_ends_soon(hub, row),
            )
    for row in standing.values():
        if row.kind == kind and provider_if_there(hub, row.provider) is None:
            yield Card(slug=row.provider, title=row.provider, connection=row)


def _other(scope: Scope) -> Scope:
    live = scope.environment is Environment.LIVE
    return Scope(scope.account_id, Environment.TEST if live else Environment.LIVE)


def _twin(row: ConnectionRow | None, other: ConnectionRow | None) -> ConnectionRow | None:
    if row is None or other is None or not (row.connected and other.connected):
        return None
    same = row.external_id == other.external_id
    return other if row.shared and other.shared and same else None


def _ends_soon(hub: Hub, row: ConnectionRow | None) -> bool:
    end = row.reconnect_by if row and row.connected else None
    return end is not None and end <= hub.now() + _AHEAD_MS
