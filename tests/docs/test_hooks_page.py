"""docs/hooks.md has every hook with its exact signature, rebuilt here from the specification."""

import ast
import inspect
import typing

import pytest

from kable_hub import domain, hookspecs
from kable_hub.errors import ProviderError
from kable_hub.provider import Capability
from kable_hub.tryout import REQUIRED_HOOKS, SPECS
from tests.docs.reading import ROOT

TEXT = (ROOT / "docs" / "hooks.md").read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n### ")[1:]}
WORDS = {**vars(hookspecs), "JSON": domain.JSON}


def shown(hook: str) -> ast.FunctionDef:
    """The signature as the page shows it, taken apart."""
    code = SECTIONS[hook].split("```python\n")[1].split("```")[0]
    (function,) = ast.parse(code).body
    assert isinstance(function, ast.FunctionDef)
    return function


def meant(annotation: ast.expr | None) -> object:
    """The type that a shown annotation names."""
    assert annotation is not None
    return eval(ast.unparse(annotation), WORDS)


def test_the_page_has_every_hook_in_the_order_of_the_specification():
    assert list(SECTIONS) == list(SPECS)


@pytest.mark.parametrize("hook", SPECS)
def test_the_signature_is_that_of_the_specification(hook):
    function, spec = shown(hook), getattr(hookspecs, hook)
    hints = typing.get_type_hints(spec, WORDS)
    answer = hints.pop("return")
    assert function.name == hook
    assert {one.arg: meant(one.annotation) for one in function.args.args} == hints
    assert tuple(one.arg for one in function.args.args) == SPECS[hook]
    assert meant(function.returns) == answer


@pytest.mark.parametrize("hook", SPECS)
def test_the_whole_contract_of_the_hook_stands_there(hook):
    assert inspect.cleandoc(getattr(hookspecs, hook).__doc__) in SECTIONS[hook]
    assert "Since API" in SECTIONS[hook]


@pytest.mark.parametrize("hook", SPECS)
def test_the_page_says_whether_the_hook_is_required(hook):
    required = hook in REQUIRED_HOOKS
    assert ("\nRequired.\n" in SECTIONS[hook]) is required
    if not required:
        named = [
            one for one in Capability if f"capability `{one}`." in SECTIONS[hook].split("```")[0]
        ]
        assert len(named) == 1


def test_every_error_is_on_the_errors_page():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    kinds, waiting = set(), [ProviderError]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting += found
        kinds |= {one.__name__ for one in found if one.__module__ == "kable_hub.errors"}
    public = {one for one in kinds if not one.startswith("_")}
    assert {one for one in public if f"\n### {one}\n" not in page} == set()
    assert len(public) >= 10
