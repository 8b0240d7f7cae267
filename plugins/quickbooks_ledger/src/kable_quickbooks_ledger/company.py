"""What has to be known of a company before an invoice can be written for it.

Reads are metered, so these facts are taken when a customer is linked and travel in the link's
parts; planning an invoice then reads nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from kable_quickbooks_ledger.client import Client


@dataclass(frozen=True)
class Company:
    """Country (ISO 3166, `US` for the States), home currency and the preferences that matter."""

    country: str
    home_currency: str
    multicurrency: bool
    custom_numbers: bool
    sales_tax: bool

    @property
    def american(self) -> bool:
        """Whether the US rules for tax codes hold."""
        return self.country == "US"

    def parts(self) -> dict[str, str]:
        """As parts of a link."""
        return {name: _text(value) for name, value in asdict(self).items()}

    @classmethod
    def from_parts(cls, parts: Mapping[str, str]) -> Self | None:
        """Out of a link's parts; None where they are not (all) there."""
        names = ("multicurrency", "custom_numbers", "sales_tax")
        if not all(name in parts for name in ("country", "home_currency", *names)):
            return None
        flags = {name: parts[name] == "yes" for name in names}
        return cls(parts["country"], parts["home_currency"], **flags)


def read_company(client: Client) -> Company:
    """Read the facts: two requests."""
    info = read_info(client)
    prefs = client.read("preferences.read", "preferences").get("Preferences") or {}
    currency = prefs.get("CurrencyPrefs") or {}
    return Company(
        country=_country(info),
        home_currency=str((currency.get("HomeCurrency") or {}).get("value") or "USD"),
        multicurrency=_flag(currency.get("MultiCurrencyEnabled")),
        custom_numbers=_flag((prefs.get("SalesFormsPrefs") or {}).get("CustomTxnNumbers")),
        sales_tax=_flag((prefs.get("TaxPrefs") or {}).get("UsingSalesTax")),
    )


def read_info(client: Client) -> Mapping[str, Any]:
    """Read CompanyInfo: one request, the cheapest proof that a connection works."""
    body = client.read("company.read", f"companyinfo/{client.realm}")
    return dict(body.get("CompanyInfo") or {})


def _country(info: Mapping[str, Any]) -> str:
    country = str(info.get("Country") or "US").upper()
    return "US" if country in ("US", "USA") else country


def _flag(value: Any) -> bool:
    return value is True or value == "true"


def _text(value: str | bool) -> str:
    if isinstance(value, str):
        return value
    return "yes" if value else "no"
