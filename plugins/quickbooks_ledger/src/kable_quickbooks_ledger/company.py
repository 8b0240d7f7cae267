"""What has to be known of a company before an invoice can be written for it.

Reads are metered, so the hub remembers these facts for a while; planning an invoice in home
currency then reads nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from kable_hub import JSON, Connection
from kable_quickbooks_ledger.client import Client

INFO_LASTS = timedelta(hours=24)
PREFERENCES_LAST = timedelta(hours=1)


@dataclass(frozen=True)
class Company:
    """Country (ISO 3166, `US` for the States), home currency and the preferences that matter.

    `classes` says where the company keeps them (`invoice`, `line` or nowhere, empty);
    `departments` whether it keeps locations at all.
    """

    country: str
    home_currency: str
    multicurrency: bool
    custom_numbers: bool
    sales_tax: bool
    classes: Literal["", "invoice", "line"] = "line"
    departments: bool = True

    @property
    def american(self) -> bool:
        """Whether the US rules for tax codes hold."""
        return self.country == "US"


def company_of(connection: Connection) -> Company:
    """The company: two requests where nothing is remembered of it, else none."""
    client = Client.of(connection)
    info = connection.remember("company", INFO_LASTS, lambda: _info(client))
    preferences = connection.remember("preferences", PREFERENCES_LAST, lambda: _preferences(client))
    return Company(**info, **preferences)


def read_company(client: Client) -> Company:
    """The company as it stands now: two requests."""
    return Company(**_info(client), **_preferences(client))


def read_info(client: Client) -> Mapping[str, Any]:
    """Read CompanyInfo: one request, the cheapest proof that a connection works."""
    body = client.read("company.read", f"companyinfo/{client.realm}")
    return dict(body.get("CompanyInfo") or {})


def _info(client: Client) -> dict[str, JSON]:
    country = str(read_info(client).get("Country") or "US").upper()
    return {"country": "US" if country in ("US", "USA") else country}


def _preferences(client: Client) -> dict[str, JSON]:
    prefs = client.read("preferences.read", "preferences").get("Preferences") or {}
    currency = prefs.get("CurrencyPrefs") or {}
    accounting = prefs.get("AccountingInfoPrefs") or {}
    return {
        "home_currency": str((currency.get("HomeCurrency") or {}).get("value") or "USD"),
        "multicurrency": _flag(currency.get("MultiCurrencyEnabled")),
        "custom_numbers": _flag((prefs.get("SalesFormsPrefs") or {}).get("CustomTxnNumbers")),
        "sales_tax": _flag((prefs.get("TaxPrefs") or {}).get("UsingSalesTax")),
        "classes": _classes(accounting),
        "departments": _flag(accounting.get("TrackDepartments")),
    }


def _classes(accounting: Mapping[str, Any]) -> str:
    if _flag(accounting.get("ClassTrackingPerTxnLine")):
        return "line"
    return "invoice" if _flag(accounting.get("ClassTrackingPerTxn")) else ""


def _flag(value: Any) -> bool:
    return value is True or value == "true"
