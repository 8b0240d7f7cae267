"""What else is written with the end of a delivery, in the same transaction."""

from typing import get_args

from kable_hub.domain import LinkedCustomer
from kable_hub.store import notices, outbox
from kable_hub.store import tables as t
from kable_hub.store.credentials import version_of
from kable_hub.store.pauses import Lane, PauseReason, pause
from kable_hub.store.queue import Settlement
from kable_hub.store.scope import Scope
from kable_hub.store.signals import break_link

LOST = "the provider ended the access; it goes on when a person has connected it again"

_REASONS: tuple[PauseReason, ...] = get_args(PauseReason)


def carry_out(lane: Lane, end: Settlement, linked: LinkedCustomer | None, now: int) -> None:
    """Pause the connection, break or finish a link, tell the push what came after it, and tell
    whoever listens."""
    for reason in _REASONS:
        if reason == end.pause_reason and not _renewed(lane, end):
            _pause(lane, reason, end.error_message, now)
    if end.state == "blocked" and (end.blocked_on, end.blocked_scope) == ("link", "customer"):
        _break_link(lane, end, now)
    if end.state in ("blocked", "rejected", "delivered") or end.newly_uncertain:
        notices.tell_ends(lane.scope, [end.delivery.id], now)
    if end.state != "delivered":
        return
    if end.delivery.kind == "create_customer" and linked is not None:
        _finish_link(lane, end, linked, now)
    if end.delivery.kind == "void":
        outbox.tell_voided(lane.scope, lane.id, end.delivery.subject_id, now)
    if end.delivery.kind == "collect" and end.payment_status:
        told = (end.payment_status, end.payment_details, end.payment_as_of or now)
        outbox.tell_payment(lane.scope, lane.id, end.delivery.subject_id, *told)


def _break_link(lane: Lane, end: Settlement, now: int) -> None:
    """The counterpart does not stand any more: nothing else of this customer is tried there.

    Not where it was linked anew meanwhile: the end of the delivery is another one then.
    """
    mine = (t.Delivery.id == end.delivery.id) & (t.Delivery.account_id == lane.scope.account_id)
    stays = mine & (t.Delivery.state == "blocked") & (t.Delivery.kind == "push")
    if t.Delivery.select().where(stays).exists():
        break_link(lane, end.delivery.customer_id, end.error_message, now)


def _pause(lane: Lane, reason: PauseReason, message: str, now: int) -> None:
    if reason == "reconnect":
        lose_access(lane.scope, lane.id, message, now)
    else:
        pause(lane.scope, lane.id, reason, message, now)


def lose_access(scope: Scope, connection_id: str, message: str, now: int) -> None:
    """The provider no longer honours the connection: pause it until a person reconnects, and
    show so on all that waits to be sent."""
    pause(scope, connection_id, "reconnect", message, now)
    outbox.block_connection(scope, connection_id, "not_connected", LOST, now)


def _renewed(lane: Lane, end: Settlement) -> bool:
    """Whether a person reconnected after the access that was refused."""
    return end.access not in (0, version_of(lane.scope, lane.id))


def _finish_link(lane: Lane, end: Settlement, linked: LinkedCustomer, now: int) -> None:
    t.Link.update(
        state="linked",
        reference=linked.reference,
        parts=dict(linked.parts),
        title=linked.title,
        email=linked.email,
        currency=linked.currency,
        warnings=list(linked.warnings),
        ready=linked.ready,
        updated_at=now,
    ).where(
        t.Link.connection_id == lane.id,
        t.Link.customer_id == end.delivery.customer_id,
        t.Link.state == "pending",
        t.Link.account_id == lane.scope.account_id,
        t.Link.environment == lane.scope.environment.value,
    ).execute()
    outbox.relink(lane.scope, lane.id, end.delivery.customer_id, now)
    notices.tell_link(lane.scope, lane.id, end.delivery.customer_id, now)
