"""A provider in memory, for the machine: it commits or not, answers or not, and forgets.

Three plugins share it. `acme` makes a draft, puts lines on it and finalizes it, each step once
per key; `batchy` takes several at once; `keyless` knows no keys. A step that is taken twice under
two keys shows: lines double, and so does the total.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from kable_hub import (
    Capability,
    Connection,
    Credentials,
    CredentialsExpired,
    Dedupe,
    OutcomeUnknown,
    PaymentStatus,
    ProviderError,
    Push,
    RateLimited,
    Receipt,
    ReconnectRequired,
    Rejected,
    Transient,
    Unfinished,
    hookimpl,
)
from kable_hub.clock import ManualClock
from tests.acme import PROVIDER, Acme

FAULTS = (
    "refused",
    "lost before",
    "lost after",
    "late",
    "lagging",
    "500 before",
    "500 kept",
    "429",
    "429 after",
    "expired",
    "revoked",
    "junk",
)
"""What can go wrong with a call. `late` commits within SETTLES; what is `lagging` is committed,
but no look sees it before that."""

SETTLES = 60
KEEPS = 24 * 3600
Row = dict[str, Any]


@dataclass
class Ledger:
    """What stands at the provider. `next_faults` are taken one per call, `meanwhile` runs once
    at the next writing call: before it commits, or after."""

    clock: ManualClock
    documents: dict[str, Row] = field(default_factory=dict)
    answers: dict[str, tuple[float, str, Any]] = field(default_factory=dict)
    next_faults: list[str] = field(default_factory=list)
    coming: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    meanwhile: tuple[str, Callable[[], object]] | None = None
    asked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    writes: int = 0
    point: Callable[[], object] = lambda: None

    def write(self, key: str, act: Callable[[], Any]) -> Any:
        """One writing call. `key` empty: nothing protects from doing it twice."""
        self._arrivals()
        self._interlude("before")
        self.writes += 1
        fault = self._fault()
        if fault == "refused":
            raise Transient("connection refused")
        if fault == "429":
            raise RateLimited("too fast", retry_after=timedelta(seconds=5), limit="calls")
        if fault in ("lost before", "500 before"):
            raise OutcomeUnknown("no answer", http_status=500 if fault[0] == "5" else None)
        if fault == "late":
            due = self.clock.monotonic() + 1 + self.writes * 17 % (SETTLES - 2)
            self.coming.append((due, lambda: self._once(key, act, "")))
            self.point()
            raise OutcomeUnknown("no answer")
        self.point()
        stored, answer = self._once(key, act, fault)
        self.point()
        self._interlude("after")
        if fault in ("lost after", "429 after", "lagging"):
            raise OutcomeUnknown("no answer", limit="calls" if fault[0] == "4" else "")
        if stored == "500 kept":
            raise OutcomeUnknown("500", http_status=500)
        if fault == "junk":
            raise TypeError("the plugin could not read the answer")
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def read(self) -> list[Row]:
        """Every document that a look can see, drafts included."""
        self._arrivals()
        fault = self._fault()
        if fault in ("refused", "lost before", "lost after", "late", "500 before"):
            raise Transient("no answer")
        if fault in ("429", "429 after"):
            raise RateLimited("too fast", retry_after=timedelta(seconds=5), limit="calls")
        now = self.clock.monotonic()
        return [one for one in self.documents.values() if one["seen_from"] <= now]

    def _once(self, key: str, act: Callable[[], Any], fault: str) -> tuple[str, Any]:
        now = self.clock.monotonic()
        kept = self.answers.get(key) if key else None
        if kept is None or now - kept[0] >= KEEPS:
            before = set(self.documents)
            kept = (now, fault, act())
            if fault == "lagging":
                for name in set(self.documents) - before:
                    self.documents[name]["seen_from"] = now + SETTLES - 1
            if key:
                self.answers[key] = kept
        return kept[1], kept[2]

    def _fault(self) -> str:
        fault = self.next_faults.pop(0) if self.next_faults else ""
        if fault == "expired":
            raise CredentialsExpired("the token is stale")
        if fault == "revoked":
            raise ReconnectRequired("access was taken back")
        return fault

    def _interlude(self, when: str) -> None:
        if self.meanwhile is not None and self.meanwhile[0] == when:
            act, self.meanwhile = self.meanwhile[1], None
            act()

    def _arrivals(self) -> None:
        now = self.clock.monotonic()
        due = [one for one in self.coming if one[0] <= now]
        self.coming = [one for one in self.coming if one[0] > now]
        for _, arrive in sorted(due, key=lambda one: one[0]):
            arrive()

    # --- documents -----------------------------------------------------------------------------

    def make(self, push: Push, status: str) -> Any:
        if push.document["memo"] == "bad":
            return Rejected("by rule")
        name = f"D-{len(self.documents) + 1}"
        whole = push.document["total"] if status == "open" else 0
        marks = {"marker": push.marker, "status": status, "total": whole, "seen_from": 0.0}
        self.documents[name] = {"id": name, **marks}
        if sum(one["marker"] == push.marker for one in self.documents.values()) > 1:
            self.broken.append(f"{push.marker} stands twice")
        return dict(self.documents[name])

    def add_lines(self, name: str, total: int) -> Any:
        """Lines worth so much; twice makes twice as much."""
        found = self.documents.get(name)
        if found is None or found["status"] != "draft":
            return Rejected("there is no such draft", code="draft_gone")
        found["total"] += total
        return dict(found)

    def become(self, name: str, status: str) -> Any:
        """A draft is made final, a final one is voided; done already is done."""
        found = self.documents.get(name)
        if found is None:
            return Rejected("there is no such document", code="draft_gone")
        found["status"] = status
        return dict(found)


class InMemory(Acme):
    """Draft, lines, final; every step under a key of its own."""

    def __init__(self, ledger: Ledger, slug: str = "acme", **declares: Any) -> None:
        capabilities = PROVIDER.capabilities | {Capability.COLLECT_INVOICE}
        also = {"settle_after": timedelta(seconds=SETTLES), "limits": (), "slug": slug}
        super().__init__(replace(PROVIDER, **{"capabilities": capabilities, **also, **declares}))
        self.ledger = ledger

    @hookimpl
    def refresh(self, connection: Connection) -> Credentials:
        return Credentials(dict(connection.credentials))

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        ledger, tries = self.ledger, push.progress.get("try", "")
        draft, lines = push.progress.get("draft"), push.progress.get("lines", 0)
        if draft is None:
            draft = self._write(
                connection, "docs.create", push.key, lambda: ledger.make(push, "draft")
            )["id"]
            push.save({"draft": draft})
        name, total = draft, push.document["total"]
        if not lines:
            key = f"{push.key}:l{tries}"
            self._write(connection, "docs.lines", key, lambda: ledger.add_lines(name, total))
            push.save({**push.progress, "draft": draft, "lines": 1})
        key = f"{push.key}:f{tries}"
        return _receipt(
            self._write(connection, "docs.finalize", key, lambda: ledger.become(name, "open"))
        )

    @hookimpl
    def find_invoice(self, connection: Connection, push: Push) -> Receipt | Unfinished | None:
        with connection.call("docs.list", writes=False) as call:
            there = self.ledger.read()
            call.answered(200)
        return self._seen(connection, push, there)

    @hookimpl
    def cancel_invoice(self, connection: Connection, receipt: Receipt, push: Push) -> Receipt:
        name = receipt.external_id
        void = lambda: self.ledger.become(name, "void")  # noqa: E731
        return _receipt(self._write(connection, "docs.void", f"{push.key}:void", void))

    @hookimpl
    def collect_invoice(self, connection: Connection, receipt: Receipt, key: str) -> Receipt:
        def collect() -> Row:
            self.ledger.asked.append(key)
            return dict(self.ledger.documents[receipt.external_id])

        return _receipt(self._write(connection, "docs.pay", key, collect))

    def _seen(
        self, connection: Connection, push: Push, there: Sequence[Row]
    ) -> Receipt | Unfinished | None:
        hits = [one for one in there if one["marker"] == push.marker]
        if len(hits) > 1:
            self.ledger.broken.append(f"{push.marker} was found twice")
        if hits and hits[0]["status"] == "draft":
            now = int(connection.now().timestamp() * 1000)
            lines = int(hits[0]["total"] > 0)
            return Unfinished({"draft": hits[0]["id"], "lines": lines, "try": now})
        return _receipt(hits[0]) if hits else None

    def _write(self, connection: Connection, name: str, key: str, act: Callable[[], Any]) -> Any:
        with connection.call(name, writes=True) as call:
            try:
                answer = self.ledger.write(key, act)
            except ProviderError as error:
                if isinstance(error, Rejected) or error.http_status:
                    call.answered(error.http_status or 422)
                raise
            call.answered(200)
        return answer


class Keyless(InMemory):
    """One call makes the final document, and the provider honours no key."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, "keyless", title="Keyless", dedupe=Dedupe("none"))

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        make = lambda: self.ledger.make(push, "open")  # noqa: E731
        return _receipt(self._write(connection, "docs.create", "", make))


