"""The one table from what QuickBooks answers (status first, then code) to the hub's errors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any, Literal

from kable_hub import (
    CredentialsExpired,
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Reason,
    Rejected,
    Transient,
    canonical,
)
from kable_quickbooks_ledger.transport import Answer

NUMBER_TAKEN = "6140"
NAME_TAKEN = "6240"
INACTIVE = "610"
BAD_REFERENCE = "2500"
WAIT = timedelta(seconds=60)

_TOKEN = re.compile(r"[\w\-+/=]{32,}|\beyJ|bearer|token", re.IGNORECASE)
_XML_ERROR = re.compile(r"<Error\b[^>]*?code=\"(\d+)\"[^>]*>(.*?)</Error>", re.DOTALL)
_XML_PART = "<{0}>(.*?)</{0}>"


@dataclass(frozen=True)
class Problem:
    """One error of a fault: QuickBooks' code without leading zeros, its texts, the element."""

    code: str
    message: str = ""
    detail: str = ""
    field: str = ""

    def text(self) -> str:
        """What a person may read. A detail that looks as if it held a token is left out."""
        detail = "" if _TOKEN.search(self.detail) else self.detail
        detail = detail.removeprefix(f"{self.message} : ")
        told = "" if _TOKEN.search(self.message) else self.message
        parts = [part for part in (told, detail) if part and part != "null"]
        return ": ".join(dict.fromkeys(parts))[:400] or f"QuickBooks answered error {self.code}."


Row = tuple[
    Literal["expired", "throttled", "unsure", "transient", "rejected", "operator"],
    str,
    Literal["link", "settings", "provider"],
    Literal["delivery", "customer", "connection"],
]

CODES: Mapping[str, Row] = {
    "3200": ("expired", "credentials_expired", "provider", "connection"),
    "100": ("expired", "credentials_expired", "provider", "connection"),
    "110": ("expired", "credentials_expired", "provider", "connection"),
    "3001": ("throttled", "rate_limited", "provider", "connection"),
    "3100": ("operator", "environment_mismatch", "provider", "connection"),
    "120": ("operator", "not_authorised", "provider", "connection"),
    "130": ("operator", "not_authorised", "provider", "connection"),
    "140": ("operator", "not_authorised", "provider", "connection"),
    "5020": ("operator", "not_authorised", "provider", "connection"),
    "6190": ("operator", "subscription_ended", "provider", "connection"),
    "150": ("unsure", "maintenance", "provider", "connection"),
    "10000": ("unsure", "system_failure", "provider", "connection"),
    "600": ("unsure", "duplicate_request", "provider", "delivery"),
    "5010": ("transient", "stale_document", "provider", "delivery"),
    NUMBER_TAKEN: ("rejected", "document_number_taken", "provider", "delivery"),
    NAME_TAKEN: ("operator", "duplicate_name", "link", "customer"),
    INACTIVE: ("operator", "inactive_reference", "link", "customer"),
    BAD_REFERENCE: ("operator", "unknown_reference", "settings", "delivery"),
    "6160": ("operator", "unknown_reference", "settings", "delivery"),
    "6250": ("operator", "unknown_reference", "settings", "delivery"),
    "6200": ("operator", "closed_period", "provider", "delivery"),
    "6210": ("operator", "closed_period", "provider", "delivery"),
    "6540": ("operator", "already_deposited", "provider", "delivery"),
    "5030": ("operator", "feature_off", "provider", "delivery"),
}
"""Codes that mean something of their own; every other code of a 4xx is a plain rejection."""

ENVIRONMENT_MISMATCH = (
    "Environment mismatch: QuickBooks refuses these keys for this company. Production keys serve "
    "live companies only, development keys serve sandbox companies only."
)


def check(answer: Answer, *, call: str, writes: bool) -> Mapping[str, Any]:
    """The body of an answer that says yes, parsed; raises the error for every other answer."""
    body = _json(answer.text)
    problems = problems_of(body) if body is not None else _xml_problems(answer.text)
    if answer.status == 200 and body is not None and not problems:
        return body
    raise _error(answer, problems, call, writes)


