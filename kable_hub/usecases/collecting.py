"""Collect a payment method: a short-lived page at the provider on which the customer leaves it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kable_hub.clock import epoch_ms
from kable_hub.domain import HostedPage, Kind
from kable_hub.provider import Capability
from kable_hub.store import connections, deliveries, links, pages
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.ids import new_id
from kable_hub.store.links import LinkRow
from kable_hub.store.pages import PageRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.addresses import check_address
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import Conflict, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_settings import as_link
from kable_hub.usecases.lookup import customer_named, need, provider_named


@dataclass(frozen=True)
class PageView:
    """A page on which a customer leaves a payment method; moments are epoch milliseconds.

    `state` is open, completed (a verified event said so) or expired; `url` is empty but while
    it is open.
    """

    state: str
    created_at: int
    expires_at: int
    completed_at: int | None = None
    url: str = field(default="", repr=False)


@dataclass(frozen=True)
class PaymentMethodView:
    """How a customer stands at a payments provider.

    `ready`: whether it can be charged there, as far as the hub knows; None where nobody told.
    `page` is the newest one, None where there is none.
    """

    provider: str
    ready: bool | None
    page: PageView | None = None


def collect_payment_method(
    hub: Hub, scope: Scope, customer: str, success_url: str, failure_url: str, slug: str = ""
) -> HostedPage:
    """Make the page. `slug` names the payments provider where the customer has several.

    Raises NotFound, Invalid (`bad_url`, `host_not_allowed`), Conflict (`not_linked`,
    `link_pending`, `payment_provider_required`, `not_offered`) and the provider's problems.
    """
    checks = Checks()
    with hub.database.read():
        check_address(checks, scope, "successUrl", success_url)
        check_address(checks, scope, "failureUrl", failure_url)
        checks.done()
        row = customer_named(scope, customer)
        connection, link = _payments_link(scope, row.id, slug)
    provider = provider_named(hub, connection.provider)
    need(provider, Capability.COLLECT_PAYMENT_METHOD)
    whose = as_link(provider, connection, row, link)
    with provider_problems():
        page: HostedPage = hub.asking.ask(
            connection,
            "collect_payment_method",
            link=whose,
            success_url=success_url,
            failure_url=failure_url,
        )
    _remember(hub, scope, link, page)
    return page


def payment_methods(hub: Hub, scope: Scope, customer: str) -> tuple[PaymentMethodView, ...]:
    """How a customer stands at each connected payments provider it is linked at, by provider.

    Raises NotFound.
    """
    with hub.database.read():
        row = customer_named(scope, customer)
        newest = pages.latest(scope, row.id)
        found = [
            PaymentMethodView(
                provider=connection.provider,
                ready=_ready(scope, link),
                page=_page_view(hub, newest.get((connection.id, link.reference))),
            )
            for connection, link in _payments_links(scope, row.id)
        ]
    return tuple(sorted(found, key=lambda one: one.provider))


def _remember(hub: Hub, scope: Scope, link: LinkRow, page: HostedPage) -> None:
    page_id = new_id("pag")
    kept = PageRow(
        id=page_id,
        connection_id=link.connection_id,
        customer_id=link.customer_id,
        reference=link.reference,
        external_id=page.id,
        url=hub.vault.seal(page_id, page.url),
        created_at=hub.now(),
        expires_at=epoch_ms(page.expires_at),
    )
    with hub.database.write():
        pages.add(scope, kept)


def _ready(scope: Scope, link: LinkRow) -> bool | None:
    waits = deliveries.any_waiting_for(scope, link.connection_id, link.customer_id)
    return False if waits else link.ready


def _page_view(hub: Hub, row: PageRow | None) -> PageView | None:
    if row is None:
        return None
    state = "open" if row.expires_at > hub.now() else "expired"
    state = state if row.completed_at is None else "completed"
    url = hub.vault.open(row.id, row.url) if state == "open" else ""
    return PageView(state, row.created_at, row.expires_at, row.completed_at, url)


def _payments_link(scope: Scope, customer_id: str, slug: str) -> tuple[ConnectionRow, LinkRow]:
    every = _payments_links(scope, customer_id)
    found = [one for one in every if slug in ("", one[0].provider)]
    if not found:
        raise Conflict("not_linked", "The customer is not linked at a payments provider.")
    if len(found) > 1:
        slugs = ", ".join(sorted(connection.provider for connection, _ in found))
        raise Conflict("payment_provider_required", f"Name one of {slugs}.")
    if found[0][1].state != "linked":
        raise Conflict("link_pending", "The customer does not stand at the provider yet.")
    return found[0]


def _payments_links(scope: Scope, customer_id: str) -> Iterator[tuple[ConnectionRow, LinkRow]]:
    at = {one.id: one for one in connections.listed(scope) if one.connected}
    for link in links.of_customers(scope, [customer_id]):
        connection = at.get(link.connection_id)
        if connection is not None and connection.kind == Kind.PAYMENTS:
            yield connection, link
