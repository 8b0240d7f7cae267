"""The frozen value objects that hub and provider plugins exchange.

Amounts are integer minor units of the object's currency; quantities and unit prices are
Decimal in major units; moments are timezone-aware UTC.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""What survives canonical JSON: str, int, bool, None, Decimal, lists and string-keyed maps."""

Document: TypeAlias = Mapping[str, JSON]
"""The exact body a plugin will send, frozen by the hub before the first send."""


class Environment(StrEnum):
    """Live money or test money. The two never mix."""

    LIVE = "live"
    TEST = "test"


class Kind(StrEnum):
    """What a provider is for."""

    PAYMENTS = "payments"
    ACCOUNTING = "accounting"


class PaymentStatus(StrEnum):
    """How the collection of a delivered invoice stands at a payments provider."""

    OPEN = "open"
    PAID = "paid"
    PARTIALLY_PAID = "partially_paid"
    OVERDUE = "overdue"
    PAYMENT_FAILED = "payment_failed"
    REQUIRES_ACTION = "requires_action"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


@dataclass(frozen=True)
class Address:
    """A postal address; `country` is an ISO 3166 alpha-2 code or empty."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True)
class Customer:
    """A customer of the account. `client_id` is the account's own immutable id for it."""

    id: str
    client_id: str
    company_name: str
    currency: str
    email: str = ""
    billing_address: Address = field(default_factory=Address)


@dataclass(frozen=True)
class LinkedCustomer:
    """What `link_customer` found or made at the provider.

    `reference` is the canonical id there; `parts` is opaque to the hub and comes back in
    every CustomerLink; `warnings` are shown to the person who links. `ready` says whether it
    can be charged there; None where that means nothing or was not looked at.
    """

    reference: str
    title: str = ""
    email: str = ""
    currency: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    ready: bool | None = None


@dataclass(frozen=True)
class CustomerLink:
    """A customer joined to its counterpart at one provider, as frozen for a push.

    `settings` are the connection's with this customer's own values over them.
    """

    customer: Customer
    reference: str
    parts: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class InvoiceLine:
    """One line. `amount` is net of `tax`, both in minor units; `tax_rate` is in percent.

    `amount` is authoritative; it is within one minor unit of quantity times unit price.
    """

    id: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: int
    tax: int = 0
    tax_rate: Decimal | None = None
    tax_code: str = ""
    product_code: str = ""
    service_date: date | None = None


@dataclass(frozen=True)
class Invoice:
    """An accepted invoice. `subtotal` + `tax` = `total`, in minor units of `currency`."""

    id: str
    number: str
    customer_id: str
    currency: str
    issue_date: date
    lines: tuple[InvoiceLine, ...]
    subtotal: int
    tax: int
    total: int
    due_date: date | None = None
    memo: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    revision: int = 1


@dataclass(frozen=True)
class Receipt:
    """The provider's acknowledgement of one final document, amounts in minor units.

    `tax` is what the provider added itself (`facts.adds_tax`, or `adds_tax` for this document
    alone), else the tax on its document. `adopted` says that the document stood there already
    and was recognised by its marker. `payment_code` and `payment_message` say more about
    `payment_status`, such as why a charge failed; `url` is where the customer acts.
    """

    external_id: str
    total: int
    currency: str
    customer: str
    number: str = ""
    url: str = ""
    status: str = ""
    tax: int = 0
    payment_status: PaymentStatus | None = None
    adopted: bool = False
    adds_tax: bool = False
    payment_code: str = ""
    payment_message: str = ""


@dataclass(frozen=True)
class Unfinished:
    """A draft was found: call `push_invoice` again with this progress to finish it."""

    progress: Mapping[str, JSON]


def _keep_nothing(_progress: Mapping[str, JSON]) -> None:
    return None


@dataclass(frozen=True)
class Push:
    """One generation of one delivery, on its way.

    `key` is the idempotency key (36 characters; derive step keys by a suffix), `since` the
    moment from which on a document may exist (a day early, as clocks go wrong), `marker` the
    identity that has to stand on the document (`instance/account/invoice`). `progress` is what
    the plugin saved last, {} at first; `save` commits new progress (JSON, at most 8 kB, no
    secrets) before it returns and
    raises LeaseLost where another worker took over.
    """

    invoice: Invoice
    link: CustomerLink
    document: Document
    key: str
    generation: int
    since: datetime
    marker: str
    progress: Mapping[str, JSON] = field(default_factory=dict)
    save: Callable[[Mapping[str, JSON]], None] = field(
        default=_keep_nothing, repr=False, compare=False
    )


@dataclass(frozen=True)
class HostedPage:
    """A page at the provider on which the customer acts; the URL dies at `expires_at`.

    `id` is what a PageChanged names it by later; empty where the provider tells nothing of it.
    """

    url: str
    expires_at: datetime
    id: str = ""


@dataclass(frozen=True)
class Choice:
    """One value a setting may take, read from the provider."""

    value: str
    label: str


@dataclass(frozen=True)
class SettingChoices:
    """What `setting_choices` answers: the choices and the one to start with, or empty."""

    choices: tuple[Choice, ...]
    default: str = ""
