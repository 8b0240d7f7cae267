"""Where invoices go: one delivery for each linked accounting connection, at most one payment."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kable_hub.domain import Invoice, Kind
from kable_hub.provider import Facts
from kable_hub.store import connections, deliveries, links, outbox
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.consequences import LOST
from kable_hub.store.deliveries import DeliveryRow
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.links import LinkRow
from kable_hub.store.outbox import Opening
from kable_hub.store.scope import Scope
from kable_hub.sync.opening import ENDED, begin, facts_at
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import provider_if_there

_CHUNK = 400


@dataclass(frozen=True)
class Routes:
    """Where the invoices of some customers can go, as read inside the transaction."""

    hub: Hub
    connections: Mapping[str, ConnectionRow]
    links: Mapping[str, tuple[LinkRow, ...]]
    _facts: dict[tuple[str, str], Facts | None] = field(default_factory=dict)

    @classmethod
    def of(cls, hub: Hub, scope: Scope, customer_ids: Collection[str]) -> "Routes":
        """Read them; at a payments provider, links of disconnected connections do not count."""
        known = {one.id: one for one in connections.listed(scope)}
        found: dict[str, list[LinkRow]] = defaultdict(list)
        for link in links.of_customers(scope, customer_ids):
            place = known[link.connection_id]
            if place.connected or place.kind == Kind.ACCOUNTING:
                found[link.customer_id].append(link)
        return cls(hub, known, {key: tuple(value) for key, value in found.items()})

    def plan(self, checks: Checks, invoice: InvoiceRow) -> list[Opening]:
        """The deliveries of an invoice. Faults of `paymentProvider` are added to `checks`."""
        theirs = self.links.get(invoice.customer_id, ())
        chosen = [link for link in theirs if self._at(link).kind == Kind.ACCOUNTING]
        payers = [link for link in theirs if self._at(link).kind == Kind.PAYMENTS]
        chosen += self._payer(checks, invoice.payment_provider, payers)
        known = invoice.to_domain()
        return [self._begin(invoice, known, link) for link in chosen]

    def open_ones(self) -> list[ConnectionRow]:
        """The connections that stand."""
        return [one for one in self.connections.values() if one.connected]

    def opened(self, openings: Sequence[Opening], now: int) -> dict[str, list[DeliveryRow]]:
        """What `open_all` made of them, by their invoices."""
        found: dict[str, list[DeliveryRow]] = defaultdict(list)
        for one in openings:
            at = self.connections[one.connection_id].provider
            found[one.subject_id].append(deliveries.opened(one, at, now))
        return found

    def _payer(self, checks: Checks, named: str, payers: list[LinkRow]) -> list[LinkRow]:
        if named:
            found = [link for link in payers if self._at(link).provider == named]
            if not found:
                said = f"The customer is not linked at a payments provider {named[:80]!r}."
                checks.fault("paymentProvider", "not_linked", said)
            return found
        if len(payers) > 1:
            slugs = ", ".join(sorted(self._at(link).provider for link in payers))
            said = f"Name one of {slugs}: nobody is charged twice."
            checks.fault("paymentProvider", "payment_provider_required", said)
        return payers[:1]

    def _begin(self, invoice: InvoiceRow, known: Invoice, link: LinkRow) -> Opening:
        at = self._at(link)
        opening = begin(self._facts_at(at, link), known, link, invoice.auto_push)
        code, said = _hindrance(at)
        if not code or opening.state != "due":
            return opening
        return replace(
            opening, state="blocked", error_code=code, error_message=said, blocked_on="provider"
        )

    def _facts_at(self, at: ConnectionRow, link: LinkRow) -> Facts | None:
        key = at.id, link.customer_id
        if key not in self._facts:
            provider = provider_if_there(self.hub, at.provider)
            self._facts[key] = facts_at(provider, at.settings, link)
        return self._facts[key]

    def _at(self, link: LinkRow) -> ConnectionRow:
        return self.connections[link.connection_id]


def _hindrance(at: ConnectionRow) -> tuple[str, str]:
    """Why nothing can go there until a person connects it again, as code and message."""
    if not at.connected:
        # The books want every invoice: it goes there once they are connected again.
        return "disconnected", ENDED
    return ("not_connected", LOST) if "reconnect" in at.pauses else ("", "")


def open_all(scope: Scope, openings: Sequence[Opening], now: int) -> set[str]:
    """Write many openings; answers the connections that have something due."""
    due: set[str] = set()
    for start in range(0, len(openings), _CHUNK):
        due |= set(outbox.open_operations(scope, list(openings[start : start + _CHUNK]), now))
    return due
