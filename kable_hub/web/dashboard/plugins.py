"""Plugins of an account."""

from flask import Blueprint, render_template

blueprint = Blueprint("plugins", __name__, url_prefix="/plugins")


@blueprint.get("/")
def index() -> str:
    """The section's first page."""
    return render_template("dashboard/plugins/index.html")
