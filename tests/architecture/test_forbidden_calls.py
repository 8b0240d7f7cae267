import ast
import re

import pytest

from tests.architecture.tree import HUB, ROOT, Source, beyond, entry_points, hub, plugins

CLOCK = ("kable_hub/clock.py", "kable_hub/testing/")
SIMULATORS = re.compile(r"plugins/.*/simulator")
ALLOWED = {
    "datetime.now": CLOCK,
    "datetime.utcnow": (),
    "datetime.today": (),
    "date.today": (),
    "time.time": CLOCK,
    "time.monotonic": CLOCK,
    "time.sleep": CLOCK,
    "os.getenv": (),
    "float": ("kable_hub/testing/",),
}
"""What is called only where it says so: time comes from the clock, money is never a float."""


def stray_calls(source: Source) -> list[str]:
    """Calls that this file may not make."""
    if SIMULATORS.match(source.name):
        return []
    return [
        f"{source.name}:{line} {called}"
        for line, called in source.calls()
        for name, places in ALLOWED.items()
        if is_call_of(name, called) and not source.name.startswith(places)
    ]


def is_call_of(name: str, called: str) -> bool:
    """Whether `called` is `name`, or its dotted form behind another module's name."""
    return called == name or ("." in name and called.endswith(f".{name}"))


def environ_reads(source: Source) -> list[str]:
    """Places that touch the process environment."""
    return [
        f"{source.name}:{node.lineno}"
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Attribute | ast.ImportFrom) and "os.environ" in ast.unparse(node))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(one.name in ("environ", "getenv") for one in node.names)
        )
    ]


@pytest.mark.parametrize("source", [*hub(), *plugins()], ids=lambda source: source.name)
def test_time_environment_and_numbers_come_from_where_they_should(source):
    assert stray_calls(source) == []
    if not source.name.startswith(
        ("kable_hub/cli", "kable_hub/__main__", "kable_hub/testing/rules/")
    ):
        assert environ_reads(source) == []


@pytest.mark.parametrize(
    ("line", "stray"),
    [
        ("datetime.now(UTC)", 1),
        ("datetime.datetime.now()", 1),
        ("time.sleep(1)", 1),
        ("float('1.5')", 1),
        ("clock.now()", 0),
        ("env.float('X')", 0),
        ("self._clock.monotonic()", 0),
    ],
)
def test_a_stray_call_would_be_found(line, stray):
    assert len(stray_calls(Source("kable_hub/x.py", line))) == stray


@pytest.mark.parametrize("line", ["os.environ['A']", "from os import environ", "x = os.environ"])
def test_a_read_of_the_environment_would_be_found(line):
    assert environ_reads(Source("kable_hub/x.py", line))


def words(source: Source) -> list[tuple[int, str]]:
    """Every name and every text of the code, docstrings excepted."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                found.append((node.lineno, node.value))
        elif isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.keyword | ast.alias):
            fields = (value for _, value in ast.iter_fields(node) if isinstance(value, str))
            name = next(fields, "")
            found.append((getattr(node, "lineno", 0), name))
    return found


def named(text: str) -> bool:
    """Whether a text holds the slug of a provider as a word or a part of a name."""
    slugs = "|".join(map(re.escape, entry_points()))
    return re.search(rf"(?<![a-z])(?:{slugs})(?![a-z])", text.lower()) is not None


def test_there_are_providers_whose_names_could_be_found():
    assert entry_points()
    slug = next(iter(entry_points()))
    assert named(f"if {slug}_id:")
    assert not named(f"un{slug}d")


def test_the_hub_knows_no_provider_by_name():
    found = [
        f"{source.name}:{line}"
        for source in hub()
        if not source.name.startswith("kable_hub/demo")
        for line, text in words(source)
        if named(text)
    ]
    assert not found, beyond(found, "providers are data; these lines name one:")


def test_the_pages_of_the_hub_know_no_provider_by_name():
    kinds = {".html", ".js", ".css", ".sql", ".svg", ".txt"}
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(HUB.rglob("*"))
        if path.suffix in kinds and "demo" not in path.parts and "vendor" not in path.parts
        if named(path.read_text("utf-8"))
    ]
    assert not found, beyond(found, "providers are data; these files name one:")
