"""Deliveries: what is under way, and what a person may do about one that is stuck."""

from typing import Any

from flask.views import MethodView

from kable_hub.usecases import deliveries
from kable_hub.usecases.deliveries import DeliveryDetail
from kable_hub.web.api.blueprint import ApiBlueprint, at
from kable_hub.web.api.delivery_schemas import (
    Delivery,
    DeliveryFull,
    DeliveryQuery,
    RetriedAnswer,
    RetryBody,
    SettleBody,
    wanted,
)
from kable_hub.web.context import current_hub, current_scope
from kable_hub.web.paging import as_page, page_of

blueprint = ApiBlueprint("deliveries", "accounts", "Every operation of the outbox.")


@blueprint.route("/deliveries")
class Deliveries(MethodView):
    """The account's deliveries."""

    @blueprint.arguments(DeliveryQuery, location="query")
    @blueprint.response(200, page_of(Delivery))
    def get(self, query: dict[str, Any]) -> Any:
        """List deliveries, newest first."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        hub, scope = current_hub(), current_scope()
        return as_page(deliveries.list_deliveries(hub, scope, wanted(query), cursor, limit))


@blueprint.route("/deliveries/retry")
class RetryMany(MethodView):
    """Many tries."""

    @blueprint.arguments(RetryBody)
    @blueprint.response(200, RetriedAnswer)
    def post(self, body: dict[str, Any]) -> Any:
        """Try again everything that fits and is blocked or rejected."""
        hub, scope = current_hub(), current_scope()
        return {"retried": deliveries.retry_many(hub, scope, wanted(body))}


@blueprint.route("/deliveries/<delivery_id>")
class OneDelivery(MethodView):
    """One delivery."""

    @blueprint.response(200, DeliveryFull)
    def get(self, delivery_id: str) -> DeliveryDetail:
        """Show a delivery with everything that was tried."""
        return deliveries.get_delivery(current_hub(), current_scope(), delivery_id)


@blueprint.route("/deliveries/<delivery_id>/retry")
class Retry(MethodView):
    """One more try."""

    @blueprint.response(200, Delivery)
    def post(self, delivery_id: str) -> Any:
        """Try a blocked or rejected delivery again, and a due one without waiting."""
        return deliveries.retry(current_hub(), current_scope(), delivery_id)


@blueprint.route("/deliveries/<delivery_id>/cancel")
class Cancel(MethodView):
    """Giving up."""

    @blueprint.response(200, Delivery)
    def post(self, delivery_id: str) -> Any:
        """Give a delivery up, as long as nothing may exist at the provider."""
        return deliveries.cancel(current_hub(), current_scope(), delivery_id)


@blueprint.route("/deliveries/<delivery_id>/push")
class PushHeld(MethodView):
    """Sending what was held."""

    @blueprint.response(200, Delivery)
    def post(self, delivery_id: str) -> Any:
        """Send a held delivery."""
        return deliveries.push(current_hub(), current_scope(), delivery_id)


@blueprint.route("/deliveries/<delivery_id>/settle")
class Settle(MethodView):
    """A person's finding."""

    @blueprint.arguments(SettleBody)
    @blueprint.response(200, Delivery)
    def post(self, body: dict[str, Any], delivery_id: str) -> Any:
        """Say whether an uncertain delivery's document stands at the provider."""
        return deliveries.settle(current_hub(), current_scope(), delivery_id, **body)


@blueprint.route("/deliveries/<delivery_id>/void")
class Void(MethodView):
    """The way back."""

    @blueprint.response(201, Delivery)
    def post(self, delivery_id: str) -> Any:
        """Have a delivered document voided; answers the delivery that does it."""
        row = deliveries.void(current_hub(), current_scope(), delivery_id)
        return row, at(f"/deliveries/{row.id}")
