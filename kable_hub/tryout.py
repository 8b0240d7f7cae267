"""Try one provider plugin out, alone in a throw-away plugin manager, and say what is wrong.

The checks go from the coarse to the fine, so that the reason names the cause: a plugin made for
another version of the contract is told that, not that one of its hooks is unknown.
"""

import inspect
import re
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

import pluggy

from kable_hub import hookspecs
from kable_hub.domain import Environment
from kable_hub.provider import API_VERSION, SLUG, Capability, Provider

PROJECT = "kable_hub"
REQUIRED_HOOKS = frozenset(
    {"provider", "connect", "link_customer", "plan_invoice", "push_invoice", "find_invoice"}
)
"""The hooks that every plugin has to have; the others come with a declared capability."""

SPECS: Mapping[str, tuple[str, ...]] = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if hasattr(spec, f"{PROJECT}_spec")
}
"""Every hook's name and its arguments, in order."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Deprecation:
    """A hook or an argument that goes: since when it warns, when it is gone, what to use."""

    since: date
    until: date
    instead: str


DEPRECATED: Mapping[str, Deprecation] = {}
"""By `hook` or `hook.argument`. An entry stands here for a year before what it names goes."""


class Refused(Exception):
    """The candidate cannot be admitted; the text says why, for people."""


def capability_of(hook: str) -> Capability | None:
    """The capability that brings `hook`, or None for a required one."""
    if hook in REQUIRED_HOOKS:
        return None
    return Capability("receive_webhook" if hook == "work_event" else hook)


def new_manager() -> pluggy.PluginManager:
    """A plugin manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def try_out(slug: str, load: Callable[[], object]) -> tuple[object, Provider]:
    """Load a candidate and check it: the plugin and what it declares. Raises Refused."""
    plugin = _guarded("loading it failed", load)
    if not SLUG.fullmatch(slug):
        raise Refused(f"the slug {slug!r} has to be lower-case letters and digits")
    hooks = _guarded("reading its hooks failed", lambda: dict(_hooks(plugin)))
    if "provider" not in hooks:
        raise Refused("the required hook provider is missing")
    provider = _guarded("provider() failed", lambda: _declared(slug, hooks["provider"]()))
    _first(_hook_faults(hooks))
    _first(_capability_faults(set(hooks), provider))
    try:
        manager = new_manager()
        manager.register(plugin, slug)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise Refused("; ".join(str(error).splitlines())) from error
    return plugin, provider


def deprecations(plugin: object) -> Iterator[str]:
    """What a plugin uses that will go, with the date and what to use instead."""
    for hook, function in _hooks(plugin):
        used = [hook, *(f"{hook}.{name}" for name in inspect.signature(function).parameters)]
        for name in used:
            if one := DEPRECATED.get(name):
                yield (
                    f"{name} is deprecated since {one.since} and goes on {one.until}: "
                    f"use {one.instead}"
                )


def within(seconds: float, function: Callable[[], Answer]) -> Answer:
    """What `function` answers or raises, within that time. Raises Refused where it does not end:
    its thread is then left behind."""
    done: list[Answer] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(function())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="plugin-tryout")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise Refused(f"loading it did not end within {seconds:g} s")
    return done[0]


def _guarded(failing: str, function: Callable[[], Answer]) -> Answer:
    try:
        return function()
    except (KeyboardInterrupt, Refused):
        raise
    except BaseException as error:
        # format_exception_only survives an exception whose own str() raises.
        said = traceback.format_exception_only(error)[-1].strip()
        raise Refused(f"{failing}: {said:.300}") from error


def _hooks(plugin: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """The marked functions by name. Options would change whom a call reaches: refused."""
    parser = pluggy.PluginManager(PROJECT)
    for name in dir(plugin):
        options = parser.parse_hookimpl_opts(plugin, name)
        if options is None:
            continue
        if given := [option for option, value in options.items() if value]:
            raise Refused(f"{name} has to be a plain hookimpl, without {', '.join(given)}")
        yield name, getattr(plugin, name)


def _declared(slug: str, provider: object) -> Provider:
    if not isinstance(provider, Provider):
        raise Refused(f"provider() answered {type(provider).__name__}, not a Provider")
    if provider.api_version != API_VERSION:
        older = "plugin" if provider.api_version < API_VERSION else "hub"
        raise Refused(
            f"it speaks version {provider.api_version} of the plugin contract, this hub speaks "
            f"{API_VERSION}: update the {older}"
        )
    if provider.slug != slug:
        raise Refused(f"its entry point is named {slug!r} but it declares {provider.slug!r}")
    _first(_declaration_faults(provider))
    return provider


def _first(faults: Iterator[str]) -> None:
    for fault in faults:
        raise Refused(fault)


def _declaration_faults(provider: Provider) -> Iterator[str]:
    if not provider.title:
        yield "it declares no title"
    if not provider.connect_methods:
        yield "it declares no connect method"
    if not provider.urls or set(provider.urls) - set(Environment):
        yield "it declares no base URLs by environment"
    if unknown := set(provider.capabilities) - set(Capability):
        yield f"it declares unknown capabilities: {', '.join(sorted(map(str, unknown)))}"
    names = [limit.name for limit in provider.limits]
    if len(names) != len(set(names)):
        yield "two of its limits have the same name"
    yield from _lift_faults(provider)
    try:
        re.compile(provider.reference.pattern)
        re.compile(provider.reference.in_url)
    except re.error as error:
        yield f"its reference format is no regular expression: {error}"


def _lift_faults(provider: Provider) -> Iterator[str]:
    settings = provider.settings().fields if provider.settings else {}
    for lift in provider.lifts:
        if lift.fact not in vars(provider.facts):
            yield f"it lifts {lift.fact}, which is no fact"
        if lift.setting not in settings:
            yield f"it lifts {lift.fact} by the setting {lift.setting}, which it does not declare"


def _hook_faults(hooks: dict[str, Callable[..., Any]]) -> Iterator[str]:
    for name in sorted(set(hooks) - SPECS.keys()):
        near = get_close_matches(name, SPECS, 1)
        yield f"there is no hook {name}" + (f"; did you mean {near[0]}?" if near else "")
    if missing := REQUIRED_HOOKS - hooks.keys():
        yield f"required hooks are missing: {', '.join(sorted(missing))}"
    for name, function in hooks.items():
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            yield f"{name} has to be a plain function, not a coroutine or a generator"
        yield from _argument_faults(name, inspect.signature(function).parameters)


def _argument_faults(name: str, parameters: Mapping[str, inspect.Parameter]) -> Iterator[str]:
    for one in parameters.values():
        if one.kind is not one.POSITIONAL_OR_KEYWORD or one.default is not one.empty:
            yield f"{name} has to take {one.name} as a plain argument without a default"
    if unknown := parameters.keys() - SPECS[name]:
        yield (
            f"{name} takes {', '.join(sorted(unknown))}, which the hook does not have; it has "
            f"{', '.join(SPECS[name]) or 'no arguments'}"
        )


def _capability_faults(hooks: set[str], provider: Provider) -> Iterator[str]:
    for hook in sorted(SPECS.keys() - REQUIRED_HOOKS):
        capability = capability_of(hook)
        declared = capability in provider.capabilities
        if declared and hook not in hooks:
            yield f"it declares the capability {capability} but has no hook {hook}"
        if hook in hooks and not declared:
            yield f"it has the hook {hook} but does not declare the capability {capability}"
