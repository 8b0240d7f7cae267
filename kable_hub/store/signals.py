"""What happened at a provider by itself: kept for the timeline, each fact once.

Nothing here changes an invoice, and nothing is sent again for it.
"""

from collections.abc import Mapping
from typing import Any

from kable_hub.domain import PaymentStatus
from kable_hub.store import notices, outbox
from kable_hub.store import tables as t
from kable_hub.store.events import links_at, pushes
from kable_hub.store.ids import new_id
from kable_hub.store.notice_data import moment
from kable_hub.store.pauses import Lane

ONCE = ("voided", "deleted")
"""What can happen to a document only once, whenever and however often it is told."""
NEWEST = 500
"""On so many of a customer's invoices it is shown what became of its counterpart."""
_OPEN, _VOID = PaymentStatus.OPEN.value, PaymentStatus.VOID.value


def change_payment(
    lane: Lane, document: str, status: str, as_of: int, details: Mapping[str, Any], now: int
) -> bool:
    """Move the payment status of a delivered document; older never overwrites newer.

    What moved stands on the timeline too.
    """
    mine = pushes(lane) & (t.Delivery.external_id == document)
    delivery = t.Delivery.get_or_none(mine)
    if delivery is None:
        return False
    newer = t.Delivery.payment_as_of.is_null() | (t.Delivery.payment_as_of <= as_of)
    values = {"payment_status": status, "payment_as_of": as_of, "payment_details": details}
    if not t.Delivery.update(**values, updated_at=now).where(mine, newer).execute():
        return False
    message = str(details.get("message") or "")
    kind = _movement(delivery, status, message)
    if kind and not _told(delivery, kind, as_of):
        _add(lane, delivery.id, kind, message, as_of, now)
    if kind or status != delivery.payment_status:
        notices.tell_document(lane.scope, "invoice.payment_changed", delivery.id, now)
    return True


def add_signal(lane: Lane, document: str, kind: str, message: str, as_of: int, now: int) -> bool:
    """Put what happened at the provider on the invoice's timeline, once; not what we did."""
    delivery = t.Delivery.get_or_none(pushes(lane) & (t.Delivery.external_id == document))
    if delivery is None or _told(delivery, kind, as_of):
        return False
    if kind == "voided" and _voided_by_us(lane, delivery):
        return False
    _add(lane, delivery.id, kind, message, as_of, now)
    change = {"kind": kind, "message": message, "asOf": moment(as_of)}
    notices.tell_document(lane.scope, "invoice.changed_at_provider", delivery.id, now, change)
    return True


def tell_ready(lane: Lane, reference: str, now: int) -> None:
    """The customer can be charged: the newest invoices that wait for that show it, before what
    wakes them (`events.wake_customer`)."""
    theirs = t.Link.select(t.Link.customer_id).where(
        links_at(lane) & (t.Link.reference == reference)
    )
    waiting = (t.Delivery.state == "blocked") & (t.Delivery.blocked_on == "customer")
    mine = pushes(lane) & waiting & t.Delivery.customer_id.in_(theirs)
    for delivery in t.Delivery.select().where(mine).order_by(t.Delivery.id.desc()).limit(NEWEST):
        _add(lane, delivery.id, "customer_ready", "The customer can be charged now.", now, now)


def break_links(lane: Lane, reference: str, message: str, now: int) -> int:
    """The customer is gone at the provider: its links say so, what waits for them is blocked,
    and its newest invoices show it. Answers how many links that were.
    """
    standing = links_at(lane) & (t.Link.reference == reference) & (t.Link.state == "linked")
    rows = list(t.Link.select().where(standing))
    for row in rows:
        break_link(lane, row.customer_id, message, now)
    return len(rows)


def break_link(lane: Lane, customer_id: str, message: str, now: int) -> None:
    """One customer's counterpart is gone; see `break_links`. A link that is broken stays so."""
    theirs = links_at(lane) & (t.Link.customer_id == customer_id) & (t.Link.state == "linked")
    warnings = [message] if message else []
    values = {"state": "broken", "ready": False, "warnings": warnings, "updated_at": now}
    if not t.Link.update(values).where(theirs).execute():
        return
    said = message or "the linked customer is gone at the provider"
    outbox.block_gone(lane.scope, lane.id, customer_id, said, now)
    notices.tell_link(lane.scope, lane.id, customer_id, now)
    sent = pushes(lane) & (t.Delivery.customer_id == customer_id)
    newest = t.Delivery.select().where(sent, t.Delivery.state != "cancelled")
    for delivery in newest.order_by(t.Delivery.id.desc()).limit(NEWEST):
        _add(lane, delivery.id, "customer_gone", said, now, now)


def _movement(before: t.Delivery, status: str, message: str) -> str:
    """What a payment status means after the one before, as the kind of a signal; empty: nothing.

    A void is told as what it is.
    """
    was = before.payment_status or _OPEN
    if status == _VOID or (status == was == _OPEN):
        return ""
    if status == was and message == str(before.payment_details.get("message") or ""):
        return ""
    return "payment_removed" if status == _OPEN else status


def _told(delivery: t.Delivery, kind: str, as_of: int) -> bool:
    same_time = t.Signal.as_of == as_of
    alike = (t.Signal.kind == kind) & (same_time | t.Signal.kind.in_(ONCE))
    # A payment or a void touches the document too: that is no edit beside it.
    same = alike | same_time if kind == "edited" else alike
    mine = (
        (t.Signal.delivery_id == delivery.id)
        & (t.Signal.account_id == delivery.account_id)
        & (t.Signal.environment == delivery.environment)
    )
    return bool(t.Signal.select().where(mine, same).exists())


def _voided_by_us(lane: Lane, delivery: t.Delivery) -> bool:
    """Whether the hub voided the document, or may have."""
    sent = t.Delivery.may_exist | (t.Delivery.state == "delivered")
    void = (
        (t.Delivery.connection_id == lane.id)
        & (t.Delivery.kind == "void")
        & (t.Delivery.subject_id == delivery.subject_id)
        & (t.Delivery.account_id == lane.scope.account_id)
        & (t.Delivery.environment == lane.scope.environment.value)
    )
    return bool(t.Delivery.select().where(void, sent).exists())


def _add(lane: Lane, delivery_id: str, kind: str, message: str, as_of: int, now: int) -> None:
    t.Signal.create(
        id=new_id("sig"),
        account_id=lane.scope.account_id,
        environment=lane.scope.environment.value,
        delivery_id=delivery_id,
        kind=kind,
        message=message,
        as_of=as_of,
        created_at=now,
    )
