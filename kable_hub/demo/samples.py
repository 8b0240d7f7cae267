"""The sample invoices of `examples/`, and the part each of their customers plays."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any


class Part(StrEnum):
    """How a customer comes to its counterparts."""

    BY_ID = "linked by id"
    CREATED = "created there"
    WITHOUT_CARD = "without a way to pay"
    UNLINKED = "not linked"


PARTS = {
    "moonfisher": Part.CREATED,
    "last-penny": Part.WITHOUT_CARD,
    "driftwood": Part.UNLINKED,
}
"""Everybody else is linked by id, as far as a provider has a customer to be linked to."""


@dataclass(frozen=True)
class Sample:
    """A customer with its invoices, as the API takes them."""

    customer: Mapping[str, Any]
    invoices: tuple[Mapping[str, Any], ...]

    @property
    def client_id(self) -> str:
        """The account's own id of the customer."""
        return str(self.customer["clientId"])

    @property
    def currency(self) -> str:
        """The customer's currency."""
        return str(self.customer["currency"])

    @property
    def part(self) -> Part:
        """The part it plays."""
        return PARTS.get(self.client_id, Part.BY_ID)


def samples() -> list[Sample]:
    """The samples, by customer, in the order of the file."""
    found: dict[str, tuple[Any, list[Any]]] = {}
    # A link in the checkout, a folder in the wheel.
    file = files("kable_hub") / "examples" / "invoices.jsonl"
    for line in file.read_text("utf-8").splitlines():
        body = json.loads(line)
        customer = body["customer"]
        _, theirs = found.setdefault(customer["clientId"], (customer, []))
        theirs.append({**body, "customer": customer["clientId"]})
    return [Sample(customer, tuple(theirs)) for customer, theirs in found.values()]
