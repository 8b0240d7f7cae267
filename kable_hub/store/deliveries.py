"""The outbox as it is read: deliveries, their generations, attempts and signals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DeliveryRow:
    """One operation of the outbox. Moments are epoch milliseconds, amounts minor units.

    `kind` is push, void or create_customer; `subject_id` the invoice, or the customer for
    create_customer. `state`: held, due, pushing, uncertain, delivered, blocked, rejected,
    cancelled. `receipt` is the provider's acknowledgement as JSON.
    """

    id: str
    provider: str
    connection_id: str
    kind: str
    subject_id: str
    customer_id: str
    state: str
    due_at: int
    attempts: int
    failures: int
    generation: int
    may_exist: bool
    error_code: str
    error_message: str
    blocked_on: str
    external_id: str
    variance: int
    payment_status: str
    created_at: int
    updated_at: int
    uncertain_since: int | None = None
    delivered_at: int | None = None
    payment_as_of: int | None = None
    receipt: Mapping[str, Any] | None = None
    error_details: tuple[Any, ...] = ()
    payment_details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GenerationRow:
    """What was frozen for one generation: `document` is the exact JSON text that is sent."""

    number: int
    key: str
    batch_key: str
    document: str
    invoice_revision: int
    sends: int
    frozen_at: int
    first_sent_at: int | None


@dataclass(frozen=True)
class AttemptRow:
    """One try: what was done (`step`), how it ended, and every call made."""

    id: str
    delivery_id: str
    generation: int
    step: str
    outcome: str
    code: str
    message: str
    provider_code: str
    http_status: int | None
    request_id: str
    calls: tuple[Any, ...]
    started_at: int
    duration_ms: int


@dataclass(frozen=True)
class SignalRow:
    """What happened at the provider after delivery."""

    id: str
    delivery_id: str
    kind: str
    message: str
    as_of: int
    created_at: int


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries; empty means any. `customer` and `invoice` are hub ids."""

    state: str = ""
    provider: str = ""
    code: str = ""
    kind: str = ""
    customer: str = ""
    invoice: str = ""
