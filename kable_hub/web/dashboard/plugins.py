"""The provider plugins of this hub: their state, what they can do, what is still to be set."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, render_template

from kable_hub.domain import Environment
from kable_hub.provider import Provider
from kable_hub.web.dashboard import context as here

blueprint = Blueprint("plugins", __name__, url_prefix="/plugins")


@dataclass(frozen=True)
class Way:
    """A way to connect in one environment, and the variables that keep it from being used."""

    label: str
    environment: Environment
    unset: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return not self.unset


@blueprint.get("/")
def index() -> str:
    """Every candidate. What the operator has to mend is shown to operators."""
    reports = here.hub().registry.reports
    ways = {one.name: list(_ways(one.provider)) for one in reports if one.provider}
    return render_template("dashboard/plugins/index.html", reports=reports, ways=ways)


def _ways(provider: Provider) -> Iterator[Way]:
    settings = here.hub().settings
    for method in provider.connect_methods:
        for environment in Environment:
            found = settings.app_settings(provider, environment, method.name)
            yield Way(method.label, environment, (*found.missing, *found.faults))
