"""The product's source files and their syntax trees, each read once."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HUB = ROOT / "kable_hub"
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("[!_]*") if (path / "src").is_dir())
PACKAGES = [*PLUGINS, ROOT / "plugins" / "_template", ROOT / "plugins" / "_pebble"]
"""The template and the tutorial's plugin are held to what plugins are held to, not installed."""


@dataclass(frozen=True)
class Source:
    """One file: its name from the root, and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Made when it is asked for: whoever only gathers tests needs the names alone."""
        return ast.parse(self.text)

    def imports(self) -> Iterator[str]:
        """The full name of each module, or name from a module, that is imported anywhere."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (one.name for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from (f"{node.module}.{one.name}" for one in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def calls(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of what is called."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)


def _read(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


@cache
def hub() -> tuple[Source, ...]:
    """The files of the hub."""
    return tuple(_read(path) for path in sorted(HUB.rglob("*.py")))


@cache
def plugins() -> tuple[Source, ...]:
    """The files of the provider plugins and of their template, tests excluded."""
    return tuple(_read(path) for one in PACKAGES for path in sorted((one / "src").rglob("*.py")))


@cache
def plugin_tests() -> tuple[Source, ...]:
    """The plugins' and the template's own tests."""
    return tuple(_read(path) for one in PACKAGES for path in sorted((one / "tests").rglob("*.py")))


@cache
def entry_points() -> dict[str, str]:
    """Slug to module of every plugin in the repository, from their pyproject.toml."""
    found: dict[str, str] = {}
    for one in PLUGINS:
        project = tomllib.loads((one / "pyproject.toml").read_text("utf-8"))["project"]
        found |= project["entry-points"]["kable_hub.providers"]
    return found


def beyond(found: list[str], told: str) -> str:
    """The message of a failed check: what to do, then where."""
    return "\n".join([told, *found])
