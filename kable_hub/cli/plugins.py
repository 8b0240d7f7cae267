"""`kable-hub plugins`."""

from typing import Any

import click

from kable_hub.cli.opening import load_settings
from kable_hub.cli.showing import as_json, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.plugins import PluginReport, discover
from kable_hub.settings import Settings


@click.command()
@as_json
def plugins(json_: bool) -> None:
    """List the provider plugins: what was admitted, what was not and why.

    An admitted provider can be connected where its settings are complete; what is still to be
    set is named.
    """
    settings = load_settings()
    found = [_plugin(settings, report) for report in discover(settings).reports]
    if json_:
        say_json(found)
        return
    rows = [
        (one["name"], one["title"], one["kind"], one["version"], one["state"], _remark(one))
        for one in found
    ]
    head = ("Plugin", "Provider", "Kind", "Version", "State", "Remark")
    say_table(head, rows, "No provider plugin is installed.")


def _plugin(settings: Settings, report: PluginReport) -> dict[str, Any]:
    provider = report.provider
    return {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
        "state": report.state,
        "reason": report.reason,
        "title": provider.title if provider else "",
        "kind": provider.kind.value if provider else "",
        "missing": _missing(settings, report),
    }


def _missing(settings: Settings, report: PluginReport) -> dict[str, list[str]]:
    """By environment, what stands in the way of the provider's first way to connect."""
    if report.provider is None:
        return {}
    method = report.provider.connect_methods[0].name
    found = {}
    for environment in Environment:
        app = settings.app_settings(report.provider, environment, method)
        if not app.configured:
            found[environment.value] = [*app.missing, *app.faults]
    return found


def _remark(plugin: dict[str, Any]) -> str:
    if plugin["reason"]:
        return str(plugin["reason"])
    missing: dict[str, list[str]] = plugin["missing"]
    return "\n".join(f"{one}: set {', '.join(names)}" for one, names in missing.items())
