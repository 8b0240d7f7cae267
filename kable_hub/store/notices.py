"""What an account's own software is told: written in the transaction of the change it tells of.

One mechanism for all: `tell` asks who listens, and where somebody does freezes the event's text
and puts a message for each endpoint beside it. Where nobody listens nothing is written.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from kable_hub import canonical
from kable_hub.domain import Environment
from kable_hub.store import notice_data as data
from kable_hub.store import tables as t
from kable_hub.store.ids import new_id
from kable_hub.store.rows import insert_all
from kable_hub.store.scope import Scope
from kable_hub.store.scoping import owner

EVENT_TYPES: Mapping[str, str] = {
    "invoice.delivered": "A provider has the invoice's document.",
    "invoice.blocked": "Something at a provider stands until a person acts.",
    "invoice.rejected": "A provider does not take the invoice as it is.",
    "invoice.uncertain": "Nobody knows yet whether a document exists; the hub finds out.",
    "invoice.still_uncertain": "A day has passed and nobody knows; told once a day, for a person.",
    "invoice.cancelled": "A person gave up what was not sent.",
    "invoice.voided": "The hub had the document voided.",
    "invoice.payment_changed": "How the document is paid has changed.",
    "invoice.changed_at_provider": "Somebody edited, voided or deleted the document there.",
    "customer.link_changed": "A link was finished, does not get on, or broke at the provider.",
    "connection.paused": "Nothing is sent over a connection until a person acts.",
}
"""All that can be told, with what it means."""
TEST = "webhook.test"
"""What an endpoint is told when a person tries it."""
_ENDED = ("delivered", "blocked", "rejected", "uncertain", "cancelled")
_CHUNK = 500
_LISTENING = """
    SELECT id, event_types FROM webhook_endpoint
    WHERE account_id = {0} AND environment = {0} AND enabled
"""


def tell_ends(scope: Scope, delivery_ids: Sequence[str], now: int) -> None:
    """Deliveries came to a state: tell of each as it stands now in the store."""
    if not listening(scope):
        return
    for start in range(0, len(delivery_ids), _CHUNK):
        for row in data.deliveries(scope, delivery_ids[start : start + _CHUNK]):
            if row.kind == "create_customer" and row.state in ("blocked", "rejected"):
                tell_link(scope, row.connection_id, row.customer_id, now)
            elif type_ := _type_of(row):
                tell(scope, type_, now, lambda row=row: data.invoice(row))


def tell_interrupted(left: Sequence[Any], now: int) -> None:
    """What a worker of one connection left in flight (id, uncertain since, account,
    environment): tell of what is uncertain from now on."""
    unsure = [str(row[0]) for row in left if row[1] == now]
    if unsure:
        tell_ends(Scope(str(left[0][2]), Environment(left[0][3])), unsure, now)


def tell_still_uncertain(scope: Scope, delivery_id: str, now: int) -> None:
    """A day has passed and nobody knows whether something exists: tell of it as it stands."""
    row = data.deliveries(scope, [delivery_id])[0]
    if row.kind == "create_customer":
        tell_link(scope, row.connection_id, row.customer_id, now)
    else:
        tell(scope, "invoice.still_uncertain", now, lambda: data.invoice(row))


def tell_document(
    scope: Scope, type_: str, delivery_id: str, now: int, change: Mapping[str, Any] | None = None
) -> None:
    """Something happened to a document; `change` says what, where the provider told of it."""

    def made() -> dict[str, Any]:
        row = data.deliveries(scope, [delivery_id])[0]
        return {**data.invoice(row), **({"change": dict(change)} if change else {})}

    tell(scope, type_, now, made)


def tell_link(scope: Scope, connection_id: str, customer_id: str, now: int) -> None:
    """A customer's link changed by itself."""
    made = lambda: data.link(scope, connection_id, customer_id)  # noqa: E731
    tell(scope, "customer.link_changed", now, made)


def tell_pause(scope: Scope, connection_id: str, reason: str, now: int) -> None:
    """A connection is paused for one more reason."""
    made = lambda: data.connection(scope, connection_id, reason)  # noqa: E731
    tell(scope, "connection.paused", now, made)


def tell(scope: Scope, type_: str, now: int, made: Callable[[], Mapping[str, Any]]) -> None:
    """Write an event whose data `made` gives, and a message for each endpoint that listens."""
    ends = [one for one, wanted in listening(scope) if not wanted or type_ in wanted]
    if ends:
        write(scope, type_, made(), ends, now)


def listening(scope: Scope) -> list[tuple[str, Collection[str]]]:
    """The enabled endpoints with the types each has chosen; none chosen means all."""
    text = _LISTENING.format(t.database.param)
    rows = t.database.execute_sql(text, (scope.account_id, scope.environment.value)).fetchall()
    return [(str(row[0]), canonical.loads(row[1])) for row in rows]


def write(
    scope: Scope, type_: str, told: Mapping[str, Any], endpoint_ids: Sequence[str], now: int
) -> list[str]:
    """Freeze an event and put it on its way to these endpoints; answers the messages' ids."""
    event_id, whose = new_id("evt"), owner(scope)
    body = canonical.dumps(
        {
            "id": event_id,
            "type": type_,
            "createdAt": data.moment(now),
            "accountId": scope.account_id,
            "environment": scope.environment.value,
            "data": told,
        }
    )
    t.OutgoingEvent.create(id=event_id, type=type_, body=body, created_at=now, **whose)
    rows = [
        {"id": new_id("msg"), "endpoint_id": one, "event_id": event_id, "type": type_}
        | {"due_at": now, "created_at": now, **whose}
        for one in endpoint_ids
    ]
    insert_all(t.OutgoingMessage, rows)
    return [row["id"] for row in rows]


def forget_before(moment: int) -> None:
    """Delete what was told before `moment`, with its messages and attempts, of all accounts."""
    for table, column in (
        (t.OutgoingAttempt, t.OutgoingAttempt.started_at),
        (t.OutgoingMessage, t.OutgoingMessage.created_at),
        (t.OutgoingEvent, t.OutgoingEvent.created_at),
    ):
        table.delete().where(column < moment).execute()


def _type_of(row: Any) -> str:
    """What the state of a push, or of what came after it, is told as; empty: nothing."""
    after = row.kind in ("void", "collect") and row.state in ("delivered", "cancelled")
    known = row.kind != "create_customer" and row.state in _ENDED and not after
    return f"invoice.{row.state}" if known else ""
