"""The overview: what needs a person now, how connections stand, what arrived in the last days."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from kable_hub.store import alarms, connections, endpoints, overview
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.endpoints import EndpointRow
from kable_hub.store.overview import GroupRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.expiry import warned
from kable_hub.usecases.fixes import Fix, fix_for
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_if_there

DAYS = 30
MOST = 1_000
"""So many deliveries of a state are looked at, the oldest ones, so that a page stays quick."""

SILENT_MS = 3_600_000
"""A webhook endpoint at which nothing arrived for so long is told of."""

STOPPED = ("blocked", "rejected")
WAITING = ("due", "pushing", "uncertain")
FATES: Mapping[str, Literal["delivered", "queued", "failed"]] = {
    "delivered": "delivered",
    **dict.fromkeys(("held", *WAITING), "queued"),
    **dict.fromkeys(STOPPED, "failed"),
}
"""What the days tell of a state. What was cancelled they leave out."""


@dataclass(frozen=True)
class Trouble:
    """Deliveries to one provider that stopped for one cause.

    `sums` are minor units by currency, `oldest` is when the first was opened (epoch
    milliseconds). `message`, `state` and the `fix` are those of the delivery opened last.
    """

    provider: str
    title: str
    kind: str
    code: str
    count: int
    sums: Mapping[str, int]
    oldest: int
    message: str = ""
    state: str = ""
    fix: Fix | None = None


@dataclass(frozen=True)
class Standing:
    """How a connection stands: how many deliveries wait for their turn there, how many stopped,
    and since when the oldest waits (epoch milliseconds) or None.
    """

    connection: ConnectionRow
    title: str
    waiting: int = 0
    stopped: int = 0
    oldest: int | None = None


@dataclass(frozen=True)
class Day:
    """What was opened on a day (UTC), by where it stands now."""

    date: date
    delivered: int = 0
    queued: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Overview:
    """Everything at once. `troubles` are the largest first, `days` the last 30, oldest first.

    `held` counts what waits to be pushed by hand. `more`: there is so much of a state that only
    its oldest `MOST` were counted; the days are counted in full. `silent` are the webhook endpoints
    that the hub disabled, or at which nothing arrives. `long_uncertain` counts what nobody has
    known of for a day whether it exists.
    """

    troubles: tuple[Trouble, ...]
    connections: tuple[Standing, ...]
    days: tuple[Day, ...]
    held: int
    more: bool
    has_customers: bool
    has_invoices: bool
    silent: tuple[EndpointRow, ...] = ()
    oldest: int | None = None
    long_uncertain: int = 0


def get_overview(hub: Hub, scope: Scope) -> Overview:
    """How the account stands in this environment."""
    with hub.database.read():
        rows = connections.listed(scope)
        groups = {state: overview.stopped(scope, state, MOST) for state in STOPPED}
        waiting = {state: overview.waiting(scope, state, MOST) for state in ("held", *WAITING)}
        troubles = _troubles(hub, scope, rows, [one for some in groups.values() for one in some])
        customers, invoices = overview.has_any(scope)
        days = _days(scope, hub.clock.now().date())
        unsure = alarms.count_of(scope, hub.now())
        silent = [one for one in endpoints.listed(scope) if _is_silent(one, hub.now())]
    counts = [sum(one.count for one in some) for some in groups.values()]
    counts += [sum(count for _, count, _ in some) for some in waiting.values()]
    queue = [one for state in WAITING for one in waiting[state]]
    return Overview(
        troubles=troubles,
        connections=tuple(_standing(hub, row, queue, troubles) for row in rows),
        days=days,
        held=sum(count for _, count, _ in waiting["held"]),
        silent=tuple(silent),
        long_uncertain=unsure,
        more=max(counts) >= MOST,
        has_customers=customers,
        has_invoices=invoices,
        oldest=min((since for _, _, since in queue), default=None),
    )


def _troubles(
    hub: Hub, scope: Scope, rows: Sequence[ConnectionRow], groups: Sequence[GroupRow]
) -> tuple[Trouble, ...]:
    """The groups joined over states and currencies, the largest first."""
    by_cause: dict[tuple[str, str], list[GroupRow]] = defaultdict(list)
    for one in groups:
        by_cause[one.connection_id, one.code].append(one)
    places = {row.id: row for row in rows}
    last = {cause: max(one.last_id for one in some) for cause, some in by_cause.items()}
    said = overview.reasons(scope, last.values())
    found = [
        _trouble(hub, places[connection_id], code, some, said[last[connection_id, code]])
        for (connection_id, code), some in by_cause.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.provider, one.code)))


def _trouble(
    hub: Hub, row: ConnectionRow, code: str, groups: Sequence[GroupRow], said: Mapping[str, str]
) -> Trouble:
    title = _title(hub, row.provider)
    return Trouble(
        provider=row.provider,
        title=title,
        kind=row.kind,
        code=code,
        count=sum(one.count for one in groups),
        sums=_sums(groups),
        oldest=min(one.oldest for one in groups),
        message=said["message"],
        state=said["state"],
        fix=fix_for(said["state"], code, said["blocked_on"], title),
    )


def _sums(groups: Sequence[GroupRow]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for one in groups:
        if one.currency:
            sums[one.currency] += one.total
    return dict(sorted(sums.items()))


def _standing(
    hub: Hub,
    row: ConnectionRow,
    queue: Sequence[tuple[str, int, int]],
    troubles: Sequence[Trouble],
) -> Standing:
    mine = [(count, since) for connection_id, count, since in queue if connection_id == row.id]
    return Standing(
        connection=warned(hub, row),
        title=_title(hub, row.provider),
        waiting=sum(count for count, _ in mine),
        stopped=sum(one.count for one in troubles if one.provider == row.provider),
        oldest=min((since for _, since in mine), default=None),
    )


def _days(scope: Scope, today: date) -> tuple[Day, ...]:
    dates = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for number, state, count in overview.by_day(scope, dates):
        counts[number][FATES[state]] += count
    return tuple(Day(one, **counts[number]) for number, one in enumerate(dates))


def _title(hub: Hub, slug: str) -> str:
    provider = provider_if_there(hub, slug)
    return provider.title if provider else slug


def _is_silent(endpoint: EndpointRow, now: int) -> bool:
    since = endpoint.failing_since if endpoint.enabled else None
    return bool(endpoint.disabled_reason) or (since is not None and now - since >= SILENT_MS)
