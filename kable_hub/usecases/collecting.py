"""Collect a payment method: a short-lived page at the provider on which the customer leaves it."""

from urllib.parse import urlsplit

from kable_hub.domain import Environment, HostedPage, Kind
from kable_hub.provider import Capability
from kable_hub.store import connections, links
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.links import LinkRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Conflict, FieldError, Invalid, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_settings import as_link
from kable_hub.usecases.lookup import customer_named, need, provider_named

LONGEST_URL = 2000


def collect_payment_method(
    hub: Hub, scope: Scope, customer: str, success_url: str, failure_url: str, slug: str = ""
) -> HostedPage:
    """Make the page. `slug` names the payments provider where the customer has several.

    Raises NotFound, Invalid (`bad_url`; https outside test), Conflict (`not_linked`,
    `link_pending`, `payment_provider_required`, `not_offered`) and the provider's problems.
    """
    faults = [
        *_url_faults(scope, "successUrl", success_url),
        *_url_faults(scope, "failureUrl", failure_url),
    ]
    if faults:
        raise Invalid(*faults)
    with hub.database.read():
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
    return page


def _payments_link(scope: Scope, customer_id: str, slug: str) -> tuple[ConnectionRow, LinkRow]:
    at = {one.id: one for one in connections.listed(scope) if one.connected}
    found = [
        (at[link.connection_id], link)
        for link in links.of_customers(scope, [customer_id])
        if link.connection_id in at
        and at[link.connection_id].kind == Kind.PAYMENTS
        and slug in ("", at[link.connection_id].provider)
    ]
    if not found:
        raise Conflict("not_linked", "The customer is not linked at a payments provider.")
    if len(found) > 1:
        slugs = ", ".join(sorted(connection.provider for connection, _ in found))
        raise Conflict("payment_provider_required", f"Name one of {slugs}.")
    if found[0][1].state != "linked":
        raise Conflict("link_pending", "The customer does not stand at the provider yet.")
    return found[0]


def _url_faults(scope: Scope, field: str, url: str) -> list[FieldError]:
    """Money is asked for only by pages that nobody can read along, but in test."""
    parts = urlsplit(url) if url.isprintable() and " " not in url else None
    schemes = ("https", "http") if scope.environment is Environment.TEST else ("https",)
    if parts and parts.scheme in schemes and parts.hostname and len(url) <= LONGEST_URL:
        return []
    said = f"This has to be an {' or '.join(schemes)} address of at most {LONGEST_URL} characters."
    return [FieldError(field, "bad_url", said)]
