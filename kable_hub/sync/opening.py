"""In which state a delivery begins, and the earlier invoices that a new link brings along."""

from collections.abc import Iterable, Mapping
from typing import Any

from kable_hub.domain import Invoice, Kind
from kable_hub.errors import Unsupported
from kable_hub.provider import Facts, Provider
from kable_hub.store import invoice_search, links
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.invoice_search import Unsent
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.links import LinkRow
from kable_hub.store.outbox import Opening, open_operations
from kable_hub.store.scope import Scope
from kable_hub.sync.endings import details
from kable_hub.sync.facts import refusal

NOT_LINKED = "the customer is not linked at this provider"
LINK_PENDING = "the customer is still being created at this provider"
ENDED = "the connection was ended; it goes on when the provider is connected again"
LINK_BROKEN = "the linked customer no longer stands at this provider"


def begin(facts: Facts | None, invoice: Invoice, link: LinkRow, auto_push: bool) -> Opening:
    """The push of an invoice to a connection where its customer is linked; see `facts_at`."""
    refused = refusal(facts, invoice) if facts else None
    state, code, message, blocked_on = "due", "", "", ""
    if refused is not None:
        state, code, message = "rejected", refused.code, refused.message
    elif not auto_push:
        state = "held"
    elif link.state == "pending":
        state, code, message, blocked_on = "blocked", "link_pending", LINK_PENDING, "link"
    elif link.state == "broken":
        said = " ".join(link.warnings) or LINK_BROKEN
        state, code, message, blocked_on = "blocked", "customer_gone", said, "link"
    return Opening(
        connection_id=link.connection_id,
        kind="push",
        subject_id=invoice.id,
        customer_id=link.customer_id,
        state=state,
        error_code=code,
        error_message=message,
        error_details=tuple(details(refused)) if refused else (),
        blocked_on=blocked_on,
    )


def refused_for(
    provider: Provider | None, settings: Mapping[str, Any], invoice: Invoice, link: LinkRow | None
) -> Unsupported | None:
    """What excludes the invoice of a linked customer, under its settings there, or None."""
    facts = facts_at(provider, settings, link)
    return refusal(facts, invoice) if facts else None


def facts_at(
    provider: Provider | None, settings: Mapping[str, Any], link: LinkRow | None
) -> Facts | None:
    """The facts that hold for a linked customer under the connection's `settings`.

    None, and nothing is excluded, where the plugin is away.
    """
    if provider is None:
        return None
    return provider.facts_for(provider.settings_for(settings, link.settings if link else None))


def open_earlier(
    scope: Scope, provider: Provider, connection: ConnectionRow, customer_id: str, now: int
) -> bool:
    """Open the earlier invoices that a customer's link at an accounting provider brings along.

    By the connection's setting (all, since a date, none); answers whether something is due.
    Join the transaction that wrote the link: a bill sent twice, or never, is what is at stake.
    """
    if provider.kind is not Kind.ACCOUNTING or connection.push_earlier == "none":
        return False
    since = connection.push_since if connection.push_earlier == "since" else None
    which = Unsent(customer_id, connection.id, since=since)
    return open_unsent(scope, provider, connection, which, now)


def open_unsent(
    scope: Scope, provider: Provider, connection: ConnectionRow, which: Unsent, now: int
) -> bool:
    """Open the invoices that never went to a connection; answers whether something is due."""
    link = links.get(scope, which.connection_id, which.customer_id)
    if link is None:
        return False
    due = False
    for chunk in invoice_search.unsent(scope, which):
        openings = _begin_all(provider, connection, chunk, link)
        due |= bool(open_operations(scope, openings, now))
    return due


def _begin_all(
    provider: Provider, connection: ConnectionRow, rows: Iterable[InvoiceRow], link: LinkRow
) -> list[Opening]:
    facts = facts_at(provider, connection.settings, link)
    return [begin(facts, row.to_domain(), link, row.auto_push) for row in rows]
