"""What the tests of invoices ask of the hub, in one line each."""

from typing import Any

from tests.stripe.stage import TEST, Stage


def settings(shop: Stage, **values: Any) -> None:
    """Replace the settings of the test connection."""
    answer = shop.call("PUT", "/connections/stripe/settings", {"values": values})
    assert answer.status_code == 200, answer.text


def own_settings(shop: Stage, *, status: int = 200, **values: Any) -> Any:
    """Replace the settings of c1 at Stripe."""
    answer = shop.call("PUT", "/customers/c1/links/stripe/settings", {"values": values})
    assert answer.status_code == status, answer.text
    return answer.json


def collect(shop: Stage, made: Any, status: int = 201) -> Any:
    """Ask for the payment of an invoice, and have it done."""
    answer = shop.post(f"/invoices/{made['id']}/collect", {})
    assert answer.status_code == status, answer.text
    shop.work()
    return answer.json


def payment(shop: Stage, made: Any) -> tuple[str, str]:
    """Payment status and its code, as the push shows them."""
    delivery = shop.delivery(made)
    return delivery["paymentStatus"], delivery["paymentDetails"].get("code", "")


def refused(shop: Stage, made: Any) -> tuple[str, str, str]:
    """State, code and message of a push that did not go through."""
    delivery = shop.delivery(made)
    return delivery["state"], delivery["errorCode"], delivery["errorMessage"]


def at_stripe(shop: Stage, customer: str) -> Any:
    """A customer's own record at Stripe, to look at or to change."""
    return shop.stripe.customer(shop.merchant, TEST, customer)


def without_card(shop: Stage, customer: str) -> None:
    """The default card is detached at Stripe, without a word by webhook."""
    at_stripe(shop, customer)["invoice_settings"]["default_payment_method"] = None


def lines(*prices: str, **more: Any) -> list[dict[str, Any]]:
    """Lines of one piece at these prices."""
    return [
        {"description": f"work {at}", "unitPrice": one, **more} for at, one in enumerate(prices)
    ]
