"""Invoices at Stripe: draft, lines, check, finalize; find again; void.

Progress is `{"invoice": id, "lines": how many are on it}`, plus `try` once the draft was found
by looking: Stripe keeps a 500 under its key, so the steps after a look get keys of their own.
After a draft was removed for good it is `{"removed": id, "code": ..., "message": ..., "on": ...}`,
so a repeat says the same without a call. `{"stale": id}` names a draft of an older generation.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kable_hub import (
    Candidate,
    Connection,
    NeedsOperator,
    OutcomeUnknown,
    Push,
    Receipt,
    Rejected,
    Unfinished,
)
from kable_stripe_payments import client, customers, mapping, paying, taxes

CHUNK = 100
"""Lines per call: keeps bodies small, and Stripe fast."""

MARGIN = timedelta(hours=1)
"""How long before `since` the search begins: clocks differ."""


def push(connection: Connection, push: Push) -> Receipt:
    """Make the one final invoice of `push`, from wherever its progress left off."""
    if "removed" in push.progress:
        raise _said_before(push.progress)
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
        except (Rejected, NeedsOperator) as error:
            if isinstance(error, NeedsOperator) and error.scope == "connection":
                raise
            raise _give_up(stripe, push, invoice["id"], error) from None
    if push.document.get("pay"):
        invoice = paying.at_once(connection, push, invoice)
    return mapping.to_receipt(invoice, connection.now(), push.document["tax"])


def _create(stripe: client.Client, push: Push) -> Any:
    params = mapping.with_marker(push)
    try:
        invoice = stripe.post("invoices.create", "/v1/invoices", params, f"{push.key}-create")
    except Rejected as error:
        if error.code == "resource_missing" and error.reasons[0].field == "customer":
            raise customers.gone(push.link.reference) from None
        if error.code not in taxes.NO_LOCATION:
            raise taxes.explained(error) from None
        if not taxes.goes_without(push):
            raise taxes.location_unusable(push) from None
        untaxed = {**params, "automatic_tax": {"enabled": False}}
        invoice = stripe.post("invoices.create", "/v1/invoices", untaxed, f"{push.key}-untaxed")
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
        try:
            invoice = stripe.post("invoices.add_lines", f"{path}/add_lines", {"lines": chunk}, key)
        except Rejected as error:
            raise taxes.explained(error) from None
        push.save({**push.progress, "invoice": invoice["id"], "lines": start + len(chunk)})
    return _finalize(stripe, push, invoice)


def _finalize(stripe: client.Client, push: Push, invoice: Any) -> Any:
    """The irrevocable step, with tax or, where that cannot be had and may be missed, without."""
    if taxes.lacks_location(invoice):
        invoice = _without_tax(stripe, push, invoice)
    _compare(invoice, push)
    # Stripe keeps a refusal under its key: without tax it is another request.
    untaxed = push.document["invoice"]["automatic_tax"]["enabled"] and not taxes.is_automatic(
        invoice
    )
    key = _key(push, "finalize-untaxed" if untaxed else "finalize")
    path = f"/v1/invoices/{invoice['id']}/finalize"
    try:
        return stripe.post("invoices.finalize", path, {"auto_advance": True}, key)
    except Rejected as error:
        if error.code not in taxes.NO_LOCATION or not taxes.is_automatic(invoice):
            raise taxes.explained(error) from None
    return _finalize(stripe, push, _without_tax(stripe, push, invoice))


def _without_tax(stripe: client.Client, push: Push, invoice: Any) -> Any:
    """Take Stripe Tax off a draft, where the frozen policy says so; else raise NeedsOperator."""
    if not taxes.goes_without(push):
        raise taxes.location_unusable(push)
    path, off = f"/v1/invoices/{invoice['id']}", {"automatic_tax": {"enabled": False}}
    return stripe.post("invoices.update", path, off, _key(push, "untaxed"))


def _key(push: Push, step: str) -> str:
    tries = push.progress.get("try")
    return f"{push.key}-{step}-{tries}" if tries else f"{push.key}-{step}"


def _compare(invoice: Any, push: Push) -> None:
    """The last look before the irrevocable step: what Stripe would ask for is what we sent."""
    expected = (push.document["total"], push.document["invoice"]["currency"])
    total = invoice["total"] - taxes.added(invoice)
    if (total, invoice["currency"]) == expected:
        return
    raise Rejected(
        f"Stripe makes the total {total} {invoice['currency']}, the invoice says "
        f"{expected[0]} {expected[1]} (smallest units).",
        code="total_mismatch",
    )


def _give_up(
    stripe: client.Client, push: Push, draft: str, error: Rejected | NeedsOperator
) -> Rejected | NeedsOperator:
    """Stripe refused, or the totals differ: take the draft back and say why.

    A draft that cannot be removed (somebody finalized it, say) raises what kept it there.
    """
    _remove(stripe, draft)
    said = {"removed": draft, "code": error.code, "message": error.message}
    if isinstance(error, NeedsOperator):
        said |= {"on": error.on, "scope": error.scope}
    push.save(said)
    return error


def _said_before(progress: Mapping[str, Any]) -> Rejected | NeedsOperator:
    said = progress["message"], progress["code"]
    if "on" not in progress:
        return Rejected(said[0], code=said[1])
    return NeedsOperator(said[0], code=said[1], on=progress["on"], scope=progress["scope"])


def _remove(stripe: client.Client, draft: str) -> None:
    try:
        stripe.delete("invoices.delete", f"/v1/invoices/{draft}")
    except Rejected as error:
        if error.http_status != 404:
            raise


def _get(stripe: client.Client, invoice: str) -> Any:
    return stripe.get("invoices.get", f"/v1/invoices/{invoice}")


def find(connection: Connection, push: Push) -> Receipt | Unfinished | None:
    """The invoice that carries the push's marker, by the customer's list, which never lags.

    One that carries its number under another marker of this hub is for a person: the hub has lost
    what it knew of it.
    """
    stripe = client.of(connection)
    window = {
        "customer": push.link.reference,
        "created": {"gte": int((push.since - MARGIN).timestamp())},
    }
    known = list(stripe.pages("invoices.list", "/v1/invoices", window))
    hits = [one for one in known if one["metadata"].get(mapping.MARKER) == push.marker]
    if len(hits) > 1:
        raise _conflict("Several invoices at Stripe carry this invoice's mark.", hits)
    if not hits:
        if twins := [one for one in known if mapping.is_twin(push, one)]:
            raise _conflict("This number stands at Stripe on another invoice of this hub.", twins)
        return None
    if hits[0]["status"] == "draft":
        return _unfinished(stripe, push, hits[0], connection.now())
    if paying.wants_payment(push, hits[0]):
        return Unfinished({"invoice": hits[0]["id"], "lines": len(push.document["lines"])})
    return mapping.to_receipt(hits[0], connection.now(), push.document.get("tax", 0), adopted=True)


def _conflict(message: str, hits: list[Any]) -> NeedsOperator:
    found = [Candidate(hit["id"], hit.get("number") or hit["status"]) for hit in hits]
    return NeedsOperator(message, code="document_conflict", choices=found)


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
    return mapping.to_receipt(invoice, connection.now(), push.document.get("tax", 0))
