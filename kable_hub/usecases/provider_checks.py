"""Whether a provider can be connected: what an operator has set, and what is still to be done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kable_hub.domain import Environment
from kable_hub.provider import Capability, ConnectMethod, Provider
from kable_hub.store import accounts, connections
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.connect_dialogue import callback_url
from kable_hub.usecases.expiry import warned
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_named
from kable_hub.usecases.reconnecting import reconnect_address

PAGE = 200


@dataclass(frozen=True)
class WayIn:
    """One way to connect in one environment. `missing` are variables, `faults` name theirs.

    `optional` are further variables that are not set.
    """

    environment: Environment
    method: ConnectMethod
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether somebody can connect by it now."""
        return not self.missing and not self.faults

    @property
    def lacks(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What stands against it: missing variables, and faults of others."""
        return self.missing, self.faults


@dataclass(frozen=True)
class ProviderCheck:
    """What stands for and against connecting a provider.

    `redirect_uri`, `reconnect_url` and `webhooks` (by environment) are what an operator registers
    there, `events` what the webhooks have to send; `connections` are those of all accounts.
    """

    provider: Provider
    ways: tuple[WayIn, ...]
    redirect_uri: str
    reconnect_url: str
    webhooks: Mapping[Environment, str] = field(default_factory=dict)
    connections: tuple[ConnectionRow, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def connectable(self) -> bool:
        """Whether there is a way in, and nothing that was set is malformed."""
        return any(way.ready for way in self.ways) and not any(way.faults for way in self.ways)


def check_provider(
    hub: Hub, slug: str, environment: Environment | None = None, method: str = ""
) -> ProviderCheck:
    """Check the operator's settings of a provider, without asking it anything.

    `environment` and `method` narrow it down. Raises NotFound.
    """
    provider = provider_named(hub, slug)
    environments = [one for one in Environment if one in provider.urls]
    wanted = [one for one in environments if environment in (None, one)]
    ways = tuple(way for one in wanted for way in ways_in(hub, provider, one, method))
    hears = provider.can(Capability.RECEIVE_WEBHOOK)
    at = f"{hub.settings.public_url}/webhooks/{slug}"
    with hub.database.read():
        standing = tuple(_connections(hub, slug, wanted))
    return ProviderCheck(
        provider=provider,
        ways=ways,
        redirect_uri=callback_url(hub, slug),
        reconnect_url=reconnect_address(hub, slug),
        webhooks={one: f"{at}/{one}" for one in wanted} if hears else {},
        connections=standing,
        remarks=tuple(_remarks(hub)),
    )


def ways_in(
    hub: Hub, provider: Provider, environment: Environment, method: str = ""
) -> tuple[WayIn, ...]:
    """The ways to connect in this environment; none where the provider has no such."""
    methods = provider.connect_methods if environment in provider.urls else ()
    return tuple(
        _way(hub, provider, environment, how) for how in methods if method in ("", how.name)
    )


def _way(hub: Hub, provider: Provider, environment: Environment, method: ConnectMethod) -> WayIn:
    app = hub.settings.app_settings(provider, environment, method.name)
    return WayIn(environment, method, app.missing, app.faults, app.unset)


def _connections(hub: Hub, slug: str, environments: list[Environment]) -> Iterator[ConnectionRow]:
    cursor = ""
    while True:
        page = accounts.listed(cursor, PAGE)
        for account in page.items:
            for one in environments:
                row = connections.by_provider(Scope(account.id, one), slug)
                if row is not None:
                    yield warned(hub, row)
        cursor = page.next_cursor
        if not cursor:
            return


def _remarks(hub: Hub) -> Iterator[str]:
    if not hub.settings.public_url.startswith("https://"):
        yield (
            f"KABLE_PUBLIC_URL is {hub.settings.public_url}: a provider may take only https "
            "addresses, and can send webhooks only to what it can reach."
        )
