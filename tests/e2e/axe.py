"""axe-core on a page: what keeps people out of it, readable."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"
RUN = """async rules => {
  const which = rules.length
    ? {runOnly: {type: "rule", values: rules}}
    : {rules: {"target-size": {enabled: true}}};
  return (await axe.run(document, {resultTypes: ["violations"], ...which})).violations;
}"""


@cache
def _source() -> str:
    return FILE.read_text("utf-8")


def faults(page: "Page", *rules: str) -> list[str]:
    """Every violation of these rules, a line for each element. Where none is named: of all that
    axe has on by itself, and of the size of what is touched.

    The source is evaluated by the browser's own console, which the page's policy does not bind.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    return [_told(one, node) for one in page.evaluate(RUN, list(rules)) for node in one["nodes"]]


def _told(violation: dict[str, Any], node: dict[str, Any]) -> str:
    where = " ".join(map(str, node["target"]))
    why = " ".join(node["failureSummary"].split())
    return f"{violation['id']}: {violation['help']}, at {where}: {node['html'][:160]} ({why})"
