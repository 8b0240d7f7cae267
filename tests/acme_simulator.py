"""Acme's other side: a ledger of customers and documents on a real socket."""

import hashlib
import hmac
from functools import cache
from typing import Any

from flask import Flask, request
from werkzeug.routing import Map, Rule

from kable_hub import (
    canonical,
)
from kable_hub.testing import Simulator

ROUTES = (
    ("POST", "/token", "_token"),
    ("POST", "/revoke", "_revoke"),
    ("POST", "/customers", "_create_customer"),
    ("GET", "/customers/<reference>", "_customer"),
    ("POST", "/docs", "_create"),
    ("POST", "/pages", "_page"),
    ("POST", "/batch", "_batch"),
    ("GET", "/docs", "_list"),
    ("GET", "/docs/<doc>", "_doc"),
    ("POST", "/docs/<doc>/<action>", "_act"),
)


@cache
def addresses(_kind: type) -> Map:
    """The addresses of all simulators of a class: taking them in costs more than most tests."""
    return Map([Rule(path, methods=[method], endpoint=name) for method, path, name in ROUTES])


class AcmeSimulator(Simulator):
    """Acme's side: tokens, customers, documents, idempotent answers."""

    def __init__(self, **options: Any) -> None:
        self.tokens = {"token-1"}
        self.refresh_tokens = {"refresh-1"}
        self.customers: dict[str, dict[str, Any]] = {}
        self.docs: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[int, Any]] = {}
        self.refuse: set[str] = set()
        self.pages: list[dict[str, Any]] = []
        self.store_errors = False
        self.revoked = False
        self.count = 0
        super().__init__(**options)

    def add_customer(self, **values: Any) -> str:
        reference = f"A-{len(self.customers) + 1}"
        self.customers[reference] = {"id": reference, "name": "Someone", **values}
        return reference

    def finals(self) -> list[dict[str, Any]]:
        return [doc for doc in self.docs.values() if doc["status"] != "draft"]

    def drafts(self) -> list[dict[str, Any]]:
        return [doc for doc in self.docs.values() if doc["status"] == "draft"]

    def routes(self, app: Flask) -> None:
        app.url_map = addresses(type(self))
        app.view_functions |= {name: getattr(self, name) for _, _, name in ROUTES}
        app.before_request(self._gate)

    def _gate(self) -> Any:
        if request.path == "/token":
            return None
        if self.revoked:
            return {"error": "revoked"}, 403
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return None if given in self.tokens else ({"error": "stale"}, 401)

    def _token(self) -> Any:
        old = request.form.get("refresh")
        if old is None and request.form.get("code") != "good":
            return {"error": "invalid_grant"}, 400
        if old is not None and old not in self.refresh_tokens:
            return {"error": "invalid_grant"}, 400
        self.refresh_tokens.discard(old or "")
        self.count += 1
        token, refresh = f"token-{self.count}x", f"refresh-{self.count}x"
        self.tokens.add(token)
        self.refresh_tokens.add(refresh)
        return {"token": token, "refresh": refresh}

    def _revoke(self) -> Any:
        self.revoked = True
        return {}

    def _create_customer(self) -> Any:
        body = canonical.loads(request.get_data())
        for one in self.customers.values():
            if one.get("client_id") == body["client_id"]:
                return one
        return self.customers[self.add_customer(**body)]

    def _customer(self, reference: str) -> Any:
        found = self.customers.get(reference)
        return found or ({"error": "unknown"}, 404)

    def _create(self) -> Any:
        key = request.headers.get("Key", "")
        if key in self.answers:
            return self.answers[key]
        made = self._make(canonical.loads(request.get_data()))
        if "error" in made:
            return made, 422
        self.answers[key] = (made, 200)
        return made

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["number"] in self.refuse:
            return {"error": "refused by rule"}
        doc_id = f"D-{len(self.docs) + 1}"
        status = "draft" if body.pop("draft", False) else "open"
        self.docs[doc_id] = {**body, "id": doc_id, "status": status}
        return self.docs[doc_id]

    def _batch(self) -> Any:
        key = request.headers.get("Key", "")
        if key not in self.answers:
            items = [self._make(one) for one in canonical.loads(request.get_data())]
            self.answers[key] = ({"items": items}, 200)
        return self.answers[key]

    def _page(self) -> Any:
        body = canonical.loads(request.get_data())
        self.pages.append(body)
        return {"url": f"https://acme.example/pages/{len(self.pages)}"}

    def _list(self) -> Any:
        wanted = request.args.get("markers", request.args.get("marker", "")).split(",")
        return {"docs": [doc for doc in self.docs.values() if doc["marker"] in wanted]}

    def _doc(self, doc: str) -> Any:
        return self.docs.get(doc) or ({"error": "unknown"}, 404)

    def _act(self, doc: str, action: str) -> Any:
        found = self.docs[doc]
        if action == "void" and found["status"] == "paid":
            return {"error": "paid"}, 422
        found["status"] = "open" if action == "finalize" else "void"
        return found

    def webhook(self, event: dict[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
        body = canonical.dumps(event).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return body, {"acme-signature": signature}
