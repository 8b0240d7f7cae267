"""Invoices of an account."""

from flask import Blueprint, render_template

blueprint = Blueprint("invoices", __name__, url_prefix="/invoices")


@blueprint.get("/")
def index() -> str:
    """The section's first page."""
    return render_template("dashboard/invoices/index.html")
