"""What a plugin's author sees: the names, their fields, the hooks, and what importing costs.

`public_surface.txt` is the promise in full. Who means to change it changes the file in the same
commit; inside a major version names, fields and arguments are added and never taken away.
"""

import dataclasses
import enum
import inspect
import subprocess
import sys
from pathlib import Path

import kable_hub
from kable_hub.tryout import SPECS

PINNED = Path(__file__).with_name("public_surface.txt")
HEAVY = {"apscheduler", "environs", "flask", "marshmallow", "peewee", "requests", "sqlite3", "ssl"}


def surface() -> list[str]:
    """One line for each public name with its fields, values or parameters, then the hooks."""
    names = [f"{name}{described(getattr(kable_hub, name))}" for name in kable_hub.__all__]
    return [*names, *(f"hook {name}({', '.join(taken)})" for name, taken in SPECS.items())]


def described(value: object) -> str:
    if isinstance(value, enum.EnumMeta):
        return f" = {', '.join(one.value for one in value)}"
    if not isinstance(value, type):
        return f" = {value}" if isinstance(value, int) else ""
    if dataclasses.is_dataclass(value):
        return f"({', '.join(one.name for one in dataclasses.fields(value))})"
    if issubclass(value, Exception):
        return f"({', '.join(list(inspect.signature(value.__init__).parameters)[1:])})"
    return ""


def test_the_public_surface_is_what_was_promised():
    assert surface() == PINNED.read_text("utf-8").splitlines()


def test_every_promised_name_is_there_once_and_in_order():
    assert len(kable_hub.__all__) == len(set(kable_hub.__all__))
    assert all(hasattr(kable_hub, name) for name in kable_hub.__all__)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=60
    )


def test_importing_the_hub_loads_nothing_heavy():
    done = python("-c", "import sys, kable_hub; print(*sys.modules)")
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "pluggy" in loaded
    assert not HEAVY & loaded
