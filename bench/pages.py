"""How long the dashboard's pages take on the server, with many invoices in SQLite.

    python3 run.py bench pages [--invoices 100000] [--rounds 5] [--target 100]

Fills a temporary SQLite file with an account's invoices (two lines each, 2,000 customers, a
delivery at two providers, a few of them stopped), signs somebody in and asks for what the
navigation leads to, one invoice, and the list with filters. No sockets: the app alone is timed.
Exit status 1 where the median of a page is over the target.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import kable_quickbooks_ledger
import kable_stripe_payments
from flask.testing import FlaskClient

from kable_hub import Environment
from kable_hub.domain import Address, InvoiceLine
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.store import connections, customers, invoices
from kable_hub.store import tables as t
from kable_hub.store.connections import ConnectionRow
from kable_hub.store.customers import CustomerRow
from kable_hub.store.ids import new_id
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.outbox import Opening, open_operations
from kable_hub.store.scope import Scope
from kable_hub.usecases import accounts, signing_in, users
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.web.app import create_app

PORTION = 2000
CUSTOMERS = 2000
SINCE = date(2024, 1, 1)
STOPPED = {7: "blocked", 11: "uncertain", 13: "rejected"}
"""Of each thousand invoices, the states of those that stopped; the others are delivered."""

PLUGINS = {"stripe": kable_stripe_payments, "quickbooks": kable_quickbooks_ledger}
KINDS = {"stripe": "payments", "quickbooks": "accounting"}
FILTERS = (
    "q=B-99999",
    "q=nobody",
    "q=Customer 7",
    "state=delivered",
    "state=blocked",
    "state=held",
    "state=uncertain&provider=stripe",
    "from=2024-01-01&to=2024-01-01",
    "from=2030-01-01",
)


# --- filling ---------------------------------------------------------------------------------


def fill(hub: Hub, scope: Scope, count: int) -> str:
    """Write it all; answers the id of one invoice that is blocked."""
    now = hub.now()
    with hub.database.write():
        at = [_connect(scope, slug, now) for slug in PLUGINS]
        whose = [_customer(scope, number, now) for number in range(CUSTOMERS)]
    blocked = ""
    for start in range(0, count, PORTION):
        numbers = range(start, min(count, start + PORTION))
        rows = [_invoice(number, whose[number % CUSTOMERS], now) for number in numbers]
        with hub.database.write(durable=False):
            invoices.add(scope, rows)
            openings = [
                Opening(one, "push", row.id, row.customer_id, _state(row))
                for row in rows
                for one in at
            ]
            open_operations(scope, openings, now)
        blocked = next((row.id for row in rows if _state(row) == "blocked"), blocked)
    with hub.database.write():
        done = t.Delivery.state == "delivered"
        t.Delivery.update(payment_status="paid", delivered_at=now).where(done).execute()
    return blocked


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


def _customer(scope: Scope, number: int, now: int) -> str:
    row = CustomerRow(
        id=new_id("cus"),
        client_id=f"c-{number}",
        company_name=f"Customer {number}",
        currency="USD",
        email="",
        billing_address=Address(),
        status="ACTIVE",
        created_at=now,
        updated_at=now,
    )
    customers.add(scope, row)
    return row.id


def _invoice(number: int, customer: str, now: int) -> InvoiceRow:
    line = InvoiceLine("l1", "Subscription", Decimal(1), Decimal("249.00"), 24900)
    more = InvoiceLine("l2", "Seats", Decimal(3), Decimal("26.00"), 7800)
    return InvoiceRow(
        id=new_id("inv"),
        customer_id=customer,
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
        lines=(line, more),
    )


def _state(row: InvoiceRow) -> str:
    return STOPPED.get(int(row.number[2:]) % 1000, "delivered")


# --- measuring -------------------------------------------------------------------------------


def pages(client: FlaskClient, home: str, invoice: str) -> Iterator[str]:
    """Addresses: what the navigation leads to, an invoice, the list's next page and filters."""
    yield from sorted(
        set(re.findall(rf'href="({home}/[a-z]+/)"', client.get(f"{home}/overview/").text))
    )
    yield f"{home}/invoices/{invoice}/"
    yield f"{home}/invoices/upload/"
    rest = f"{home}/invoices/"
    following = re.search(r'href="([^"]+)"[^>]*rel="next"', client.get(rest).text)
    if following:
        yield following[1].replace("&amp;", "&")
    yield from (f"{rest}?{query}" for query in FILTERS)


def median(client: FlaskClient, path: str, rounds: int) -> float:
    """Milliseconds for a page, the median; one more goes first and does not count."""
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        answer = client.get(path)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{path} answered {answer.status}")
    return statistics.median(taken[1:])


def opened(folder: Path) -> Hub:
    """A hub on a new SQLite file."""
    given: dict[str, Any] = {"KABLE_DATA_DIR": str(folder), "KABLE_LOG_LEVEL": "ERROR"}
    return open_hub(Settings.load(given), registry=Registry.of(*PLUGINS.values()))


def signed_in(hub: Hub) -> FlaskClient:
    """The browser of an operator."""
    client = create_app(hub).test_client()
    client.get(
        signing_in.link_for(hub, users.add_user(hub, "bench@hub.example", None), enters=True)
    )
    return client


def main() -> int:
    """Fill, measure, print."""
    about = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    about.add_argument("--invoices", type=int, default=100_000)
    about.add_argument("--rounds", type=int, default=5)
    about.add_argument("--target", type=float, default=100, help="milliseconds")
    asked = about.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = opened(Path(folder))
        scope = Scope(accounts.create_account(hub, "Bench", "paid").id, Environment.TEST)
        invoice = fill(hub, scope, asked.invoices)
        client, home = signed_in(hub), f"/a/{scope.account_id}/test"
        print(f"{asked.invoices:,} invoices in SQLite; server time, median of {asked.rounds}, ms\n")
        slow = 0
        for path in pages(client, home, invoice):
            took = median(client, path, asked.rounds)
            over = took > asked.target
            slow += over
            shown = path.removeprefix(home).replace(invoice, "<invoice>")
            print(f"{took:>9.1f}{'  OVER ' if over else '       '}{shown}")
        hub.close()
    print(f"\n{slow} over the target of {asked.target:g} ms")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
