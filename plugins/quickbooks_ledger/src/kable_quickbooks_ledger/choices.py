"""What a person may choose from in the settings, and what a check of the connection finds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kable_hub import JSON, Choice, Connection, SettingChoices
from kable_quickbooks_ledger import tracking
from kable_quickbooks_ledger.client import Client, Row
from kable_quickbooks_ledger.company import Company, read_company

ENTITIES: Mapping[str, str] = {
    "default_item": "Item",
    "items": "Item",
    "tax_code": "TaxCode",
    "no_tax_code": "TaxCode",
    "tax_codes": "TaxCode",
    "term": "Term",
    "item_class": "Class",
    "department": "Department",
}
LASTS = timedelta(minutes=10)
_SELLABLE = ("Service", "NonInventory", "Inventory")


def choices(connection: Connection, field: str) -> SettingChoices:
    """The active rows a setting may name; for the default item also one to start with."""
    entity = ENTITIES.get(field)
    if entity is None:
        return SettingChoices(())
    client = Client.of(connection)
    # One list serves all settings that name the same kind of thing.
    known = connection.remember(f"choices {entity}", LASTS, lambda: _read(client, entity))
    listed = tuple(Choice(value, label) for value, label in known["rows"])
    return SettingChoices(listed, known["start"] if field == "default_item" else "")


def check(connection: Connection) -> list[str]:
    """Two cheap reads; warnings about what will stop invoices."""
    company = read_company(Client.of(connection))
    return list(_warnings(company, connection.settings))


def _warnings(company: Company, settings: Mapping[str, Any]) -> Iterator[str]:
    if not settings.get("default_item"):
        yield 'Choose a "Default item": invoices need it.'
    if company.sales_tax and not company.american:
        for field in ("tax_code", "no_tax_code"):
            if not settings.get(field):
                yield f"Choose a tax code ({field}): lines need one in this country."
    if settings.get("numbers") == "own" and not company.custom_numbers:
        yield "Custom transaction numbers are off in QuickBooks: its counter goes on."
    yield from tracking.faults(company, settings)


def _read(client: Client, entity: str) -> JSON:
    rows = client.query("choices.read", entity, "Active = true")
    kept = [row for row in rows if entity != "Item" or row.get("Type") in _SELLABLE]
    return {"rows": [[str(row["Id"]), _label(row)] for row in kept], "start": _start(kept)}


def _label(row: Row) -> str:
    return str(row.get("FullyQualifiedName") or row.get("Name") or row["Id"])


def _start(rows: Sequence[Row]) -> str:
    services = [row for row in rows if row.get("Type") == "Service"]
    return str(next(iter([*services, *rows]), {}).get("Id", ""))
