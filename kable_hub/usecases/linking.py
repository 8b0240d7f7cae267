"""Links: a customer joined to its counterpart at a connected provider."""

from collections.abc import Mapping
from dataclasses import dataclass

from kable_hub import canonical
from kable_hub.domain import Kind, LinkedCustomer
from kable_hub.provider import Capability
from kable_hub.store import connections, invoice_search, links
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.invoice_search import Unsent
from kable_hub.store.scope import Scope
from kable_hub.sync.opening import open_unsent, refused_for
from kable_hub.usecases.errors import Conflict, NotFound, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_views import LinkView, link_views
from kable_hub.usecases.link_writing import begin_creating, extract, take_link, verify, write_link
from kable_hub.usecases.lookup import connected, customer_named, need, provider_named
from kable_hub.usecases.waking import wake

SHOWN = 50


@dataclass(frozen=True)
class EarlierInvoices:
    """Invoices of a customer that never went to a provider.

    `totals` by currency in minor units; `numbers` the newest of them (at most 50); `refused`
    counts further ones that the provider cannot take. `confirm` has to be handed back to push
    exactly these.
    """

    count: int
    totals: Mapping[str, int]
    numbers: tuple[str, ...]
    confirm: str
    refused: int = 0


def list_links(hub: Hub, scope: Scope, customer: str) -> tuple[LinkView, ...]:
    """The customer's links, by provider. Raises NotFound."""
    with hub.database.read():
        row = customer_named(scope, customer)
        return link_views(scope, [row.id])[row.id]


def put_link(
    hub: Hub,
    scope: Scope,
    customer: str,
    slug: str,
    reference: str,
    *,
    confirm: bool = False,
    by: str = "",
) -> LinkView:
    """Link a customer to what stands at the provider under `reference` (an id or its URL).

    Verified there first. Linked to an accounting provider, earlier invoices go out as the
    connection's setting says. `by` (a key's or person's id) is kept where it confirmed a share.
    Raises NotFound, Invalid (`bad_reference`), Conflict (`not_connected`; `reference_in_use` unless
    `confirm`) and the provider's problems.
    """
    with hub.database.read():
        row = customer_named(scope, customer)
        connection = connected(hub, scope, slug)
    wanted = extract(provider_named(hub, slug), "reference", reference)
    found = verify(hub, connection, row, wanted)
    with hub.database.write():
        row = customer_named(scope, row.id, lock="FOR UPDATE")
        connection = connected(hub, scope, slug, lock=True)
        write_link(hub, connection, row, found, confirm=confirm, by=by)
        return _one_view(scope, row.id, slug)


def create_at_provider(hub: Hub, scope: Scope, customer: str, slug: str) -> LinkView:
    """Have the customer created at the provider: the link is `pending` until it stands there.

    A customer that is linked there already is answered unchanged. Raises NotFound, Conflict
    (`not_connected`, `not_offered`).
    """
    need(provider_named(hub, slug), Capability.CREATE_CUSTOMER)
    with hub.database.write():
        row = customer_named(scope, customer, lock="FOR UPDATE")
        connection = connected(hub, scope, slug, lock=True)
        link = links.get(scope, connection.id, row.id)
        if link is None or link.state != "linked":
            begin_creating(hub, connection, row)
        return _one_view(scope, row.id, slug)


def remove_link(hub: Hub, scope: Scope, customer: str, slug: str) -> None:
    """Unlink. What was not sent there yet is blocked as `not_linked`. Raises NotFound."""
    with hub.database.write():
        row = customer_named(scope, customer, lock="FOR UPDATE")
        connection = connections.by_provider(scope, slug)
        if connection is None or not take_link(scope, connection.id, row.id, hub.now()):
            raise NotFound("link to", slug)


def search_at_provider(hub: Hub, scope: Scope, slug: str, query: str) -> list[LinkedCustomer]:
    """Customers at the provider that fit what a person typed, best first.

    Raises NotFound, Conflict (`not_connected`, `not_offered`) and the provider's problems.
    """
    need(provider_named(hub, slug), Capability.SEARCH_CUSTOMERS)
    with hub.database.read():
        connection = connected(hub, scope, slug)
    with provider_problems():
        return list(hub.asking.ask(connection, "search_customers", query=query))


def preview_push_earlier(hub: Hub, scope: Scope, customer: str, slug: str) -> EarlierInvoices:
    """What `push_earlier` would send. Raises NotFound, Conflict (`not_connected`,
    `not_linked`).
    """
    with hub.database.read():
        return _preview(hub, scope, _earlier(hub, scope, customer, slug), slug)


def push_earlier(hub: Hub, scope: Scope, customer: str, slug: str, confirm: str) -> EarlierInvoices:
    """Send the earlier invoices that the preview showed. `confirm` comes from there.

    Raises NotFound, Conflict (`not_connected`, `not_linked`; `preview_outdated` where they
    are others by now, with the fresh `confirm` and `count` in the extras).
    """
    with hub.database.write():
        customer_named(scope, customer, lock="FOR UPDATE")
        which = _earlier(hub, scope, customer, slug)
        shown = _preview(hub, scope, which, slug)
        if shown.confirm != confirm:
            fresh = {"confirm": shown.confirm, "count": shown.count}
            raise Conflict("preview_outdated", "These are others by now.", extras=fresh)
        connection = connected(hub, scope, slug)
        open_unsent(scope, provider_named(hub, slug), connection, which, hub.now())
        wake(hub, [which.connection_id])
    return shown


def _earlier(hub: Hub, scope: Scope, customer: str, slug: str) -> Unsent:
    row = customer_named(scope, customer)
    connection = connected(hub, scope, slug)
    if links.get(scope, connection.id, row.id) is None:
        raise Conflict("not_linked", f"{row.client_id} is not linked there.")
    return Unsent(row.id, connection.id, rivals=_rivals(scope, connection))


def _rivals(scope: Scope, connection: ConnectionRow) -> tuple[str, ...]:
    """Other connections that collect money: nobody is charged by two of them."""
    if connection.kind != Kind.PAYMENTS:
        return ()
    return tuple(
        one.id
        for one in connections.listed(scope)
        if one.kind == Kind.PAYMENTS and one.id != connection.id
    )


def _preview(hub: Hub, scope: Scope, which: Unsent, slug: str) -> EarlierInvoices:
    provider, settings = provider_named(hub, slug), connected(hub, scope, slug).settings
    link = links.get(scope, which.connection_id, which.customer_id)
    totals: dict[str, int] = {}
    numbers: list[str] = []
    seen: list[list[str | int]] = []
    for chunk in invoice_search.unsent(scope, which):
        for row in chunk:
            seen.append([row.id, row.revision])
            if refused_for(provider, settings, row.to_domain(), link) is None:
                totals[row.currency] = totals.get(row.currency, 0) + row.total
                numbers.append(row.number)
    shown = tuple(reversed(numbers[-SHOWN:]))
    token = canonical.digest([which.connection_id, seen])[:32]
    return EarlierInvoices(len(numbers), totals, shown, token, len(seen) - len(numbers))


def _one_view(scope: Scope, customer_id: str, slug: str) -> LinkView:
    views = link_views(scope, [customer_id])[customer_id]
    return next(one for one in views if one.provider == slug)
