"""Stripe for Kable Hub: each hook says in one sentence what it does."""

from collections.abc import Mapping
from datetime import datetime

from kable_hub import (
    Connection,
    ConnectRequest,
    Customer,
    CustomerLink,
    Document,
    Effect,
    Environment,
    Event,
    Form,
    Grant,
    HostedPage,
    Invoice,
    LinkedCustomer,
    Provider,
    Push,
    Receipt,
    Redirect,
    Unfinished,
    WebhookRequest,
    hookimpl,
)
from kable_stripe_payments import (
    checkout,
    customers,
    declaration,
    invoices,
    mapping,
    paying,
    webhooks,
)
from kable_stripe_payments import connect as ways_in


@hookimpl
def provider() -> Provider:
    """Declare Stripe."""
    return declaration.provider()


@hookimpl
def connect(request: ConnectRequest) -> Form | Redirect | Grant:
    """Connect by OAuth or by a pasted key."""
    return ways_in.step(request)


@hookimpl
def link_customer(
    connection: Connection, customer: Customer, reference: str | None, key: str, since: datetime
) -> LinkedCustomer:
    """Check the `cus_...` given, or make the customer once."""
    if reference is not None:
        return customers.check(connection, reference)
    return customers.create(connection, customer, key, since)


@hookimpl
def search_customers(connection: Connection, query: str) -> list[LinkedCustomer]:
    """Suggest customers by id, name or e-mail."""
    return customers.search(connection, query)


@hookimpl
def plan_invoice(connection: Connection, invoice: Invoice, link: CustomerLink) -> Document:
    """Translate, and make sure that there is something to charge."""
    settings = {**connection.settings, **link.settings}
    document = mapping.to_document(invoice, link, settings, connection.now().date())
    if invoice.total:
        customers.require_chargeable(connection, link.reference, settings)
    return document


@hookimpl
def push_invoice(connection: Connection, push: Push) -> Receipt:
    """Draft, fill, compare, finalize."""
    return invoices.push(connection, push)


@hookimpl
def find_invoice(connection: Connection, push: Push) -> Receipt | Unfinished | None:
    """Find the invoice by its marker in the customer's list."""
    return invoices.find(connection, push)


@hookimpl
def cancel_invoice(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void the invoice."""
    return invoices.cancel(connection, receipt, push)


@hookimpl
def collect_invoice(connection: Connection, receipt: Receipt, key: str) -> Receipt:
    """Have Stripe charge the invoice now."""
    return paying.collect(connection, receipt, key)


@hookimpl
def collect_payment_method(
    connection: Connection, link: CustomerLink, success_url: str, failure_url: str
) -> HostedPage:
    """Open a Checkout page on which the customer leaves a card."""
    return checkout.hosted_page(connection, link, success_url, failure_url)


@hookimpl
def receive_webhook(
    request: WebhookRequest, app: Mapping[str, str], connection: Connection | None
) -> list[Event]:
    """Verify the signature and take the event apart."""
    return webhooks.receive(request, app, connection)


@hookimpl
def work_event(connection: Connection, event: Event) -> list[Effect]:
    """Read afresh what the event is about."""
    return webhooks.work(connection, event)


@hookimpl
def check_connection(connection: Connection) -> list[str]:
    """Read the account."""
    return ways_in.check(connection)


@hookimpl
def disconnect(connection: Connection, apps: Mapping[Environment, Mapping[str, str]]) -> bool:
    """Deauthorize the platform."""
    return ways_in.disconnect(connection, apps)
