"""Default behaviours of the caller's account in its environment."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from kable_hub.usecases import defaults
from kable_hub.usecases.defaults import Defaults
from kable_hub.web.api.blueprint import ApiBlueprint
from kable_hub.web.api.fields import Answer, Body
from kable_hub.web.context import current_hub, current_scope

blueprint = ApiBlueprint("defaults", "accounts", "What holds where a request does not say.")

PUSH = "Whether new invoices go out at once; else they are `held` until somebody pushes them."
CREATE = "The providers (slugs) at which new customers are created, where they are connected."


class DefaultsChange(Body):
    """What to change; absent fields stay. What is here already stays as it is, too."""

    auto_push = ma.fields.Boolean(metadata={"description": PUSH})
    create_customers_at = ma.fields.List(
        ma.fields.String(), attribute="create_at", metadata={"description": CREATE}
    )


class DefaultsAnswer(Answer):
    """What holds where a request does not say."""

    auto_push = ma.fields.Boolean(metadata={"description": PUSH})
    create_customers_at = ma.fields.List(
        ma.fields.String(), attribute="create_at", metadata={"description": CREATE}
    )


@blueprint.route("/defaults")
class OneDefaults(MethodView):
    """The default behaviours."""

    @blueprint.response(200, DefaultsAnswer)
    def get(self) -> Defaults:
        """Show what holds where a request does not say."""
        return defaults.get_defaults(current_hub(), current_scope())

    @blueprint.arguments(DefaultsChange)
    @blueprint.response(200, DefaultsAnswer)
    def patch(self, body: dict[str, Any]) -> Defaults:
        """Change what holds for what comes from now on."""
        return defaults.change_defaults(current_hub(), current_scope(), **body)
