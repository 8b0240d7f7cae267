"""The two providers in the campaign of faults: what a request is, what people do there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Generic, TypeVar

from kable_quickbooks_ledger import simulator_invoices
from kable_quickbooks_ledger.simulator_faults import GatewayFault
from werkzeug.wrappers import Request

from kable_hub.domain import Environment
from tests.campaigns.faults_kinds import KEPT, STRIKES, WORLD, Sort, words
from tests.quickbooks.stage import Stage as BooksStage
from tests.quickbooks.stage import stage as books_stage
from tests.shop import Shop
from tests.stripe.stage import Stage as StripeStage
from tests.stripe.stage import stage as stripe_stage
from tests.web.site import customer

AShop = TypeVar("AShop", bound=Shop)
CURRENCIES = ("USD", "EUR", "GBP")


class Side(ABC, Generic[AShop]):
    """One provider, with a hub connected to it and a customer in each currency linked there."""

    slug: ClassVar[str]
    bodies: ClassVar[Mapping[int, str]]
    kinds: ClassVar[tuple[str, ...]]

    def __init__(self, shop: AShop) -> None:
        self.shop = shop
        self.connect()
        self.references = {f"c-{one}": self.customer(one) for one in CURRENCIES}
        shop.made("/customers", customer("c-none"))

    @staticmethod
    @abstractmethod
    def opened(folder: Path, **environ: str) -> AbstractContextManager[Any]:
        """The stage of the provider, not connected."""

    @abstractmethod
    def sort_of(self, request: Request) -> Sort:
        """What a request is."""

    @abstractmethod
    def connect(self) -> None:
        """Connect, or connect again, as a person does."""

    @abstractmethod
    def customer(self, currency: str) -> str:
        """A linked customer of this currency; its reference."""

    @abstractmethod
    def told(self) -> list[Any]:
        """What there is to tell by webhook since it was asked last."""

    @abstractmethod
    def bring(self, event: Any) -> int:
        """Bring one webhook; the status of the answer."""

    @abstractmethod
    def paid(self) -> dict[str, bool]:
        """Every final document's id, and whether it is paid."""

    @abstractmethod
    def pay(self, chance: Random) -> None:
        """Somebody pays."""

    @abstractmethod
    def void(self, external_id: str) -> None:
        """Somebody voids a document."""

    @abstractmethod
    def delete(self, chance: Random) -> dict[str, Any] | None:
        """Somebody deletes something; the document that is gone, where it was a final one."""

    def keep(self, request: Request, stage: Any) -> None:
        """Let the provider answer this request with a 500 that it stores under its key."""

    def expire(self, chance: Random) -> None:
        """Every access token dies."""

    def refreshed_twice(self) -> list[str]:
        """Refresh tokens that were used again although nothing happened to the first answer."""
        return []


class StripeSide(Side[StripeStage]):
    """Stripe. It has no tokens that die."""

    slug = "stripe"
    kinds = (*(name for name in STRIKES if not name.startswith("refresh")), KEPT, *WORLD)
    kinds = tuple(name for name in kinds if name != "expiry")
    bodies = words(
        {"error": {"type": "api_error", "message": "An unknown error occurred."}},
        {"error": {"code": "rate_limit", "message": "Request rate limit exceeded."}},
    )
    opened = staticmethod(stripe_stage)

    def sort_of(self, request: Request) -> Sort:
        if not request.path.startswith("/v1/"):
            return "other"
        return "read" if request.method == "GET" else "write"

    def connect(self) -> None:
        self.shop.connect()

    def customer(self, currency: str) -> str:
        return self.shop.customer(f"c-{currency}", currency=currency)

    def told(self) -> list[Any]:
        stripe = self.shop.stripe
        new = [one for one in stripe.events[self.shop.heard :] if not one["livemode"]]
        self.shop.heard = len(stripe.events)
        return new

    def bring(self, event: Any) -> int:
        return self.shop.send(event).status_code

    def paid(self) -> dict[str, bool]:
        return {one["id"]: one["status"] == "paid" for one in self.shop.invoices()}

    def pay(self, chance: Random) -> None:
        self.shop.stripe.collect()

    def void(self, external_id: str) -> None:
        invoice = self.shop.ledger().get("invoice", external_id)
        if invoice["status"] == "open":
            invoice["status"] = "void"
            self.shop.stripe.emit(self.shop.ledger(), "invoice.voided", invoice)

    def delete(self, chance: Random) -> dict[str, Any] | None:
        drafts = [one["id"] for one in self.shop.invoices() if one["status"] == "draft"]
        if drafts:
            del self.shop.ledger().of("invoice")[chance.choice(drafts)]
        return None

    def keep(self, request: Request, stage: Any) -> None:
        self.shop.stripe.break_next(f"{request.method} {request.path} ", stage)


