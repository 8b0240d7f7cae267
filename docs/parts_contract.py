"""The parts about the contract: hooks, errors, and what each installed provider declares."""

import ast
import inspect
import re
from collections.abc import Iterable
from typing import Any

from parts_delivery import examples
from tables import code, table

from kable_hub import errors as tree
from kable_hub import hookspecs
from kable_hub.domain import Environment
from kable_hub.errors import ProviderError
from kable_hub.plugins import discover
from kable_hub.provider import Capability, Facts, Limit, Provider
from kable_hub.settings import Settings
from kable_hub.testing import contract
from kable_hub.testing.demands import Rule
from kable_hub.tryout import REQUIRED_HOOKS, SPECS, capability_of
from kable_hub.usecases.errors import problem_of

WIDTH = 88


def installed() -> tuple[Provider, ...]:
    """The providers of the installed plugins, by slug."""
    return tuple(sorted(discover(Settings.load({})).providers(), key=lambda one: one.slug))


def hooks() -> str:
    """Every hook: its signature, whether it has to be there, its contract."""
    return "\n\n".join(_hook(name) for name in SPECS)


def signature(name: str) -> str:
    """A hook's signature as its specification writes it, wrapped where it is long."""
    (spec,) = (
        node
        for node in ast.parse(inspect.getsource(hookspecs)).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    arguments, answer = ast.unparse(spec.args), _unquoted(spec.returns)
    arguments = re.sub(r"'([^']*)'", r"\1", arguments)
    short = f"def {name}({arguments}) -> {answer}: ..."
    if len(short) <= WIDTH:
        return short
    return f"def {name}(\n    {arguments}\n) -> {answer}: ..."


def rules() -> str:
    """Every rule of the contract's tests: its level, whom it concerns, its own words."""
    found: dict[str, list[str]] = {}
    for name, one in contract.rules():
        (group,) = (base for base in contract.ProviderContract.__bases__ if name in vars(base))
        found.setdefault(group.__name__, []).append(_rule(name, one))
    return "\n\n".join(f"## {name}\n\n" + "\n\n".join(texts) for name, texts in found.items())


def _rule(name: str, one: Rule) -> str:
    title = name.removeprefix("test_").replace("_", " ")
    whom = " and ".join(condition.said for condition in one.conditions)
    holds = f"{one.level}, where the provider {whom}" if whom else one.level
    return f"### {title}\n\n*{holds}.* {contract.text_of(name)}"


def errors() -> str:
    """Every error: when to raise it, its code, what it carries beyond the common."""
    common = set(inspect.signature(ProviderError.__init__).parameters)
    parts = []
    for kind in _kinds():
        own = [one for one in inspect.signature(kind.__init__).parameters if one not in common]
        more = f" Carries {', '.join(map(code, own))}." if own else ""
        base = f" A {code(kind.__base__.__name__)}." if kind.__base__ in _kinds() else ""
        head = f"### {kind.__name__}\n\nCode {code(kind.default_code)}.{base}{more}"
        parts.append(f"{head}\n\n{_plain(kind)}")
    return "\n\n".join(parts)


def error_answers() -> str:
    """What the API answers where a provider was asked while a person waited."""
    rows = []
    for name, error in examples():
        problem = problem_of(error)
        rows.append((name, str(problem.status), problem.title))
    return table(("raised by the plugin", "HTTP status", "title"), rows)


def capabilities() -> str:
    """Which installed provider can do what."""
    found = installed()
    rows = [
        (code(one), *("yes" if provider.can(one) else "" for provider in found))
        for one in Capability
    ]
    return table(("capability", *(one.title for one in found)), rows)


def facts() -> str:
    """What each installed provider declares of itself."""
    found = installed()
    rows: list[Iterable[str]] = [
        ("slug", *(code(one.slug) for one in found)),
        ("kind", *(one.kind.value for one in found)),
        ("ways to connect", *(_methods(one) for one in found)),
        ("idempotency keys", *(_dedupe(one) for one in found)),
        ("an unanswered write may still commit for", *(_seconds(one) for one in found)),
        ("the hub's marker travels in", *(one.marker for one in found)),
        ("most documents in a batch", *(str(one.batch_size) for one in found)),
    ]
    rows += [
        (name.replace("_", " "), *(_fact(one.facts, name) for one in found))
        for name in vars(Facts())
    ]
    rows.append(("lifted by a setting", *(_lifts(one) for one in found)))
    return table(("", *(one.title for one in found)), rows)


def limits() -> str:
    """The limits that the hub keeps; those of single calls with the same rate share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in installed():
        for limit in one.limits:
            alone = limit.calls == (limit.name,)
            name = "one for each call" if alone else code(limit.name)
            known = (one.title, name, limit.scope, _rate(limit), str(limit.concurrency or ""))
            rows.setdefault(known, []).append(_calls(limit))
    head = ("provider", "limit", "shared by", "calls", "at once", "which calls")
    return table(head, [(*known, ", ".join(calls)) for known, calls in rows.items()])


def _hook(name: str) -> str:
    spec = getattr(hookspecs, name)
    capability = capability_of(name)
    need = "Required." if name in REQUIRED_HOOKS else f"Optional: capability {code(capability)}."
    return f"### {name}\n\n{need}\n\n```python\n{signature(name)}\n```\n\n{_plain(spec)}"


def _plain(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__ or "")


def _unquoted(annotation: ast.expr | None) -> str:
    return ast.unparse(annotation).strip("'") if annotation else "None"


def _kinds() -> list[type[ProviderError]]:
    return [
        kind
        for name, kind in vars(tree).items()
        if isinstance(kind, type)
        and issubclass(kind, ProviderError)
        and kind is not ProviderError
        and not name.startswith("_")
    ]


def _methods(provider: Provider) -> str:
    return ", ".join(f"{code(one.name)} ({one.label})" for one in provider.connect_methods)


def _dedupe(provider: Provider) -> str:
    hours = provider.dedupe.keeps.total_seconds() / 3600
    return f"honoured; trusted for {hours:g} h" if provider.dedupe.by == "key" else "none"


def _seconds(provider: Provider) -> str:
    return f"{provider.settle_after.total_seconds():g} s"


def _fact(declared: Facts, name: str) -> str:
    value = getattr(declared, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return f"{len(value)} of them" if value else "all"
    return str(value or "unlimited")


def _lifts(provider: Provider) -> str:
    return ", ".join(
        f"{one.fact.replace('_', ' ')} by {code(f'{one.setting}: {one.value}')}"
        for one in provider.lifts
    )


def _rate(limit: Limit) -> str:
    return f"{limit.requests} in {limit.per.total_seconds():g} s" if limit.requests else "pauses"


def _calls(limit: Limit) -> str:
    where = f" in {limit.environment}" if limit.environment in tuple(Environment) else ""
    return ", ".join(code(one) for one in limit.calls) + where
