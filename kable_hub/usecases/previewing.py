"""A dry run for people: the exact document a provider would be sent."""

from dataclasses import dataclass

from kable_hub.domain import CustomerLink, Document, Invoice
from kable_hub.provider import Provider
from kable_hub.store import customers, invoices, links
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.sync.facts import refusal
from kable_hub.usecases.errors import Conflict, NotFound, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_settings import as_link
from kable_hub.usecases.lookup import connected, provider_named


@dataclass(frozen=True)
class Preview:
    """What would be sent to a provider, as canonical JSON."""

    provider: str
    document: Document


def preview_invoice(hub: Hub, scope: Scope, invoice_id: str, slug: str) -> Preview:
    """Plan the invoice at a connected provider, writing nothing anywhere.

    Raises NotFound, Conflict (`not_connected`, `not_linked`, `link_pending`), and what stands
    against the invoice there as the provider's problems.
    """
    provider = provider_named(hub, slug)
    with hub.database.read():
        row = invoices.get(scope, invoice_id)
        if row is None:
            raise NotFound("invoice", invoice_id)
        connection = connected(hub, scope, slug)
        link = _link(provider, scope, connection, row.customer_id)
    invoice: Invoice = row.to_domain()
    with provider_problems():
        refused = refusal(provider.facts_for(link.settings), invoice)
        if refused is not None:
            raise refused
        document = hub.asking.ask(connection, "plan_invoice", invoice=invoice, link=link)
    return Preview(slug, document)


def _link(
    provider: Provider, scope: Scope, connection: ConnectionRow, customer_id: str
) -> CustomerLink:
    row = links.get(scope, connection.id, customer_id)
    customer = customers.find(scope, customer_id)
    if row is None or customer is None or row.state == "broken":
        raise Conflict("not_linked", "The customer is not linked at this provider.")
    if row.state == "pending":
        raise Conflict("link_pending", "The customer is still being created at this provider.")
    return as_link(provider, connection, customer, row)
