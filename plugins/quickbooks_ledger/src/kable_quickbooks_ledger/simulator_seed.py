"""What stands in a fresh company of the simulated QuickBooks."""

from datetime import datetime
from decimal import Decimal

from kable_quickbooks_ledger import simulator_customers
from kable_quickbooks_ledger.simulator_books import Book


def furnish(book: Book, now: datetime) -> None:
    """An account, items, terms, a class, a location, tax codes and their rates."""
    income = {"Name": "Services", "AccountType": "Income", "Active": True}
    account = book.add("Account", income, now)
    earned = {"value": account["Id"], "name": account["Name"]}
    for name, sort in (("Services", "Service"), ("Hours", "Service"), ("Goods", "NonInventory")):
        item = {"Name": name, "Type": sort, "Active": True, "IncomeAccountRef": earned}
        book.add("Item", item, now)
    for name, days in (("Net 30", 30), ("Net 15", 15), ("Due on receipt", 0)):
        book.add("Term", {"Name": name, "DueDays": days, "Active": True}, now)
    book.add("Class", {"Name": "Software", "Active": True}, now)
    book.add("Department", {"Name": "Head office", "Active": True}, now)
    if book.country == "US":
        for code in ("TAX", "NON"):
            book.add("TaxCode", {"Id": code, "Name": code, "Active": True}, now)
        return
    for name, rate in (("Standard", 20), ("Zero", 0)):
        kept = {"Name": f"{name} rate", "RateValue": rate, "Active": True}
        detail = {"TaxRateRef": {"value": book.add("TaxRate", kept, now)["Id"]}}
        sales = {"SalesTaxRateList": {"TaxRateDetail": [detail]}}
        row = book.add("TaxCode", {"Name": name, "Active": True, **sales}, now)
        book.tax_rates[row["Id"]] = Decimal(rate)


def people(book: Book, now: datetime) -> None:
    """Customers 28 to 30, a vendor 31, an inactive customer 32.

    With multicurrency the three are kept in the home currency and in two others.
    """
    book.counters["names"] = 27
    home = book.home_currency
    abroad = [one for one in ("USD", "EUR", "GBP") if one != home]
    currencies = (home, *abroad[:2]) if book.multicurrency else (home, home, home)
    for name, currency in zip(
        ("Drivr App", "Baltic Cargo", "Thames Books"), currencies, strict=True
    ):
        reference = simulator_customers.reference(currency)
        email = {"Address": f"billing@{name.split()[0].lower()}.example"}
        simulator_customers.add(
            book, name, now, CurrencyRef=reference, PrimaryEmailAddr=email, CompanyName=name
        )
    simulator_customers.add(book, "Paper Supplies", now, "Vendor")
    closed = simulator_customers.add(book, "Closed Shop", now)
    simulator_customers.deactivate(book, closed, now)
