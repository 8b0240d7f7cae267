"""Links inside a transaction: written, begun, taken away, with all that follows from it.

The customer's row has to be locked, so that no invoice slips between a link and the earlier
invoices it brings along.
"""

from dataclasses import replace
from datetime import datetime

from kable_hub.domain import Customer, LinkedCustomer
from kable_hub.provider import Provider
from kable_hub.store import customers, deliveries, links, outbox, replanning
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.outbox import Opening
from kable_hub.store.scope import Scope
from kable_hub.sync.opening import open_earlier
from kable_hub.usecases.errors import Conflict, FieldError, Invalid, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.waking import wake


def extract(provider: Provider, field: str, text: str) -> str:
    """The reference in what a person pasted. Raises Invalid (`bad_reference` on `field`)."""
    found = provider.reference.extract(text)
    if found is None:
        wish = f"such as {provider.reference.example}"
        said = f"{text[:80]!r} is no customer id of {provider.title}, {wish}."
        fault = FieldError(field, "bad_reference", f"{said} {provider.reference.help}".strip())
        raise Invalid(fault)
    return found


def verify(
    hub: Hub, connection: ConnectionRow, customer: CustomerRow, reference: str
) -> LinkedCustomer:
    """What stands at the provider under a reference. Raises the provider's problems."""
    since: datetime = hub.clock.now()
    with provider_problems():
        found: LinkedCustomer = hub.asking.ask(
            connection,
            "link_customer",
            customer=to_domain(customer),
            reference=reference,
            key="",
            since=since,
        )
    return found


def write_link(
    hub: Hub,
    connection: ConnectionRow,
    customer: CustomerRow,
    found: LinkedCustomer,
    *,
    confirm: bool,
    by: str = "",
) -> None:
    """Link, plan anew what was not sent, open what came earlier. Raises Conflict
    (`reference_in_use` unless `confirm`; who did, `by`, stands on the link then).
    """
    scope, now = connection.scope, hub.now()
    provider = hub.registry.provider(connection.provider)
    others = held_by(scope, connection, found.reference, customer.id)
    if others and not confirm:
        detail = f"{found.reference} is linked to {', '.join(others)} already; confirm to share it."
        raise Conflict("reference_in_use", detail, extras={"customers": list(others)})
    warned = with_warning(provider, customer, found)
    links.put(scope, connection.id, customer.id, warned, now, by if others else None)
    _stop_creating(scope, connection.id, customer.id, now)
    outbox.relink(scope, connection.id, customer.id, now)
    open_earlier(scope, provider, connection, customer.id, now)
    wake(hub, [connection.id])


def begin_creating(hub: Hub, connection: ConnectionRow, customer: CustomerRow) -> None:
    """Make a pending link and the operation that creates the customer at the provider.

    Earlier invoices that the link brings along are opened, and wait for it.
    """
    scope, now = connection.scope, hub.now()
    links.put_pending(scope, connection.id, customer.id, now)
    if not replanning.reopen_creation(scope, connection.id, customer.id, now):
        opening = Opening(connection.id, "create_customer", customer.id, customer.id)
        outbox.open_operations(scope, [opening], now)
    provider = hub.registry.provider(connection.provider)
    open_earlier(scope, provider, connection, customer.id, now)
    wake(hub, [connection.id])


def take_link(scope: Scope, connection_id: str, customer_id: str, now: int) -> bool:
    """Unlink and block what was not sent there yet; False where there was no link."""
    if not links.remove(scope, connection_id, customer_id):
        return False
    _stop_creating(scope, connection_id, customer_id, now)
    outbox.block_unlinked(scope, connection_id, customer_id, now)
    return True


def to_domain(row: CustomerRow) -> Customer:
    """The customer as plugins see it."""
    return Customer(
        id=row.id,
        client_id=row.client_id,
        company_name=row.company_name,
        currency=row.currency,
        email=row.email,
        billing_address=row.billing_address,
    )


def held_by(scope: Scope, connection: ConnectionRow, reference: str, but: str) -> tuple[str, ...]:
    """The clientIds of customers that have this counterpart, but for the one with the id `but`."""
    held = links.by_reference(scope, connection.id, reference)
    others = customers.find_many(scope, [one.customer_id for one in held if one.customer_id != but])
    return tuple(sorted(one.client_id for one in others.values()))


def with_warning(
    provider: Provider, customer: CustomerRow, found: LinkedCustomer
) -> LinkedCustomer:
    """What was found, with a warning where its currency is not the customer's."""
    if found.currency in ("", customer.currency):
        return found
    said = (
        f"This customer is billed in {customer.currency}, "
        f"its counterpart at {provider.title} in {found.currency}."
    )
    return replace(found, warnings=(*found.warnings, said))


def _stop_creating(scope: Scope, connection_id: str, customer_id: str, now: int) -> None:
    for creation in deliveries.creations(scope, [customer_id]):
        if creation.connection_id == connection_id:
            outbox.cancel(scope, creation.id, now)
