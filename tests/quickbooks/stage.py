"""A hub with the real QuickBooks plugin and a simulated QuickBooks, in one virtual time.

`tests/shop.py` says how it works; `hear` brings webhooks of what happened in the books, `poll`
lets the hub ask for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import kable_quickbooks_ledger
import requests
from kable_quickbooks_ledger.simulator import (
    BRITISH_REALM,
    CANADIAN_REALM,
    PRODUCTION_REALM,
    SANDBOX_REALM,
    QuickBooksSimulator,
)
from kable_quickbooks_ledger.simulator_books import Book, Row
from werkzeug.test import TestResponse

from kable_hub import canonical
from kable_hub.clock import ManualClock
from kable_hub.testing.browsing import Browser
from kable_hub.testing.builders import NOW
from kable_hub.testing.simulator import Seen
from kable_hub.usecases import accounts
from tests.shop import DAY, LIVE, TEST, Shop, opened
from tests.web.site import customer

__all__ = ["CA", "DAY", "GB", "LIVE", "PRODUCTION", "TEST", "US", "Stage", "stage"]

US, CA, GB, PRODUCTION = SANDBOX_REALM, CANADIAN_REALM, BRITISH_REALM, PRODUCTION_REALM


@dataclass(kw_only=True)
class Stage(Shop):
    """`realm` is the company in the sandbox that is connected and looked at.

    Every company has customers 28 (home currency), 29 and 30 (two others, where the company has
    more than one), a vendor 31 and an inactive customer 32.
    """

    slug: ClassVar[str] = "quickbooks"

    quickbooks: QuickBooksSimulator
    realm: str = US

    @property
    def simulator(self) -> QuickBooksSimulator:
        return self.quickbooks

    # --- connecting, customers ---------------------------------------------------------------

    def begin(self, *, key: str = "", return_to: str = "") -> str:
        """Begin to connect; answers the address for the browser."""
        body = {"provider": "quickbooks", "returnTo": return_to} if return_to else {}
        started = self.made("/connections", {"provider": "quickbooks", **body}, key=key)
        address: str = started["connectUrl"]
        return address

    def consent(self, realm: str = "", *, key: str = "") -> requests.Response:
        """Connect through Intuit's page, which agrees for a company; the page it ends with."""
        self.quickbooks.sign_in.chosen = realm
        return Browser().approve(self.begin(key=key))

    def connect(self, realm: str = "", *, key: str = "", **settings: Any) -> Any:
        """Connect a company of the environment of the key, then set `settings` beside the
        defaults; answers the connection."""
        if not key:
            self.realm = realm or self.realm
        answer = self.consent(realm or ("" if key else self.realm), key=key)
        assert answer.ok, answer.text
        if settings:
            self.settings(key=key, **settings)
        return self.connection(key=key)

    def tenant(self, realm: str) -> str:
        """The test key of another account, with a company connected and c1 linked there."""
        account = accounts.create_account(self.hub, f"Tenant of {realm}", "paid").id
        key = accounts.create_api_key(self.hub, account, TEST).secret
        abroad = {} if realm == US else {"tax_code": "1", "no_tax_code": "2"}
        self.connect(realm, key=key, **abroad)
        self.customer(key=key)
        return key

    def connection(self, *, key: str = "") -> Any:
        """The connection as the API shows it."""
        return self.get("/connections/quickbooks", key=key)

    def settings(self, *, key: str = "", **values: Any) -> None:
        """Change some settings of the connection."""
        path = "/connections/quickbooks/settings"
        standing = self.get(path, key=key)["values"]
        answer = self.call("PUT", path, {"values": {**standing, **values}}, key=key)
        assert answer.status_code == 200, answer.text

    def customer(
        self, client_id: str = "c1", reference: str = "28", *, key: str = "", **changes: Any
    ) -> Any:
        """A customer linked by the number behind `nameId=`, in the currency it has there."""
        realm = self.connection(key=key)["externalId"] if key else ""
        there = self.books(realm).tables["Customer"]
        currency = there[reference]["CurrencyRef"]["value"] if reference in there else "USD"
        body = customer(client_id, **{"currency": currency, **changes})
        return self.made("/customers", {**body, "quickbooksCustomerId": reference}, key=key)

    def link(self, reference: Any, client_id: str = "c1", **options: Any) -> TestResponse:
        """Ask to link a customer that is there; the answer, whatever it is."""
        path = f"/customers/{client_id}/links/quickbooks"
        return self.call(
            "PUT", path, {"reference": reference, **options.pop("body", {})}, **options
        )

    # --- what QuickBooks tells ---------------------------------------------------------------

    def hear(
        self, entity: str, row_id: str, operation: str, gone: str = "", realm: str = ""
    ) -> None:
        """Bring one webhook (`hear("Invoice", "1", "updated")`) and work; `gone` is the id that
        a merge left behind."""
        more = (gone,) if gone else ()
        answer = self.send((realm or self.realm, entity, row_id, operation, *more))
        assert answer.status_code == 200, answer.text
        self.work()

    def send(self, *events: tuple[str, ...], legacy: bool = False) -> requests.Response:
        """One signed webhook with these events (realm, entity, id, operation)."""
        body, headers = self.quickbooks.webhook(*events, legacy=legacy)
        return self.told(body, headers)

    def poll(self) -> None:
        """Ask QuickBooks for changes, as the hub does from time to time, and work."""
        self.event_worker.poll()
        self.work()

    # --- the other side ----------------------------------------------------------------------

    def books(self, realm: str = "") -> Book:
        """A company's books; the connected one's where none is named."""
        return self.quickbooks.books[realm or self.realm]

    def invoices(self, realm: str = "") -> list[Row]:
        """Every invoice in a company, oldest first."""
        return list(self.books(realm).tables["Invoice"].values())

    def the_invoice(self, realm: str = "") -> Row:
        """The one invoice in a company."""
        (one,) = self.invoices(realm)
        return one

    def asked(self, method: str = "", path: str = "") -> list[Seen]:
        """The requests to the API of QuickBooks with a path that matches, sign-in apart."""
        return [one for one in self.quickbooks.seen(method, path) if "/v3/company/" in one.path]

    def calls(self, method: str = "", path: str = "") -> list[str]:
        """Those requests as `METHOD path`, the path without the company."""
        return [f"{one.method} {one.path.split('/', 5)[5]}" for one in self.asked(method, path)]

    def bodies(self, path: str = "/invoice$") -> list[Any]:
        """What was posted there, oldest first."""
        return [canonical.loads(one.body) for one in self.asked("POST", path)]


@contextmanager
def stage(folder: Path, *plugins: object, **environ: str) -> Iterator[Stage]:
    """A hub on SQLite with QuickBooks (and `plugins`) configured in both modes, not connected."""
    clock = ManualClock(NOW)
    with QuickBooksSimulator(clock=clock) as quickbooks:
        quickbooks.seed_demo()
        quickbooks.seed_abroad()
        every = (kable_quickbooks_ledger, *plugins)
        own = {"quickbooks": quickbooks}
        with opened(Stage, folder, clock, every, quickbooks, own, environ) as one:
            yield one
