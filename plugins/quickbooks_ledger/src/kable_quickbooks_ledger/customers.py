"""Customers: check a reference, search."""

from dataclasses import replace

from kable_hub import Connection, Customer, LinkedCustomer, ProviderError, Rejected
from kable_quickbooks_ledger import faults, text
from kable_quickbooks_ledger.client import Client, Row, quoted
from kable_quickbooks_ledger.company import Company, company_of
from kable_quickbooks_ledger.receipts import reference_of

_ABSENT = (faults.INACTIVE, faults.BAD_REFERENCE, "2030")


def check(connection: Connection, customer: Customer, reference: str) -> LinkedCustomer:
    """The customer with this id. Raises Rejected where it is none, or inactive."""
    client = Client.of(connection)
    row = read(client, reference)
    if row is None:
        raise Rejected(_absent(client, reference), code="unknown_customer")
    if row.get("Active") is False:
        raise Rejected(
            f"{title(row)} is inactive in QuickBooks: make it active there first.",
            code="inactive_customer",
        )
    return linked(row, company_of(connection), customer)


def search(connection: Connection, query: str) -> list[LinkedCustomer]:
    """Active customers whose display name holds the text, at most 25."""
    pattern = quoted(f"%{text.name(query)}%")
    where = f"DisplayName like {pattern} orderby DisplayName"
    rows = Client.of(connection).query("customer.find", "Customer", where, limit=25)
    return [_shown(row) for row in rows]


def read(client: Client, reference: str) -> Row | None:
    """The customer with this id, active or not; None where there is none."""
    return _read(client, "Customer", reference)


def _read(client: Client, entity: str, reference: str) -> Row | None:
    path = f"{entity.lower()}/{reference}"
    try:
        row: Row | None = client.read("customer.read", path).get(entity)
    except ProviderError as error:
        if error.provider_code in _ABSENT:
            return None
        raise
    return row


def _absent(client: Client, reference: str) -> str:
    for entity in ("Vendor", "Employee"):
        row = _read(client, entity, reference)
        if row is not None:
            return f"{reference} is the {entity.lower()} {title(row)}, not a customer."
    return f"QuickBooks has no customer with the id {reference}."


def linked(row: Row, company: Company, customer: Customer) -> LinkedCustomer:
    """The link to this customer, with warnings for people."""
    currency = reference_of(row, "CurrencyRef") or company.home_currency
    warnings = tuple(_warnings(row, currency, customer))
    return replace(_shown(row), currency=currency, warnings=warnings)


def _warnings(row: Row, currency: str, customer: Customer) -> list[str]:
    warnings = []
    if currency != customer.currency:
        warnings.append(
            f"QuickBooks keeps this customer in {currency}, here it is in {customer.currency}: "
            f"invoices in {customer.currency} will be refused."
        )
    if row.get("IsProject") or row.get("Job"):
        warnings.append("This is a sub-customer or project in QuickBooks.")
    if row.get("BillWithParent"):
        warnings.append("QuickBooks bills this customer with its parent.")
    return warnings


def _shown(row: Row) -> LinkedCustomer:
    return LinkedCustomer(
        reference=str(row["Id"]),
        title=title(row),
        email=str((row.get("PrimaryEmailAddr") or {}).get("Address") or ""),
        currency=reference_of(row, "CurrencyRef"),
    )


def title(row: Row) -> str:
    """The name to show."""
    return str(row.get("DisplayName") or f"customer {row.get('Id')}")
