"""One HTTP request to Intuit: a session per thread, no redirects, no proxies, no retries."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from kable_hub import Call, OutcomeUnknown, ProviderError, Transient

_local = threading.local()


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def request_id(self) -> str:
        """Intuit's own id of the request, or empty."""
        return self.headers.get("intuit_tid", "")


def send(
    call: Call,
    method: str,
    url: str,
    *,
    ambiguous: bool,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer:
    """Send one request inside `call` and note the answer there.

    Raises Transient where nothing was sent, or nothing can have changed; OutcomeUnknown where
    an `ambiguous` request (one that changes something) got no whole answer.
    """
    try:
        response = _session().request(
            method,
            url,
            params=params,
            data=body,
            headers={"User-Agent": "kable-quickbooks-ledger", **headers},
            auth=auth or _no_auth,
            timeout=call.timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise _failure(error, ambiguous) from None
    named = {name.lower(): value for name, value in response.headers.items()}
    answer = Answer(response.status_code, named, response.content.decode("utf-8", "replace"))
    call.answered(answer.status, answer.request_id)
    return answer


def _session() -> requests.Session:
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _failure(error: requests.RequestException, ambiguous: bool) -> ProviderError:
    if _never_sent(error):
        return Transient("QuickBooks could not be reached.", code="unreachable")
    if ambiguous:
        return OutcomeUnknown("The connection broke before QuickBooks answered.", code="no_answer")
    return Transient("The connection broke before QuickBooks answered.", code="no_answer")


def _never_sent(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
