"""OAuth 2.0 by authorization code (RFC 6749), with or without refresh tokens, rotating or not.

requests-oauthlib writes what is asked; it is sent by the hub's own transport, inside the gate.

    ACME = oauth2.Server("Acme", "web/oauth/authorize", "api/oauth/token", scope="invoices")

    def connect(request):
        if not request.query:
            return ACME.ask(request)
        tokens = ACME.exchange(request)
        ...
        return Grant(id, title, {request.environment: tokens.credentials})

    def refresh(connection):
        return ACME.refresh(connection).credentials

`client_id` and `client_secret` are the operator's: the provider declares them as `app_settings`.
The credentials hold `access_token` and, where there is one, `refresh_token`.

What the token address answers (5.1, 5.2): tokens, or an `error`. `invalid_client` and
`unauthorized_client` are NeedsOperator, any other word ends the code (Rejected: start again) or
the grant (ReconnectRequired). 429 is RateLimited where a `limit` is named. All else says nothing
about the grant and is Transient. An answer that was lost or cannot be read is Transient for a
code, since a person starts again, and OutcomeUnknown for a refresh, since a token that rotates may
be spent.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from kable_hub import transport
from kable_hub.connection import Call, Connection
from kable_hub.dialogue import ConnectRequest, Credentials, Redirect
from kable_hub.errors import (
    NeedsOperator,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    ReconnectRequired,
    Rejected,
    Transient,
)

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPERATORS = frozenset({"invalid_client", "unauthorized_client"})
"""The errors of RFC 6749, 5.2, that only the hub's operator can end."""

_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
_WORD = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True)
class Tokens:
    """Credentials as the hub keeps them, and the whole `reply` they came in, for what a provider
    says beside them."""

    credentials: Credentials
    reply: Mapping[str, Any] = field(repr=False)

    @property
    def access(self) -> str:
        """The access token."""
        return self.credentials.secrets["access_token"]


