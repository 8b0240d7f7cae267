"""Ask a provider to collect what was delivered and is not paid: an operation of the outbox."""

from kable_hub.domain import PaymentStatus
from kable_hub.provider import Capability
from kable_hub.store import deliveries, invoices, outbox
from kable_hub.store.deliveries import DeliveryFilter, DeliveryRow
from kable_hub.store.scope import Scope
from kable_hub.usecases.errors import Conflict, NotFound
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import need, provider_if_there
from kable_hub.usecases.waking import wake

SETTLED = {
    PaymentStatus.PAID.value: "already_paid",
    PaymentStatus.VOID.value: "voided",
}
"""Payment statuses in which there is nothing to ask for, and the refusals they make."""


def collect_invoice(hub: Hub, scope: Scope, invoice_id: str, slug: str = "") -> DeliveryRow:
    """Open the asking for an invoice's payment; answers the delivery that asks.

    One that is under way is answered as it is, after it another one asks again. `slug` names
    the provider, which is not needed where one collects. Raises NotFound, Conflict
    (`not_delivered`, `already_paid`, `voided`, `not_offered`).
    """
    with hub.database.write():
        if invoices.get(scope, invoice_id) is None:
            raise NotFound("invoice", invoice_id)
        row = _sent(hub, scope, invoice_id, slug)
        if row.payment_status in SETTLED:
            raise Conflict(SETTLED[row.payment_status], f"The document is {row.payment_status}.")
        connection_id = outbox.open_collect(scope, row.id, hub.now())
        assert connection_id is not None
        wake(hub, [connection_id])
        asked = DeliveryFilter(kind="collect", invoice=invoice_id, provider=row.provider)
        return deliveries.listed(scope, asked, "", 1).items[0]


def _sent(hub: Hub, scope: Scope, invoice_id: str, slug: str) -> DeliveryRow:
    """The delivered push at a provider that collects."""
    sent = [
        one
        for one in deliveries.of_invoices(scope, [invoice_id])
        if (one.kind, one.state) == ("push", "delivered") and slug in ("", one.provider)
    ]
    if not sent:
        raise Conflict("not_delivered", "The invoice stands at no provider that was meant.")
    providers = {one.provider: provider_if_there(hub, one.provider) for one in sent}
    for one in sent:
        provider = providers[one.provider]
        if provider is not None and provider.can(Capability.COLLECT_INVOICE):
            return one
    known = next((one for one in providers.values() if one is not None), None)
    if known is not None:
        need(known, Capability.COLLECT_INVOICE)
    raise Conflict("not_offered", "The provider's plugin is away.")
