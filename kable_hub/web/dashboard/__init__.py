"""The dashboard: pages for people who are no programmers. Thin over usecases, like the API."""

from flask import Flask

from kable_hub.web.dashboard import (
    bulk_links,
    connections,
    context,
    customer_cards,
    customer_links,
    customers,
    invoices,
    overview,
    parts,
    plugins,
    refusing,
    session,
    settings,
    signin,
)

SECTIONS = (
    overview.blueprint,
    connections.blueprint,
    customers.blueprint,
    customer_links.blueprint,
    customer_cards.blueprint,
    bulk_links.blueprint,
    invoices.blueprint,
    settings.blueprint,
    plugins.blueprint,
)
"""Every one lives under /a/<account>/<env>, behind `context.enter`."""

for _section in SECTIONS:
    context.dashboard.register_blueprint(_section)


def install(app: Flask) -> None:
    """Serve the dashboard and its sign-in."""
    session.install(app)
    parts.install(app)
    for blueprint in (signin.blueprint, context.dashboard):
        refusing.install(blueprint)
        app.register_blueprint(blueprint)
