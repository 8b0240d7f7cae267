"""Deliveries: what is under way, what went wrong, and what a person may do about it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kable_hub.provider import Capability
from kable_hub.store import connections, deliveries, memories, outbox
from kable_hub.store.deliveries import (
    AttemptRow,
    DeliveryFilter,
    DeliveryRow,
    GenerationRow,
    SignalRow,
)
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.checks import Checks
from kable_hub.usecases.errors import Conflict, NotFound
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.lookup import customer_named, need, provider_named
from kable_hub.usecases.waking import wake

RETRYABLE = ("blocked", "rejected")
"""What `retry_many` takes up where no state is named."""

_CHUNK = 500

ANY = DeliveryFilter()
"""Every delivery."""


@dataclass(frozen=True)
class DeliveryDetail:
    """A delivery with everything tried, oldest first."""

    delivery: DeliveryRow
    generations: tuple[GenerationRow, ...]
    attempts: tuple[AttemptRow, ...]
    signals: tuple[SignalRow, ...]


def list_deliveries(
    hub: Hub,
    scope: Scope,
    wanted: DeliveryFilter = ANY,
    cursor: str = "",
    limit: int = 50,
) -> Page[DeliveryRow]:
    """Deliveries, newest first. `wanted.customer` may be a client id. Raises NotFound for it."""
    with hub.database.read():
        return deliveries.listed(scope, _named(scope, wanted), cursor, limit)


def count_by_state(hub: Hub, scope: Scope) -> dict[str, dict[str, int]]:
    """How many deliveries stand in each state, by provider."""
    with hub.database.read():
        slugs = {one.id: one.provider for one in connections.listed(scope)}
        found: dict[str, dict[str, int]] = {slug: {} for slug in slugs.values()}
        for connection_id, state, count in deliveries.counts(scope):
            found[slugs[connection_id]][state] = count
    return found


def get_delivery(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryDetail:
    """One delivery with its attempts. Raises NotFound."""
    with hub.database.read():
        return DeliveryDetail(
            delivery=_one(scope, delivery_id),
            generations=deliveries.generations(scope, delivery_id),
            attempts=deliveries.attempts(scope, [delivery_id]),
            signals=deliveries.signals(scope, [delivery_id]),
        )


def retry(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Try a blocked or rejected delivery again now, and a due or uncertain one without waiting.

    What its connection remembers of the provider is read anew: a person may have mended it
    there. Raises NotFound, Conflict (`not_retryable`).
    """
    return _steer(
        hub,
        scope,
        delivery_id,
        lambda now: _forgetting(scope, outbox.retry(scope, delivery_id, now)),
        "not_retryable",
    )


def retry_many(hub: Hub, scope: Scope, wanted: DeliveryFilter) -> int:
    """Try again everything that fits; without a state, what is blocked or rejected.

    Answers how many. Raises NotFound for an unknown customer.
    """
    done = 0
    with hub.database.write():
        asked = _named(scope, wanted)
        for state in (asked.state,) if asked.state else RETRYABLE:
            done += _retry_all(hub, scope, replace(asked, state=state))
    return done


def cancel(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Give a delivery up. Raises NotFound, Conflict (`may_exist`, `not_cancellable`)."""
    with hub.database.write():
        if not outbox.cancel(scope, delivery_id, hub.now()):
            row = _one(scope, delivery_id)
            code = "may_exist" if row.may_exist else "not_cancellable"
            raise _refused(row, code)
        return _one(scope, delivery_id)


def push(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Send a held delivery. Raises NotFound, Conflict (`not_held`)."""
    return _steer(
        hub,
        scope,
        delivery_id,
        lambda now: outbox.push_held(scope, delivery_id, now),
        "not_held",
    )


def settle(
    hub: Hub, scope: Scope, delivery_id: str, *, exists: bool, external_id: str = ""
) -> DeliveryRow:
    """Say what a person found out about a delivery that may exist.

    It `exists` at the provider under `external_id`, or it does not and is sent anew. Raises
    NotFound, Invalid, Conflict (`not_uncertain`; `link_instead` for a customer that was being
    created: what exists is linked by its reference).
    """
    checks = Checks()
    checks.text("externalId", external_id, least=1 if exists else 0, most=255)
    checks.done()
    if exists and get_delivery(hub, scope, delivery_id).delivery.kind == "create_customer":
        raise Conflict("link_instead", "Link the customer to what stands there instead.")
    return _steer(
        hub,
        scope,
        delivery_id,
        lambda now: outbox.settle_by_hand(
            scope, delivery_id, exists=exists, external_id=external_id, now=now
        ),
        "not_uncertain",
    )


def void(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Open the void of a delivered push; answers the void, the same one when asked again.

    Raises NotFound, Conflict (`not_delivered`, `not_offered`).
    """
    with hub.database.write():
        row = _one(scope, delivery_id)
        need(provider_named(hub, row.provider), Capability.CANCEL_INVOICE)
        connection_id = outbox.open_void(scope, delivery_id, hub.now())
        if connection_id is None:
            raise _refused(row, "not_delivered")
        wake(hub, [connection_id])
        asked = DeliveryFilter(kind="void", invoice=row.subject_id, provider=row.provider)
        return deliveries.listed(scope, asked, "", 1).items[0]


def _steer(
    hub: Hub,
    scope: Scope,
    delivery_id: str,
    change: Callable[[int], str | None],
    refusal: str,
) -> DeliveryRow:
    """Change one delivery and wake its connection, or say why it cannot be changed."""
    with hub.database.write():
        connection_id = change(hub.now())
        row = _one(scope, delivery_id)
        if connection_id is None:
            raise _refused(row, refusal)
        wake(hub, [connection_id])
        return row


def _forgetting(scope: Scope, connection_id: str | None) -> str | None:
    if connection_id is not None:
        memories.forget(scope, connection_id)
    return connection_id


def _retry_all(hub: Hub, scope: Scope, asked: DeliveryFilter) -> int:
    done, last = 0, ""
    while ids := deliveries.ids_like(scope, asked, last, _CHUNK):
        woken = [outbox.retry(scope, one, hub.now()) for one in ids]
        found = [connection_id for connection_id in woken if connection_id]
        for connection_id in set(found):
            memories.forget(scope, connection_id)
        wake(hub, found)
        done, last = done + len(found), ids[-1]
    return done


def _named(scope: Scope, wanted: DeliveryFilter) -> DeliveryFilter:
    if not wanted.customer:
        return wanted
    return replace(wanted, customer=customer_named(scope, wanted.customer).id)


def _one(scope: Scope, delivery_id: str) -> DeliveryRow:
    row = deliveries.get(scope, delivery_id)
    if row is None:
        raise NotFound("delivery", delivery_id)
    return row


def _refused(row: DeliveryRow, code: str) -> Conflict:
    return Conflict(code, f"The delivery is {row.state}.", extras={"state": row.state})
