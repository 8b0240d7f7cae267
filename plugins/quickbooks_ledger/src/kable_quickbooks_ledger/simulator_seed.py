"""What stands in a fresh company of the simulated QuickBooks."""

from datetime import datetime
from decimal import Decimal

from kable_quickbooks_ledger import simulator_customers
from kable_quickbooks_ledger.simulator_books import Book


def furnish(book: Book, now: datetime) -> None:
    """Items, terms, a class, a location and tax codes."""
    for name, sort in (("Services", "Service"), ("Hours", "Service"), ("Goods", "NonInventory")):
        book.add("Item", {"Name": name, "Type": sort, "Active": True}, now)
    for name, days in (("Net 30", 30), ("Net 15", 15), ("Due on receipt", 0)):
        book.add("Term", {"Name": name, "DueDays": days, "Active": True}, now)
    book.add("Class", {"Name": "Software", "Active": True}, now)
    book.add("Department", {"Name": "Head office", "Active": True}, now)
    if book.country == "US":
        for code in ("TAX", "NON"):
            book.add("TaxCode", {"Id": code, "Name": code, "Active": True}, now)
        return
    for name, rate in (("Standard", 20), ("Zero", 0)):
        row = book.add("TaxCode", {"Name": name, "Active": True}, now)
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
