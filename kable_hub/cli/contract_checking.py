"""The contract's rules on an installed plugin, for `kable-hub check-provider`."""

from collections.abc import Iterable
from typing import Any

import click

from kable_hub.demo import simulators
from kable_hub.testing.contract import Verdict, earned, examine
from kable_hub.usecases.hub import Hub

PAGE = "docs/contract-rules.md"
NO_SIMULATOR = "It brings no simulator, so the contract's rules could not be tried."


def verdicts(hub: Hub, name: str, told: bool) -> list[Verdict] | None:
    """Try every rule that applies; None where the plugin brings no simulator. `told`: say each
    broken one at once."""
    plugin = hub.registry.plugin(name)
    try:
        if hasattr(plugin, "SIMULATOR"):
            simulator = simulators.in_module(plugin, name)
        else:
            simulator = simulators.load(name)
    except LookupError:
        return None
    found = []
    for one in examine(plugin, simulator):
        found.append(one)
        if told and one.broken:
            click.echo(f"  {one.level}, {_title(one)}: {one.broken}\n    {_page(one)}")
    return found


def tell(found: list[Verdict] | None) -> None:
    """Say what the plugin earns."""
    if found is None:
        click.echo(NO_SIMULATOR)
        return
    broken = sum(bool(one.broken) for one in found)
    level = earned(found) or "no level"
    click.echo(f"The contract: {len(found) - broken} of {len(found)} rules are kept: {level}.")


def as_json(found: list[Verdict] | None) -> dict[str, Any] | None:
    """The same as data: the level, and each broken rule with its page."""
    if found is None:
        return None
    return {
        "level": earned(found),
        "rules": len(found),
        "broken": [
            {"rule": one.name, "level": one.level, "text": one.text, "said": one.broken}
            | {"page": _page(one)}
            for one in found
            if one.broken
        ],
    }


def is_sound(found: Iterable[Verdict] | None) -> bool:
    """Whether every rule of the first level is kept, as far as they could be tried."""
    return found is None or earned(list(found)) is not None


def _title(one: Verdict) -> str:
    return one.name.removeprefix("test_").replace("_", " ")


def _page(one: Verdict) -> str:
    return f"{PAGE}#{one.name.removeprefix('test_').replace('_', '-')}"
