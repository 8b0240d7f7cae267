"""Overview of an account: what needs a person now, how connections stand, the last 30 days."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from kable_hub.store.deliveries import DeliveryFilter
from kable_hub.usecases import deliveries
from kable_hub.usecases.overview import get_overview
from kable_hub.web.dashboard.context import hub, scope, wants_part
from kable_hub.web.dashboard.plot import bars

blueprint = Blueprint("overview", __name__, url_prefix="/overview")


@blueprint.get("/")
def index() -> str:
    """The whole page, or for htmx the part that changes by itself."""
    said = get_overview(hub(), scope())
    name = "_now" if wants_part() else "index"
    return render_template(f"dashboard/overview/{name}.html", said=said, plot=bars(said.days))


@blueprint.post("/retry")
def retry() -> Response:
    """Try everything again that stopped at a provider for one cause."""
    form = request.form
    wanted = DeliveryFilter(provider=form.get("provider", ""), code=form.get("code", ""))
    count = deliveries.retry_many(hub(), scope(), wanted)
    flash(_told(count), "message" if count else "warning")
    return redirect(url_for("dashboard.overview.index"), 303)


def _told(count: int) -> str:
    if not count:
        return "Nothing was left to try again."
    return f"{count:,} {'is' if count == 1 else 'are'} tried again now."
