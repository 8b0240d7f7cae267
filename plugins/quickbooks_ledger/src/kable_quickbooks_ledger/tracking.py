"""Classes and locations: what an invoice counts towards, where the company keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any

from kable_quickbooks_ledger.company import Company


def faults(company: Company, settings: Mapping[str, Any]) -> Iterator[str]:
    """What the settings name and the company does not keep: QuickBooks would drop it unseen."""
    if settings.get("item_class") and not company.classes:
        yield "Class tracking is off in QuickBooks: turn it on there, or clear the class."
    if settings.get("department") and not company.departments:
        yield "Locations are off in QuickBooks: turn them on there, or clear the location."


def on_invoice(company: Company, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Location, and the class where the company keeps one for each invoice."""
    item_class = settings.get("item_class", "") if company.classes == "invoice" else ""
    return {
        "DepartmentRef": reference(settings.get("department", "")),
        "ClassRef": reference(item_class),
    }


def on_line(company: Company, settings: Mapping[str, Any]) -> dict[str, str] | None:
    """The class where the company keeps one for each line."""
    return reference(settings.get("item_class", "")) if company.classes == "line" else None


def reference(value: str) -> dict[str, str] | None:
    """A reference as QuickBooks writes it, or None."""
    return {"value": value} if value else None
