"""The state of deliveries whose invoice was changed, while nothing of them exists."""

from collections.abc import Sequence
from typing import Any

from kable_hub.store import tables as t
from kable_hub.store.outbox import UNSENT
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import within


def set_unsent(
    scope: Scope,
    delivery_id: str,
    now: int,
    *,
    state: str,
    code: str = "",
    message: str = "",
    details: Sequence[Any] = (),
) -> bool:
    """Give a delivery of which nothing exists another state; False where it is under way."""
    values = {
        "state": state,
        "error_code": code,
        "error_message": message,
        "error_details": list(details),
        "blocked_on": "",
    }
    mine = within(t.Delivery, scope) & (t.Delivery.id == delivery_id)
    unsent = t.Delivery.state.in_(UNSENT) & ~t.Delivery.may_exist
    statement = t.Delivery.update(**values, due_at=now, updated_at=now)
    return bool(statement.where(mine & unsent).execute())


def reopen_creation(scope: Scope, connection_id: str, customer_id: str, now: int) -> bool:
    """Let a customer be created at a provider once more; False where it never was begun."""
    mine = (
        within(t.Delivery, scope)
        & (t.Delivery.connection_id == connection_id)
        & (t.Delivery.kind == "create_customer")
        & (t.Delivery.subject_id == customer_id)
    )
    ended = t.Delivery.state.in_(("cancelled", "delivered", "blocked", "rejected"))
    values = {"state": "due", "due_at": now, "updated_at": now, "frozen": False, "failures": 0}
    values |= {"receipt": None, "external_id": "", "delivered_at": None}
    values |= {"error_code": "", "error_message": "", "blocked_on": ""}
    t.Delivery.update(values).where(mine & ended & ~t.Delivery.may_exist).execute()
    return bool(t.Delivery.select().where(mine).exists())
