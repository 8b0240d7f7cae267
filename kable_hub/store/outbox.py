"""What the rest of the hub says to the outbox: open an operation, retry it, cancel it, wake it.

Every function joins the transaction of its caller, so that an invoice and its deliveries are
one commit; the caller wakes the connection after the commit. A row that a worker holds
(`pushing`) is never touched but for its plan: the worker's own conditional updates then fail.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from peewee import Expression

from kable_hub.domain import PaymentStatus
from kable_hub.store import notices, restored
from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.rows import insert_new
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner

OperationKind = Literal["push", "void", "collect", "create_customer"]
UNSENT = ("held", "due", "blocked", "rejected")
"""The states a delivery may be cancelled or planned anew in, as long as nothing may exist."""


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
    error_details: tuple[Any, ...] = ()
    blocked_on: str = ""
    id: str = field(default_factory=lambda: new_id("dlv"))


def open_operations(scope: Scope, openings: list[Opening], now: int) -> list[str]:
    """Write new operations; one that stands already for its subject is left alone.

    Answers the connections that have something due now.
    """
    common = {**owner(scope), "due_at": now, "created_at": now, "updated_at": now}
    rows = [{**vars(opening), **common} for opening in openings]
    restored.doubt(rows, now)
    written = insert_new(t.Delivery, rows)
    notices.tell_ends(scope, [one["id"] for one in rows if _stuck(one, written)], now)
    return sorted({row["connection_id"] for row in rows if row["state"] in ("due", "uncertain")})


def open_void(scope: Scope, delivery_id: str, now: int) -> str | None:
    """Open the voiding of a delivered push; answers its connection, None where it is not one."""
    push = _delivered(scope, delivery_id)
    if push is None:
        return None
    void = _open_after(scope, push, "void", now)
    _update(scope, void & (t.Delivery.state == "cancelled"), now, state="due", due_at=now)
    return str(push.connection_id)


def open_collect(scope: Scope, delivery_id: str, now: int) -> str | None:
    """Ask for the payment of a delivered push, once more where an earlier asking is through;
    answers its connection, None where it is not one. `generation` counts the askings.
    """
    push = _delivered(scope, delivery_id)
    if push is None:
        return None
    collect = _open_after(scope, push, "collect", now)
    through = t.Delivery.state.in_(("delivered", "cancelled", "blocked", "rejected"))
    again: dict[str, Any] = {"state": "due", "due_at": now, "failures": 0, "delivered_at": None}
    again |= {"error_code": "", "error_message": "", "error_details": [], "blocked_on": ""}
    again |= {"generation": t.Delivery.generation + 1}
    _update(scope, collect & through & ~t.Delivery.may_exist, now, **again)
    return str(push.connection_id)


def retry(scope: Scope, delivery_id: str, now: int) -> str | None:
    """Try again at once; answers the connection, None where there is nothing to retry."""
    rows = _retry(scope, t.Delivery.id == delivery_id, now)
    return rows[0] if rows else None


def retry_many(
    scope: Scope,
    now: int,
    *,
    state: str = "",
    connection_id: str = "",
    error_code: str = "",
) -> list[str]:
    """Try again everything that fits the filter; answers one connection id per delivery."""
    where = _all(
        (t.Delivery.state == state) if state else None,
        (t.Delivery.connection_id == connection_id) if connection_id else None,
        (t.Delivery.error_code == error_code) if error_code else None,
    )
    return _retry(scope, where, now)


def cancel(scope: Scope, delivery_id: str, now: int) -> bool:
    """Give a delivery up, while nothing can exist. False where it may exist or is final."""
    where = (t.Delivery.id == delivery_id) & _unsent()
    cancelled = _update(scope, where, now, state="cancelled", frozen=False) > 0
    if cancelled:
        notices.tell_ends(scope, [delivery_id], now)
    return cancelled


def push_held(scope: Scope, delivery_id: str, now: int) -> str | None:
    """Send what was held; answers the connection, None where it was not held."""
    where = (t.Delivery.id == delivery_id) & (t.Delivery.state == "held")
    if not _update(scope, where, now, state="due", due_at=now):
        return None
    if doubts := restored.doubts(now):
        since, values = doubts
        new = (t.Delivery.id == delivery_id) & (t.Delivery.created_at > since)
        _update(scope, new & ~t.Delivery.may_exist, now, **values)
    row = _one(scope, delivery_id)
    return str(row.connection_id) if row else None


def settle_by_hand(
    scope: Scope, delivery_id: str, *, exists: bool, external_id: str, now: int
) -> str | None:
    """A person says what became of a delivery that may exist; answers the connection or None."""
    where = (
        (t.Delivery.id == delivery_id)
        & t.Delivery.state.in_(("uncertain", "blocked"))
        & t.Delivery.may_exist
    )
    if exists:
        known = {
            "state": "delivered",
            "external_id": external_id,
            "receipt": {"external_id": external_id, "settled_by": "person"},
            "delivered_at": now,
        }
        settled = _update(scope, where, now, **known)
    else:
        absent = {"may_exist": False, "was_held": False, "frozen": False}
        settled = _update(scope, where, now, state="due", due_at=now, **absent)
    row = _one(scope, delivery_id) if settled else None
    if row is not None and exists:
        notices.tell_ends(scope, [delivery_id], now)
    if row is not None and exists and row.kind == "void":
        tell_voided(scope, row.connection_id, row.subject_id, now)
    return str(row.connection_id) if row else None


def tell_voided(scope: Scope, connection_id: str, invoice_id: str, now: int) -> None:
    """The document of a push was voided: its payment status says so."""
    _tell(scope, connection_id, invoice_id, (PaymentStatus.VOID.value, {}, now))
    push = t.Delivery.get_or_none(_in(scope), _of_invoice(connection_id, "push", invoice_id))
    if push is not None:
        notices.tell_document(scope, "invoice.voided", push.id, now)


def tell_payment(
    scope: Scope,
    connection_id: str,
    invoice_id: str,
    status: str,
    details: dict[str, Any],
    as_of: int,
) -> None:
    """What came after a push (a void, a collect) says how its document stood at `as_of`; older
    never overwrites newer."""
    before = t.Delivery.get_or_none(_in(scope), _of_invoice(connection_id, "push", invoice_id))
    told = _tell(scope, connection_id, invoice_id, (status, details, as_of))
    if told and before is not None and before.payment_status != status:
        notices.tell_document(scope, "invoice.payment_changed", before.id, as_of)


def _tell(
    scope: Scope, connection_id: str, invoice_id: str, standing: tuple[str, dict[str, Any], int]
) -> bool:
    status, details, as_of = standing
    known = t.Delivery.payment_as_of
    push = _of_invoice(connection_id, "push", invoice_id) & (known.is_null() | (known <= as_of))
    values = {"payment_status": status, "payment_as_of": as_of, "payment_details": details}
    return _update(scope, push, as_of, **values) > 0


def discard_frozen(scope: Scope, invoice_id: str, now: int) -> bool:
    """Outdate every plan for an invoice; False where a document may exist, at any provider.

    Call it before the edit and give the edit up on False: rows are locked until the commit,
    so that no worker can begin to send meanwhile.
    """
    pushes = (t.Delivery.subject_id == invoice_id) & (t.Delivery.kind == "push")
    _outdate(scope, pushes & ~t.Delivery.may_exist, now)
    sent = t.Delivery.may_exist | (t.Delivery.state == "delivered")
    return not t.Delivery.select().where(_in(scope), pushes, sent).exists()


def relink(
    scope: Scope,
    connection_id: str,
    customer_id: str,
    now: int,
    *,
    removes: Sequence[str] = ("link", "customer"),
) -> None:
    """A customer's link was made, changed or finished, or its settings were: plan anew what is
    not sent, and wake what waited for one of the causes that this `removes`."""
    theirs = (t.Delivery.connection_id == connection_id) & (t.Delivery.customer_id == customer_id)
    pushes = theirs & (t.Delivery.kind == "push")
    _overtake(scope, pushes, now)
    _outdate(scope, pushes & ~t.Delivery.may_exist, now)
    waiting = t.Delivery.blocked_on.in_(tuple(removes))
    _wake(scope, pushes & waiting, now)


def block_unlinked(scope: Scope, connection_id: str, customer_id: str, now: int) -> None:
    """A customer was unlinked: block its deliveries that do not exist yet."""
    said = ("not_linked", "the customer is not linked at this provider")
    _block_customer(scope, connection_id, customer_id, said, ("due", "blocked"), now)


def block_gone(scope: Scope, connection_id: str, customer_id: str, message: str, now: int) -> None:
    """A customer's counterpart is gone: block what is due until it is linked again."""
    said = ("customer_gone", message)
    _block_customer(scope, connection_id, customer_id, said, ("due",), now)


