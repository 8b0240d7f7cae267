"""Create a customer, and never a second: look first, know our own again, offer the others'."""

from collections.abc import Mapping
from typing import Any

from kable_hub import (
    Candidate,
    Connection,
    Customer,
    LinkedCustomer,
    NeedsOperator,
    ProviderError,
)
from kable_quickbooks_ledger import faults, text
from kable_quickbooks_ledger.client import Client, Row, quoted
from kable_quickbooks_ledger.company import Company, company_of
from kable_quickbooks_ledger.customers import linked, title

ANY = "Active in (true, false)"


def create(connection: Connection, customer: Customer, key: str) -> LinkedCustomer:
    """Make the customer, or take the one an earlier try with this key made."""
    client = Client.of(connection)
    company = company_of(connection)
    wanted = text.name(customer.company_name) or text.name(customer.client_id)
    row = _standing(client, wanted, key)
    if row is None:
        row = _create(client, to_customer(customer, wanted, company, key), wanted, key)
    return linked(row, company)


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
        "Notes": _notes(customer, display_name, key),
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
        f'The name "{wanted}" is taken in QuickBooks by {_holder(client, wanted)}: link another '
        "customer, or give one of them another name.",
        code="duplicate_name",
        on="link",
        scope="customer",
        provider_code=faults.NAME_TAKEN,
    )


def _standing(client: Client, wanted: str, key: str) -> Row | None:
    """The customer made with this key. Raises NeedsOperator where the name is another's."""
    rows = client.query("customer.find", "Customer", _named(wanted))
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


def _holder(client: Client, wanted: str) -> str:
    """Who bears a name that no customer has: customers, vendors and employees share their names."""
    for entity in ("Vendor", "Employee"):
        for row in client.query("customer.find", entity, _named(wanted), limit=1):
            return f"the {entity.lower()} {_label(row)}"
    return "somebody else"


def _named(wanted: str) -> str:
    return f"DisplayName in ({quoted(wanted)}, {quoted(f'{wanted} (deleted)')}) and {ANY}"


def _notes(customer: Customer, display_name: str, key: str) -> str:
    """Whose customer it is, and the name as it was where QuickBooks could not take it."""
    said = f"Customer {text.cleaned(customer.client_id, 200)} {_note(key)}"
    original = text.cleaned(customer.company_name, 500)
    return said if original == display_name else f"{said}\n{original}"


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


def _label(row: Row) -> str:
    return f"{title(row)} (inactive)" if row.get("Active") is False else title(row)
