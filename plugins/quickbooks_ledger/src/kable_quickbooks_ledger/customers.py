"""Customers: check a reference, search."""

from dataclasses import replace

from kable_hub import Connection, LinkedCustomer, NeedsOperator, ProviderError, Rejected
from kable_quickbooks_ledger import faults, text
from kable_quickbooks_ledger.client import Client, Row, quoted
from kable_quickbooks_ledger.company import Company, company_of
from kable_quickbooks_ledger.receipts import reference_of

MOST = 25
_ABSENT = (faults.INACTIVE, faults.BAD_REFERENCE, "2030")


def check(connection: Connection, reference: str) -> LinkedCustomer:
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
    return linked(row, company_of(connection))


def search(connection: Connection, query: str) -> list[LinkedCustomer]:
    """At most 25 active customers: with this id or e-mail address, else whose name or company
    holds the text, those of exactly this name first."""
    client, typed, found = Client.of(connection), query.strip(), dict[str, Row]()
    for condition in _conditions(typed):
        where = f"{condition} orderby DisplayName"
        rows = client.query("customer.find", "Customer", where, limit=MOST)
        found |= {str(row["Id"]): row for row in rows}
    ranked = sorted(found.values(), key=lambda row: (_rank(row, typed), title(row).casefold()))
    return [_shown(row) for row in ranked[:MOST]]


def _conditions(typed: str) -> list[str]:
    """QuickBooks' queries know no `or`: each of these is a request."""
    pattern = quoted(f"%{_literal(typed)}%")
    if "@" in typed:
        return [f"PrimaryEmailAddr like {pattern}"]
    wanted = [f"Id = {quoted(typed)}"] if typed.isascii() and typed.isdecimal() else []
    if name := _literal(text.name(typed)):
        wanted += [f"DisplayName like {quoted(f'%{name}%')}", f"CompanyName like {pattern}"]
    return wanted


def _literal(typed: str) -> str:
    return text.cleaned(typed.replace("%", " "), 100)


def _rank(row: Row, typed: str) -> int:
    wanted = (typed.casefold(), text.name(typed).casefold())
    names = (title(row).casefold(), str(row.get("CompanyName") or "").casefold())
    if str(row["Id"]) == typed or _email(row).casefold() == wanted[0]:
        return 0
    if any(name in wanted for name in names):
        return 1
    return 2 if any(name.startswith(wanted) for name in names) else 3


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


def gone(reference: str, name: str, error: ProviderError) -> NeedsOperator:
    """The error for a linked customer that QuickBooks takes nothing for any more.

    `name` is empty where it stands no longer, and not only inactive.
    """
    who = f"{name} ({reference})" if name else f"Customer {reference}"
    word = "is inactive" if name else "no longer stands"
    return NeedsOperator(
        f"{who} {word} in QuickBooks: link the customer again.",
        code="inactive_customer" if name else "customer_gone",
        on="link",
        scope="customer",
        provider_code=error.provider_code,
        http_status=error.http_status,
        request_id=error.request_id,
    )


def linked(row: Row, company: Company) -> LinkedCustomer:
    """The link to this customer, with warnings for people."""
    currency = reference_of(row, "CurrencyRef") or company.home_currency
    warnings = tuple(_warnings(row))
    return replace(_shown(row), currency=currency, warnings=warnings)


def _warnings(row: Row) -> list[str]:
    warnings = []
    if row.get("IsProject") or row.get("Job"):
        warnings.append("This is a sub-customer or project in QuickBooks.")
    if row.get("BillWithParent"):
        warnings.append("QuickBooks bills this customer with its parent.")
    return warnings


def _shown(row: Row) -> LinkedCustomer:
    return LinkedCustomer(
        reference=str(row["Id"]),
        title=title(row),
        email=_email(row),
        currency=reference_of(row, "CurrencyRef"),
    )


def _email(row: Row) -> str:
    return str((row.get("PrimaryEmailAddr") or {}).get("Address") or "")


def title(row: Row) -> str:
    """The name to show."""
    return str(row.get("DisplayName") or f"customer {row.get('Id')}")
