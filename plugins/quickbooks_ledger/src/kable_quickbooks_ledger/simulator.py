"""QuickBooks Online on a loopback socket: sign-in, production and sandbox, several companies.

    with QuickBooksSimulator() as quickbooks:
        quickbooks.seed_demo()
        os.environ.update(quickbooks.configuration())

Companies are `Book`s; `sign_in` holds the switches of the consent page, `sign_in.tokens` those of
rotation, `api` those of throttling and requestids; `fault` (of the base) spoils answers.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Flask, Response, request
from markupsafe import escape

from kable_hub import Environment, LinkedCustomer, WebhookRequest, money
from kable_hub.testing import Clock, Simulator
from kable_quickbooks_ledger import simulator_payments
from kable_quickbooks_ledger.simulator_api import Api
from kable_quickbooks_ledger.simulator_books import Book, Row
from kable_quickbooks_ledger.simulator_oauth import SignIn
from kable_quickbooks_ledger.simulator_seed import furnish, people
from kable_quickbooks_ledger.simulator_tokens import Keys, Tokens
from kable_quickbooks_ledger.simulator_webhooks import signed

HOSTS = {Environment.LIVE: "production", Environment.TEST: "sandbox"}
SANDBOX_REALM = "9341450000000001"
PRODUCTION_REALM = "9341450000000002"
CANADIAN_REALM = "9341450000000003"
BRITISH_REALM = "9341450000000004"
_KEYS = tuple(Keys(f"{host}-client-id", f"{host}-client-secret", host) for host in HOSTS.values())
_VERIFIERS = {host: f"{host}-verifier-token" for host in HOSTS.values()}
_MARKER = re.compile(r"hub:(\S+)")


class QuickBooksSimulator(Simulator):
    """The simulated QuickBooks Online and Intuit sign-in."""

    def __init__(self, *, port: int = 0, clock: Clock | None = None, latency: float = 0.0) -> None:
        self.books: dict[str, Book] = {}
        self._told: list[tuple[str, ...]] = []
        self.sign_in = SignIn(self.books, Tokens(self._now), _KEYS)
        self.api = Api(self.books, self.sign_in, self._now)
        super().__init__(port=port, clock=clock, latency=latency)

    def routes(self, app: Flask) -> None:
        """Register sign-in, the API of both environments, and a page for an invoice."""
        app.add_url_rule("/connect/oauth2", "a", self.sign_in.authorize, methods=["GET", "POST"])
        app.add_url_rule("/oauth2/v1/tokens/bearer", "t", self.sign_in.token, methods=["POST"])
        app.add_url_rule("/v2/oauth2/tokens/revoke", "r", self.sign_in.revoke, methods=["POST"])
        app.add_url_rule(
            "/<environment>/v3/company/<realm>/<path:path>",
            "api",
            self.api.serve,
            methods=["GET", "POST"],
        )
        app.add_url_rule("/<environment>/app/invoice", "page", self._page)

    def configuration(self) -> dict[str, str]:
        """The environment variables that point a hub at this simulator, for both environments."""
        variables: dict[str, str] = {}
        for environment, keys in zip(HOSTS, _KEYS, strict=True):
            prefix = f"KABLE_QUICKBOOKS_{environment.upper()}"
            variables |= {
                f"{prefix}_CLIENT_ID": keys.client_id,
                f"{prefix}_CLIENT_SECRET": keys.client_secret,
                f"{prefix}_VERIFIER_TOKEN": _VERIFIERS[keys.environment],
            }
            for name, url in self.urls(environment).items():
                variables[f"{prefix}_{name.upper()}_URL"] = url
        return variables

    def urls(self, environment: Environment) -> dict[str, str]:
        """The provider's base URLs by name, as the hub hands them to the plugin."""
        host = f"{self.url}/{HOSTS[environment]}"
        return {
            "api": host,
            "app": host,
            "authorize": f"{self.url}/connect/oauth2",
            "token": f"{self.url}/oauth2/v1/tokens/bearer",
            "revoke": f"{self.url}/v2/oauth2/tokens/revoke",
        }

    def keys(self, environment: Environment) -> dict[str, str]:
        """The app settings of an environment, as the hub hands them to the plugin."""
        found = next(one for one in _KEYS if one.environment == HOSTS[environment])
        return {
            "client_id": found.client_id,
            "client_secret": found.client_secret,
            "verifier_token": _VERIFIERS[found.environment],
        }

    def company(
        self,
        realm: str = SANDBOX_REALM,
        environment: Environment = Environment.TEST,
        **changes: Any,
    ) -> Book:
        """Open a company with items, terms and tax codes. `changes` are fields of Book."""
        book = Book(realm, HOSTS[environment], changes.pop("name", "Demo Company"), **changes)
        self.books[realm] = book
        furnish(book, self._now())
        return book

    def seed_demo(self, *, multicurrency: bool = True) -> None:
        """A company in each environment, with customers in USD, EUR and GBP (or USD alone)."""
        for realm, environment, name in (
            (SANDBOX_REALM, Environment.TEST, "Sandbox Company"),
            (PRODUCTION_REALM, Environment.LIVE, "Demo Company"),
        ):
            book = self.company(realm, environment, name=name, multicurrency=multicurrency)
            people(book, self._now())

    def seed_abroad(self) -> None:
        """Beside the sandbox's company a Canadian one (GST, one currency) and a British one
        (VAT, customers in GBP, USD and EUR)."""
        book = self.company(
            CANADIAN_REALM,
            name="Maple Company",
            country="CA",
            home_currency="CAD",
            multicurrency=False,
        )
        people(book, self._now())
        rates = {"USD": Decimal("0.7892"), "EUR": Decimal("0.8557"), "JPY": Decimal("0.0051")}
        book = self.company(
            BRITISH_REALM,
            name="Thames Company",
            country="GB",
            home_currency="GBP",
            rates=rates,
        )
        people(book, self._now())

    def demo_customers(self, environment: Environment) -> list[LinkedCustomer]:
        """Every active customer of every company in one environment."""
        with self.lock:
            return [
                LinkedCustomer(row["Id"], row["DisplayName"], currency=row["CurrencyRef"]["value"])
                for book in self.books.values()
                if book.environment == HOSTS[environment]
                for row in book.tables["Customer"].values()
                if row["Active"]
            ]

    def webhook(
        self, *events: tuple[str, ...], legacy: bool = False
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a webhook: (realm, entity, id, operation) for each event, and of
        a merge the id that is gone behind them.

        Signed by the environment of the first event's company; `legacy` is the older shape.
        """
        host = self.books[events[0][0]].environment
        return signed(events, self._now(), _VERIFIERS[host], legacy=legacy)

    def revoke_access(self, environment: Environment) -> None:
        """End every authorisation of one environment."""
        for family in self.sign_in.tokens.families:
            family.revoked |= family.environment == HOSTS[environment]

    def expire_access(self) -> None:
        """Let every access token die."""
        self.sign_in.tokens.expire_access_tokens()

    def close_customer(self, environment: Environment, reference: str) -> None:
        """Make a customer inactive, in whatever company of the environment."""
        for book in self._books(environment):
            if row := book.tables["Customer"].get(reference):
                row["Active"] = False
                book.touch(row, self._now())

    def mark_paid(self, environment: Environment, external_id: str) -> None:
        """The customer pays the whole of an invoice."""
        for book in self._books(environment):
            if row := book.tables["Invoice"].get(external_id):
                linked = [{"TxnId": external_id, "TxnType": "Invoice"}]
                amount = row["Balance"]
                line = {"Amount": amount, "LinkedTxn": linked}
                body = {"CustomerRef": row["CustomerRef"], "TotalAmt": amount, "Line": [line]}
                simulator_payments.create(book, body, self._now())
                self._told.append((book.realm, "Invoice", external_id, "updated"))

    def sent_webhooks(self, environment: Environment) -> list[WebhookRequest]:
        """What there was to tell of one environment since it was asked for last."""
        realms = {book.realm for book in self._books(environment)}
        told = [one for one in self._told if one[0] in realms]
        self._told = [one for one in self._told if one[0] not in realms]
        sent = [self.webhook(one) for one in told]
        return [WebhookRequest(body, headers, self._now(), environment) for body, headers in sent]

    def _books(self, environment: Environment) -> list[Book]:
        return [one for one in self.books.values() if one.environment == HOSTS[environment]]

    def documents(self) -> list[dict[str, Any]]:
        """Every invoice in every company; totals in minor units."""
        with self.lock:
            return [
                _document(book, row)
                for book in self.books.values()
                for row in book.tables["Invoice"].values()
            ]

    def drafts(self) -> list[dict[str, Any]]:
        """Nothing: QuickBooks has no drafts."""
        return []

    def _now(self) -> datetime:
        return self.clock.now()

    def _page(self, environment: str) -> Response:
        wanted = request.args.get("txnId", "")
        for book in self.books.values():
            row = book.tables["Invoice"].get(wanted)
            if book.environment == environment and row is not None:
                return Response(_invoice_page(book, row))
        return Response("There is no such invoice.", status=404)


def _document(book: Book, row: Row) -> dict[str, Any]:
    currency = row["CurrencyRef"]["value"]
    note = str(row.get("PrivateNote") or "")
    marker = _MARKER.search(note)
    environments = {host: environment.value for environment, host in HOSTS.items()}
    return {
        "external_id": row["Id"],
        "number": row.get("DocNumber", ""),
        "customer": row["CustomerRef"]["value"],
        "currency": currency,
        "total": money.round_to_minor(Decimal(row["TotalAmt"]), currency),
        "marker": marker.group(1) if marker else "",
        "status": "voided" if note.startswith("Voided") else "open",
        "environment": environments[book.environment],
        "account": book.realm,
    }


def _invoice_page(book: Book, row: Row) -> str:
    shown = {
        "Company": book.name,
        "Number": row.get("DocNumber", "none"),
        "Customer": row["CustomerRef"]["name"],
        "Total": f"{row['TotalAmt']} {row['CurrencyRef']['value']}",
        "Note": row.get("PrivateNote", ""),
    }
    rows = "".join(f"<tr><th>{name}<td>{escape(value)}" for name, value in shown.items())
    return f"<!doctype html><title>Invoice (simulator)</title><table>{rows}</table>"
