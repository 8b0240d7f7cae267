"""Many links in one call, each by itself; a dry run shows who stands behind each row."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow.validate import Length

from kable_hub.usecases.bulk_linking import REFUSED, LinkOutcome, link_all
from kable_hub.usecases.link_files import MOST, LinkWish
from kable_hub.web.api.blueprint import ApiBlueprint
from kable_hub.web.api.fields import Answer, Body, text, texts
from kable_hub.web.context import current_caller, current_hub, current_scope
from kable_hub.web.idempotency import asks_provider

blueprint = ApiBlueprint("bulk_links", "accounts", "Many links at once.")


class LinkRowBody(Body):
    """Whom to link where."""

    client_id = text("The customer's `clientId`, or its id.", required=True)
    provider = text("The provider's slug or its title.", required=True)
    reference = text("The counterpart's id at the provider, or its address.", required=True)


class BulkLinkBody(Body):
    """The rows; each is looked up at its provider while the caller waits."""

    links = ma.fields.List(
        ma.fields.Nested(LinkRowBody), required=True, validate=Length(min=1, max=MOST)
    )
    confirm = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Link a row although another customer has its reference."},
    )


class DryRunQuery(ma.Schema):
    """Whether anything is written."""

    dryRun = ma.fields.Boolean(
        load_default=False, metadata={"description": "Look every row up and link nothing."}
    )


class LinkOutcomeAnswer(Answer):
    """What becomes of a row."""

    index = ma.fields.Integer()
    client_id = text()
    provider = text()
    state = text(
        "In a dry run ready, or shares where `confirm` is needed; linked without one.",
        metadata={"enum": ["ready", "shares", "linked", "unchanged", "refused"]},
    )
    reference = text("The counterpart's id; what was sent where it is refused.")
    title = text()
    email = text()
    currency = text()
    warnings = texts()
    linked_to = texts(metadata={"description": "clientIds of others with this counterpart."})
    replaces = text("The reference that the link takes the place of.")
    code = text("Why it is refused.")
    message = text()

    def shape(self, found: LinkOutcome) -> dict[str, Any]:
        """The row and its outcome as one."""
        wish = found.wish
        named = {"index": wish.line - 1, "client_id": wish.client_id, "provider": wish.provider}
        return {**vars(found), **named, "reference": found.reference or wish.reference}


class BulkLinkAnswer(Answer):
    """An outcome for each row, in their order."""

    refused = ma.fields.Integer()
    results = ma.fields.List(ma.fields.Nested(LinkOutcomeAnswer))


@blueprint.route("/links/bulk")
class BulkLinks(MethodView):
    """Many links at once."""

    @blueprint.arguments(BulkLinkBody)
    @blueprint.arguments(DryRunQuery, location="query")
    @blueprint.response(200, BulkLinkAnswer)
    @asks_provider
    def post(self, body: dict[str, Any], query: dict[str, bool]) -> Any:
        """Link many customers, each by itself; with `dryRun` only look up who would be linked."""
        wishes = [
            LinkWish(row, one["client_id"], one["provider"], one["reference"])
            for row, one in enumerate(body["links"], start=1)
        ]
        outcomes = link_all(
            current_hub(),
            current_scope(),
            wishes,
            share=body["confirm"],
            by=current_caller().key_id,
            dry_run=query["dryRun"],
        )
        refused = sum(one.state == REFUSED for one in outcomes)
        return {"refused": refused, "results": outcomes}
