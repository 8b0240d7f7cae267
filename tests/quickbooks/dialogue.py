"""The connect dialogue with Intuit, step by step, and the address at which it is renewed."""

from dataclasses import dataclass
from typing import Any

from tests import dialogue
from tests.quickbooks.stage import Stage


@dataclass
class Dialogue(dialogue.Dialogue):
    """One dialogue by consent."""

    shop: Stage

    def renew(self, address: str) -> "Dialogue":
        """From a reconnect address, by its button; Intuit's page is next."""
        self.url = self.next(self.next(address, {}))
        return self

    def approve(self, realm: str = "") -> "Dialogue":
        """Intuit's page agrees for a company; the callback is next."""
        return self._decide("approve", realm or self.shop.realm)

    def deny(self) -> "Dialogue":
        """Intuit's page is refused; the callback is next."""
        return self._decide("deny", self.shop.realm)

    def _decide(self, decision: str, realm: str) -> "Dialogue":
        form = {**self.query, "decision": decision, "realm": realm}
        self.url = self.next(self.url.partition("?")[0], form)
        return self


def begun(shop: Stage, key: str = "", **body: Any) -> Dialogue:
    """A dialogue whose link is open."""
    return Dialogue(shop, key).begin(**body)


def tokens(shop: Stage) -> list[str]:
    """The steps that were asked of Intuit's token address."""
    return [
        "refresh" if b"grant_type=refresh_token" in one.body else "exchange"
        for one in shop.quickbooks.seen("POST", "/tokens/bearer$")
    ]
