"""An account with many invoices, for `pages.py`: two lines each, two providers.

There is a customer for five invoices, and a tenth of the invoices are of one. Four customers of
five are linked, each at both providers. Some of the deliveries stopped; the others are delivered,
or all are still due.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import kable_quickbooks_ledger
import kable_stripe_payments

from kable_hub import Environment
from kable_hub.domain import InvoiceLine, Receipt
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import connections, invoices
from kable_hub.store import tables as t
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.ids import new_id
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.loading import receipt_values
from kable_hub.store.outbox import Opening, open_operations
from kable_hub.store.rows import insert_all
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub

PORTION = 2000
SHARE = 5
"""Invoices for each customer."""

SINCE = date(2024, 1, 1)
STOPPED = {7: "blocked", 11: "uncertain", 13: "rejected"}
"""Of each thousand invoices, the states of those that stopped; the others are delivered."""

PLUGINS = {"stripe": kable_stripe_payments, "quickbooks": kable_quickbooks_ledger}
KINDS = {"stripe": "payments", "quickbooks": "accounting"}
LINES = (
    InvoiceLine("l1", "Subscription", Decimal(1), Decimal("249.00"), 24900),
    InvoiceLine("l2", "Seats", Decimal(3), Decimal("26.00"), 7800),
)


@dataclass(frozen=True)
class Filled:
    """Ids of what pages are about: the customer with most invoices, an invoice that is blocked
    with its delivery, an API key, an endpoint that is told of every invoice."""

    scope: Scope
    customer: str
    invoice: str
    delivery: str
    key: str
    endpoint: str


def opened(folder: Path) -> Hub:
    """A hub on an SQLite file in this folder."""
    given: dict[str, Any] = {"KABLE_DATA_DIR": str(folder), "KABLE_LOG_LEVEL": "ERROR"}
    return open_hub(Settings.load(given), registry=Registry.of(*PLUGINS.values()))


def fill(hub: Hub, count: int, waiting: bool = False) -> Filled:
    """Write it all; where it is `waiting`, nothing was sent yet."""
    account = accounts.create_account(hub, "Bench", "paid").id
    scope, now = Scope(account, Environment.TEST), hub.now()
    key = accounts.create_api_key(hub, account, Environment.TEST, "bench").key.id
    with hub.database.write():
        at = [_connect(scope, slug, now) for slug in PLUGINS]
        whose = _customers(scope, count // SHARE, now)
        _link(scope, at, whose, now)
        endpoint = _endpoint(scope, now)
    for start in range(0, count, PORTION):
        numbers = range(start, min(count, start + PORTION))
        rows = [_invoice(number, whose, now) for number in numbers]
        with hub.database.write(durable=False):
            invoices.add(scope, rows)
            open_operations(scope, list(_openings(rows, at, waiting)), now)
            _tell(scope, endpoint, len(rows), now)
    _deliver(hub, now)
    with hub.database.read():
        stopped = t.Delivery.select().where(t.Delivery.state == ("due" if waiting else "blocked"))
        one = stopped.limit(1).get()
    return Filled(scope, whose[0], one.subject_id, one.id, key, endpoint)


def _connect(scope: Scope, slug: str, now: int) -> str:
    row = ConnectionRow(
        id=new_id("con"),
        scope=scope,
        provider=slug,
        kind=KINDS[slug],
        state="active",
        external_id=slug,
        title="Bench",
        app_id="",
        method="",
        shared=False,
        push_earlier="all",
        push_since=None,
        created_at=now,
        connected_at=now,
        checked_at=now,
    )
    connections.add(row)
    return row.id


def _customers(scope: Scope, count: int, now: int) -> list[str]:
    rows = [
        {
            "id": new_id("cus"),
            "client_id": f"c-{number}",
            "company_name": f"Customer {number}",
            "currency": "USD",
            "email": f"billing-{number}@customers.example",
            "created_at": now,
            "updated_at": now,
            **owner(scope),
        }
        for number in range(count)
    ]
    insert_all(t.Customer, rows)
    return [str(row["id"]) for row in rows]


def _link(scope: Scope, at: list[str], customers: list[str], now: int) -> None:
    rows = [
        {
            "id": new_id("lnk"),
            "customer_id": customer,
            "connection_id": connection,
            "reference": f"ref-{number}",
            "created_at": now,
            "updated_at": now,
            **owner(scope),
        }
        for number, customer in enumerate(customers)
        for connection in at
        if number % 5 != 4
    ]
    insert_all(t.Link, rows)


def _invoice(number: int, whose: list[str], now: int) -> InvoiceRow:
    return InvoiceRow(
        id=new_id("inv"),
        customer_id=whose[number % len(whose) if number % 10 else 0],
        number=f"B-{number}",
        currency="USD",
        issue_date=SINCE + timedelta(days=number % 1000),
        due_date=None,
        subtotal=32700,
        tax=0,
        total=32700,
        memo="",
        payment_provider="",
        auto_push=True,
        revision=1,
        created_at=now,
        updated_at=now,
        lines=LINES,
    )


def _openings(rows: list[InvoiceRow], at: list[str], waiting: bool) -> Any:
    for row in rows:
        state = STOPPED.get(int(row.number[2:]) % 1000, "delivered")
        for one in at:
            yield Opening(one, "push", row.id, row.customer_id, "due" if waiting else state)


def _endpoint(scope: Scope, now: int) -> str:
    made = {"id": new_id("whe"), "url": "https://shop.example/hooks", "secret": ""}
    insert_all(t.WebhookEndpoint, [{**made, "created_at": now, "updated_at": now, **owner(scope)}])
    return made["id"]


def _tell(scope: Scope, endpoint: str, count: int, now: int) -> None:
    told = {"type": "delivery.delivered", "created_at": now, **owner(scope)}
    events = [{"id": new_id("evt"), "body": "{}", **told} for _ in range(count)]
    sent = {"endpoint_id": endpoint, "state": "delivered", "finished_at": now}
    messages = [{"id": new_id("msg"), "event_id": one["id"], **sent, **told} for one in events]
    tried = {"status": 200, "started_at": now, "duration_ms": 9, **owner(scope)}
    insert_all(t.OutgoingEvent, events)
    insert_all(t.OutgoingMessage, messages)
    insert_all(
        t.OutgoingAttempt,
        [{"id": new_id("oat"), "message_id": one["id"], **tried} for one in messages],
    )


def _deliver(hub: Hub, now: int) -> None:
    receipt = receipt_values(Receipt("ext-1", 32700, "USD", "ref-1", "D-1", "https://x.example/1"))
    values = {"receipt": receipt, "payment_status": "paid", "delivered_at": now}
    done = t.Delivery.state == "delivered"
    with hub.database.write():
        t.Delivery.update(**values, external_id=t.Delivery.id).where(done).execute()
