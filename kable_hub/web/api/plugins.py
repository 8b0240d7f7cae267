"""The provider plugins, for operators: what was admitted, what was not and why."""

from collections.abc import Iterator
from typing import Any

import marshmallow as ma
from flask.views import MethodView

from kable_hub.domain import Environment
from kable_hub.provider import Provider
from kable_hub.web.api.blueprint import ApiBlueprint
from kable_hub.web.api.fields import Answer, text, texts
from kable_hub.web.context import current_hub

blueprint = ApiBlueprint("plugins", "operators", "Provider plugins and whether they can be used.")


class Method(Answer):
    """One way to connect in one environment, and what the operator has still to set for it."""

    name = text()
    label = text()
    environment = text()
    configured = ma.fields.Boolean()
    missing = texts(metadata={"description": "Variables that have to be set."})
    faults = texts(metadata={"description": "Variables whose value is refused, and why."})


class Plugin(Answer):
    """A candidate and what became of it. Admitted ones say what their provider can do."""

    name = text()
    distribution = text()
    version = text()
    state = text(metadata={"enum": ["admitted", "quarantined", "disabled"]})
    reason = text()
    remarks = texts(metadata={"description": "What of it goes: since when, until when, instead."})
    title = text()
    kind = text()
    homepage = text()
    capabilities = texts()
    methods = ma.fields.List(ma.fields.Nested(Method))


class Plugins(Answer):
    """All candidates, by name."""

    items = ma.fields.List(ma.fields.Nested(Plugin))


@blueprint.route("/plugins")
class AllPlugins(MethodView):
    """Every candidate that was found."""

    @blueprint.response(200, Plugins)
    def get(self) -> Any:
        """List the provider plugins with state, reason and what is still to be set."""
        reports = current_hub().registry.reports
        return {"items": [{**vars(one), **_provider(one.provider)} for one in reports]}


def _provider(provider: Provider | None) -> dict[str, Any]:
    if provider is None:
        return {}
    return {
        "title": provider.title,
        "kind": provider.kind,
        "homepage": provider.homepage,
        "capabilities": sorted(provider.capabilities),
        "methods": list(_methods(provider)),
    }


def _methods(provider: Provider) -> Iterator[dict[str, Any]]:
    settings = current_hub().settings
    for environment in Environment:
        for method in provider.connect_methods:
            found = settings.app_settings(provider, environment, method.name)
            yield {
                "name": method.name,
                "label": method.label,
                "environment": environment,
                "configured": found.configured,
                "missing": found.missing,
                "faults": found.faults,
            }
