"""axe-core on a page: what keeps people out of it, readable."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"
RUN = """async options => {
  return (await axe.run(document, {resultTypes: ["violations"], ...options})).violations;
}"""
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that look at colours, which take most of the time."""

ALL: dict[str, Any] = {"rules": {"target-size": {"enabled": True}}}
"""All that axe has on by itself, and the size of what is touched."""

COLOURS_ALONE = {"runOnly": {"type": "rule", "values": COLOURS}}
NO_COLOURS = {"rules": {**ALL["rules"], **{name: {"enabled": False} for name in COLOURS}}}


@cache
def _source() -> str:
    return FILE.read_text("utf-8")


def faults(page: "Page", options: dict[str, Any] = ALL) -> list[str]:
    """Every violation, a line for each element.

    The source is evaluated by the browser's own console, which the page's policy does not bind.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    return [_told(one, node) for one in page.evaluate(RUN, options) for node in one["nodes"]]


def _told(violation: dict[str, Any], node: dict[str, Any]) -> str:
    where = " ".join(map(str, node["target"]))
    why = " ".join(node["failureSummary"].split())
    return f"{violation['id']}: {violation['help']}, at {where}: {node['html'][:160]} ({why})"
