"""What a refused invoice names that no longer stands: its customer, or what settings name."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kable_hub import JSON, Connection, NeedsOperator, ProviderError, Push, canonical
from kable_quickbooks_ledger import customers, faults, receipts
from kable_quickbooks_ledger.client import Client, quoted

LASTS = timedelta(minutes=1)
"""So that a whole backlog that fails for one reason reads it once."""


def explained(connection: Connection, push: Push, error: ProviderError) -> ProviderError:
    """The error with what is to be mended, where QuickBooks says no more than that it is gone."""
    reference = receipts.reference_of(push.document, "CustomerRef")
    if error.code == "unknown_customer":
        return customers.gone(reference, "", error)
    if error.code == "unknown_reference":
        return _settings(error, f"{error.message} {_hint(connection, push)}".strip())
    if error.provider_code != faults.INACTIVE:
        return error
    hint = _hint(connection, push)
    if not hint:
        row = customers.read(Client.of(connection), reference)
        if row is None or row.get("Active") is False:
            return customers.gone(reference, customers.title(row) if row else "", error)
        hint = "A tax code, a class, a location or terms of it are inactive there."
    return _settings(error, f"QuickBooks refuses the invoice. {hint}")


def _hint(connection: Connection, push: Push) -> str:
    """Which items of the invoice are gone, and which settings name them; empty where none is."""
    settings = {**connection.settings, **push.link.settings}
    wanted = sorted(set(_items(push.document["Line"])))
    client = Client.of(connection)
    gone = connection.remember(
        f"gone {canonical.digest(wanted)}", LASTS, lambda: _gone(client, wanted)
    )
    told = [f"{title} ({', '.join(_named(settings, item))})" for item, title in gone.items()]
    return f"Inactive or deleted there: {'; '.join(told)}." if told else ""


def _gone(client: Client, wanted: Sequence[str]) -> JSON:
    ids = ", ".join(quoted(one) for one in wanted)
    rows = client.query("item.find", "Item", f"Id in ({ids}) and Active in (true, false)")
    active = {str(row["Id"]) for row in rows if row.get("Active") is not False}
    titles = {str(row["Id"]): str(row.get("Name")) for row in rows}
    return {one: titles.get(one, f"item {one}") for one in wanted if one not in active}


def _items(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for line in lines:
        yield receipts.reference_of(line["SalesItemLineDetail"], "ItemRef")


def _named(settings: Mapping[str, Any], item: str) -> Iterator[str]:
    if settings.get("default_item") == item:
        yield "default_item"
    for code, mapped in settings.get("items", {}).items():
        if mapped == item:
            yield f"items: {code}"


def _settings(error: ProviderError, message: str) -> NeedsOperator:
    return NeedsOperator(
        message,
        code=error.code,
        on="settings",
        provider_code=error.provider_code,
        http_status=error.http_status,
        request_id=error.request_id,
    )
