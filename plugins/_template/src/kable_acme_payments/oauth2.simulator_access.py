"""Who is let in to the simulated Acme: a consent page, codes, tokens that die and rotate."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, render_template_string, request

from kable_acme_payments.declaration import PROVIDER
from kable_hub import Environment
from kable_hub.testing import Simulator

LASTS = {"code": timedelta(minutes=5), "access": timedelta(hours=1), "refresh": timedelta(days=90)}

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme (simulator)</title>
<h1>Acme simulator</h1><p>An app asks to make invoices for Lighthouse Software.</p>
<form method="post">{% for name, value in fields.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<button name="decision" value="approve">Approve</button>
<button name="decision" value="deny">Deny</button></form></html>"""


class Refusal(Exception):
    """Acme says no: HTTP status, code, message, field."""


@dataclass
class Token:
    """A code or a token: what it opens, until when, and the address its code was asked for."""

    environment: Environment
    ends: datetime
    callback: str = ""


class Access(Simulator):
    """The door. `codes`, `access` and `refresh` are what was given out and still stands."""

    def __init__(self, **options: Any) -> None:
        self.codes: dict[str, Token] = {}
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self._made = 0
        super().__init__(**options)

    def routes(self, app: Flask) -> None:
        """Register the ways in, and guard every other view."""
        app.before_request(self._gate)
        app.add_url_rule("/oauth/authorize", view_func=self._authorize, methods=["GET", "POST"])
        app.add_url_rule("/oauth/token", view_func=self._token, methods=["POST"])

    def credentials(self, environment: Environment) -> dict[str, str]:
        """What the hub keeps of a connection in this environment; a fresh one each time."""
        given = self._grant(environment)
        return {name: str(given[name]) for name in ("access_token", "refresh_token")}

    def app_settings(self, environment: Environment) -> dict[str, str]:
        """What the hub's operator has to set: the keys of an app at Acme."""
        return {
            "client_id": f"client_{environment}_0001",
            "client_secret": f"secret_{environment}_0001",
        }

    def configuration(self) -> dict[str, str]:
        """The environment variables that point a hub at this simulator."""
        slug = PROVIDER.slug.upper()
        named = {one: {"api_url": self.url, **self.app_settings(one)} for one in Environment}
        return {
            f"KABLE_{slug}_{one}_{name}".upper(): value
            for one, values in named.items()
            for name, value in values.items()
        }

    def revoke_access(self, environment: Environment) -> None:
        """The person takes the consent back."""
        for kept in (self.codes, self.access, self.refresh):
            for name in [name for name, one in kept.items() if one.environment is environment]:
                del kept[name]

    def expire_access(self) -> None:
        """Let every access token die."""
        self.access.clear()

    def _gate(self) -> None:
        if request.path.startswith("/oauth/"):
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        found = self._standing(self.access, token)
        if found is None:
            raise Refusal(401, "token_expired", "The access token is not good any more.")
        g.environment = found.environment

    def _authorize(self) -> Response:
        given = request.values.to_dict()
        environment = self._client(given.get("client_id", ""))
        if environment is None or not given.get("redirect_uri") or not given.get("state"):
            return Response("The app's request is not valid.", status=400)
        decision = request.form.get("decision")
        if decision is None:
            return Response(render_template_string(PAGE, fields=given))
        answer = {"error": "access_denied", "state": given["state"]}
        if decision == "approve":
            code = self._keep(self.codes, "code", environment, given["redirect_uri"])
            answer = {"code": code, "state": given["state"]}
        target = f"{given['redirect_uri']}?{urlencode(answer)}"
        return Response(status=302, headers={"Location": target})

    def _token(self) -> Any:
        auth, form = request.authorization, request.form
        environment = self._client(auth.username or "") if auth else None
        if environment is None or not auth or auth.password != self._secret(environment):
            return {"error": "invalid_client"}, 401
        kinds = {"authorization_code": self.codes, "refresh_token": self.refresh}
        kept = kinds.get(form.get("grant_type", ""))
        if kept is None:
            return {"error": "unsupported_grant_type"}, 400
        name = form.get("code" if kept is self.codes else "refresh_token", "")
        found = self._standing(kept, name)
        # Each works once: a code by RFC 6749, a refresh token because Acme rotates it.
        kept.pop(name, None)
        wanted = (environment, form.get("redirect_uri", ""))
        if found is None or (found.environment, found.callback) != wanted:
            return {"error": "invalid_grant"}, 400
        return self._grant(environment)

    def _grant(self, environment: Environment) -> dict[str, Any]:
        return {
            "token_type": "Bearer",
            "access_token": self._keep(self.access, "access", environment),
            "expires_in": int(LASTS["access"].total_seconds()),
            "refresh_token": self._keep(self.refresh, "refresh", environment),
            "refresh_token_expires_in": int(LASTS["refresh"].total_seconds()),
        }

    def _keep(
        self, kept: dict[str, Token], kind: str, environment: Environment, callback: str = ""
    ) -> str:
        self._made += 1
        name = f"{kind}_{environment}_{self._made:06d}"
        kept[name] = Token(environment, self.clock.now() + LASTS[kind], callback)
        return name

    def _standing(self, kept: dict[str, Token], name: str) -> Token | None:
        found = kept.get(name)
        return found if found and found.ends > self.clock.now() else None

    def _client(self, client_id: str) -> Environment | None:
        known = {self.app_settings(one)["client_id"]: one for one in Environment}
        return known.get(client_id)

    def _secret(self, environment: Environment) -> str:
        return self.app_settings(environment)["client_secret"]
