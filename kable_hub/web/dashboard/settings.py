"""Settings of an account."""

from flask import Blueprint, render_template

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@blueprint.get("/")
def index() -> str:
    """The section's first page."""
    return render_template("dashboard/settings/index.html")
