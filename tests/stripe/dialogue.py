"""The connect dialogue with Stripe, step by step."""

from dataclasses import dataclass
from typing import Any

from kable_hub.usecases import accounts
from tests import dialogue
from tests.stripe.stage import LIVE, TEST, Stage


@dataclass
class Dialogue(dialogue.Dialogue):
    """One dialogue by OAuth, by the live key where none is named."""

    shop: Stage

    def __post_init__(self) -> None:
        super().__post_init__()
        self.key = self.key or self.shop.live_key

    def begin(self, **body: Any) -> "Dialogue":
        """The link is open, Stripe's page is next."""
        return super().begin(method="oauth", **body)

    def approve(self, merchant: str = "") -> "Dialogue":
        """Stripe's page agrees; the callback is next."""
        self.shop.stripe.auto_approve = merchant or self.shop.merchant
        self.url = self.next(self.url)
        return self

    def deny(self) -> "Dialogue":
        """Stripe's page is refused; the callback is next."""
        form = {**self.query, "decision": "deny"}
        self.url = self.next(f"{self.shop.stripe.url}/oauth/decision", form)
        return self


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
