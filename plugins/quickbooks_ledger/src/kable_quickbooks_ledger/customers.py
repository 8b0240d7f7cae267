"""Customers: check a reference, create one without ever making a second, search."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kable_hub import (
    Candidate,
    Connection,
    Customer,
    LinkedCustomer,
    NeedsOperator,
    ProviderError,
    Rejected,
)
from kable_quickbooks_ledger import faults, text
from kable_quickbooks_ledger.client import Client, Row, quoted
from kable_quickbooks_ledger.company import Company, read_company
from kable_quickbooks_ledger.mapping import reference_of

ANY = "Active in (true, false)"
_ABSENT = (faults.INACTIVE, faults.BAD_REFERENCE, "2030")


def check(connection: Connection, customer: Customer, reference: str) -> LinkedCustomer:
    """The customer with this id. Raises Rejected where it is none, or inactive."""
    client = Client.of(connection)
    row = read(client, reference)
    if row is None:
        raise Rejected(_absent(client, reference), code="unknown_customer")
    if row.get("Active") is False:
        raise Rejected(
            f"{_title(row)} is inactive in QuickBooks: make it active there first.",
            code="inactive_customer",
        )
    return _linked(row, read_company(client), customer)


def create(connection: Connection, customer: Customer, key: str) -> LinkedCustomer:
    """Make the customer, or take the one an earlier try with this key made."""
    client = Client.of(connection)
    company = read_company(client)
    wanted = text.name(customer.company_name) or text.name(customer.client_id)
    row = _standing(client, wanted, key)
    if row is None:
        row = _create(client, to_customer(customer, wanted, company, key), wanted, key)
    return _linked(row, company, customer)


def search(connection: Connection, query: str) -> list[LinkedCustomer]:
    """Active customers whose display name holds the text, at most 25."""
    pattern = quoted(f"%{text.name(query)}%")
    where = f"DisplayName like {pattern} orderby DisplayName"
    rows = Client.of(connection).query("customer.find", "Customer", where, limit=25)
    return [_shown(row) for row in rows]


def read(client: Client, reference: str) -> Row | None:
    """The customer with this id, active or not; None where there is none."""
    return _read(client, "Customer", reference)


def to_customer(
    customer: Customer, display_name: str, company: Company, key: str
) -> Mapping[str, Any]:
    """The body of a new customer; its notes carry the key, so that a later try knows it."""
    if customer.currency != company.home_currency and not company.multicurrency:
        raise NeedsOperator(
            f"Multicurrency is off in QuickBooks: it takes {company.home_currency} only, the "
            f"customer is in {customer.currency}.",
            code="multicurrency_off",
            on="link",
        )
    address = text.email(customer.email)
    written = {
        "DisplayName": display_name,
        "CompanyName": text.cleaned(customer.company_name, 100).replace("\n", " "),
        "Notes": f"Customer {text.cleaned(customer.client_id, 200)} {_note(key)}",
        "PrimaryEmailAddr": {"Address": address} if address else None,
        "BillAddr": _address(customer),
        "CurrencyRef": {"value": customer.currency} if company.multicurrency else None,
    }
    return {name: value for name, value in written.items() if value}


def _create(client: Client, document: Mapping[str, Any], wanted: str, key: str) -> Row:
    try:
        return client.write_one("customer.create", "Customer", document, key=key)
    except ProviderError as error:
        if error.provider_code != faults.NAME_TAKEN:
            raise
    row = _standing(client, wanted, key)
    if row is not None:
        return row
    raise NeedsOperator(
        f'The name "{wanted}" is taken in QuickBooks by a vendor or an employee.',
        code="duplicate_name",
        on="link",
        scope="customer",
        provider_code=faults.NAME_TAKEN,
    )


def _standing(client: Client, wanted: str, key: str) -> Row | None:
    """The customer made with this key. Raises NeedsOperator where the name is another's."""
    where = f"DisplayName in ({quoted(wanted)}, {quoted(f'{wanted} (deleted)')}) and {ANY}"
    rows = client.query("customer.find", "Customer", where)
    ours = [row for row in rows if _note(key) in str(row.get("Notes") or "").split()]
    if ours or not rows:
        return ours[0] if ours else None
    raise NeedsOperator(
        f'A customer named "{wanted}" stands in QuickBooks already: link it or rename one.',
        code="duplicate_name",
        on="link",
        scope="customer",
        choices=[Candidate(str(row["Id"]), _label(row)) for row in rows],
    )


def _note(key: str) -> str:
    return f"hub:{key}"


def _address(customer: Customer) -> dict[str, str]:
    where = customer.billing_address
    parts = {
        "Line1": where.line1,
        "Line2": where.line2,
        "City": where.city,
        "CountrySubDivisionCode": where.region,
        "PostalCode": where.postal_code,
        "Country": where.country,
    }
    kept = {name: text.cleaned(value, 250) for name, value in parts.items()}
    return {name: value for name, value in kept.items() if value}


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
            return f"{reference} is the {entity.lower()} {_title(row)}, not a customer."
    return f"QuickBooks has no customer with the id {reference}."


def _linked(row: Row, company: Company, customer: Customer) -> LinkedCustomer:
    currency = reference_of(row, "CurrencyRef") or company.home_currency
    warnings = tuple(_warnings(row, currency, customer))
    return replace(_shown(row), currency=currency, parts=company.parts(), warnings=warnings)


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
        title=_title(row),
        email=str((row.get("PrimaryEmailAddr") or {}).get("Address") or ""),
        currency=reference_of(row, "CurrencyRef"),
    )


def _title(row: Row) -> str:
    return str(row.get("DisplayName") or f"customer {row.get('Id')}")


def _label(row: Row) -> str:
    return f"{_title(row)} (inactive)" if row.get("Active") is False else _title(row)
