"""What end customers see: the Checkout page and the hosted invoice."""

from typing import TYPE_CHECKING

from flask import Flask, Response, redirect
from markupsafe import Markup

from kable_stripe_payments.simulator import customers
from kable_stripe_payments.simulator.state import Ledger, Object

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator

_PAGE = Markup(
    "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)


def routes(app: Flask, sim: "StripeSimulator") -> None:
    """Register the pages."""

    @app.get("/c/pay/<id>")
    def checkout(id: str) -> Response:
        ledger, session = _session(sim, id)
        if session is None or not usable(sim, ledger, session):
            return Response(_PAGE.format(title="This page has expired", body=""), 410)
        body = Markup('<form method="post"><button>Save card</button></form><a href="{}">Back</a>')
        return Response(_PAGE.format(title="Save a card", body=body.format(session["cancel_url"])))

    @app.post("/c/pay/<id>")
    def save(id: str) -> Response:
        ledger, session = _session(sim, id)
        if session is None or not usable(sim, ledger, session):
            return Response(_PAGE.format(title="This page has expired", body=""), 410)
        complete(sim, ledger, session)
        response: Response = redirect(session["success_url"], 303)  # type: ignore[assignment]
        return response

    @app.get("/i/<id>")
    def hosted(id: str) -> Response:
        for ledger in sim.all_ledgers():
            if invoice := ledger.of("invoice").get(id):
                text = f"{invoice['total']} {invoice['currency']} ({invoice['status']})"
                return Response(_PAGE.format(title=f"Invoice {invoice['number']}", body=text))
        return Response(_PAGE.format(title="No such invoice", body=""), 404)


def _session(sim: "StripeSimulator", id: str) -> tuple[Ledger, Object | None]:
    ledgers = list(sim.all_ledgers())
    for ledger in ledgers:
        if id in ledger.of("checkout.session"):
            return ledger, ledger.of("checkout.session")[id]
    return ledgers[0], None


def usable(sim: "StripeSimulator", ledger: Ledger, session: Object) -> bool:
    """Whether a page still stands; one whose time is over expires now."""
    if session["status"] == "open" and session["expires_at"] < ledger.now():
        expire(sim, ledger, session)
    return bool(session["status"] == "open")


def expire(sim: "StripeSimulator", ledger: Ledger, session: Object) -> None:
    """The page dies, and an event tells of it."""
    session.update(status="expired", url=None)
    sim.emit(ledger, "checkout.session.expired", session)


def complete(sim: "StripeSimulator", ledger: Ledger, session: Object) -> None:
    """The customer leaves a card: attached, not the default, and two events tell of it."""
    method = customers.add_card(ledger, session["customer"])
    intent = ledger.add(
        "setup_intent",
        "seti",
        {
            "customer": session["customer"],
            "payment_method": method,
            "status": "succeeded",
            "metadata": session["_marks"],
        },
    )
    session.update(status="complete", setup_intent=intent["id"])
    sim.emit(ledger, "setup_intent.succeeded", intent)
    sim.emit(ledger, "checkout.session.completed", session)
