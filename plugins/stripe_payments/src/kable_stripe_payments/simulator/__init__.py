"""A local Stripe: its state per account and mode, its checks, its faults, over a real socket."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal

from flask import Flask, Response, request
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as WsgiResponse

from kable_hub import Environment, LinkedCustomer, WebhookRequest
from kable_hub.testing import Clock, Simulator
from kable_stripe_payments import mapping
from kable_stripe_payments.amounts import from_stripe
from kable_stripe_payments.simulator import (
    api,
    crowd,
    customers,
    endpoints,
    events,
    oauth,
    pages,
    payments,
    taxes,
)
from kable_stripe_payments.simulator.state import Account, Key, Ledger, Object, new_id

LIVE, TEST = Environment.LIVE, Environment.TEST
LIMITS = {"live": 100, "test": 25, "endpoint": 25, "search": 20}
"""Stripe's published limits, requests a second."""


class StripeSimulator(Simulator):
    """Stripe on loopback. `limits` turns the rate limiter on (requests a second; `concurrency`
    at once); `auto_approve` names the account
    that consents without a page; `webhook_url` receives events; `search_lag` is in seconds;
    `tells_location` says when Stripe Tax lets on that a customer cannot be placed."""

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Clock | None = None,
        latency: float = 0.0,
        limits: dict[str, int] | None = None,
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, Key] = {}
        self.client_ids = {live: f"ca_{_word(live)}0Platform" for live in (True, False)}
        self.secret_keys = {live: f"sk_{_word(live)}_0Platform0Secret" for live in (True, False)}
        self.webhook_secrets = {live: f"whsec_{_word(live)}0Connect" for live in (True, False)}
        self.codes: dict[str, oauth.Code] = {}
        self.auto_approve = ""
        self.granted_scope = ""
        self.granted_mode: bool | None = None
        self.search_lag = 0
        self.tells_location: Literal["create", "draft", "finalize"] = "draft"
        self.limits = limits
        self.limiter = api.Limiter()
        self.refused = 0
        self.webhook_url = ""
        self.endpoints: list[endpoints.Endpoint] = []
        self.missed: list[endpoints.Delivery] = []
        self.under_way: Counter[tuple[str, ...]] = Counter()
        self.events: list[Object] = []
        self._told = 0
        self._failures: list[tuple[str, Literal["before", "after"]]] = []
        super().__init__(port=port, clock=clock, latency=latency)

    def routes(self, app: Flask) -> None:
        """Register the API and the pages."""
        oauth.routes(app, self)
        pages.routes(app, self)

        @app.route("/v1/<path:path>", methods=["GET", "POST", "DELETE"])
        def serve(path: str) -> Response:
            return api.serve(self, request, path)

    def admit(self, request: Request) -> WsgiResponse | None:
        """Refuse what meets another request on the same key or object, or one too many."""
        return crowd.admit(self, request)

    def leave(self, request: Request) -> None:
        """Forget what a request held."""
        crowd.leave(self, request)

    def configuration(self) -> dict[str, str]:
        """The environment variables that point a hub at this simulator."""
        values = {}
        for live in (True, False):
            parts = {
                "CLIENT_ID": self.client_ids[live],
                "SECRET_KEY": self.secret_keys[live],
                "CONNECT_WEBHOOK_SECRET": self.webhook_secrets[live],
                "API_URL": self.url,
                "CONNECT_URL": self.url,
            }
            prefix = f"KABLE_STRIPE_{_word(live).upper()}"
            values.update({f"{prefix}_{name}": text for name, text in parts.items()})
        return values

    def add_account(
        self, name: str = "Example Software", *, granted: tuple[Environment, ...] = ()
    ) -> Account:
        """Add a merchant; `granted`: the modes in which the platform is connected already."""
        id = f"acct_{new_id('a')[2:18]}"
        test, live = Ledger(id, False, self._now), Ledger(id, True, self._now)
        test.other, live.other = live, test
        modes = {environment is LIVE for environment in granted}
        self.accounts[id] = Account(id, name, test, live, modes)
        return self.accounts[id]

    def add_key(self, account: str, environment: Environment, *lacks: str) -> str:
        """A restricted key of the account; `lacks` are permissions such as `rak_invoice_write`."""
        key = new_id(f"rk_{environment}")
        self.keys[key] = Key(account, environment is LIVE, frozenset(lacks))
        return key

    def add_customer(
        self,
        account: str,
        environment: Environment,
        name: str = "Northwind Traders",
        email: str = "billing@example.com",
        *,
        with_card: bool = True,
    ) -> str:
        """Add a customer, with a default card or without; its `cus_...` id."""
        ledger = self.accounts[account].ledger(environment is LIVE)
        return str(customers.add(ledger, name, email, with_card=with_card)["id"])

    def add_tax_rate(self, account: str, environment: Environment, percentage: str) -> str:
        """Add a tax rate that comes on top; its `txr_...` id."""
        return taxes.add_rate(self.accounts[account].ledger(environment is LIVE), percentage)

    def customer(self, account: str, environment: Environment, id: str) -> Object:
        """A customer's own record, to look at or to change."""
        return self.accounts[account].ledger(environment is LIVE).get("customer", id)

    def delete_customer(self, account: str, environment: Environment, id: str) -> None:
        """Delete a customer as a person would in the dashboard."""
        customer = self.customer(account, environment, id)
        customer["deleted"] = True
        self.emit(self.accounts[account].ledger(environment is LIVE), "customer.deleted", customer)

    def ledger(self, account: str, environment: Environment) -> list[Object]:
        """Every invoice of an account in one mode, drafts included, oldest first."""
        return list(self.accounts[account].ledger(environment is LIVE).of("invoice").values())

    def all_ledgers(self) -> Iterator[Ledger]:
        """The ledgers of every account, both modes."""
        for account in list(self.accounts.values()):
            yield account.test
            yield account.live

    def seed_demo(self) -> None:
        """One merchant with five customers in each mode, the last without a card."""
        account = self.add_account("Lighthouse Software")
        self.auto_approve = account.id
        for environment in (TEST, LIVE):
            for name, email, card in _DEMO:
                self.add_customer(account.id, environment, name, email, with_card=card)

    def demo_customers(self, environment: Environment) -> list[LinkedCustomer]:
        """Every customer of every account in one mode; a warning marks one that cannot pay."""
        return [
            mapping.to_linked_customer(one, _lacking(one))
            for ledger in self.all_ledgers()
            if ledger.live == (environment is LIVE)
            for one in ledger.of("customer").values()
        ]

    def documents(self) -> list[dict[str, Any]]:
        """Every final invoice: external_id, number, customer, currency, total (ISO minor
        units), marker, status, environment, account."""
        return [one for one in self._all_documents() if one["status"] != "draft"]

    def drafts(self) -> list[dict[str, Any]]:
        """Every draft, in the same shape."""
        return [one for one in self._all_documents() if one["status"] == "draft"]

    def _all_documents(self) -> list[dict[str, Any]]:
        with self.lock:
            return [
                _document(one, ledger)
                for ledger in self.all_ledgers()
                for one in ledger.of("invoice").values()
            ]

    def break_next(self, call: str, stage: Literal["before", "after"] = "after") -> None:
        """The next request whose `METHOD /path` contains `call` answers 500, and Stripe keeps
        that answer under its key; stage `after`: what it asked for was done all the same."""
        self._failures.append((call, stage))

    def take_failure(self, request: str) -> Literal["", "before", "after"]:
        """The planned failure for a request, once."""
        for one in self._failures:
            if one[0] in request:
                self._failures.remove(one)
                return one[1]
        return ""

    def emit(self, ledger: Ledger, kind: str, about: Object) -> None:
        """Keep an event and send it where somebody listens."""
        one = events.event(ledger, kind, about)
        self.events.append(one)
        endpoints.deliver(self, one)

    def add_endpoint(self, url: str, *, live: bool, **more: Any) -> endpoints.Endpoint:
        """Register a webhook endpoint; `more` are the fields of `Endpoint`."""
        self.endpoints.append(endpoints.Endpoint(url, live, **more))
        return self.endpoints[-1]

    def listening(self) -> list[endpoints.Endpoint]:
        """Every endpoint; at `webhook_url` the platform's two, which a hub is configured for."""
        url = self.webhook_url
        secrets = self.webhook_secrets.items() if url else ()
        platform = [endpoints.Endpoint(url, live, secrets=[one]) for live, one in secrets]
        return [*platform, *self.endpoints]

    def redeliver(self) -> int:
        """Bring every webhook that got no 2xx once more; how many got one now."""
        return endpoints.redeliver(self)

    def sign(self, body: bytes, account: str, *, live: bool) -> str:
        """The signature header of the endpoint that would deliver this: the live endpoint also
        gets the test events of accounts connected live."""
        endpoint = live or True in self.accounts[account].granted
        return events.signature(body, self.webhook_secrets[endpoint], self._now())

    def revoke(self, account: str, *, live: bool = True) -> None:
        """The merchant (or the platform) ends the access of one mode's application."""
        one = self.accounts[account]
        self.emit(one.ledger(live), "account.application.deauthorized", {"id": "", "object": ""})
        one.granted.discard(live)

    def revoke_access(self, environment: Environment) -> None:
        """Every merchant ends every access of one mode."""
        for account in self.accounts.values():
            account.granted.clear()
        live = environment is LIVE
        self.keys = {key: one for key, one in self.keys.items() if one.live is not live}

    def close_customer(self, environment: Environment, reference: str) -> None:
        """Delete a customer, of whatever account."""
        for account in self.accounts.values():
            if reference in account.ledger(environment is LIVE).of("customer"):
                self.delete_customer(account.id, environment, reference)

    def mark_paid(self, environment: Environment, external_id: str) -> None:
        """Charge an invoice, of whatever account, to its customer's card."""
        with self.lock:
            for ledger in self.all_ledgers():
                invoice = ledger.of("invoice").get(external_id)
                if invoice is not None and ledger.live == (environment is LIVE):
                    payments.attempt(self, ledger, invoice)

    def sent_webhooks(self, environment: Environment) -> list[WebhookRequest]:
        """The events of one mode since they were asked for last, as they are sent."""
        told, self._told = self.events[self._told :], len(self.events)
        return [self._as_sent(one) for one in told if one["livemode"] == (environment is LIVE)]

    def _as_sent(self, event: Object) -> WebhookRequest:
        body = json.dumps(event, default=str).encode()
        endpoint = event["livemode"] or True in self.accounts[event["account"]].granted
        signature = self.sign(body, event["account"], live=event["livemode"])
        headers = {"stripe-signature": signature, "content-type": "application/json"}
        return WebhookRequest(body, headers, self.clock.now(), LIVE if endpoint else TEST)

    def complete_session(self, id: str) -> None:
        """The customer leaves a card on a Checkout page."""
        self._end_session(id, pages.complete)

    def expire_session(self, id: str) -> None:
        """A Checkout page dies, of age or by hand."""
        self._end_session(id, pages.expire)

    def _end_session(self, id: str, end: Callable[..., None]) -> None:
        with self.lock:
            for ledger in self.all_ledgers():
                if session := ledger.of("checkout.session").get(id):
                    end(self, ledger, session)

    def expire_sessions(self) -> int:
        """Let the Checkout pages whose time is over expire; how many are still open."""
        with self.lock:
            pairs = [
                (ledger, one)
                for ledger in self.all_ledgers()
                for one in ledger.of("checkout.session").values()
            ]
            return sum(pages.usable(self, ledger, one) for ledger, one in pairs)

    def collect(self) -> None:
        """Charge what is open and collected automatically, as Stripe does within the hour."""
        with self.lock:
            for ledger in self.all_ledgers():
                for invoice in ledger.of("invoice").values():
                    automatic = invoice["collection_method"] == "charge_automatically"
                    if invoice["status"] == "open" and invoice["auto_advance"] and automatic:
                        payments.attempt(self, ledger, invoice)

    def _now(self) -> int:
        return int(self.clock.now().timestamp())


_DEMO = (
    ("Northwind Traders", "billing@northwind.example", True),
    ("Blue Harbor Cafe", "accounts@blueharbor.example", True),
    ("Harvest Moon Teas", "books@harvestmoon.example", True),
    ("Silver Kite Studio", "hello@silverkite.example", True),
    ("Cedar & Sons", "office@cedar.example", False),
)


def _lacking(customer: Object) -> tuple[str, ...]:
    return () if mapping.has_payment_method(customer) else ("no default payment method",)


def _word(live: bool) -> str:
    return "live" if live else "test"


def _document(invoice: Object, ledger: Ledger) -> dict[str, Any]:
    currency = invoice["currency"].upper()
    return {
        "external_id": invoice["id"],
        "number": invoice["number"] or "",
        "customer": invoice["customer"],
        "currency": currency,
        "total": from_stripe(invoice["total"], currency),
        "marker": invoice["metadata"].get(mapping.MARKER, ""),
        "status": invoice["status"],
        "environment": _word(ledger.live),
        "account": ledger.account,
    }
