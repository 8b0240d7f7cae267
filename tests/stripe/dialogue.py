"""The connect dialogue step by step, as a browser that may be interrupted or played back."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from kable_hub.store import tables as t
from kable_hub.usecases import accounts
from tests.stripe.stage import LIVE, TEST, Stage


@dataclass
class Dialogue:
    """One dialogue by OAuth; `url` is where the browser stands now."""

    shop: Stage
    key: str = ""
    url: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def begin(self, **body: Any) -> "Dialogue":
        """By the live key; the link is open, Stripe's page is next."""
        self.session.trust_env = False
        asked = {"provider": "stripe", "method": "oauth", **body}
        started = self.shop.made("/connections", asked, key=self.key or self.shop.live_key)
        self.url = self._next(started["connectUrl"])
        return self

    def approve(self, merchant: str = "") -> "Dialogue":
        """Stripe's page agrees; the callback is next."""
        self.shop.stripe.auto_approve = merchant or self.shop.merchant
        self.url = self._next(self.url)
        return self

    def deny(self) -> "Dialogue":
        """Stripe's page is refused; the callback is next."""
        query = dict(parse_qsl(urlsplit(self.url).query))
        form = {**query, "decision": "deny"}
        decided = self.session.post(
            f"{self.shop.stripe.url}/oauth/decision", data=form, allow_redirects=False, timeout=30
        )
        self.url = decided.headers["Location"]
        return self

    def come_back(
        self, *, session: requests.Session | None = None, **changes: str
    ) -> requests.Response:
        """Open the callback, its query changed, in this browser or another."""
        parts = urlsplit(self.url)
        query = {**dict(parse_qsl(parts.query)), **changes}
        used = {name: value for name, value in query.items() if value}
        return (session or self.session).get(
            f"{self.shop.url}{parts.path}?{urlencode(used)}", timeout=30, allow_redirects=False
        )

    @property
    def query(self) -> dict[str, str]:
        """What the next address carries."""
        return dict(parse_qsl(urlsplit(self.url).query))

    def _next(self, url: str) -> str:
        answer = self.session.get(url, allow_redirects=False, timeout=30)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["Location"])


def begun(shop: Stage, **body: Any) -> Dialogue:
    """A dialogue whose link is open."""
    return Dialogue(shop).begin(**body)


def connections(shop: Stage) -> dict[str, Any]:
    """The account's connections by environment."""
    found = {}
    for environment in (LIVE, TEST):
        for one in shop.get("/connections", key=shop.of(environment))["items"]:
            found[environment.value] = one
    return found


def states(shop: Stage) -> dict[str, str]:
    """Their states."""
    return {name: one["state"] for name, one in connections(shop).items()}


def stranger(shop: Stage) -> str:
    """The live key of another account on the paid plan."""
    other = accounts.create_account(shop.hub, "Other shop", "paid").id
    return accounts.create_api_key(shop.hub, other, LIVE).secret


def every_text(shop: Stage) -> str:
    """All that the store keeps, as one text."""
    with shop.hub.database.read():
        return "\n".join(
            f"{table.__name__} {row}" for table in t.TABLES for row in table.select().dicts()
        )