class BooksSide(Side[BooksStage]):
    """QuickBooks Online. It stores no 500 under a key, as far as anybody knows."""

    slug = "quickbooks"
    kinds = (*STRIKES, *WORLD)
    bodies = words(
        {"Fault": {"Error": [{"code": "10000", "Message": "Failure"}], "type": "SystemFault"}},
        GatewayFault(429, "3001", "ThrottleExceeded", "The request limit was reached.").body,
    )
    opened = staticmethod(books_stage)

    def sort_of(self, request: Request) -> Sort:
        if request.path.endswith("/tokens/bearer"):
            return "token" if request.form.get("refresh_token") else "other"
        if "/v3/company/" not in request.path:
            return "other"
        asks = request.method == "GET" or b'"Query":' in request.get_data()
        return "read" if asks else "write"

    def connect(self) -> None:
        self.shop.quickbooks.sign_in.tokens.rotation = "grace"
        self.shop.connect()

    def customer(self, currency: str) -> str:
        there = str(28 + CURRENCIES.index(currency))
        self.shop.customer(f"c-{currency}", there)
        return there

    def told(self) -> list[Any]:
        return list(self.shop.quickbooks.sent_webhooks(Environment.TEST))

    def bring(self, event: Any) -> int:
        return self.shop.told(event.body, event.headers).status_code

    def paid(self) -> dict[str, bool]:
        return {one["Id"]: one["TotalAmt"] > 0 >= one["Balance"] for one in self.shop.invoices()}

    def pay(self, chance: Random) -> None:
        unpaid = [one["Id"] for one in self.shop.invoices() if one["Balance"] > 0]
        if unpaid:
            self.shop.quickbooks.mark_paid(Environment.TEST, chance.choice(unpaid))

    def void(self, external_id: str) -> None:
        books, now = self.shop.books(), self.shop.clock.now()
        row = books.tables["Invoice"][external_id]
        simulator_invoices.void(books, {"Id": row["Id"], "SyncToken": row["SyncToken"]}, now)

    def delete(self, chance: Random) -> dict[str, Any] | None:
        there = self.shop.quickbooks.documents()
        if not there:
            return None
        gone = chance.choice(there)
        self.shop.books().remove("Invoice", gone["external_id"], self.shop.clock.now())
        return gone

    def expire(self, chance: Random) -> None:
        tokens = self.shop.quickbooks.sign_in.tokens
        tokens.rotation = chance.choice(("grace", "always"))
        self.shop.quickbooks.expire_access()

    def refreshed_twice(self) -> list[str]:
        asked = self.shop.quickbooks.seen("POST", "/tokens/bearer$")
        told: set[bytes] = set()
        twice = []
        for one in asked:
            if one.body in told:
                twice.append(f"a refresh token was used again at {one.at:.0f}")
            if one.status == 200:
                told.add(one.body)
        return twice


SIDES: Mapping[str, type[Side[Any]]] = {one.slug: one for one in (StripeSide, BooksSide)}
