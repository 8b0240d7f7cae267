"""Invoices as their pages show them: what stands at each provider, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for

from kable_hub.provider import Provider
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.usecases.fixes import Fix, Place, fix_for
from kable_hub.usecases.invoicing import InvoiceView
from kable_hub.usecases.offers import Offer, offers
from kable_hub.web.dashboard.context import hub

PACES = {"due": 2, "pushing": 2, "uncertain": 2, "blocked": 5}
"""Seconds after which a page looks again at what changes by itself, by state; what is blocked
goes on when somebody acts elsewhere, such as a customer who leaves a card."""

UNPAID = ("open", "partially_paid", "overdue", "payment_failed", "requires_action")
UNPAID_PACE = 15

_ORDER = {"push": 0, "collect": 1, "void": 2}


@dataclass(frozen=True)
class Operation:
    """One delivery as it is shown. `fix_url` is where the fix is made, or empty."""

    row: DeliveryRow
    offers: tuple[Offer, ...]
    fix: Fix | None = None
    fix_url: str = ""


@dataclass(frozen=True)
class Panel:
    """All of an invoice at one provider: the push and what came after it."""

    slug: str
    title: str
    push: Operation
    after: tuple[Operation, ...]

    @property
    def receipt(self) -> Mapping[str, Any]:
        """The provider's acknowledgement, empty where there is none."""
        return self.push.row.receipt or {}

    @property
    def url(self) -> str:
        """The document's page at the provider, or empty."""
        url = str(self.receipt.get("url", ""))
        return url if url.startswith(("https://", "http://")) else ""


def titles() -> dict[str, str]:
    """The providers' titles by their slugs."""
    return {one.slug: one.title for one in hub().registry.providers()}


def panels(view: InvoiceView) -> list[Panel]:
    """One for each provider that the invoice goes to."""
    known = {one.slug: one for one in hub().registry.providers()}
    return [
        _panel(view, one, known.get(one.provider)) for one in view.deliveries if one.kind == "push"
    ]


def pace(rows: Iterable[DeliveryRow]) -> int:
    """Seconds after which a page that shows these looks again, 0 where all of them are final."""
    waits = [
        PACES.get(one.state, UNPAID_PACE)
        for one in rows
        if one.state in PACES or one.payment_status in UNPAID
    ]
    return min(waits, default=0)


def _panel(view: InvoiceView, push: DeliveryRow, provider: Provider | None) -> Panel:
    def shown(row: DeliveryRow, after: list[DeliveryRow]) -> Operation:
        fix, there = _fix(view, row, provider)
        offered = offers(row, provider, after)
        if fix and not fix.retry_helps and not _may_be_lifted(row, provider):
            offered = [one for one in offered if one != "retry"]
        return Operation(row, tuple(offered), fix, there)

    here = [one for one in view.deliveries if one.connection_id == push.connection_id]
    later = sorted((one for one in here if one is not push), key=lambda one: _ORDER[one.kind])
    title = provider.title if provider else push.provider
    return Panel(push.provider, title, shown(push, later), tuple(shown(one, []) for one in later))


def _may_be_lifted(row: DeliveryRow, provider: Provider | None) -> bool:
    """Whether a setting of the provider makes it take what it did not take."""
    facts = {one.fact for one in provider.lifts} if provider else set()
    return any(one.get("fact") in facts for one in row.error_details)


def _fix(view: InvoiceView, row: DeliveryRow, provider: Provider | None) -> tuple[Fix | None, str]:
    title = provider.title if provider else row.provider
    fix = fix_for(row.state, row.error_code, row.blocked_on, title)
    return fix, _place(view, fix, provider) if fix else ""


def _place(view: InvoiceView, fix: Fix, provider: Provider | None) -> str:
    if fix.place is Place.CUSTOMER:
        return url_for("dashboard.customer_links.index", customer=view.invoice.customer_id)
    if fix.place is Place.CONNECTION and provider is not None:
        return url_for("dashboard.connections.index", kind=provider.kind.value)
    return ""


def customer_url(view: InvoiceView) -> str:
    """Where the invoice's customer stands."""
    return url_for("dashboard.customers.show", customer=view.invoice.customer_id)
