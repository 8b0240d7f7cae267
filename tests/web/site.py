"""A hub with its app, and calls as its callers make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from kable_hub.domain import Environment
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.web import context, idempotency
from kable_hub.web.app import create_app
from tests.acme import acme_alone
from tests.acme_simulator import AcmeSimulator

CANARY = "canary-webhook-4f9d2c7ab1"


@dataclass
class Site:
    """`key` belongs to the account in test, `live_key` in live, `operator` to an operator."""

    hub: Hub
    app: Flask
    acme: AcmeSimulator
    account: str
    key: str
    live_key: str
    operator: str

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> TestResponse:
        """One request to the API, by the account's test key where none is named."""
        sent = {"Authorization": f"Bearer {self.key if key is None else key}", **(headers or {})}
        if body is not None:
            options["json"] = body
        with self.app.test_client() as client:
            return client.open(f"/api/v1{path}", method=method, headers=sent, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def made(self, path: str, body: Any = None, **options: Any) -> Any:
        """The body of a POST that has to succeed."""
        answer = self.post(path, body, **options)
        assert answer.status_code in (200, 201), answer.json
        return answer.json

    def connect(self) -> Any:
        """Connect Acme by a key; answers the connection."""
        form = {"api_key": "token-1"}
        started = self.made("/connections", {"provider": "acme", "method": "key", "form": form})
        return started["connections"][0]


def invoice(number: str = "INV-1", **changes: Any) -> dict[str, Any]:
    """The body of an invoice of 19.99."""
    lines = [{"description": "work", "quantity": 1, "unitPrice": "19.99"}]
    body = {"customer": "c1", "number": number, "currency": "USD", "issueDate": "2026-11-22"}
    return {**body, "lines": lines, **changes}


def customer(client_id: str = "c1", **changes: Any) -> dict[str, Any]:
    """The body of a customer in USD."""
    body = {"clientId": client_id, "companyName": "Northwind Traders", "currency": "USD"}
    return {**body, **changes}


@contextmanager
def site(database_url: str, folder: Path, *plugins: Any, **environ: str) -> Iterator[Site]:
    """A site over this database, with Acme listening; `plugins` stand in for its plugin
    and find Acme's side at their own addresses too."""
    with AcmeSimulator() as acme:
        acme.add_customer(name="Northwind Traders")
        sound = [one for one in plugins if hasattr(one, "provider")]
        slugs = {"ACME", *(one.provider().slug.upper() for one in sound)}
        given = {
            "KABLE_DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            **{f"KABLE_{one}_{env}_API_URL": acme.url for one in slugs for env in ("LIVE", "TEST")},
            **{f"KABLE_ACME_{env}_CLIENT_ID": "acme-app" for env in ("LIVE", "TEST")},
            **{f"KABLE_ACME_{env}_WEBHOOK_SECRET": CANARY for env in ("LIVE", "TEST")},
            **environ,
        }
        registry = Registry.of(*plugins) if plugins else acme_alone()
        hub = open_hub(Settings.load(given), registry=registry)
        assert hub.database.is_sqlite is database_url.startswith("sqlite")
        yield _site(hub, acme)
        hub.close()


_apps: list[tuple[object, Flask]] = []


def app_of(hub: Hub) -> Flask:
    """The app with this hub behind it. It is made once for the same providers and settings and
    then handed on from test to test, as making it takes longer than most tests."""
    settings = hub.settings
    like = (list(hub.registry.providers()), settings.max_body_bytes, settings.trusted_proxies)
    found = [app for one, app in _apps if one == like]
    if not found:
        found = [create_app(hub)]
        _apps.append((like, found[0]))
    context.install(found[0], hub)
    found[0].extensions.pop(idempotency.SWEPT, None)
    return found[0]


def _site(hub: Hub, acme: AcmeSimulator) -> Site:
    account = accounts.create_account(hub, "Shop", "paid").id
    return Site(
        hub=hub,
        app=app_of(hub),
        acme=acme,
        account=account,
        key=accounts.create_api_key(hub, account, Environment.TEST).secret,
        live_key=accounts.create_api_key(hub, account, Environment.LIVE).secret,
        operator=accounts.create_operator_key(hub).secret,
    )
