"""As many rows of everything as asked for, in front of the dashboard's lists."""

from dataclasses import replace
from datetime import date
from typing import Any

from kable_hub.domain import Environment
from kable_hub.store import connections, invoices
from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.invoices import InvoiceRow
from kable_hub.store.outbox import Opening, open_operations
from kable_hub.store.rows import insert_all
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner
from kable_hub.usecases import accounts, users
from tests.web.site import Site

STATES = ("blocked", "rejected", "due", "held", "uncertain", "delivered", "cancelled")
LINKS = ("linked", "pending", "broken")


def scope_of(site: Site) -> Scope:
    return Scope(site.account, Environment.TEST)


def crowd(site: Site, count: int) -> dict[str, str]:
    """Write them; answers ids by the names that routes give them. Each invoice belongs to a
    customer of its own and one more to the first, whose newest was tried as often."""
    scope, mark = scope_of(site), new_id("")
    for number in range(count):
        accounts.create_api_key(site.hub, site.account, Environment.TEST, f"key {number}")
        users.add_user(site.hub, f"{number}{mark.lower()}@shop.example", site.account)
    with site.hub.database.write():
        at = connections.listed(scope)[0].id
        whose = [_row(scope, "cus", company_name="C", client_id=new_id("c")) for _ in range(count)]
        insert_all(t.Customer, [{**row, "currency": "USD"} for row in whose])
        insert_all(
            t.Link, [_link(scope, at, one["id"], number) for number, one in enumerate(whose)]
        )
        rows = [_invoice(one["id"]) for one in (*whose, *whose[:1] * count)]
        invoices.add(scope, rows)
        openings = [
            Opening(at, "push", row.id, row.customer_id, STATES[number % 7], f"code_{number}")
            for number, row in enumerate(rows)
        ]
        creations = [Opening(at, "create_customer", one["id"], one["id"]) for one in whose]
        open_operations(scope, openings + creations, 1)
        last = t.Delivery.get(t.Delivery.subject_id == rows[-1].id)
        insert_all(t.Attempt, [_attempt(scope, last.id) for _ in range(count)])
        insert_all(t.Signal, [_signal(scope, last.id) for _ in range(count)])
        endpoint = _told(scope, count)
    return {"customer": whose[0]["id"], "invoice_id": rows[-1].id, "endpoint_id": endpoint}


def _row(scope: Scope, prefix: str, **values: Any) -> dict[str, Any]:
    return {"id": new_id(prefix), "created_at": 1, "updated_at": 1, **values, **owner(scope)}


def _link(scope: Scope, connection_id: str, customer_id: str, number: int) -> dict[str, Any]:
    ids = {"connection_id": connection_id, "customer_id": customer_id}
    return _row(scope, "lnk", **ids, reference="shared", state=LINKS[number % 3])


def _invoice(customer_id: str) -> InvoiceRow:
    day = date(2026, 11, 22)
    one = InvoiceRow("", customer_id, "", "USD", day, None, 1, 0, 1, "", "", True, 1, 1, 1)
    return replace(one, id=new_id("inv"), number=new_id("N"))


def _told(scope: Scope, count: int) -> str:
    """An endpoint that was sent so many messages, each once; as many that were sent nothing."""
    ends = [_row(scope, "whe", url="https://shop.example/", secret="") for _ in range(count)]
    made: dict[str, Any] = {"type": "test", "created_at": 1, **owner(scope)}
    events = [{"id": new_id("evt"), "body": "{}", **made} for _ in range(count)]
    about = [{"id": new_id("msg"), "event_id": one["id"]} for one in events]
    tried = {"started_at": 1, "duration_ms": 1, **owner(scope)}
    insert_all(t.WebhookEndpoint, ends)
    insert_all(t.OutgoingEvent, events)
    insert_all(t.OutgoingMessage, [{**one, "endpoint_id": ends[0]["id"], **made} for one in about])
    tries = [{"id": new_id("oat"), "message_id": one["id"], **tried} for one in about]
    insert_all(t.OutgoingAttempt, tries)
    return str(ends[0]["id"])


def _attempt(scope: Scope, delivery_id: str) -> dict[str, Any]:
    said = {"step": "push", "outcome": "blocked", "started_at": 1, "duration_ms": 1}
    return {"id": new_id("att"), "delivery_id": delivery_id, **said, **owner(scope)}


def _signal(scope: Scope, delivery_id: str) -> dict[str, Any]:
    said = {"kind": "paid", "as_of": 1, "created_at": 1}
    return {"id": new_id("sig"), "delivery_id": delivery_id, **said, **owner(scope)}
