"""The dashboard: pages for people who are no programmers. Thin over usecases, like the API."""

from flask import Flask

from kable_hub.web.dashboard import (
    bulk_links,
    connection_settings,
    connections,
    context,
    customer_cards,
    customer_links,
    customers,
    defaults,
    hooks,
    invoices,
    keys,
    overview,
    parts,
    people,
    plugins,
    refusing,
    sections,
    session,
    settings,
    signin,
)

SECTIONS = (
    overview.blueprint,
    connections.blueprint,
    connection_settings.blueprint,
    customers.blueprint,
    customer_links.blueprint,
    customer_cards.blueprint,
    bulk_links.blueprint,
    invoices.blueprint,
    settings.blueprint,
    defaults.blueprint,
    keys.blueprint,
    hooks.blueprint,
    people.blueprint,
    plugins.blueprint,
)
"""Every one lives under /a/<account>/<env>, behind `context.enter`."""

for _section in SECTIONS:
    context.dashboard.register_blueprint(_section)
for _entrance in (signin.blueprint, context.dashboard):
    refusing.install(_entrance)


def install(app: Flask) -> None:
    """Serve the dashboard and its sign-in."""
    session.install(app)
    parts.install(app)
    sections.install(app)
    refusing.install_lost(app)
    app.register_blueprint(signin.blueprint)
    app.register_blueprint(context.dashboard)
