"""What comes back from a provider: webhook requests, stored events, and their effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from kable_hub.domain import JSON, Environment, PaymentStatus


@dataclass(frozen=True)
class WebhookRequest:
    """A webhook as it arrived: the raw body and the headers with lower-case names.

    `environment` is the one whose `app` comes with it: some providers' events do not say.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    now: datetime
    environment: Environment | None = None


@dataclass(frozen=True)
class Event:
    """One verified event. `id` is unique per account at the provider and environment.

    `external_id` routes it to a connection; `payload` is what `work_event` needs later,
    without secrets. Where it names the `document` or the `customer` it is about, it is worked
    only if the hub knows that one, and costs no call where somebody else's was meant.
    """

    id: str
    type: str
    external_id: str
    environment: Environment
    payload: Mapping[str, JSON] = field(default_factory=dict)
    document: str = ""
    customer: str = ""


@dataclass(frozen=True)
class PaymentChanged:
    """The collection of a document moved. `as_of` orders: older never overwrites newer.

    May be told again and again: the timeline shows only what moved. It concerns this provider's
    document alone, never what another provider says of the same invoice.
    """

    document: str
    status: PaymentStatus
    as_of: datetime
    code: str = ""
    message: str = ""
    url: str = ""


@dataclass(frozen=True)
class CustomerReady:
    """What NeedsCustomer asked for is there; blocked deliveries of this customer go on.

    `certain` False: it may be there, so they are tried, and blocked again where it is not.
    """

    reference: str
    certain: bool = True


@dataclass(frozen=True)
class PageChanged:
    """A hosted page (its `id`) was completed by the customer, or died before its time."""

    page: str
    state: Literal["completed", "expired"]


@dataclass(frozen=True)
class CustomerGone:
    """The linked customer no longer stands at the provider (deleted, merged, deactivated)."""

    reference: str
    message: str = ""


@dataclass(frozen=True)
class DocumentChanged:
    """Somebody edited, voided or deleted the document at the provider. Shown, never mirrored.

    Each fact is shown once, however often it is told; the hub's own void is not shown, nor is an
    `edited` of a moment of which the timeline knows something else, such as a payment.
    """

    document: str
    change: str
    as_of: datetime
    message: str = ""


@dataclass(frozen=True)
class ConnectionRevoked:
    """The provider's side ended the connection; it is paused until a person reconnects."""

    message: str = ""


Effect: TypeAlias = (
    PaymentChanged
    | CustomerReady
    | PageChanged
    | CustomerGone
    | DocumentChanged
    | ConnectionRevoked
)
"""The closed set of what an event may do."""
