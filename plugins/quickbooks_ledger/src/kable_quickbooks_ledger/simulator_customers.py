"""Customers of the simulated QuickBooks: names are unique over everybody, inactive or not."""

from datetime import datetime
from typing import Any

from kable_quickbooks_ledger import simulator_schema as schema
from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_current import changed, current
from kable_quickbooks_ledger.simulator_faults import QboFault, business

CURRENCY_NAMES = {
    "USD": "United States Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "CAD": "Canadian Dollar",
    "JPY": "Japanese Yen",
}


_KEPT = ("Active", "Balance", "BillWithParent", "CurrencyRef", "Job")


def create(book: Book, body: Any, now: datetime) -> Row:
    """POST /customer."""
    schema.check("Customer", body)
    name = _name(book, body)
    return add(book, name, now, **{**body, "CurrencyRef": _currency(book, body)})


def update(book: Book, body: Any, now: datetime) -> Row:
    """POST /customer with an Id: names stay unique, the currency stays once it was used."""
    schema.check("Customer", body)
    row = current(book, "Customer", body)
    left = changed(row, body, ("DisplayName", *_KEPT))
    name = _name(book, left, row)
    if left["CurrencyRef"]["value"] != row["CurrencyRef"]["value"] and _is_used(book, row):
        raise business("The currency of a customer with transactions cannot be changed.")
    ends = row["Active"] and not left["Active"]
    row.clear()
    row.update({**left, "DisplayName": name, "FullyQualifiedName": name, "PrintOnCheckName": name})
    if ends:
        deactivate(book, row, now)
    else:
        book.touch(row, now)
    return row


def _name(book: Book, body: Any, own: Row | None = None) -> str:
    name = str(body.get("DisplayName") or body.get("GivenName") or "").strip()
    if not name:
        raise QboFault("6080", "Name required", "DisplayName or a part of the name is required")
    if any(char in name for char in ":\t\n"):
        raise QboFault("2040", "Invalid String", "Colon, tab and newline", element="DisplayName")
    bearer = book.named(name)
    if bearer is not None and bearer is not own:
        raise QboFault(
            "6240",
            "Duplicate Name Exists Error",
            "The name supplied already exists. Another customer, vendor or employee is already "
            "using this name. Please use a different name.",
        )
    return name


def add(book: Book, name: str, now: datetime, entity: str = "Customer", **values: Any) -> Row:
    """Put a name into the books, as a person in QuickBooks would."""
    row = {
        "Job": False,
        "BillWithParent": False,
        "Balance": 0,
        "Active": True,
        "CurrencyRef": reference(book.home_currency),
        **values,
        "DisplayName": name,
        "FullyQualifiedName": name,
        "PrintOnCheckName": name,
    }
    return book.add(entity, row, now)


def deactivate(book: Book, row: Row, now: datetime) -> None:
    """Make a name inactive: QuickBooks adds a word to it."""
    row["Active"] = False
    row["DisplayName"] = f"{row['DisplayName']} (deleted)"
    book.touch(row, now)


def merge(book: Book, lost: Row, kept: Row, now: datetime) -> None:
    """Merge a customer into another one: its id stands no longer, its invoices move."""
    for row in book.tables["Invoice"].values():
        if row["CustomerRef"]["value"] == lost["Id"]:
            row["CustomerRef"] = {"value": kept["Id"], "name": kept["DisplayName"]}
    book.remove("Customer", lost["Id"], now)
    book.touch(kept, now)


def reference(currency: str) -> dict[str, str]:
    """A CurrencyRef as QuickBooks writes it."""
    return {"value": currency, "name": CURRENCY_NAMES.get(currency, currency)}


def _is_used(book: Book, row: Row) -> bool:
    invoices = book.tables["Invoice"].values()
    return any(one["CustomerRef"]["value"] == row["Id"] for one in invoices)


def _currency(book: Book, body: Any) -> dict[str, str]:
    wanted = (body.get("CurrencyRef") or {}).get("value") or book.home_currency
    if wanted != book.home_currency and not book.multicurrency:
        raise business("Multi currency should be enabled to perform this operation.")
    return reference(wanted)
