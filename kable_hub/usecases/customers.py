"""Customers of an account: made with their links in one go, changed, found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kable_hub.domain import Address
from kable_hub.store.customers import CustomerRow
from kable_hub.store.scope import Page, Scope
from kable_hub.usecases.hub import Hub
from kable_hub.usecases.linking import LinkView


@dataclass(frozen=True)
class NewCustomer:
    """A customer to be made. `client_id` is the account's own id for it, for ever."""

    client_id: str
    company_name: str
    currency: str
    email: str = ""
    billing_address: Address = field(default_factory=Address)


@dataclass(frozen=True)
class CustomerChange:
    """What to change; None leaves a value as it is. `client_id` may only be repeated."""

    client_id: str | None = None
    company_name: str | None = None
    currency: str | None = None
    email: str | None = None
    billing_address: Address | None = None
    status: str | None = None


@dataclass(frozen=True)
class CustomerView:
    """A customer and its links, by provider."""

    customer: CustomerRow
    links: tuple[LinkView, ...] = ()


@dataclass(frozen=True)
class CustomerFilter:
    """Which customers: `search` is the start of client id or company name; empty means any."""

    client_id: str = ""
    status: str = ""
    search: str = ""


ANY = CustomerFilter()
"""Every customer."""


def create_customer(
    hub: Hub,
    scope: Scope,
    new: NewCustomer,
    links: Mapping[str, str] | None = None,
    create_at: Sequence[str] = (),
    also: Callable[[CustomerView], None] | None = None,
) -> CustomerView:
    """Make a customer, link it (`links`: provider slug to reference) and create it elsewhere.

    References are verified at the provider before anything is written. `create_at` names
    providers at which the customer is to be created: these links are `pending` at first; a
    provider that has a reference is skipped. All or nothing; `also` runs with the result
    inside the transaction. Raises Invalid (`bad_reference`, `not_connected`, ...), Conflict
    (`duplicate_client_id`, `reference_in_use`) and the provider's problems.
    """
    raise NotImplementedError


def get_customer(hub: Hub, scope: Scope, reference: str) -> CustomerView:
    """The customer with this hub id or client id. Raises NotFound."""
    raise NotImplementedError


def list_customers(
    hub: Hub,
    scope: Scope,
    wanted: CustomerFilter = ANY,
    cursor: str = "",
    limit: int = 50,
) -> Page[CustomerView]:
    """Customers, newest first."""
    raise NotImplementedError


def change_customer(hub: Hub, scope: Scope, reference: str, change: CustomerChange) -> CustomerView:
    """Change a customer. Raises NotFound, Invalid, Conflict (`client_id_immutable`,
    `currency_in_use` once it has invoices).
    """
    raise NotImplementedError


def resolve_customer(hub: Hub, scope: Scope, reference: str) -> CustomerRow:
    """The customer with this hub id, else with this client id. Raises NotFound."""
    raise NotImplementedError
