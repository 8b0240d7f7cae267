"""QuickBooks Online for Kable Hub: the hooks, each one sentence."""

from collections.abc import Mapping, Sequence

from kable_hub import (
    JSON,
    Connection,
    ConnectRequest,
    Credentials,
    Customer,
    CustomerLink,
    Document,
    Effect,
    Event,
    Form,
    Grant,
    Invoice,
    LinkedCustomer,
    Provider,
    ProviderError,
    Push,
    Receipt,
    Redirect,
    SettingChoices,
    Unfinished,
    WebhookRequest,
    hookimpl,
)
from kable_quickbooks_ledger import (
    batch,
    changes,
    choices,
    customers,
    declaration,
    finding,
    invoices,
    new_customers,
    oauth,
    webhooks,
)


@hookimpl
def provider() -> Provider:
    """Declare QuickBooks Online."""
    return declaration.PROVIDER


@hookimpl
def connect(request: ConnectRequest) -> Form | Redirect | Grant:
    """Send the browser to Intuit, then finish with the code it brings back."""
    return oauth.connect(request)


@hookimpl
def refresh(connection: Connection) -> Credentials:
    """Trade the refresh token for a new pair."""
    return oauth.INTUIT.refresh(connection).credentials


@hookimpl
def disconnect(connection: Connection) -> bool:
    """Revoke the grant at Intuit."""
    return oauth.revoke(connection)


@hookimpl
def check_connection(connection: Connection) -> list[str]:
    """Read the company and say what would stop invoices."""
    return choices.check(connection)


@hookimpl
def setting_choices(connection: Connection, field: str) -> SettingChoices:
    """List items, tax codes, terms or classes."""
    return choices.choices(connection, field)


@hookimpl
def search_customers(connection: Connection, query: str) -> list[LinkedCustomer]:
    """Suggest customers by id, e-mail address, name or company."""
    return customers.search(connection, query)


@hookimpl
def link_customer(
    connection: Connection, customer: Customer, reference: str | None, key: str
) -> LinkedCustomer:
    """Check the customer with this id, or create it."""
    if reference is None:
        return new_customers.create(connection, customer, key)
    return customers.check(connection, reference)


@hookimpl
def plan_invoice(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """Write the document down exactly."""
    return invoices.plan(connection, invoice, link)


@hookimpl
def push_invoice(connection: Connection, push: Push) -> Receipt:
    """Create the invoice, or adopt the one that stands there."""
    return invoices.push(connection, push)


@hookimpl
def push_invoices(
    connection: Connection, pushes: Sequence[Push], batch_key: str
) -> list[Receipt | ProviderError]:
    """Create up to thirty invoices in one request."""
    return batch.push_all(connection, pushes, batch_key)


@hookimpl
def find_invoice(connection: Connection, push: Push) -> Receipt | Unfinished | None:
    """Look for the invoice by its marker."""
    return finding.find(connection, push)


@hookimpl
def find_invoices(
    connection: Connection, pushes: Sequence[Push]
) -> list[Receipt | Unfinished | ProviderError | None]:
    """Look for up to thirty invoices in one or two requests."""
    return list(batch.find_all(connection, pushes))


@hookimpl
def cancel_invoice(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void the invoice."""
    return invoices.void(connection, receipt, push)


@hookimpl
def poll_changes(
    connection: Connection, cursor: Mapping[str, JSON]
) -> tuple[list[Effect], Mapping[str, JSON]]:
    """Say which invoices and customers were changed in QuickBooks since last time."""
    return changes.poll(connection, cursor)


@hookimpl
def receive_webhook(
    request: WebhookRequest, app: Mapping[str, str], connection: Connection | None
) -> list[Event]:
    """Verify Intuit's signature and take the events apart."""
    return webhooks.receive(request, app, connection)


@hookimpl
def work_event(connection: Connection, event: Event) -> list[Effect]:
    """Read afresh what the event is about."""
    return webhooks.work(connection, event)
