"""What the rest of the hub says to the outbox: open an operation, retry it, cancel it.

Every function joins the transaction of its caller, so that an invoice and its deliveries are
one commit. The caller wakes the connection after the commit.
"""

from dataclasses import dataclass
from typing import Any, Literal

from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.scope import Scope

OperationKind = Literal["push", "void", "create_customer"]
OPEN = ("held", "due", "pushing", "uncertain", "blocked", "rejected")
"""The states in which something may still have to be done; the others are final."""


@dataclass(frozen=True)
class Opening:
    """A new operation. `state` is due, held, blocked or rejected; `error_*` say why."""

    connection_id: str
    kind: OperationKind
    subject_id: str
    customer_id: str
    state: str = "due"
    error_code: str = ""
    error_message: str = ""
    blocked_on: str = ""


def open_operations(scope: Scope, openings: list[Opening], now: int) -> list[str]:
    """Write new operations; one that stands already for its subject is left alone.

    Answers the connections that have something due now.
    """
    rows = [_row(scope, opening, now) for opening in openings]
    if rows:
        t.Delivery.insert_many(rows).on_conflict_ignore().execute()
    return sorted({row["connection_id"] for row in rows if row["state"] == "due"})


def _row(scope: Scope, opening: Opening, now: int) -> dict[str, Any]:
    return {
        "id": new_id("dlv"),
        "account_id": scope.account_id,
        "environment": scope.environment.value,
        "connection_id": opening.connection_id,
        "kind": opening.kind,
        "subject_id": opening.subject_id,
        "customer_id": opening.customer_id,
        "state": opening.state,
        "due_at": now,
        "error_code": opening.error_code,
        "error_message": opening.error_message,
        "blocked_on": opening.blocked_on,
        "created_at": now,
        "updated_at": now,
    }
