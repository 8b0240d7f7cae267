"""The simulators of provider plugins, found by entry point or in the plugin's single file."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from kable_hub.domain import Environment, LinkedCustomer
from kable_hub.plugins import in_folder

GROUP = "kable_hub.simulators"
"""The entry point group in which a plugin names the class of its simulator by its slug."""


class DemoSimulator(Protocol):
    """What the demo asks of a simulator; `kable_hub.testing.Simulator` brings the first half.

    `seed_demo` fills it, `configuration` are the variables that point a hub at it.
    `documents` and `drafts` list what stands there: external_id, number, currency, total (minor
    units), marker, status, environment of each. Three more are looked for and may be absent:
    `demo_customers(environment)`, customers to be linked by id, those with warnings being
    without a way to pay; `demo_form(environment)`, the values of its connect form;
    `webhook_url`, which is set to the hub's address for the provider's webhooks.
    """

    latency: float

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def start(self) -> object:
        """Listen."""
        ...

    def stop(self) -> None:
        """Stop listening."""
        ...

    def seed_demo(self) -> None:
        """Fill it with what a newcomer would have there."""
        ...

    def configuration(self) -> Mapping[str, str]:
        """The environment variables that point a hub at it."""
        ...

    def documents(self) -> Sequence[Mapping[str, Any]]:
        """Every final document."""
        ...

    def drafts(self) -> Sequence[Mapping[str, Any]]:
        """Every unfinished document."""
        ...


def names() -> list[str]:
    """The slugs of the installed simulators."""
    return sorted({point.name for point in metadata.entry_points(group=GROUP)})


def load(name: str, folder: Path | None = None) -> type[Any]:
    """The class of a simulator: the installed one, else that of the file `name`.py in `folder`.

    Raises LookupError, and whatever its import raises.
    """
    for point in metadata.entry_points(group=GROUP):
        if point.name == name:
            found: type[Any] = point.load()
            return found
    for one in in_folder(folder):
        if one.name == name:
            return in_module(one.load(), one.distribution)
    raise LookupError(f"There is no simulator {name!r}; installed are: {', '.join(names())}.")


def in_module(module: object, called: str) -> type[Any]:
    """The class that a plugin's module offers as `SIMULATOR`. Raises LookupError."""
    found = getattr(module, "SIMULATOR", None)
    if not isinstance(found, type):
        raise LookupError(f"{called} offers no simulator: it names no class SIMULATOR.")
    return found


def customers_of(simulator: DemoSimulator, environment: Environment) -> list[LinkedCustomer]:
    """The customers that can be linked by id; none where the simulator does not tell."""
    tell = getattr(simulator, "demo_customers", None)
    return list(tell(environment)) if tell else []


def form_of(simulator: DemoSimulator, environment: Environment) -> dict[str, str]:
    """What to fill into the provider's connect form; empty where it does not tell."""
    tell = getattr(simulator, "demo_form", None)
    return dict(tell(environment)) if tell else {}