class Batchy(InMemory):
    """Several at once, as final documents; one alone goes as a batch of its own."""

    def __init__(self, ledger: Ledger) -> None:
        batches = {Capability.PUSH_INVOICES, Capability.FIND_INVOICES, Capability.COLLECT_INVOICE}
        capabilities = PROVIDER.capabilities | batches
        super().__init__(ledger, "batchy", title="B", batch_size=3, capabilities=capabilities)

    @hookimpl
    def push_invoice(self, connection: Connection, push: Push) -> Receipt:
        make = lambda: self.ledger.make(push, "open")  # noqa: E731
        return _receipt(self._write(connection, "docs.create", push.key, make))

    @hookimpl
    def push_invoices(
        self, connection: Connection, pushes: Sequence[Push], batch_key: str
    ) -> list[Receipt | ProviderError]:
        make = lambda: [self.ledger.make(push, "open") for push in pushes]  # noqa: E731
        made = self._write(connection, "docs.batch", batch_key, make)
        return [one if isinstance(one, ProviderError) else _receipt(one) for one in made]

    @hookimpl
    def find_invoices(
        self, connection: Connection, pushes: Sequence[Push]
    ) -> list[Receipt | Unfinished | ProviderError | None]:
        with connection.call("docs.list", writes=False) as call:
            there = self.ledger.read()
            call.answered(200)
        return [self._seen(connection, push, there) for push in pushes]


def _receipt(document: Row) -> Receipt:
    status = PaymentStatus.VOID if document["status"] == "void" else PaymentStatus.OPEN
    return Receipt(document["id"], document["total"], "USD", "A-1", payment_status=status)
