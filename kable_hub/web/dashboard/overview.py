"""Overview of an account."""

from flask import Blueprint, render_template

blueprint = Blueprint("overview", __name__, url_prefix="/overview")


@blueprint.get("/")
def index() -> str:
    """The section's first page."""
    return render_template("dashboard/overview/index.html")
