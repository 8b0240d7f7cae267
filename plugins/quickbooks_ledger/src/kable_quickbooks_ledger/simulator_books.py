"""One company in the simulated QuickBooks: its preferences, lists, transactions and replies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

NAMES = ("Customer", "Vendor", "Employee")
TRANSACTIONS = ("Invoice", "CreditMemo", "SalesReceipt")
"""What has a document number; it is taken over all of them."""

LISTS = ("Item", "Term", "TaxCode", "TaxRate", "Class", "Department", "Account")
ENTITIES = (*NAMES, *TRANSACTIONS, "Payment", *LISTS)


@dataclass(frozen=True)
class Reply:
    """What a requestid was answered with, and for which body."""

    status: int
    body: bytes
    request: bytes
    at: datetime


@dataclass
class Book:
    """A company (`realm`) of one environment (`production` or `sandbox`).

    `tax_rates` are percent by tax code id, outside the US. `automatic_rate` is what automated
    sales tax adds in the US where no explicit total is sent. `rates` are exchange rates by
    currency. `classes` (`line`, `invoice` or empty) and `departments` say what the company keeps.
    `closed_until` is the last closed day (ISO). `tax_delta` is added to every computed tax, as
    QuickBooks' own rounding does at times.
    """

    realm: str
    environment: str
    name: str
    country: str = "US"
    home_currency: str = "USD"
    multicurrency: bool = True
    custom_numbers: bool = True
    sales_tax: bool = True
    classes: str = "line"
    departments: bool = True
    subscribed: bool = True
    closed_until: str = ""
    next_number: int = 1001
    automatic_rate: Decimal = Decimal(0)
    tax_delta: Decimal = Decimal(0)
    tax_rates: dict[str, Decimal] = field(default_factory=dict)
    rates: dict[str, Decimal] = field(
        default_factory=lambda: {
            "EUR": Decimal("1.0842"),
            "GBP": Decimal("1.2671"),
            "JPY": Decimal("0.0065"),
        }
    )
    tables: dict[str, dict[str, Row]] = field(
        default_factory=lambda: {entity: {} for entity in ENTITIES}
    )
    replies: dict[str, Reply] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    removed: list[tuple[str, str, datetime]] = field(default_factory=list)

    def new_id(self, entity: str) -> str:
        """The next id: customers, vendors and employees draw from one list, so do transactions."""
        numbered = (*TRANSACTIONS, "Payment")
        series = "names" if entity in NAMES else "txns" if entity in numbered else entity
        self.counters[series] = self.counters.get(series, 0) + 1
        return str(self.counters[series])

    def add(self, entity: str, row: Mapping[str, Any], now: datetime) -> Row:
        """Store a new row with id, sync token and times; answer it."""
        stamp = now.isoformat(timespec="seconds")
        stored: Row = {
            "domain": "QBO",
            "sparse": False,
            "Id": self.new_id(entity),
            "SyncToken": "0",
            "MetaData": {"CreateTime": stamp, "LastUpdatedTime": stamp},
            **row,
        }
        self.tables[entity][stored["Id"]] = stored
        return stored

    def touch(self, row: Row, now: datetime) -> None:
        """Count a write to the row."""
        row["SyncToken"] = str(int(row["SyncToken"]) + 1)
        row["MetaData"] = {
            **row["MetaData"],
            "LastUpdatedTime": now.isoformat(timespec="seconds"),
        }

    def remove(self, entity: str, row_id: str, now: datetime) -> None:
        """Delete a row for good; the change feed tells of it."""
        del self.tables[entity][row_id]
        self.removed.append((entity, row_id, now))

    def changed(self, entity: str, since: datetime) -> list[Row]:
        """Rows written since a moment, and what is left of the deleted ones; at most 1000."""
        gone = [
            {"domain": "QBO", "status": "Deleted", "Id": row_id, "MetaData": _stamp(at)}
            for kind, row_id, at in self.removed
            if kind == entity and at >= since
        ]
        rows = [row for row in self.tables[entity].values() if _updated(row) >= since]
        return sorted([*rows, *gone], key=_updated)[:1000]

    def named(self, name: str) -> Row | None:
        """Who bears this display name, among customers, vendors and employees, case apart."""
        wanted = name.strip().casefold()
        rows = (row for entity in NAMES for row in self.tables[entity].values())
        return next((row for row in rows if row["DisplayName"].casefold() == wanted), None)

    def numbered(self, number: str) -> tuple[str, Row] | None:
        """Which transaction bears this document number, with its type."""
        for entity in TRANSACTIONS:
            for row in self.tables[entity].values():
                if row.get("DocNumber") == number:
                    return entity, row
        return None

    def info(self) -> Row:
        """CompanyInfo."""
        return {
            "CompanyName": self.name,
            "LegalName": self.name,
            "Country": self.country,
            "Id": "1",
            "SyncToken": "4",
        }

    def preferences(self) -> Row:
        """Preferences, as far as the plugin reads them."""
        return {
            "SalesFormsPrefs": {"CustomTxnNumbers": self.custom_numbers},
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": self.multicurrency,
                "HomeCurrency": {"value": self.home_currency},
            },
            "TaxPrefs": {"UsingSalesTax": self.sales_tax},
            "AccountingInfoPrefs": {
                "ClassTrackingPerTxn": self.classes == "invoice",
                "ClassTrackingPerTxnLine": self.classes == "line",
                "TrackDepartments": self.departments,
            },
            "Id": "1",
            "SyncToken": "1",
        }


def _updated(row: Row) -> datetime:
    return datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"])


def _stamp(at: datetime) -> dict[str, str]:
    return {"LastUpdatedTime": at.isoformat(timespec="seconds")}
