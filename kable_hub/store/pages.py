"""Pages at a provider on which customers act: what was made, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kable_hub.store import tables as t
from kable_hub.store.pauses import Lane
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner, within


@dataclass(frozen=True)
class PageRow:
    """A page. `url` is sealed by the vault; moments are epoch milliseconds.

    `reference` is the customer's id at the provider, `external_id` the page's, or empty.
    """

    id: str
    connection_id: str
    customer_id: str
    reference: str
    external_id: str
    url: str = field(repr=False)
    created_at: int
    expires_at: int
    completed_at: int | None = None


def add(scope: Scope, new: PageRow) -> None:
    """Keep a new page."""
    t.HostedPage.create(**vars(new), **owner(scope))


def latest(scope: Scope, customer_id: str) -> dict[tuple[str, str], PageRow]:
    """The newest page of a customer by connection and by the reference it was made for."""
    mine = within(t.HostedPage, scope) & (t.HostedPage.customer_id == customer_id)
    rows: Iterable[t.HostedPage] = t.HostedPage.select().where(mine).order_by(t.HostedPage.id)
    return {(row.connection_id, row.reference): _row(row) for row in rows}


def complete(lane: Lane, external_id: str, now: int) -> None:
    """The customer did what the page is for; twice is once."""
    unfinished = t.HostedPage.completed_at.is_null()
    t.HostedPage.update(completed_at=now).where(_told(lane, external_id), unfinished).execute()


def expire(lane: Lane, external_id: str, now: int) -> None:
    """The provider closed the page, maybe before its time."""
    alive = t.HostedPage.expires_at > now
    t.HostedPage.update(expires_at=now).where(_told(lane, external_id), alive).execute()


def forget_before(moment: int) -> int:
    """Delete pages that died before `moment`, over all accounts; answers how many."""
    return int(t.HostedPage.delete().where(t.HostedPage.expires_at < moment).execute())


def _told(lane: Lane, external_id: str) -> object:
    return (
        within(t.HostedPage, lane.scope)
        & (t.HostedPage.connection_id == lane.id)
        & (t.HostedPage.external_id == external_id)
        & (t.HostedPage.external_id != "")
    )


def _row(row: t.HostedPage) -> PageRow:
    return PageRow(
        id=row.id,
        connection_id=row.connection_id,
        customer_id=row.customer_id,
        reference=row.reference,
        external_id=row.external_id,
        url=row.url,
        created_at=row.created_at,
        expires_at=row.expires_at,
        completed_at=row.completed_at,
    )
