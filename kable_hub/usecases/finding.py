"""Look for a sent document at the provider, as the sync loop does where an answer was lost."""

from kable_hub import canonical
from kable_hub.clock import from_ms
from kable_hub.domain import Push, Receipt, Unfinished
from kable_hub.store import connections, customers, deliveries, invoices, links
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.scope import Scope
from kable_hub.sync.keys import marker
from kable_hub.usecases.errors import Conflict, NotFound, provider_problems
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.link_settings import as_link
from kable_hub.usecases.lookup import provider_named


def find_document(hub: Hub, scope: Scope, delivery_id: str) -> Receipt | Unfinished | None:
    """What stands at the provider for a delivery, by its marker; writes nothing anywhere.

    Raises NotFound, Conflict (`never_sent`) and the provider's problems.
    """
    with hub.database.read():
        connection, push = _push(hub, scope, delivery_id)
    with provider_problems():
        found: Receipt | Unfinished | None = hub.asking.ask(connection, "find_invoice", push=push)
    return found


def _push(hub: Hub, scope: Scope, delivery_id: str) -> tuple[ConnectionRow, Push]:
    row = deliveries.get(scope, delivery_id)
    if row is None or row.kind != "push":
        raise NotFound("push", delivery_id)
    every = deliveries.generations(scope, delivery_id)
    connection = connections.get(scope, row.connection_id)
    invoice = invoices.get(scope, row.subject_id)
    customer = customers.find(scope, row.customer_id)
    link = links.get(scope, row.connection_id, row.customer_id)
    if not (every and invoice and connection and customer and link):
        raise Conflict("never_sent", "Nothing was sent yet, or its customer is not linked.")
    newest, oldest = every[-1], every[0]
    push = Push(
        invoice=invoice.to_domain(),
        link=as_link(provider_named(hub, connection.provider), connection, customer, link),
        document=canonical.loads(newest.document),
        key=newest.key,
        generation=newest.number,
        since=from_ms(oldest.first_sent_at or oldest.frozen_at),
        marker=marker(hub.instance_id, scope.account_id, invoice.id),
    )
    return connection, push
