"""Customers of an account."""

from flask import Blueprint, render_template

blueprint = Blueprint("customers", __name__, url_prefix="/customers")


@blueprint.get("/")
def index() -> str:
    """The section's first page."""
    return render_template("dashboard/customers/index.html")
