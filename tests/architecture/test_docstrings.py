import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import Source, hub, plugins

CONFIGURATION = {"Meta"}
"""Inner classes in which a library is configured; they have no callers."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public(node: Documented, name: str) -> Iterator[tuple[str, Documented]]:
    """A node and the public classes, functions and methods below it; not what is in functions."""
    yield name, node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in node.body:
        kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(child, kinds) and child.name[0] != "_" and child.name not in CONFIGURATION:
            yield from public(child, f"{name}.{child.name}")


def is_setter(node: Documented) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(one).endswith(".setter") for one in decorators)


def undocumented(source: Source) -> list[str]:
    """The public names of a file that say nothing about themselves."""
    return [
        name
        for name, node in public(source.tree, source.name)
        if not ast.get_docstring(node) and not is_setter(node)
    ]


@pytest.mark.parametrize("source", [*hub(), *plugins()], ids=lambda source: source.name)
def test_every_public_name_says_what_it_is(source):
    assert undocumented(source) == []


def test_a_public_name_without_a_docstring_would_be_found():
    lines = [
        '"""Doc."""',
        "class A:",
        "    def b(self): ...",
        "    def _c(self): ...",
        "def d():",
        "    def e(): ...",
    ]
    text = "\n".join(lines)
    assert undocumented(Source("m", text)) == ["m.A", "m.A.b", "m.d"]
