"""Links of a customer to its counterparts, and the invoices from before a link."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView

from kable_hub import money
from kable_hub.usecases import collecting, link_settings, linking, suggesting
from kable_hub.usecases.linking import EarlierInvoices
from kable_hub.web.api.blueprint import ApiBlueprint, at
from kable_hub.web.api.connections import Choice, Field
from kable_hub.web.api.fields import Answer, Body, Moment, text, texts
from kable_hub.web.context import current_caller, current_hub, current_scope
from kable_hub.web.idempotency import asks_provider

blueprint = ApiBlueprint("links", "accounts", "Customers joined to their counterparts.")


class Link(Answer):
    """A customer's counterpart at one provider."""

    id = text()
    provider = text()
    connection_id = text()
    customer_id = text()
    state = text(metadata={"enum": ["linked", "pending", "broken"]})
    reference = text("The counterpart's id; empty while pending.")
    title = text()
    email = text()
    currency = text()
    warnings = texts()
    error_code = text("Why a pending link does not get on.")
    error_message = text()
    choices = ma.fields.List(
        ma.fields.Nested(Choice),
        metadata={"description": "Whom to link instead, where a pending link does not get on."},
    )
    shared_with = texts(metadata={"description": "clientIds of others with this counterpart."})
    confirmed_at = Moment(
        allow_none=True, metadata={"description": "When it was let share its counterpart."}
    )
    confirmed_by = text("The id of the API key, or of the person, that confirmed the share.")
    settings = ma.fields.Dict(
        keys=ma.fields.String(),
        metadata={"description": "The customer's own settings there, over the connection's."},
    )
    created_at = Moment()
    updated_at = Moment()


class Links(Answer):
    """All links of a customer, by provider."""

    items = ma.fields.List(ma.fields.Nested(Link))


class LinkBody(Body):
    """Where to link a customer to."""

    reference = text("The counterpart's id at the provider, or its address.", required=True)
    confirm = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Link it although another customer has this reference."},
    )


class LinkSettingsBody(Body):
    """A customer's own settings at a provider; what is absent or null is the connection's."""

    values = ma.fields.Dict(keys=ma.fields.String(), required=True)


class LinkSettings(Answer):
    """A customer's own settings, what holds in the end, and what may be set."""

    values = ma.fields.Dict(keys=ma.fields.String())
    effective = ma.fields.Dict(keys=ma.fields.String())
    fields_ = ma.fields.List(ma.fields.Nested(Field), data_key="fields", attribute="fields")


class LookupQuery(ma.Schema):
    """Whom to look up."""

    reference = text("The counterpart's id at the provider, or its address.", required=True)


class CounterpartAnswer(Answer):
    """Who stands at the provider behind a reference."""

    reference = text()
    title = text()
    email = text()
    currency = text()
    warnings = texts()
    linked_to = texts(metadata={"description": "clientIds of others that have it already."})


class SuggestionAnswer(Answer):
    """A customer at the provider that may be the counterpart."""

    reference = text()
    title = text()
    email = text()
    currency = text()
    match = text("By what it fits.", metadata={"enum": ["email", "name", "similar"]})
    linked_to = texts(metadata={"description": "clientIds of others that have it already."})


class SuggestionsAnswer(Answer):
    """Candidates, best first."""

    items = ma.fields.List(ma.fields.Nested(SuggestionAnswer))


class Total(Answer):
    """A sum in one currency."""

    currency = text()
    amount = text("In major units.")


class Earlier(Answer):
    """Invoices from before the link that were never sent to the provider."""

    count = ma.fields.Integer()
    totals = ma.fields.List(ma.fields.Nested(Total))
    numbers = texts(metadata={"description": "The newest of them, at most 50."})
    confirm = text("Hand it back to push exactly these.")

    def shape(self, found: EarlierInvoices) -> dict[str, Any]:
        """Totals as a list, in major units."""
        totals = [
            {"currency": currency, "amount": money.text(amount, currency)}
            for currency, amount in sorted(found.totals.items())
        ]
        return {**vars(found), "totals": totals}


class ConfirmBody(Body):
    """The go-ahead."""

    confirm = text("From the preview.", required=True)


class PageBody(Body):
    """Where the customer comes back to."""

    success_url = text("https, but in test; at one of the account's `returnHosts`.", required=True)
    failure_url = text("https, but in test; at one of the account's `returnHosts`.", required=True)
    provider = text("The payments provider, where there are several.", load_default="")


class Page(Answer):
    """A page at the provider; its address dies at `expiresAt`."""

    url = text()
    expires_at = ma.fields.AwareDateTime(format="iso")


class MadePage(Answer):
    """The newest page that was made for a customer."""

    state = text(metadata={"enum": ["open", "completed", "expired"]})
    url = text("Empty but while it is open.")
    created_at = Moment()
    expires_at = Moment()
    completed_at = Moment(allow_none=True)


