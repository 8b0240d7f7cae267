"""Deliveries: what is under way, what went wrong, and what a person may do about it."""

from dataclasses import dataclass

from kable_hub.store.deliveries import (
    AttemptRow,
    DeliveryFilter,
    DeliveryRow,
    GenerationRow,
    SignalRow,
)
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.hub import Hub

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
    raise NotImplementedError


def count_by_state(hub: Hub, scope: Scope) -> dict[str, dict[str, int]]:
    """How many deliveries stand in each state, by provider."""
    raise NotImplementedError


def get_delivery(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryDetail:
    """One delivery with its attempts. Raises NotFound."""
    raise NotImplementedError


def retry(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Try a blocked or rejected delivery again now, and a due one without waiting.

    Raises NotFound, Conflict (`not_retryable`).
    """
    raise NotImplementedError


def retry_many(hub: Hub, scope: Scope, wanted: DeliveryFilter) -> int:
    """Try again everything that fits and is blocked or rejected; answers how many.

    Raises NotFound for an unknown customer.
    """
    raise NotImplementedError


def cancel(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Give a delivery up. Raises NotFound, Conflict (`may_exist`, `not_cancellable`)."""
    raise NotImplementedError


def push(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Send a held delivery. Raises NotFound, Conflict (`not_held`)."""
    raise NotImplementedError


def settle(
    hub: Hub, scope: Scope, delivery_id: str, *, exists: bool, external_id: str = ""
) -> DeliveryRow:
    """Say what a person found out about an uncertain delivery.

    It `exists` at the provider under `external_id`, or it does not and is sent anew. Raises
    NotFound, Invalid, Conflict (`not_uncertain`).
    """
    raise NotImplementedError


def void(hub: Hub, scope: Scope, delivery_id: str) -> DeliveryRow:
    """Open the void of a delivered push. Raises NotFound, Conflict (`not_delivered`,
    `not_offered`).
    """
    raise NotImplementedError
