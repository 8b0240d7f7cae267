"""The admin API: one module per noun, all under /api/v1, all behind the gate."""

from typing import Any

from flask import Flask

from kable_hub.usecases.hub import Hub
from kable_hub.web.api import (
    accounts,
    bulk_links,
    connections,
    customers,
    defaults,
    deliveries,
    endpoints,
    invoices,
    links,
    plugins,
)
from kable_hub.web.api.fields import Day, Exact, Moment
from kable_hub.web.problems import HubApi


def install(app: Flask, hub: Hub) -> dict[str, Any]:
    """Register the API; answers its description. Providers add their fields to customers."""
    api = HubApi(app)
    api.register_field(Exact, ["string", "number"], None)
    api.register_field(Day, "string", "date")
    api.register_field(Moment, "string", "date-time")
    for blueprint in (
        accounts.blueprint,
        plugins.blueprint,
        customers.make_blueprint(hub.registry.providers()),
        links.blueprint,
        bulk_links.blueprint,
        connections.blueprint,
        invoices.blueprint,
        deliveries.blueprint,
        defaults.blueprint,
        endpoints.blueprint,
    ):
        api.register_blueprint(blueprint)
    description: dict[str, Any] = api.spec.to_dict()
    return description
