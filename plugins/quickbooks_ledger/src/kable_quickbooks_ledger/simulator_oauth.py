"""Intuit's sign-in, simulated: consent page, codes, tokens that rotate, revocation."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response, render_template_string, request

from kable_hub import canonical
from kable_quickbooks_ledger.simulator_books import Book
from kable_quickbooks_ledger.simulator_tokens import Family, Keys, Tokens

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


@dataclass
class SignIn:
    """The state of sign-in. `auto_approve`: True or False answers without the page; `chosen` is
    the company (realm) that is picked then and stands first on the page, else the oldest."""

    books: dict[str, Book]
    tokens: Tokens
    keys: tuple[Keys, ...] = ()
    auto_approve: bool | None = None
    chosen: str = ""
    _codes: dict[str, tuple[str, str, str, datetime]] = field(default_factory=dict)

    def authorize(self) -> Response:
        """GET and POST of the authorize address: the page, then the redirect."""
        given = request.values.to_dict()
        keys = next((one for one in self.keys if one.client_id == given.get("client_id")), None)
        if keys is None or not given.get("redirect_uri") or not given.get("state"):
            return Response("The app's request is not valid.", status=400)
        books = self._offered(keys.environment)
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

    def _offered(self, environment: str) -> list[Book]:
        books = [one for one in self.books.values() if one.environment == environment]
        return sorted(books, key=lambda one: one.realm != self.chosen)

    def issue_code(self, keys: Keys, redirect_uri: str, realm: str) -> str:
        """A code for one exchange within five minutes."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = (keys.client_id, redirect_uri, realm, self.tokens.now())
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
            family = self.tokens.rotate(keys, form.get("refresh_token", ""))
        else:
            return _json(400, {"error": "unsupported_grant_type"})
        if family is None:
            text = "Incorrect or invalid refresh token"
            return _json(400, {"error": "invalid_grant", "error_description": text})
        hard_end = request.headers.get("x-include-refresh-token-hard-expires-in") == "true"
        return _json(200, self.tokens.reply(family, hard_end=hard_end))

    def revoke(self) -> Response:
        """POST of the revoke address: the whole authorisation ends."""
        if self._client() is None:
            return _json(401, {"error": "invalid_client"})
        wanted = str((request.get_json(silent=True) or {}).get("token"))
        family = self.tokens.family(wanted)
        if family is None or family.revoked:
            return _json(400, {"error": "invalid_token"})
        family.revoked = True
        return Response(status=200)

    def grant(self, realm: str, environment: str) -> dict[str, Any]:
        """Tokens without the dialogue, for tests: the token reply."""
        keys = next(one for one in self.keys if one.environment == environment)
        return self.tokens.reply(self.tokens.found(keys, realm))

    def _client(self) -> Keys | None:
        auth = request.authorization
        given = (auth.username, auth.password) if auth else (None, None)
        if given == (None, None):
            given = (request.form.get("client_id"), request.form.get("client_secret"))
        known = (one for one in self.keys if (one.client_id, one.client_secret) == given)
        return next(known, None)

    def _redeem(self, keys: Keys, code: str, redirect_uri: str) -> Family | None:
        client_id, uri, realm, at = self._codes.pop(code, ("", "", "", self.tokens.now()))
        fresh = self.tokens.now() - at < timedelta(minutes=5)
        if (client_id, uri) != (keys.client_id, redirect_uri) or not fresh:
            return None
        return self.tokens.found(keys, realm)


def _decision(auto_approve: bool | None) -> str:
    return {None: "", True: "approve", False: "deny"}[auto_approve]


def _json(status: int, body: Any) -> Response:
    return Response(canonical.dumps(body), status=status, mimetype="application/json")
