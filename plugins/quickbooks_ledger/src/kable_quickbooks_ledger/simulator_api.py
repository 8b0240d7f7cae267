"""The API below /v3/company of the simulated QuickBooks: gate, replay, dispatch, batch."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from flask import Response, request

from kable_hub import canonical
from kable_quickbooks_ledger import (
    simulator_customers,
    simulator_invoices,
    simulator_payments,
    simulator_query,
)
from kable_quickbooks_ledger.simulator_books import ENTITIES, Book, Reply, Row
from kable_quickbooks_ledger.simulator_faults import (
    GatewayFault,
    QboFault,
    faults_as_xml,
    missing,
)
from kable_quickbooks_ledger.simulator_oauth import SignIn
from kable_quickbooks_ledger.simulator_reads import entity_of, get, unsupported
from kable_quickbooks_ledger.simulator_throttle import Caller, Throttle

_SEND = re.compile(r"invoice/(\d+)/send")
_WRITES: Mapping[tuple[str, str], Callable[[Book, Any, datetime], Row]] = {
    ("Customer", "create"): simulator_customers.create,
    ("Customer", "update"): simulator_customers.update,
    ("Invoice", "create"): simulator_invoices.create,
    ("Invoice", "update"): simulator_invoices.update,
    ("Invoice", "void"): simulator_invoices.void,
    ("Invoice", "delete"): simulator_invoices.delete,
    ("Payment", "create"): simulator_payments.create,
    ("Payment", "delete"): simulator_payments.delete,
}


@dataclass
class Api:
    """The state of the API apart from the books.

    `altered` says what a known requestid with another body gets: the first answer again, or
    fault 600. `keeps` is how long requestids are known.
    """

    books: dict[str, Book]
    sign_in: SignIn
    now: Callable[[], datetime]
    throttle: Throttle = field(default_factory=Throttle)
    altered: Literal["replay", "600"] = "replay"
    keeps: timedelta = timedelta(days=30)
    replayed: int = 0
    _tid: int = 0

    def serve(self, environment: str, realm: str, path: str) -> Response:
        """Answer one request."""
        try:
            book, app = self._gate(environment, realm)
            caller = Caller(realm, app, batch=path == "batch", reads=_reads(path))
            self.throttle.check(self.now(), caller)
            status, body = self._answer(book, path)
            self.throttle.answered(self.now(), caller)
        except GatewayFault as fault:
            status, body = fault.status, canonical.dumps(fault.body).encode()
        except QboFault as fault:
            status, body = fault.status, self._fault(fault)
        return self._response(status, body)

    def _response(self, status: int, body: bytes) -> Response:
        self._tid += 1
        answer = Response(body, status=status, mimetype="application/json")
        as_xml = status == 429 and self.throttle.form == "xml"
        if as_xml or "json" not in request.headers.get("Accept", ""):
            answer = Response(faults_as_xml(body), status=status, mimetype="application/xml")
        answer.headers["intuit_tid"] = f"1-{self._tid:08x}"
        if status == 401:
            answer.headers["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
        if status == 429 and self.throttle.retry_after:
            answer.headers["Retry-After"] = self.throttle.retry_after
        return answer

    def _gate(self, environment: str, realm: str) -> tuple[Book, str]:
        header = request.headers.get("Authorization", "")
        family = self.sign_in.tokens.bearer(header)
        if family is None:
            token = header.removeprefix("Bearer ")
            raise GatewayFault(401, "3200", "AuthenticationFailed", f"Token expired: {token}")
        book = self.books.get(realm)
        if book is None or (family.realm, family.environment) != (realm, environment):
            raise GatewayFault(403, "3100", "ApplicationAuthorizationFailed")
        return book, family.client_id

    def _answer(self, book: Book, path: str) -> tuple[int, bytes]:
        key = request.args.get("requestid", "")
        if len(key) > (36 if path == "batch" else 50):
            raise QboFault("2130", "Invalid Request ID", "The request id is too long")
        known = book.replies.get(key) if key else None
        digest = hashlib.sha256(request.get_data()).digest()
        if known is not None and self.now() - known.at < self.keeps:
            if known.request != digest and self.altered == "600":
                raise QboFault("600", "Duplicate Request ID", "Another request has this id")
            self.replayed += 1
            return known.status, known.body
        body = self._dumps(self._dispatch(book, path))
        if key and request.method == "POST":
            book.replies[key] = Reply(200, body, digest, self.now())
        return 200, body

    def _dumps(self, body: Row) -> bytes:
        stamped = {**body, "time": self.now().isoformat(timespec="milliseconds")}
        return canonical.dumps(stamped).encode()

    def _fault(self, fault: QboFault) -> bytes:
        return self._dumps({"Fault": fault.fault})

    def _dispatch(self, book: Book, path: str) -> Row:
        if request.method == "GET":
            return get(book, path)
        if path == "batch":
            return self._batch(book)
        if sent := _SEND.fullmatch(path):
            address = request.args.get("sendTo", "")
            return {"Invoice": simulator_invoices.send(book, sent[1], address, self.now())}
        if path == "query":
            return simulator_query.run(book, request.get_data(as_text=True))
        entity, body = entity_of(path), _body()
        operation = "update" if body.get("Id") else "create"
        return self.execute(book, entity, request.args.get("operation", operation), body)

    def execute(self, book: Book, entity: str, operation: str, body: Any) -> Row:
        """Run one write. Raises QboFault."""
        if not book.subscribed:
            raise QboFault(
                "6190",
                "Invalid Company Status",
                "Subscription period has ended or canceled or there was a billing problem",
            )
        write = _WRITES.get((entity, operation))
        if write is None:
            raise unsupported(f"{entity}?operation={operation}")
        return {entity: write(book, body, self.now())}

    def _batch(self, book: Book) -> Row:
        items = _body().get("BatchItemRequest") or []
        if not items:
            raise QboFault("400", "MalformedRequest", "Batch Request is Empty")
        if len(items) > 30:
            raise QboFault("1040", "Too many batch items", f"{len(items)} items, limit 30")
        seen: set[str] = set()
        return {"BatchItemResponse": [self._item(book, item, seen) for item in items]}

    def _item(self, book: Book, item: Row, seen: set[str]) -> Row:
        batch_id = str(item.get("bId") or "")
        try:
            if not batch_id or batch_id in seen:
                raise QboFault("2020", "Duplicate or missing bId")
            seen.add(batch_id)
            return {**self._run_item(book, item), "bId": batch_id}
        except QboFault as fault:
            return {"Fault": fault.fault, "bId": batch_id}

    def _run_item(self, book: Book, item: Row) -> Row:
        if "Query" in item:
            return simulator_query.run(book, item["Query"])
        entity = next((name for name in item if name in ENTITIES), "")
        if not entity:
            raise missing("entity")
        return self.execute(book, entity, item.get("operation", ""), item[entity])


def _reads(path: str) -> bool:
    """Whether Intuit meters the request as a read: a batch that asks does, too."""
    if path == "batch":
        return b'"Query":' in request.get_data()
    return request.method == "GET" or path == "query"


def _body() -> Any:
    try:
        body = canonical.loads(request.get_data())
    except ValueError:
        raise QboFault("2010", "Invalid JSON", "The body cannot be parsed") from None
    if not isinstance(body, dict):
        raise QboFault("2010", "Invalid JSON", "The body is no object")
    return body
