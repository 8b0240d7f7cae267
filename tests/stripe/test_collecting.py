"""What happens to the money of an invoice that stands at Stripe, and how it is asked for again."""

from kable_stripe_payments.simulator import customers

from kable_hub.testing import Fault
from tests.stripe.stage import TEST, Stage


def leave_card(shop: Stage, customer: str, *, declines: str = "") -> str:
    """The customer's default card from now on; `declines` says how it is refused."""
    card = customers.add_card(shop.ledger(), customer, declines=declines)
    default = {"default_payment_method": card}
    shop.stripe.customer(shop.merchant, TEST, customer)["invoice_settings"] = default
    return card


def collect(shop: Stage, made, status: int = 201):
    answer = shop.post(f"/invoices/{made['id']}/collect", {})
    assert answer.status_code == status, answer.text
    shop.work()
    return answer.json


def payment(shop: Stage, made) -> tuple[str, str]:
    """Payment status and its code, as the push shows them."""
    delivery = shop.delivery(made)
    return delivery["paymentStatus"], delivery["paymentDetails"].get("code", "")


def test_an_asking_whose_answer_was_lost_is_repeated_and_charges_once(shop: Stage):
    shop.customer()
    made = shop.push()
    shop.stripe.fault(Fault("/pay", "POST", stage="after", reset=True))
    asked = collect(shop, made)
    shop.until_quiet()
    assert shop.get(f"/deliveries/{asked['id']}")["state"] == "delivered"
    assert payment(shop, made)[0] == "paid"
    assert [one["status"] for one in shop.invoices()] == ["paid"]
    assert collect(shop, made, 409)["code"] == "already_paid"


def test_what_was_never_sent_or_is_void_or_elsewhere_cannot_be_collected(shop: Stage):
    shop.customer()
    made = shop.invoice()
    assert collect(shop, made, 409)["code"] == "not_delivered"
    assert shop.post("/invoices/inv_none/collect", {}).status_code == 404
    assert shop.post(f"/invoices/{made['id']}/collect", {"provider": "x"}).status_code == 409
    shop.made(f"/deliveries/{shop.delivery(made)['id']}/void")
    shop.work()
    assert collect(shop, made, 409)["code"] == "voided"
    assert shop.calls("POST", "/pay") == []
