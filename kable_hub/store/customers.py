"""Customers of an account."""

from dataclasses import dataclass

from kable_hub.domain import Address


@dataclass(frozen=True)
class CustomerRow:
    """A customer. `status` is ACTIVE or CANCELLED; moments are epoch milliseconds."""

    id: str
    client_id: str
    company_name: str
    currency: str
    email: str
    billing_address: Address
    status: str
    created_at: int
    updated_at: int
