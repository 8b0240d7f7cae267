"""Requests that meet: the same key twice, two writes on one object, too many at once."""

import json
import re
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from kable_stripe_payments.simulator.errors import ApiError

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator

_OBJECT = re.compile(r"^/v1/[a-z_]+(?:/sessions)?/([a-z]+_[A-Za-z0-9]+)")
Mark = tuple[str, ...]


def admit(sim: "StripeSimulator", request: Request) -> Response | None:
    """Let a request in and mark what it holds, or answer what Stripe would. Under the lock."""
    marks = _marks(request)
    for mark in marks:
        if refusal := _refusal(sim, mark):
            body = json.dumps(refusal.body)
            return Response(body, refusal.status, refusal.headers, content_type="application/json")
    sim.under_way.update(marks)
    return None


def leave(sim: "StripeSimulator", request: Request) -> None:
    """Take the marks of a request away. Under the lock."""
    for mark in _marks(request):
        sim.under_way[mark] -= 1
        if sim.under_way[mark] <= 0:
            del sim.under_way[mark]


def _marks(request: Request) -> list[Mark]:
    if not request.path.startswith("/v1/"):
        return []
    key = request.headers.get("Authorization", "")
    who = (key, request.headers.get("Stripe-Account", ""))
    marks: list[Mark] = [("account", *who)]
    if request.method == "GET":
        return marks
    if named := request.headers.get("Idempotency-Key"):
        marks.append(("key", *who, named))
    if held := _OBJECT.match(request.path):
        marks.append(("object", *who, held[1]))
    return marks


def _refusal(sim: "StripeSimulator", mark: Mark) -> ApiError | None:
    kind, busy = mark[0], sim.under_way[mark]
    if kind == "account":
        most = (sim.limits or {}).get("concurrency", 0)
        return _too_many(sim) if most and busy >= most else None
    if not busy:
        return None
    if kind == "object":
        return ApiError(
            429,
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it.",
            code="lock_timeout",
        )
    return ApiError(
        409,
        "There is currently another in-progress request using this Stripe Idempotency Key "
        f"({mark[-1]}).",
        code="idempotency_key_in_use",
        type="idempotency_error",
    )


def _too_many(sim: "StripeSimulator") -> ApiError:
    sim.refused += 1
    reason = {"Stripe-Rate-Limited-Reason": "global-concurrency"}
    return ApiError(429, "Too many requests at once.", code="rate_limit", headers=reason)
