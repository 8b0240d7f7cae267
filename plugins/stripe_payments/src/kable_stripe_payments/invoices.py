"""Invoices at Stripe: draft, lines, check, finalize; find again; void.

Progress is `{"invoice": id, "lines": how many are on it}`, plus `try` once the draft was found
by looking: Stripe keeps a 500 under its key, so the steps after a look get keys of their own.
After a draft was removed for good it is `{"removed": id, "code": ..., "message": ...}`, so a
repeat says the same without a call. `{"stale": id}` names a draft of an older generation.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kable_hub import (
    Candidate,
    Connection,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    Push,
    Receipt,
    Rejected,
    Transient,
    Unfinished,
)
from kable_stripe_payments import client, customers, mapping

CHUNK = 100
"""Lines per call: keeps bodies small, and Stripe fast."""

MARGIN = timedelta(hours=1)
"""How long before `since` the search begins: clocks differ."""


def push(connection: Connection, push: Push) -> Receipt:
    """Make the one final invoice of `push`, from wherever its progress left off."""
    if "removed" in push.progress:
        raise Rejected(push.progress["message"], code=push.progress["code"])
    stripe = client.of(connection)
    if "stale" in push.progress:
        _remove(stripe, push.progress["stale"])
        push.save({})
        push = replace(push, progress={})
    resumed = "invoice" in push.progress
    invoice = _resume(stripe, push) if resumed else _create(stripe, push)
    if invoice["status"] == "draft":
        try:
            invoice = _finish(stripe, push, invoice, push.progress.get("lines", 0))
        except Rejected as error:
            raise _give_up(stripe, push, invoice["id"], error) from None
    return mapping.to_receipt(invoice, connection.now(), push.document["tax"])


def _create(stripe: client.Client, push: Push) -> Any:
    params = mapping.with_marker(push)
    try:
        invoice = stripe.post("invoices.create", "/v1/invoices", params, f"{push.key}-create")
    except Rejected as error:
        if error.code == "resource_missing" and error.reasons[0].field == "customer":
            raise customers.gone(push.link.reference) from None
        raise
    push.save({"invoice": invoice["id"], "lines": 0})
    return invoice


def _resume(stripe: client.Client, push: Push) -> Any:
    try:
        return _get(stripe, push.progress["invoice"])
    except Rejected as error:
        if error.http_status != 404:
            raise
        raise OutcomeUnknown("The draft is gone at Stripe.", code="draft_gone") from None


def _finish(stripe: client.Client, push: Push, invoice: Any, done: int) -> Any:
    path, lines = f"/v1/invoices/{invoice['id']}", push.document["lines"]
    for start in range(done, len(lines), CHUNK):
        chunk = lines[start : start + CHUNK]
        key = _key(push, f"lines-{start}")
        invoice = stripe.post("invoices.add_lines", f"{path}/add_lines", {"lines": chunk}, key)
        push.save({**push.progress, "invoice": invoice["id"], "lines": start + len(chunk)})
    _compare(invoice, push)
    params = {"auto_advance": True}
    return stripe.post("invoices.finalize", f"{path}/finalize", params, _key(push, "finalize"))


def _key(push: Push, step: str) -> str:
    tries = push.progress.get("try")
    return f"{push.key}-{step}-{tries}" if tries else f"{push.key}-{step}"


def _compare(invoice: Any, push: Push) -> None:
    """The last look before the irrevocable step: what Stripe would ask for is what we sent."""
    expected = (push.document["total"], push.document["invoice"]["currency"])
    if (invoice["total"], invoice["currency"]) == expected:
        return
    raise Rejected(
        f"Stripe makes the total {invoice['total']} {invoice['currency']}, the invoice says "
        f"{expected[0]} {expected[1]} (smallest units).",
        code="total_mismatch",
    )


def _give_up(stripe: client.Client, push: Push, draft: str, error: Rejected) -> Rejected:
    """Stripe refused, or the totals differ: take the draft back and say why.

    A draft that cannot be removed (somebody finalized it, say) raises what kept it there.
    """
    _remove(stripe, draft)
    push.save({"removed": draft, "code": error.code, "message": error.message})
    return error


def _remove(stripe: client.Client, draft: str) -> None:
    try:
        stripe.delete("invoices.delete", f"/v1/invoices/{draft}")
    except Rejected as error:
        if error.http_status != 404:
            raise


def _get(stripe: client.Client, invoice: str) -> Any:
    return stripe.get("invoices.get", f"/v1/invoices/{invoice}")


def find(connection: Connection, push: Push) -> Receipt | Unfinished | None:
    """The invoice that carries the push's marker, by the customer's list, which never lags."""
    stripe = client.of(connection)
    window = {
        "customer": push.link.reference,
        "created": {"gte": int((push.since - MARGIN).timestamp())},
    }
    hits = [
        invoice
        for invoice in stripe.pages("invoices.list", "/v1/invoices", window)
        if invoice["metadata"].get(mapping.MARKER) == push.marker
    ]
    if len(hits) > 1:
        raise NeedsOperator(
            "Several invoices at Stripe carry this invoice's mark.",
            code="document_conflict",
            choices=[Candidate(hit["id"], hit.get("number") or hit["status"]) for hit in hits],
        )
    if not hits:
        return None
    if hits[0]["status"] == "draft":
        return _unfinished(stripe, push, hits[0], connection.now())
    return mapping.to_receipt(hits[0], connection.now(), push.document["tax"], adopted=True)


def _unfinished(stripe: client.Client, push: Push, draft: Any, now: datetime) -> Unfinished:
    """A draft of this generation goes on from its lines; an older one is replaced."""
    if draft["metadata"].get("hub_generation") != str(push.generation):
        return Unfinished({"stale": draft["id"]})
    path = f"/v1/invoices/{draft['id']}/lines"
    lines = sum(1 for _ in stripe.pages("invoices.lines", path, {}))
    return Unfinished({"invoice": draft["id"], "lines": lines, "try": int(now.timestamp())})


def cancel(connection: Connection, receipt: Receipt, push: Push) -> Receipt:
    """Void a final invoice. Void already is success; paid is Rejected `already_paid`."""
    stripe = client.of(connection)
    invoice = _get(stripe, receipt.external_id)
    if invoice["status"] not in ("void", "paid"):
        path = f"/v1/invoices/{invoice['id']}/void"
        try:
            invoice = stripe.post("invoices.void", path, {}, f"{push.key}-void")
        except Rejected as error:
            # Paid or voided between the look and the call.
            invoice = _get(stripe, receipt.external_id)
            if invoice["status"] not in ("void", "paid"):
                raise error from None
    if invoice["status"] == "paid":
        raise Rejected("The invoice is paid at Stripe already.", code="already_paid")
    return mapping.to_receipt(invoice, connection.now(), push.document["tax"])


def collect(connection: Connection, receipt: Receipt, key: str) -> Receipt:
    """Charge an open invoice now. A decline is payment status, not an error."""
    stripe = client.of(connection)
    path = f"/v1/invoices/{receipt.external_id}"
    try:
        stripe.post("invoices.pay", f"{path}/pay", {}, key)
    except (Transient, OutcomeUnknown):
        raise
    except ProviderError as error:
        if error.http_status not in (400, 402):
            raise
    invoice = read_with_payment(connection, receipt.external_id)
    return replace(mapping.to_receipt(invoice, connection.now()), tax=receipt.tax)


def read_with_payment(connection: Connection, invoice: str) -> Any:
    """An invoice with its payment attempts, which Stripe shows only when asked."""
    expand = {"expand": ["payments.data.payment.payment_intent"]}
    return client.of(connection).get("invoices.get", f"/v1/invoices/{invoice}", expand)