@dataclass(frozen=True)
class Server:
    """A provider's authorization server.

    `title` names the provider in errors. `authorize` and `token` are declared addresses by name,
    with a path behind where the name is only that of the host: `api/oauth/token`. `more` is what
    the authorize address wants beside the standard's, `headers` what the token address does.
    `secret_in_body`: for servers that do not take the client's secret as basic authorization.
    `lasts` is how long an access token lives where the reply does not say (None: for good), `ends`
    the reply's names for the seconds after which a person has to connect again. `limit` is the
    declared limit that a 429 pauses, `request_id` the header of the provider's own id.
    """

    title: str
    authorize: str = "authorize"
    token: str = "token"  # noqa: S105
    scope: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_in_body: bool = False
    lasts: timedelta | None = None
    ends: tuple[str, ...] = ("refresh_token_expires_in",)
    limit: str = ""
    request_id: str = "Request-Id"

    def ask(self, request: ConnectRequest) -> Redirect:
        """Send the browser to where the person agrees, with the hub's own state."""
        url = self.address(self.authorize, request.urls[request.environment])
        session = OAuth2Session(
            request.app[request.environment]["client_id"],
            redirect_uri=request.callback_url,
            scope=self.scope.split() or None,
        )
        secure, _, rest = url.partition("://")
        # oauthlib builds https addresses only; a simulator on loopback has none.
        found, _ = session.authorization_url(f"https://{rest}", state=request.state, **self.more)
        return Redirect(f"{secure}{str(found).removeprefix('https')}")

    def code(self, request: ConnectRequest) -> str:
        """The code that the callback brought. Raises Rejected: `access_denied` where the person
        refused, `connect_refused` for every other error, `invalid_callback` without a code."""
        error, code = request.query.get("error"), request.query.get("code", "")
        if error == "access_denied":
            raise Rejected(f"Access was not granted at {self.title}.", code=error)
        if error:
            said = f"{self.title} refused to connect."
            raise Rejected(said, code="connect_refused", provider_code=_word(error))
        if not code:
            said = f"{self.title} came back without a code: start again."
            raise Rejected(said, code="invalid_callback")
        return code

    def exchange(self, request: ConnectRequest) -> Tokens:
        """Trade the callback's code, which works once. Raises what `code` does, Rejected
        (`invalid_grant`) for a code that is no longer good, Transient for a lost answer."""
        one = request.environment
        body = WebApplicationClient(request.app[one]["client_id"]).prepare_request_body(
            code=self.code(request), redirect_uri=request.callback_url, include_client_id=False
        )
        refusal = Rejected(
            f"{self.title} no longer accepts this sign-in: start again.", code="invalid_grant"
        )
        asked = _Asked(request.call, "exchange", request.urls[one], request.app[one], refusal)
        try:
            return self._tokens(asked, str(body), request.now, {})
        except OutcomeUnknown as error:
            raise Transient(f"{error.message} Start again.", code=error.code) from None

    def refresh(self, connection: Connection) -> Tokens:
        """Trade the refresh token; what else the credentials hold stays. Raises ReconnectRequired
        where it is no longer good or there is none, OutcomeUnknown for a lost answer."""
        old = connection.credentials.get("refresh_token")
        refusal = ReconnectRequired(
            f"{self.title} no longer accepts the stored authorisation: connect again.",
            code="invalid_grant",
        )
        if not old:
            raise refusal
        client = WebApplicationClient(connection.app["client_id"])
        body = client.prepare_refresh_body(refresh_token=old)
        asked = _Asked(connection.call, "refresh", connection.urls, connection.app, refusal)
        return self._tokens(asked, str(body), connection.now(), connection.credentials)

    def address(self, place: str, urls: Mapping[str, str]) -> str:
        """The address of `place`, if it is https or on this machine. Raises NeedsOperator."""
        name, slash, path = place.partition("/")
        url = f"{urls[name].rstrip('/')}/{path}" if slash else urls[name]
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
            return url
        said = f"{self.title}'s addresses for signing in have to begin with https."
        raise NeedsOperator(said, code="insecure_url", scope="connection")

    def _tokens(self, asked: "_Asked", body: str, now: datetime, kept: Mapping[str, str]) -> Tokens:
        answer = self._send(asked, body)
        reply = _object(answer)
        word = reply.get("error") if reply else None
        if answer.status not in (200, 201) or word:
            raise self._error(answer, word, asked.refusal)
        try:
            return Tokens(self._credentials(reply, now, kept), reply)
        except (KeyError, ValueError, TypeError, OverflowError):
            said = f"{self.title}'s answer to {asked.step} cannot be read."
            raise OutcomeUnknown(said, code="odd_reply", request_id=answer.request_id) from None

    def _send(self, asked: "_Asked", body: str) -> transport.Answer:
        known = {name: asked.app[name] for name in ("client_id", "client_secret")}
        sent = f"{body}&{urlencode(known)}" if self.secret_in_body else body
        proof = {} if self.secret_in_body else {"Authorization": _basic(*known.values())}
        # No document is at stake, so the call is no write; but its answer must not be lost.
        with asked.opener(f"oauth.{asked.step}", writes=False) as call:
            return transport.send(
                call,
                "POST",
                self.address(self.token, asked.urls),
                to=self.title,
                headers={**_FORM, **self.headers, **proof},
                body=sent,
                ambiguous=True,
                request_id=self.request_id,
            )

    def _error(
        self, answer: transport.Answer, word: Any, refusal: Rejected | ReconnectRequired
    ) -> ProviderError:
        said = _word(word)
        known: Any = {"http_status": answer.status, "request_id": answer.request_id}
        if answer.status == 429 and self.limit:
            wait, slow = answer.retry_after(), f"{self.title} asks to wait with signing in."
            return RateLimited(slow, limit=self.limit, retry_after=wait, **known)
        if not said or answer.status == 429 or answer.status >= 500:
            away = f"{self.title}'s sign-in service is not available."
            return Transient(away, code="unavailable", retry_after=answer.retry_after(), **known)
        if said in OPERATORS:
            wrong = f"{self.title} refuses the client ID or the client secret."
            code = "bad_app_credentials"
            return NeedsOperator(wrong, code=code, scope="connection", provider_code=said, **known)
        return type(refusal)(refusal.message, code=refusal.code, provider_code=said, **known)

    def _credentials(
        self, reply: Mapping[str, Any], now: datetime, kept: Mapping[str, str]
    ) -> Credentials:
        names = [name for name in ("access_token", "refresh_token") if reply.get(name)]
        secrets = {**kept, **{name: _text(reply[name]) for name in names}}
        if "access_token" not in names:
            raise KeyError("access_token")
        lasts = _span(reply.get("expires_in")) or self.lasts
        expires = now + lasts if lasts else None
        ends = [now + span for name in self.ends if (span := _span(reply.get(name)))]
        last = None if "refresh_token" in secrets else expires
        return Credentials(secrets, expires, min(ends, default=last))


@dataclass(frozen=True)
class _Asked:
    """Who asks the token address for what, and the error where the answer is no."""

    opener: Callable[..., AbstractContextManager[Call]]
    step: str
    urls: Mapping[str, str]
    app: Mapping[str, str] = field(repr=False)
    refusal: Rejected | ReconnectRequired


def _object(answer: transport.Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _word(error: Any) -> str:
    """An error's word, where it is one: a text of any other form might repeat a secret."""
    return error if isinstance(error, str) and _WORD.fullmatch(error) else ""


def _text(token: Any) -> str:
    if not isinstance(token, str):
        raise TypeError
    return token


def _span(seconds: Any) -> timedelta | None:
    """A span of seconds, as a number or a text of one; None for none. Raises ValueError."""
    span = timedelta(seconds=int(seconds)) if seconds else None
    return span if span and span > timedelta(0) else None


def _basic(*parts: str) -> str:
    """Basic authorization, each part encoded as in a form (RFC 6749, 2.3.1)."""
    both = ":".join(quote(part, safe="") for part in parts)
    return f"Basic {b64encode(both.encode()).decode()}"