class PaymentMethodAnswer(Answer):
    """How a customer stands at one payments provider."""

    provider = text()
    ready = ma.fields.Boolean(
        allow_none=True,
        metadata={"description": "Whether it can be charged, as far as the hub knows."},
    )
    page = ma.fields.Nested(MadePage, allow_none=True)


class PaymentMethods(Answer):
    """How a customer stands at each connected payments provider it is linked at."""

    items = ma.fields.List(ma.fields.Nested(PaymentMethodAnswer))


@blueprint.route("/customers/<customer>/links")
class AllLinks(MethodView):
    """The links of a customer."""

    @blueprint.response(200, Links)
    def get(self, customer: str) -> Any:
        """List a customer's links, by provider."""
        return {"items": linking.list_links(current_hub(), current_scope(), customer)}


@blueprint.route("/customers/<customer>/links/<provider>")
class OneLink(MethodView):
    """A customer's link at one provider."""

    @blueprint.arguments(LinkBody)
    @blueprint.response(200, Link)
    def put(self, body: dict[str, Any], customer: str, provider: str) -> Any:
        """Link a customer to its counterpart; verified at the provider first."""
        hub, scope, by = current_hub(), current_scope(), current_caller().key_id
        return linking.put_link(hub, scope, customer, provider, **body, by=by)

    @blueprint.response(204)
    def delete(self, customer: str, provider: str) -> None:
        """Unlink a customer; what was not sent there yet is blocked as `not_linked`."""
        linking.remove_link(current_hub(), current_scope(), customer, provider)


@blueprint.route("/customers/<customer>/links/<provider>/lookup")
class Lookup(MethodView):
    """Who stands behind a reference."""

    @blueprint.arguments(LookupQuery, location="query")
    @blueprint.response(200, CounterpartAnswer)
    def get(self, query: dict[str, str], customer: str, provider: str) -> Any:
        """Show who would be linked, verified at the provider, without linking."""
        hub, scope = current_hub(), current_scope()
        return suggesting.look_up(hub, scope, customer, provider, query["reference"])


@blueprint.route("/customers/<customer>/links/<provider>/suggestions")
class Suggestions(MethodView):
    """Whom a customer could be at the provider."""

    @blueprint.response(200, SuggestionsAnswer)
    def get(self, customer: str, provider: str) -> Any:
        """Suggest counterparts by e-mail address, then by name; a person picks, none is linked."""
        found = suggesting.suggest(current_hub(), current_scope(), customer, provider)
        return {"items": found}


@blueprint.route("/customers/<customer>/links/<provider>/create")
class CreatedLink(MethodView):
    """A counterpart to be created."""

    @blueprint.response(201, Link)
    def post(self, customer: str, provider: str) -> Any:
        """Have the customer created at the provider; the link is pending until it stands there."""
        link = linking.create_at_provider(current_hub(), current_scope(), customer, provider)
        return link, at(f"/customers/{customer}/links/{provider}")


@blueprint.route("/customers/<customer>/links/<provider>/settings")
class SettingsOfLink(MethodView):
    """What a customer does otherwise than its connection."""

    @blueprint.response(200, LinkSettings)
    def get(self, customer: str, provider: str) -> Any:
        """Show a customer's own settings at a provider and what may be set."""
        return link_settings.get_link_settings(current_hub(), current_scope(), customer, provider)

    @blueprint.arguments(LinkSettingsBody)
    @blueprint.response(200, LinkSettings)
    def put(self, body: dict[str, Any], customer: str, provider: str) -> Any:
        """Replace a customer's own settings; what was blocked on settings there goes on."""
        hub, scope = current_hub(), current_scope()
        return link_settings.put_link_settings(hub, scope, customer, provider, body["values"])


@blueprint.route("/customers/<customer>/payment-method")
class PaymentMethod(MethodView):
    """A page on which the customer leaves a payment method."""

    @blueprint.response(200, PaymentMethods)
    def get(self, customer: str) -> Any:
        """Show whether a customer can be charged, and the newest page at each provider."""
        return {"items": collecting.payment_methods(current_hub(), current_scope(), customer)}

    @blueprint.arguments(PageBody)
    @blueprint.response(201, Page)
    @asks_provider
    def post(self, body: dict[str, Any], customer: str) -> Any:
        """Make a short-lived page at the payments provider; each call may make a new one."""
        body["slug"] = body.pop("provider")
        return collecting.collect_payment_method(current_hub(), current_scope(), customer, **body)


@blueprint.route("/customers/<customer>/links/<provider>/push-earlier")
class PushEarlier(MethodView):
    """Invoices from before the link."""

    @blueprint.response(200, Earlier)
    def get(self, customer: str, provider: str) -> Any:
        """Count and add up what a push of earlier invoices would send."""
        return linking.preview_push_earlier(current_hub(), current_scope(), customer, provider)

    @blueprint.arguments(ConfirmBody)
    @blueprint.response(200, Earlier)
    def post(self, body: dict[str, Any], customer: str, provider: str) -> Any:
        """Send the earlier invoices that the preview showed."""
        hub, scope = current_hub(), current_scope()
        return linking.push_earlier(hub, scope, customer, provider, body["confirm"])
