"""The QuickBooks Online API, one method per kind of request."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

from kable_hub import Call, Connection, Document, OutcomeUnknown, ProviderError, canonical
from kable_quickbooks_ledger import faults
from kable_quickbooks_ledger.transport import send

MINOR_VERSION = "75"
PAGE = 1000

Row = Mapping[str, Any]
"""One entity as QuickBooks writes it; numbers are int or Decimal."""


class Client:
    """Requests to one company. Every request stands inside the `call` of its connection."""

    def __init__(
        self,
        api_url: str,
        realm: str,
        access_token: str,
        call: Callable[..., AbstractContextManager[Call]],
    ) -> None:
        self._base = f"{api_url.rstrip('/')}/v3/company/{realm}"
        self._token = access_token
        self._call = call
        self.realm = realm

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """The client of a connection."""
        token = connection.credentials["access_token"]
        return cls(connection.urls["api"], connection.external_id, token, connection.call)

    def read(self, call: str, path: str, **params: str) -> Mapping[str, Any]:
        """GET a path below the company; the whole body."""
        return self._send(call, "GET", path, params, None, writes=False)

    def write(
        self, call: str, path: str, document: Document, *, key: str = "", operation: str = ""
    ) -> Mapping[str, Any]:
        """POST a document; `key` becomes QuickBooks' requestid. The whole body."""
        params = {"requestid": key, "operation": operation}
        body = canonical.dumps(document).encode()
        return self._send(call, "POST", path, params, body, writes=True)

    def write_one(
        self, call: str, entity: str, document: Document, *, key: str = "", operation: str = ""
    ) -> Row:
        """POST one entity and answer it. Raises OutcomeUnknown where the reply lacks it."""
        reply = self.write(call, entity.lower(), document, key=key, operation=operation)
        if not isinstance(reply.get(entity), Mapping):
            raise OutcomeUnknown(f"QuickBooks' reply holds no {entity}.", code="odd_reply")
        return dict(reply[entity])

    def read_batch(
        self, call: str, entity: str, conditions: Sequence[str]
    ) -> list[list[Row] | ProviderError]:
        """Run up to 30 queries in one request: rows or an error for each, in order."""
        items = [
            {"bId": str(at), "Query": select(entity, where)} for at, where in enumerate(conditions)
        ]
        body = canonical.dumps({"BatchItemRequest": items}).encode()
        reply = self._send(call, "POST", "batch", {}, body, writes=False)
        found = {one.get("bId"): one for one in reply.get("BatchItemResponse", [])}
        return [_batch_rows(found.get(one["bId"]), entity) for one in items]

    def query(self, call: str, entity: str, where: str = "", *, limit: int = 0) -> list[Row]:
        """All rows of `entity` that match, page by page, or the first `limit`."""
        rows: list[Row] = []
        while True:
            text = select(entity, where, start=len(rows) + 1, size=limit or PAGE)
            page = rows_of(self.read(call, "query", query=text), entity)
            rows += page
            if limit or len(page) < PAGE:
                return rows

    def _send(
        self,
        call: str,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        *,
        writes: bool,
    ) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._call(call, writes=writes) as gate:
            answer = send(
                gate,
                method,
                f"{self._base}/{path}",
                ambiguous=writes,
                headers=headers,
                params={**_present(params), "minorversion": MINOR_VERSION},
                body=body,
            )
        return faults.check(answer, call=call, writes=writes)


def select(entity: str, where: str = "", *, start: int = 1, size: int = PAGE) -> str:
    """A query in QuickBooks' language."""
    condition = f" where {where}" if where else ""
    return f"select * from {entity}{condition} startposition {start} maxresults {size}"  # noqa: S608


def quoted(value: str) -> str:
    """A string literal of the query language."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def rows_of(body: Mapping[str, Any], entity: str) -> list[Row]:
    """The rows of a query's answer; an empty answer has no key for them."""
    rows = (body.get("QueryResponse") or {}).get(entity) or []
    return [row for row in rows if isinstance(row, Mapping)]


def _present(params: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}


def _batch_rows(item: Any, entity: str) -> list[Row] | ProviderError:
    if not isinstance(item, Mapping):
        return OutcomeUnknown("QuickBooks' batch reply misses an item.", code="odd_reply")
    if "Fault" in item:
        return faults.item_error(item["Fault"], writes=False)
    return rows_of(item, entity)