def _block_customer(
    scope: Scope,
    connection_id: str,
    customer_id: str,
    said: tuple[str, str],
    states: tuple[str, ...],
    now: int,
) -> None:
    theirs = (
        (t.Delivery.connection_id == connection_id)
        & (t.Delivery.customer_id == customer_id)
        & t.Delivery.kind.in_(("push", "create_customer"))
        & ~t.Delivery.may_exist
    )
    _outdate(scope, theirs, now)
    _update(
        scope,
        theirs & t.Delivery.state.in_(states),
        now,
        state="blocked",
        error_code=said[0],
        error_message=said[1],
        blocked_on="link",
    )


def block_connection(scope: Scope, connection_id: str, code: str, message: str, now: int) -> None:
    """A connection ended: what is due there is blocked until it is connected again.

    What an earlier end of access has blocked says the new reason.
    """
    lost = (t.Delivery.state == "blocked") & (t.Delivery.error_code == "not_connected")
    waiting = (t.Delivery.state == "due") | lost
    _update(
        scope,
        (t.Delivery.connection_id == connection_id) & waiting,
        now,
        state="blocked",
        error_code=code,
        error_message=message,
        blocked_on="provider",
    )


def wake_blocked(
    scope: Scope, connection_id: str, *, on: str, now: int, customer_id: str = ""
) -> int:
    """A cause was removed: what it blocked becomes due again. Answers how many."""
    where = t.Delivery.connection_id == connection_id
    if customer_id:
        where &= t.Delivery.customer_id == customer_id
    _overtake(scope, where, now)
    return _wake(scope, where & (t.Delivery.blocked_on == on), now)


