"""The connect dialogue step by step, as a browser that may be interrupted or played back."""

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from kable_hub.store import tables as t
from tests.shop import Shop


@dataclass
class Dialogue:
    """One dialogue by consent; `url` is where the browser stands now."""

    shop: Shop
    key: str = ""
    url: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def begin(self, **body: Any) -> Self:
        """By the test key where none is named; the link is open, the provider's page is next."""
        started = self.shop.made("/connections", {"provider": self.shop.slug, **body}, key=self.key)
        self.url = self.next(started["connectUrl"])
        return self

    def come_back(
        self, *, session: requests.Session | None = None, **changes: str
    ) -> requests.Response:
        """Open the callback, its query changed, in this browser or another."""
        parts = urlsplit(self.url)
        query = {**dict(parse_qsl(parts.query)), **changes}
        used = {name: value for name, value in query.items() if value}
        return (session or self.session).get(
            f"{self.shop.url}{parts.path}?{urlencode(used)}", timeout=60, allow_redirects=False
        )

    @property
    def query(self) -> dict[str, str]:
        """What the next address carries."""
        return dict(parse_qsl(urlsplit(self.url).query))

    def next(self, url: str, form: dict[str, str] | None = None) -> str:
        """Where an address leads on to, opened or sent a form."""
        method = "GET" if form is None else "POST"
        answer = self.session.request(method, url, data=form, allow_redirects=False, timeout=60)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["Location"])


def every_text(shop: Shop) -> str:
    """All that the store keeps, as one text."""
    with shop.hub.database.read():
        return "\n".join(
            f"{table.__name__} {row}" for table in t.TABLES for row in table.select().dicts()
        )
