"""Where a customer lands who left a card at a provider, and nobody named another place."""

from flask import Blueprint, render_template

blueprint = Blueprint("thanks", __name__)


@blueprint.get("/thanks/<any(kept, left):outcome>")
def page(outcome: str) -> str:
    """A page for people who have nothing to do with the hub."""
    return render_template("thanks.html", kept=outcome == "kept")
