"""`kable-hub plugins`."""

from pathlib import Path
from typing import Any

import click

from kable_hub.cli.opening import load_settings, plugins_dir_option
from kable_hub.cli.showing import as_json, say_json, say_table
from kable_hub.domain import Environment
from kable_hub.plugins import PluginReport, discover
from kable_hub.settings import Settings


@click.command()
@plugins_dir_option
@as_json
def plugins(plugins_dir: Path | None, json_: bool) -> None:
    """List the provider plugins: what was admitted, what was not and why.

    An admitted provider can be connected where its settings are complete; what is still to be
    set is named.
    """
    settings = load_settings(plugins_dir=plugins_dir)
    found = [_plugin(settings, report) for report in discover(settings).reports]
    if json_:
        say_json(found)
        return
    rows = [
        (one["name"], one["title"], one["kind"], _package(one), one["state"], _remark(one))
        for one in found
    ]
    head = ("Plugin", "Provider", "Kind", "Package", "State", "Remark")
    say_table(head, rows, "No provider plugin is installed.")


def _plugin(settings: Settings, report: PluginReport) -> dict[str, Any]:
    provider = report.provider
    return {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
        "state": report.state,
        "reason": report.reason,
        "remarks": list(report.remarks),
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


def _package(plugin: dict[str, Any]) -> str:
    return f"{plugin['distribution']} {plugin['version']}".strip()


def _remark(plugin: dict[str, Any]) -> str:
    if plugin["reason"]:
        return str(plugin["reason"])
    missing: dict[str, list[str]] = plugin["missing"]
    unset = [f"{one}: set {', '.join(names)}" for one, names in missing.items()]
    return "\n".join([*unset, *plugin["remarks"]])
