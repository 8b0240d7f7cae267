"""What stands in an event: ids, states and amounts in the words and shapes of the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import JOIN

from kable_hub import money
from kable_hub.clock import from_ms
from kable_hub.store import tables as t
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import within


def deliveries(scope: Scope, ids: Sequence[str]) -> list[Any]:
    """Deliveries with their connection's provider, their invoice and their customer beside."""
    query = t.Delivery.select(
        t.Delivery,
        t.Connection.provider,
        t.Customer.client_id,
        t.Invoice.number,
        t.Invoice.currency,
        t.Invoice.total,
        t.Invoice.issue_date,
        t.Invoice.due_date,
    )
    query = query.join(t.Connection, on=(t.Connection.id == t.Delivery.connection_id))
    query = query.join(t.Customer, on=(t.Customer.id == t.Delivery.customer_id))
    query = query.join(t.Invoice, JOIN.LEFT_OUTER, on=(t.Invoice.id == t.Delivery.subject_id))
    mine = within(t.Delivery, scope) & t.Delivery.id.in_(list(ids))
    return list(query.where(mine).order_by(t.Delivery.id).objects())


def invoice(row: Any) -> dict[str, Any]:
    """One of `deliveries` as an event about its invoice."""
    return {
        "invoice": {
            "id": row.subject_id,
            "number": row.number,
            "customerId": row.customer_id,
            "clientId": row.client_id,
            "currency": row.currency,
            "total": money.text(row.total, row.currency),
            "issueDate": _day(row.issue_date),
            "dueDate": _day(row.due_date),
        },
        "delivery": {
            "id": row.id,
            "provider": row.provider,
            "connectionId": row.connection_id,
            "kind": row.kind,
            "state": row.state,
            "errorCode": row.error_code,
            "errorMessage": row.error_message,
            "externalId": row.external_id,
            "receipt": _receipt(row.receipt),
            "paymentStatus": row.payment_status,
            "paymentAsOf": moment(row.payment_as_of),
            "deliveredAt": moment(row.delivered_at),
        },
    }


def link(scope: Scope, connection_id: str, customer_id: str) -> dict[str, Any]:
    """A customer and its link as an event; why a link does not get on stands with it."""
    whose = (t.Customer.id == customer_id) & within(t.Customer, scope)
    customer = t.Customer.get(whose)
    theirs = (t.Link.connection_id == connection_id) & (t.Link.customer_id == customer_id)
    row = t.Link.get_or_none(theirs & within(t.Link, scope))
    creation = t.Delivery.get_or_none(
        within(t.Delivery, scope)
        & (t.Delivery.connection_id == connection_id)
        & (t.Delivery.kind == "create_customer")
        & (t.Delivery.subject_id == customer_id)
    )
    stuck = creation if row is not None and row.state == "pending" else None
    return {
        "customer": {
            "id": customer.id,
            "clientId": customer.client_id,
            "companyName": customer.company_name,
        },
        "link": {
            "provider": _connection(scope, connection_id).provider,
            "connectionId": connection_id,
            "state": row.state if row else "",
            "reference": row.reference if row else "",
            "title": row.title if row else "",
            "warnings": list(row.warnings) if row else [],
            "errorCode": stuck.error_code if stuck else "",
            "errorMessage": stuck.error_message if stuck else "",
        },
    }


def connection(scope: Scope, connection_id: str, reason: str) -> dict[str, Any]:
    """A connection as an event about its newest pause."""
    row = _connection(scope, connection_id)
    shown = {
        "id": row.id,
        "provider": row.provider,
        "kind": row.kind,
        "state": row.state,
        "pauses": row.pauses,
        "externalId": row.external_id,
        "title": row.title,
    }
    return {"connection": shown, "reason": reason, "message": row.pauses.get(reason, "")}


def moment(at: int | None) -> str | None:
    """Epoch milliseconds as the API writes them."""
    if at is None:
        return None
    return from_ms(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _connection(scope: Scope, connection_id: str) -> t.Connection:
    mine = (t.Connection.id == connection_id) & within(t.Connection, scope)
    row: t.Connection = t.Connection.get(mine)
    return row


def _receipt(receipt: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    currency = receipt.get("currency") or ""
    named = {"externalId": "external_id", "number": "number", "url": "url", "status": "status"}
    shown: dict[str, Any] = {name: receipt.get(key) or "" for name, key in named.items()}
    # Whatever a plugin calls a currency: an event must not undo the end of a delivery.
    if currency in money.EXPONENTS:
        shown |= {one: money.text(receipt.get(one) or 0, currency) for one in ("total", "tax")}
    return {**shown, "currency": currency}


def _day(day: Any) -> str | None:
    return None if day is None else str(day)
