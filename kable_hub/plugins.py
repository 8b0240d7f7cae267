"""Find the provider plugins, admit those that pass their try-out, report on every one.

A candidate is an entry point in the group `kable_hub.providers`: its name is the slug, its
value a module. Nothing a candidate does (short of KeyboardInterrupt) stops the hub or another
plugin.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Self, cast

from kable_hub.provider import Provider
from kable_hub.settings import Settings
from kable_hub.tryout import Refused, deprecations, new_manager, try_out, within

PATIENCE = 30.0
"""Seconds within which a plugin has to be loaded and to have declared itself."""

GROUP = "kable_hub.providers"
"""The entry point group in which a plugin's distribution names its module."""


class UnknownProvider(LookupError):
    """No admitted plugin has this slug; the text carries the reason of a quarantined one."""


@dataclass(frozen=True)
class PluginCandidate:
    """A plugin before its try-out. `load` imports it and may do anything wrong."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]


@dataclass(frozen=True)
class PluginReport:
    """What became of a candidate. `reason` is for people, empty where it was admitted.

    `remarks`: what of it will not be taken for ever.
    """

    name: str
    distribution: str
    version: str
    state: Literal["admitted", "quarantined", "disabled"]
    reason: str = ""
    provider: Provider | None = None
    remarks: tuple[str, ...] = ()


class Registry:
    """The admitted plugins and the report on every candidate. Never changes once made."""

    def __init__(self, tried: Iterable[tuple[PluginReport, object]]) -> None:
        self.manager = new_manager()
        reports: list[PluginReport] = []
        self._providers: dict[str, Provider] = {}
        for report, plugin in tried:
            reports.append(report)
            if report.provider is not None:
                self.manager.register(plugin, report.name)
                self._providers[report.name] = report.provider
        self.reports: tuple[PluginReport, ...] = tuple(reports)

    @classmethod
    def of(cls, *plugins: object) -> Self:
        """A registry of modules at hand (or hashable objects with hooks), tried out as ever."""
        return cls(_try_all([_at_hand(plugin) for plugin in plugins], {}))

    def providers(self) -> list[Provider]:
        """Every admitted provider, by slug."""
        return [self._providers[slug] for slug in sorted(self._providers)]

    def provider(self, slug: str) -> Provider:
        """The admitted provider with this slug. Raises UnknownProvider."""
        if slug in self._providers:
            return self._providers[slug]
        known = [f"{one.state}: {one.reason}" for one in self.reports if one.name == slug]
        said = f"the provider {slug!r} is {known[0]}" if known else f"no provider {slug!r}"
        raise UnknownProvider(said)

    def plugin(self, slug: str) -> ModuleType:
        """The admitted plugin itself, for the test kit. Raises UnknownProvider."""
        self.provider(slug)
        found: Any = self.manager.get_plugin(slug)
        return cast(ModuleType, found)


def discover(settings: Settings, candidates: Iterable[PluginCandidate] | None = None) -> Registry:
    """Try every candidate (the installed ones by default) that the operator did not switch off.

    Never raises for a candidate's fault.
    """
    if candidates is None:
        candidates = [*installed(), *in_folder(settings.plugins_dir)]
    found = list(candidates)
    off = {id(one): reason for one in found if (reason := _switched_off(one, settings))}
    return Registry(_try_all(found, off))


def in_folder(folder: Path | None) -> Iterator[PluginCandidate]:
    """The candidates among the single files of a folder: `acme.py` is the provider `acme`."""
    for path in sorted(folder.glob("[!_]*.py")) if folder else ():
        yield PluginCandidate(path.stem, path.name, "", partial(_from_file, path))


def _from_file(path: Path) -> object:
    spec = spec_from_file_location(f"kable_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise Refused(f"{path.name} cannot be loaded")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return module


def installed() -> Iterator[PluginCandidate]:
    """The candidates among the installed distributions; the first on the path hides its twins."""
    seen = set()
    for distribution in metadata.distributions():
        name = _normal(distribution.name or "")
        if name not in seen:
            yield from _candidates(distribution)
        seen.add(name)


def _candidates(distribution: metadata.Distribution) -> Iterator[PluginCandidate]:
    if GROUP not in (distribution.read_text("entry_points.txt") or ""):
        return
    name, version = distribution.name, distribution.version
    try:
        points = list(distribution.entry_points.select(group=GROUP))
    except Exception as error:
        yield PluginCandidate(name, name, version, partial(_unreadable, error))
        return
    for point in points:
        yield PluginCandidate(point.name, name, version, partial(_module, point))


def _unreadable(error: Exception) -> object:
    raise Refused("its entry points cannot be read") from error


def _module(point: metadata.EntryPoint) -> object:
    loaded = point.load()
    if not isinstance(loaded, ModuleType):
        raise Refused(f"its entry point has to name a module, not {point.value!r}")
    return loaded


def _at_hand(plugin: object) -> PluginCandidate:
    name = getattr(plugin, "__name__", type(plugin).__name__)
    try:
        slug = str(plugin.provider().slug)  # type: ignore[attr-defined]
    except Exception:
        slug = name
    return PluginCandidate(slug, name, "", lambda: plugin)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _switched_off(one: PluginCandidate, settings: Settings) -> str:
    """Why an operator's lists keep it out: by slug, distribution, or `distribution==version`."""
    owner = _normal(one.distribution)
    names = {one.name, owner, f"{owner}=={one.version}"}
    if names & {_as_named(entry) for entry in settings.disabled_plugins}:
        return "KABLE_DISABLE_PLUGINS names it"
    allowed = {_as_named(entry) for entry in settings.allowed_plugins}
    if not allowed or names & allowed:
        return ""
    others = sorted(entry for entry in allowed if entry.startswith(f"{owner}=="))
    if others:
        return f"KABLE_ALLOW_PLUGINS allows {', '.join(others)}, and this is {one.version}"
    return "KABLE_ALLOW_PLUGINS does not name it"


def _as_named(entry: str) -> str:
    name, sign, version = entry.partition("==")
    return f"{_normal(name)}{sign}{version}"


def _try_all(
    found: list[PluginCandidate], off: Mapping[int, str]
) -> Iterator[tuple[PluginReport, object]]:
    """`off`: why a candidate (by its `id`) is kept out; it then stands in nobody's way."""
    on = [one for one in found if id(one) not in off]
    for one in sorted(found, key=lambda one: (one.name, one.distribution)):
        report = PluginReport(one.name, one.distribution, one.version, "quarantined")
        twins = [other.distribution for other in on if other.name == one.name]
        plugin = None
        if reason := off.get(id(one)):
            report = replace(report, state="disabled", reason=reason)
        elif len(twins) > 1:
            owners = " and ".join(sorted(twins))
            report = replace(report, reason=f"several plugins are called {one.name!r}: {owners}")
        else:
            try:
                plugin, provider, remarks = within(PATIENCE, partial(_tried, one))
                report = replace(report, state="admitted", provider=provider, remarks=remarks)
            except Refused as refusal:
                report = replace(report, reason=str(refusal))
        yield report, plugin


def _tried(one: PluginCandidate) -> tuple[object, Provider, tuple[str, ...]]:
    plugin, provider = try_out(one.name, one.load)
    return plugin, provider, tuple(deprecations(plugin))
