"""Intuit's sign-in, simulated: consent page, codes, tokens that rotate, revocation."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Response, has_request_context, render_template_string, request

from kable_hub import canonical
from kable_quickbooks_ledger.simulator_books import Book

ACCESS = timedelta(hours=1)
IDLE = timedelta(days=100)
HARD = timedelta(days=5 * 365)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in (simulator)</title>
<body style="font-family:system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem">
<h1>QuickBooks simulator</h1><p>An app asks to read and write your books.</p>
<form method="post">{% for name, value in fields.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<p><label for="realm">Company</label>
<select name="realm" id="realm">{% for book in books %}
<option value="{{ book.realm }}">{{ book.name }}</option>{% endfor %}</select></p>
<button name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button></form></body></html>"""


@dataclass(frozen=True)
class Keys:
    """The keys of an app in one environment."""

    client_id: str
    client_secret: str
    environment: str


@dataclass
class Family:
    """One authorisation: the refresh token that counts, and those that still do for a while."""

    realm: str
    environment: str
    client_id: str
    born: datetime
    used: datetime
    rotated: datetime
    current: str
    previous: str = ""
    revoked: bool = False


@dataclass
class SignIn:
    """The state of sign-in. `auto_approve`: True or False answers without the page.

    `rotation`: `always` kills a refresh token with its use, `daily` keeps its value for a day,
    `grace` honours the previous one for `grace` seconds.
    """

    books: dict[str, Book]
    now: Callable[[], datetime]
    keys: tuple[Keys, ...] = ()
    auto_approve: bool | None = None
    rotation: Literal["always", "daily", "grace"] = "always"
    grace: float = 30.0
    refreshes: int = 0
    families: list[Family] = field(default_factory=list)
    _codes: dict[str, tuple[str, str, str, datetime]] = field(default_factory=dict)
    _access: dict[str, tuple[Family, datetime]] = field(default_factory=dict)

    def authorize(self) -> Response:
        """GET and POST of the authorize address: the page, then the redirect."""
        given = request.values.to_dict()
        keys = next((one for one in self.keys if one.client_id == given.get("client_id")), None)
        if keys is None or not given.get("redirect_uri") or not given.get("state"):
            return Response("The app's request is not valid.", status=400)
        books = [one for one in self.books.values() if one.environment == keys.environment]
        decision = request.form.get("decision") or _decision(self.auto_approve)
        if not decision:
            return Response(render_template_string(_PAGE, fields=given, books=books))
        answer = {"state": given["state"]}
        if decision == "approve" and books:
            realm = request.form.get("realm") or books[0].realm
            code = self.issue_code(keys, given["redirect_uri"], realm)
            answer |= {"code": code, "realmId": realm}
        else:
            answer |= {"error": "access_denied"}
        target = f"{given['redirect_uri']}?{urlencode(answer)}"
        return Response(status=302, headers={"Location": target})

    def issue_code(self, keys: Keys, redirect_uri: str, realm: str) -> str:
        """A code for one exchange within five minutes."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = (keys.client_id, redirect_uri, realm, self.now())
        return code

    def token(self) -> Response:
        """POST of the token address."""
        keys = self._client()
        if keys is None:
            return _json(401, {"error": "invalid_client"})
        form = request.form
        if form.get("grant_type") == "authorization_code":
            family = self._redeem(keys, form.get("code", ""), form.get("redirect_uri", ""))
        elif form.get("grant_type") == "refresh_token":
            family = self._rotate(keys, form.get("refresh_token", ""))
        else:
            return _json(400, {"error": "unsupported_grant_type"})
        if family is None:
            text = "Incorrect or invalid refresh token"
            return _json(400, {"error": "invalid_grant", "error_description": text})
        return _json(200, self._reply(family))

    def revoke(self) -> Response:
        """POST of the revoke address: the whole authorisation ends."""
        if self._client() is None:
            return _json(401, {"error": "invalid_client"})
        wanted = str((request.get_json(silent=True) or {}).get("token"))
        family = self._family(wanted)
        if family is None or family.revoked:
            return _json(400, {"error": "invalid_token"})
        family.revoked = True
        return Response(status=200)

    def bearer(self, header: str) -> Family | None:
        """The authorisation behind an Authorization header, if its token still lives."""
        family, ends = self._access.get(header.removeprefix("Bearer "), (None, None))
        if family is None or ends is None or family.revoked or self.now() >= ends:
            return None
        return family

    def grant(self, realm: str, environment: str) -> dict[str, Any]:
        """Tokens without the dialogue, for tests: the token reply."""
        keys = next(one for one in self.keys if one.environment == environment)
        return self._reply(self._found(keys, realm))

    def expire_access_tokens(self) -> None:
        """Let every access token die now."""
        self._access.clear()

    def _client(self) -> Keys | None:
        auth = request.authorization
        given = (auth.username, auth.password) if auth else (None, None)
        if given == (None, None):
            given = (request.form.get("client_id"), request.form.get("client_secret"))
        known = (one for one in self.keys if (one.client_id, one.client_secret) == given)
        return next(known, None)

    def _redeem(self, keys: Keys, code: str, redirect_uri: str) -> Family | None:
        client_id, uri, realm, at = self._codes.pop(code, ("", "", "", self.now()))
        fresh = self.now() - at < timedelta(minutes=5)
        if (client_id, uri) != (keys.client_id, redirect_uri) or not fresh:
            return None
        return self._found(keys, realm)

    def _found(self, keys: Keys, realm: str) -> Family:
        now, token = self.now(), _new_token()
        family = Family(realm, keys.environment, keys.client_id, now, now, now, token)
        self.families.append(family)
        return family

    def _rotate(self, keys: Keys, token: str) -> Family | None:
        family, now = self._family(token), self.now()
        if family is None or family.revoked or family.client_id != keys.client_id:
            return None
        if now - family.used > IDLE or now - family.born > HARD:
            return None
        self.refreshes += 1
        family.used = now
        if self.rotation != "daily" or now - family.rotated >= timedelta(days=1):
            family.previous, family.current = family.current, _new_token()
            family.rotated = now
        return family

    def _family(self, token: str) -> Family | None:
        for family in self.families:
            if token == family.current or (token == family.previous and self._kept(family)):
                return family
        found = self._access.get(token)
        return found[0] if found else None

    def _kept(self, family: Family) -> bool:
        age = (self.now() - family.rotated).total_seconds()
        return self.rotation == "grace" and age < self.grace

    def _reply(self, family: Family) -> dict[str, Any]:
        access, now = _new_token(), self.now()
        self._access[access] = (family, now + ACCESS)
        reply = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": int(ACCESS.total_seconds()),
            "refresh_token": family.current,
            "x_refresh_token_expires_in": int(IDLE.total_seconds()),
        }
        if (
            has_request_context()
            and request.headers.get("x-include-refresh-token-hard-expires-in") == "true"
        ):
            ends = family.born + HARD - now
            reply["x_refresh_token_hard_expires_in"] = int(ends.total_seconds())
        return reply


def _decision(auto_approve: bool | None) -> str:
    return {None: "", True: "approve", False: "deny"}[auto_approve]


def _new_token() -> str:
    return secrets.token_urlsafe(48)


def _json(status: int, body: Any) -> Response:
    return Response(canonical.dumps(body), status=status, mimetype="application/json")
