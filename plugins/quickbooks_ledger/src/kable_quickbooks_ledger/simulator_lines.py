"""Lines of an invoice in the simulated QuickBooks: products, items, tax codes."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_faults import (
    QboFault,
    bad_reference,
    business,
    inactive,
    missing,
)

CENT = Decimal("0.01")
_PSEUDO = ("TAX", "NON")


def lines_of(book: Book, body: Any) -> list[Row]:
    """The lines as they will stand in the books. Raises QboFault."""
    lines = body.get("Line")
    if not lines:
        raise missing("Line")
    if len(lines) > 750:
        raise business("You can only enter 750 lines.")
    return [_line(book, line, at) for at, line in enumerate(lines, start=1)]


def _line(book: Book, line: Any, at: int) -> Row:
    if line.get("DetailType") != "SalesItemLineDetail" or "SalesItemLineDetail" not in line:
        raise missing("DetailType")
    if line.get("Amount") is None:
        raise missing("Amount")
    detail = dict(line["SalesItemLineDetail"])
    _check_product(Decimal(line["Amount"]), detail)
    detail["ItemRef"] = _item(book, detail)
    detail["TaxCodeRef"] = _tax_code(book, detail)
    check_kept(book, "Class", detail.get("ClassRef"), book.classes == "line")
    return {**line, "Id": str(at), "LineNum": at, "SalesItemLineDetail": detail}


def _check_product(amount: Decimal, detail: Row) -> None:
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if quantity is None or price is None:
        return
    product = (Decimal(quantity) * Decimal(price)).quantize(CENT, rounding=ROUND_HALF_UP)
    if product != amount:
        raise QboFault(
            "6070",
            "Amount calculation incorrect in the request",
            f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount}",
        )


def _item(book: Book, detail: Row) -> dict[str, str]:
    items = book.tables["Item"]
    wanted = (detail.get("ItemRef") or {}).get("value") or next(iter(items))
    if wanted not in items:
        raise bad_reference("Items", wanted)
    if not items[wanted]["Active"]:
        raise inactive()
    return {"value": wanted, "name": items[wanted]["Name"]}


def _tax_code(book: Book, detail: Row) -> dict[str, str]:
    code = (detail.get("TaxCodeRef") or {}).get("value")
    if not book.sales_tax:
        if code not in (None, "NON"):
            raise business("Sales tax is turned off.")
        return {"value": "NON"}
    if book.country == "US":
        if code not in (None, *_PSEUDO):
            raise QboFault("6100", "Invalid tax code", f"Supplied value:{code}")
        return {"value": code or "NON"}
    if code is None:
        raise business("Make sure all your transactions have a GST/HST rate before you save.")
    if code not in book.tables["TaxCode"]:
        raise bad_reference("TaxCodes", code)
    return {"value": code}


def check_kept(book: Book, entity: str, sent: Row | None, kept: bool) -> None:
    """Refuse a class or a location that is unknown, inactive or not kept there by the company."""
    if not sent:
        return
    if not kept:
        raise business(f"{entity} tracking is not turned on for this.")
    row = book.tables[entity].get(sent.get("value", ""))
    if row is None:
        raise bad_reference({"Class": "Klasses"}.get(entity, "Depts"), str(sent.get("value")))
    if not row["Active"]:
        raise inactive()
