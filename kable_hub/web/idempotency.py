"""Idempotency-Key on every POST of the API: one effect and one answer for one key.

Where nothing outside is asked, key, effect and answer are one transaction. A view that asks a
provider (`asks_provider`) claims the key first, and its use case keeps the answer in the
transaction of the effect (`kept_with`). A crash in between leaves a claim that anybody may take
over after LEASE; the use cases' own uniqueness then holds against a second effect.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, request

from kable_hub.store import idempotency as store
from kable_hub.store.idempotency import Claim, Kept
from kable_hub.usecases.errors import Conflict, Problem
from kable_hub.web.context import current_caller, current_hub
from kable_hub.web.problems import BadRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LEASE = timedelta(minutes=3)
"""How long a claim without an answer is respected: longer than any request may take."""

KEEPS = timedelta(hours=24)
"""How long an answer is replayed."""

SWEPT = "kable_idempotency_swept"
SWEEP_EVERY = timedelta(minutes=5)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Preference-Applied")
View = TypeVar("View", bound=Callable[..., Any])


class KeyReused(Problem):
    """The key was used for another request."""

    status = 422
    title = "The Idempotency-Key belongs to another request"


@dataclass
class Pending:
    """The claim of the request under way."""

    claim: Claim
    shown_once: bool = False
    kept: bool = field(default=False)


def asks_provider(view: View) -> View:
    """Mark a view whose use case asks a provider, so that no transaction may stand around it."""
    view.asks_provider = True  # type: ignore[attr-defined]
    return view


def shown_once() -> None:
    """Say that this answer holds a secret: it is not kept, a repeat is 409 `already_created`."""
    pending: Pending | None = g.get("pending")
    if pending:
        pending.shown_once = True


def kept_with(make: Callable[[Any], Response]) -> Callable[[Any], None]:
    """An `also` for use cases: keeps the answer of their result inside their transaction."""

    def also(result: Any) -> None:
        pending: Pending | None = g.get("pending")
        if pending:
            _keep(pending, make(result))

    return also


def idempotent(view: Callable[..., Response], asks: bool) -> Callable[..., Response]:
    """Wrap a view that makes a Response; only a POST with a key is treated."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        if request.method != "POST" or HEADER not in request.headers:
            return view(*args, **kwargs)
        _forget_old()
        around = _claimed if asks else _in_one_transaction
        return around(lambda: view(*args, **kwargs))

    wrapper.is_idempotent = True  # type: ignore[attr-defined]
    return wrapper


def _in_one_transaction(run: Callable[[], Response]) -> Response:
    # A problem raised in here rolls key and effect back together.
    with current_hub().database.write():
        claimed = _claim()
        if isinstance(claimed, Kept):
            return _replay(claimed)
        return _run(Pending(claimed), run)


def _claimed(run: Callable[[], Response]) -> Response:
    with current_hub().database.write():
        claimed = _claim()
    if isinstance(claimed, Kept):
        return _replay(claimed)
    try:
        return _run(Pending(claimed), run)
    except BaseException:
        with current_hub().database.write():
            store.release(claimed)
        raise


def _run(pending: Pending, run: Callable[[], Response]) -> Response:
    g.pending = pending
    response = run()
    if not pending.kept:
        with current_hub().database.write():
            _keep(pending, response)
    return response


def _claim() -> Claim | Kept:
    scope, key, now = _scope(), _key(), current_hub().now()
    claimed = store.claim(scope, key, _fingerprint(), now)
    if isinstance(claimed, Claim):
        return claimed
    if claimed.fingerprint != _fingerprint():
        raise KeyReused(
            "idempotency_key_reused", "It was sent before with another address or body."
        )
    if not claimed.running:
        return claimed
    abandoned = now - claimed.claimed_at >= _ms(LEASE)
    taken = store.take_over(scope, key, claimed, now) if abandoned else None
    if taken is None:
        detail = "A request with this Idempotency-Key still runs."
        raise Conflict("idempotency_key_in_use", detail, extras={"retryAfter": 1})
    return taken


def _keep(pending: Pending, response: Response) -> None:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = "" if pending.shown_once else response.get_data(as_text=True)
    if not store.keep(pending.claim, response.status_code, headers, body):
        # Whoever took the key over answers; what was done here is rolled back.
        raise Conflict("idempotency_key_in_use", "Another request took this key over.")
    pending.kept = True


def _forget_old() -> None:
    # Apart from the requests' transactions, and seldom: they would wait for each other.
    hub, swept = current_hub(), current_app.extensions.setdefault(SWEPT, [0])
    if hub.now() - swept[0] >= _ms(SWEEP_EVERY):
        swept[0] = hub.now()
        with hub.database.write():
            store.forget(swept[0] - _ms(KEEPS))


def _replay(kept: Kept) -> Response:
    if not kept.body:
        raise Conflict(
            "already_created",
            "It was made by the first request, whose answer held what is shown only once. "
            "Use another Idempotency-Key to make another one.",
            extras={"location": kept.headers.get("Location", "")},
        )
    response = Response(kept.body, status=kept.status, headers=dict(kept.headers))
    response.headers[REPLAYED] = "true"
    return response


def _scope() -> str:
    scope = current_caller().scope
    return f"{scope.account_id}/{scope.environment}" if scope else "operator"


def _key() -> str:
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        raise BadRequest(
            "invalid_idempotency_key", "An Idempotency-Key has 1 to 255 visible ASCII characters."
        )
    return key


def _fingerprint() -> str:
    said = f"{request.method} {request.path}?{request.query_string.decode('latin-1')}\n"
    return hashlib.sha256(said.encode() + request.get_data(cache=True)).hexdigest()


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