def outdate_plans(scope: Scope, connection_id: str, now: int) -> None:
    """Settings changed: what is not sent yet is planned anew with them."""
    _outdate(scope, (t.Delivery.connection_id == connection_id) & ~t.Delivery.may_exist, now)


def _stuck(row: dict[str, Any], written: set[str]) -> bool:
    """Whether a new operation stops at once; for a link that is being created it only waits."""
    stops = row["state"] in ("blocked", "rejected") and row["error_code"] != "link_pending"
    return stops and row["id"] in written


def _delivered(scope: Scope, delivery_id: str) -> t.Delivery | None:
    push = _one(scope, delivery_id)
    sent = push is not None and push.kind == "push" and push.state == "delivered"
    return push if sent else None


def _open_after(scope: Scope, push: t.Delivery, kind: OperationKind, now: int) -> Any:
    """Open what comes after a push, once; which row that is."""
    opening = Opening(push.connection_id, kind, push.subject_id, push.customer_id)
    open_operations(scope, [opening], now)
    return _of_invoice(push.connection_id, kind, push.subject_id)


def _of_invoice(connection_id: str, kind: str, invoice_id: str) -> Any:
    return (
        (t.Delivery.connection_id == connection_id)
        & (t.Delivery.kind == kind)
        & (t.Delivery.subject_id == invoice_id)
    )


def _retry(scope: Scope, where: Any, now: int) -> list[str]:
    stuck = t.Delivery.state.in_(("blocked", "rejected", "due", "uncertain"))
    rows = t.Delivery.select(t.Delivery.connection_id).where(_in(scope), where, stuck)
    connections = [str(row.connection_id) for row in rows]
    _again(scope, where & stuck, now)
    return connections


def _wake(scope: Scope, where: Any, now: int) -> int:
    return _again(scope, where & (t.Delivery.state == "blocked"), now)


def _again(scope: Scope, where: Any, now: int) -> int:
    """Due again with a clean slate; what may exist is looked for, and keeps its reason."""
    unsent = where & ~t.Delivery.may_exist
    _update(scope, where & t.Delivery.may_exist, now, state="uncertain", due_at=now, blocked_on="")
    _outdate(scope, unsent, now)
    fresh = {"failures": 0, "error_code": "", "error_message": "", "error_details": []}
    return _update(scope, unsent, now, state="due", due_at=now, blocked_on="", **fresh)


def _outdate(scope: Scope, where: Any, now: int) -> None:
    version = t.Delivery.plan_version + 1
    _update(scope, where & t.Delivery.state.not_in(FINAL), now, frozen=False, plan_version=version)


def _overtake(scope: Scope, where: Any, now: int) -> None:
    """What a worker is about to be blocked by may be the cause that is gone: it tries again.

    Before the blocked ones are woken, so that none settles in between unseen.
    """
    version = t.Delivery.plan_version + 1
    _update(scope, where & (t.Delivery.state == "pushing"), now, plan_version=version)


FINAL = ("delivered", "cancelled")
"""The states nothing leaves."""


def _unsent() -> Any:
    return t.Delivery.state.in_(UNSENT) & ~t.Delivery.may_exist


def _update(scope: Scope, where: Any, now: int, **values: Any) -> int:
    statement = t.Delivery.update(**values, updated_at=now).where(_in(scope), where)
    return int(statement.execute())


def _one(scope: Scope, delivery_id: str) -> t.Delivery | None:
    row: t.Delivery | None = (
        t.Delivery.select().where(_in(scope), t.Delivery.id == delivery_id).first()
    )
    return row


def _in(scope: Scope) -> Expression:
    return (t.Delivery.account_id == scope.account_id) & (
        t.Delivery.environment == scope.environment.value
    )


def _all(*parts: Any) -> Any:
    where = t.Delivery.id.is_null(False)
    for part in parts:
        if part is not None:
            where &= part
    return where
