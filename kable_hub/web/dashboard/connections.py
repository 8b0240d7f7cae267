"""Payments and Accounting: the providers of a kind, and the account's connections to them."""

from flask import Blueprint, render_template

blueprint = Blueprint("connections", __name__)
TITLES = {"payments": "Payments", "accounting": "Accounting"}


@blueprint.get("/<any(payments, accounting):kind>/")
def index(kind: str) -> str:
    """A card for each provider of this kind."""
    return render_template("dashboard/connections/index.html", kind=kind, title=TITLES[kind])