def item_error(fault: Any, *, writes: bool) -> ProviderError:
    """The error for the fault of one item of a batch."""
    return _error(Answer(200, {}, b""), problems_of({"Fault": fault}), "batch.item", writes)


def problems_of(body: Mapping[str, Any]) -> list[Problem]:
    """The errors of a JSON fault, whether written by the API (`Fault`) or its gateway (`fault`)."""
    fault = _lower(body.get("Fault") or body.get("fault"))
    errors = fault.get("error")
    rows = [_lower(one) for one in errors] if isinstance(errors, list) else []
    found = [_problem(row) for row in rows]
    return found or ([Problem("0", "QuickBooks gave no reason")] if fault else [])


def _problem(row: Mapping[str, Any]) -> Problem:
    code = str(row.get("code") or "0").lstrip("0") or "0"
    texts = [str(row.get(name) or "") for name in ("message", "detail", "element")]
    return Problem(code, *texts)


def _lower(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name).lower(): item for name, item in value.items()}


def _json(text: str) -> Mapping[str, Any] | None:
    try:
        body = canonical.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, Mapping) else None


def _xml_problems(text: str) -> list[Problem]:
    return [
        Problem(code.lstrip("0") or "0", _xml_part("Message", inner), _xml_part("Detail", inner))
        for code, inner in _XML_ERROR.findall(text)
    ]


def _xml_part(name: str, text: str) -> str:
    found = re.search(_XML_PART.format(name), text, re.DOTALL)
    return unescape(found.group(1).strip()) if found else ""


def _error(answer: Answer, problems: Sequence[Problem], call: str, writes: bool) -> ProviderError:
    problem = _leading(problems)
    kind, code, on, scope = _row(answer.status, problem)
    known: dict[str, Any] = {
        "provider_code": problem.code if problem else "",
        "http_status": answer.status,
        "request_id": answer.request_id,
    }
    text = problem.text() if problem else f"QuickBooks answered with status {answer.status}."
    match kind:
        case "expired":
            return CredentialsExpired("QuickBooks no longer accepts the access token.", **known)
        case "throttled":
            return _throttled(answer, call, writes, known)
        case "unsure":
            sort = OutcomeUnknown if writes else Transient
            return sort(text, code=code, retry_after=answer.retry_after(), **known)
        case "transient":
            return Transient(text, code=code, **known)
        case "rejected":
            reasons = tuple(Reason(one.text(), one.field, one.code) for one in problems)
            return Rejected(text, code=code, reasons=reasons, **known)
    if code == "environment_mismatch":
        text = ENVIRONMENT_MISMATCH
    return NeedsOperator(text, code=code, on=on, scope=scope, **known)


def _leading(problems: Sequence[Problem]) -> Problem | None:
    known = [one for one in problems if one.code in CODES]
    return next(iter([*known, *problems]), None)


def _row(status: int, problem: Problem | None) -> Row:
    code = problem.code if problem else ""
    if status == 401:
        return CODES["3200"]
    if status == 429:
        return CODES["3001"]
    if status == 403:
        return CODES.get(code, CODES["120"])
    if status >= 500 or problem is None:
        return ("unsure", "unavailable", "provider", "connection")
    if code == BAD_REFERENCE and "Names" in problem.detail:
        return ("operator", "unknown_customer", "link", "customer")
    return CODES.get(code, ("rejected", "rejected", "provider", "delivery"))


def _throttled(answer: Answer, call: str, writes: bool, known: Mapping[str, Any]) -> ProviderError:
    wait = answer.retry_after() or WAIT
    text = "QuickBooks' request limit was reached."
    if writes:
        limit = "batches" if call.startswith("batch.") else "minute"
        # A 429 can follow a commit, so on a write it proves nothing.
        return OutcomeUnknown(text, code="rate_limited", retry_after=wait, limit=limit, **known)
    return RateLimited(text, retry_after=wait, limit="reads", **known)
