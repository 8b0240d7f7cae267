"""What a person may choose from in the settings, and what a check of the connection finds."""

from collections.abc import Mapping

from kable_hub import Choice, Connection, SettingChoices
from kable_quickbooks_ledger.client import Client, Row
from kable_quickbooks_ledger.company import read_company

ENTITIES: Mapping[str, str] = {
    "default_item": "Item",
    "tax_code": "TaxCode",
    "no_tax_code": "TaxCode",
    "term": "Term",
    "item_class": "Class",
}
_SELLABLE = ("Service", "NonInventory", "Inventory")


def choices(connection: Connection, field: str) -> SettingChoices:
    """The active rows a setting may name; for the item also one to start with."""
    entity = ENTITIES.get(field)
    if entity is None:
        return SettingChoices(())
    rows = Client.of(connection).query("choices.read", entity, "Active = true")
    kept = [row for row in rows if entity != "Item" or row.get("Type") in _SELLABLE]
    listed = tuple(Choice(str(row["Id"]), str(row.get("Name") or row["Id"])) for row in kept)
    return SettingChoices(listed, _start(kept) if entity == "Item" else "")


def check(connection: Connection) -> list[str]:
    """Two cheap reads; warnings about what will stop invoices."""
    company = read_company(Client.of(connection))
    settings, warnings = connection.settings, []
    if not settings.get("default_item"):
        warnings.append('Choose a "Default item": invoices need it.')
    if company.sales_tax and not company.american:
        for field in ("tax_code", "no_tax_code"):
            if not settings.get(field):
                warnings.append(f"Choose a tax code ({field}): lines need one in this country.")
    if settings.get("numbers") == "own" and not company.custom_numbers:
        warnings.append("Custom transaction numbers are off in QuickBooks: its counter goes on.")
    return warnings


def _start(rows: list[Row]) -> str:
    services = [row for row in rows if row.get("Type") == "Service"]
    return str(next(iter([*services, *rows]), {}).get("Id", ""))
