"""Up to thirty invoices in one request. An item's error stays with that item."""

from collections.abc import Sequence

from kable_hub import Connection, OutcomeUnknown, ProviderError, Push, Receipt
from kable_quickbooks_ledger import faults, finding, invoices, receipts
from kable_quickbooks_ledger.client import Client, Row


def push_all(
    connection: Connection, pushes: Sequence[Push], batch_key: str
) -> list[Receipt | ProviderError]:
    """Create them; a repeat with the same key gets the first answer again."""
    items = [
        {"bId": str(at), "operation": "create", "Invoice": receipts.body(push)}
        for at, push in enumerate(pushes)
    ]
    reply = Client.of(connection).write(
        "batch.create", "batch", {"BatchItemRequest": items}, key=batch_key
    )
    found = {one.get("bId"): one for one in reply.get("BatchItemResponse", [])}
    return [_outcome(connection, push, found.get(str(at))) for at, push in enumerate(pushes)]


def find_all(
    connection: Connection, pushes: Sequence[Push]
) -> list[Receipt | ProviderError | None]:
    """Look for them: by number first, then by customer and time for those not found."""
    client = Client.of(connection)
    rows = _rows(client, pushes, [finding.numbered(push) for push in pushes])
    lost = [not _proven(found, push) for found, push in zip(rows, pushes, strict=True)]
    conditions = [
        finding.since(push) if again else "" for push, again in zip(pushes, lost, strict=True)
    ]
    more = _rows(client, pushes, conditions)
    return [
        _settled(connection, push, first, second)
        for push, first, second in zip(pushes, rows, more, strict=True)
    ]


def _rows(
    client: Client, pushes: Sequence[Push], conditions: Sequence[str]
) -> list[list[Row] | ProviderError]:
    asked = [at for at, where in enumerate(conditions) if where]
    found: list[list[Row] | ProviderError] = [[] for _ in pushes]
    if asked:
        answers = client.read_batch("batch.find", "Invoice", [conditions[at] for at in asked])
        for at, answer in zip(asked, answers, strict=True):
            found[at] = answer
    return found


def _proven(found: list[Row] | ProviderError, push: Push) -> bool:
    if isinstance(found, ProviderError):
        return True
    return any(receipts.carries(row, push.marker) for row in found)


def _settled(
    connection: Connection,
    push: Push,
    first: list[Row] | ProviderError,
    second: list[Row] | ProviderError,
) -> Receipt | ProviderError | None:
    for answer in (first, second):
        if isinstance(answer, ProviderError):
            return answer
    try:
        return finding.settle(connection, push, [*_plain(first), *_plain(second)])
    except ProviderError as error:
        return error


def _plain(rows: list[Row] | ProviderError) -> list[Row]:
    return [] if isinstance(rows, ProviderError) else rows


def _outcome(connection: Connection, push: Push, item: object) -> Receipt | ProviderError:
    if not isinstance(item, dict) or not ("Invoice" in item or "Fault" in item):
        return OutcomeUnknown("QuickBooks' batch reply misses this invoice.", code="odd_reply")
    if "Invoice" in item:
        return receipts.to_receipt(item["Invoice"], push, connection.urls["app"], adopted=False)
    error = faults.item_error(item["Fault"], writes=True)
    try:
        return invoices.after_refusal(connection, push, error)
    except ProviderError as explained:
        return explained
