"""The parts about settings: the hub's own, the operator's for each provider, a connection's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from marshmallow.validate import Length, OneOf, Range
from parts_contract import installed
from tables import code, table

from kable_hub import settings
from kable_hub.domain import Environment
from kable_hub.provider import Provider
from kable_hub.settings import Settings

ABOUT = {
    "KABLE_DATA_DIR": "the folder for everything that the hub keeps beside the database",
    "DATABASE_URL": "`sqlite:///path/to/hub.db` or `postgresql://…`",
    "KABLE_PUBLIC_URL": "how browsers and providers reach this hub",
    "KABLE_HOST": "the address to listen on",
    "KABLE_PORT": "the port to listen on",
    "KABLE_TRUSTED_PROXIES": (
        "how many reverse proxies stand in front, one behind the other; as many entries at the end "
        "of `X-Forwarded-For` and `X-Forwarded-Proto` are believed"
    ),
    "KABLE_ENCRYPTION_KEYS": (
        "keys for credentials at rest, newest first, separated by commas; 32 bytes in URL-safe "
        "base64 each; empty: one is made in `encryption.key` in the data folder"
    ),
    "KABLE_ENGINE": (
        "`embedded` drains in one process; `cluster` in any number of `kable-hub worker`, on "
        "PostgreSQL"
    ),
    "KABLE_DISABLE_PLUGINS": (
        "plugins that are not loaded, separated by commas: a slug, a distribution, or "
        "`distribution==version`"
    ),
    "KABLE_ALLOW_PLUGINS": "the only plugins that are loaded, named in the same way; empty: all",
    "KABLE_PLUGINS_DIR": "a folder of single-file plugins, loaded too: `acme.py` is `acme`",
    "KABLE_TRACE_HOOKS": "log each call of a plugin's hook: outcome and milliseconds, no content",
    "KABLE_LEASE_SECONDS": "how long a worker may be silent before another takes over",
    "KABLE_SLICE_SECONDS": "how long one connection is worked before others get a turn",
    "KABLE_SWEEP_SECONDS": "how often the hub looks for due work that nobody woke it for",
    "KABLE_DRAIN_SLOTS": "connections worked at once, for each provider",
    "KABLE_PUSH_THREADS": "threads that push, for each provider",
    "KABLE_MAX_BODY_BYTES": "larger request bodies are refused (413)",
    "KABLE_PRIVATE_WEBHOOKS": (
        "whether accounts may have webhooks sent to addresses of private networks and of the "
        "hub's own machine"
    ),
    "KABLE_METRICS_TOKEN": (
        "who sends it as a bearer is told figures at `/metrics`; at least 20 characters; without "
        "it there is nothing at that address"
    ),
    "KABLE_LOG_FORMAT": "how log lines look",
    "KABLE_LOG_LEVEL": "the least that is logged",
    "KABLE_SETTINGS_FILE": "a TOML file with providers' settings; the environment wins over it",
}
"""Each variable in a few words. `hub` refuses to run where this and the code differ."""


@dataclass
class _Recorder:
    """Stands in for environs and keeps what is asked for."""

    asked: dict[str, tuple[str, Any, Any]] = field(default_factory=dict)

    def str(self, name: str, default: Any, validate: Any = None) -> Any:
        """Keep a text."""
        return self._keep("text", name, default, validate)

    def int(self, name: str, default: Any, validate: Any = None) -> Any:
        """Keep a whole number."""
        return self._keep("whole number", name, default, validate)

    def float(self, name: str, default: Any, validate: Any = None) -> Any:
        """Keep a number."""
        return self._keep("number", name, default, validate)

    def bool(self, name: str, default: Any, validate: Any = None) -> Any:
        """Keep a yes or no."""
        return self._keep("true or false", name, str(default).lower(), validate)

    def _keep(self, kind: Any, name: Any, default: Any, validate: Any) -> Any:
        self.asked[name] = (kind, default, validate)
        return default


class _Watched(dict[str, str]):
    """An empty environment that keeps the names it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def get(self, name: str, default: Any = None) -> Any:
        """Nothing is set."""
        self.names.append(name)
        return default


def names() -> list[str]:
    """Every variable that the hub itself reads, in the order in which it does."""
    watched = _Watched()
    Settings.load(watched)
    return list(dict.fromkeys(watched.names))


def hub() -> str:
    """The hub's own variables. Raises ValueError where one is not explained, or is gone."""
    if set(names()) != set(ABOUT):
        raise ValueError(f"explain in ABOUT: {set(names()) ^ set(ABOUT)}")
    recorder = _Recorder()
    settings._own_values(recorder)  # type: ignore[arg-type]
    rows = []
    for name in names():
        kind, default, validate = recorder.asked.get(name, ("text", "", None))
        rows.append((code(name), code(default), kind + _range(validate), ABOUT[name]))
    return table(("variable", "default", "value", "meaning"), rows)


def providers() -> str:
    """The operator's variables of each installed provider."""
    return "\n\n".join(_provider(one) for one in installed())


def connections() -> str:
    """The settings of a connection, by provider."""
    parts = []
    for provider in installed():
        fields = provider.settings().fields if provider.settings else {}
        rows = [(code(name), *_setting(one)) for name, one in fields.items()]
        shown = table(("setting", "default", "values", "meaning"), rows)
        parts.append(f"### {provider.title}\n\n{shown}")
    return "\n\n".join(parts)


def provider_variables() -> set[str]:
    """Every variable that an installed provider understands, base URLs included."""
    found = set()
    for provider in installed():
        fields = provider.app_settings().fields if provider.app_settings else {}
        for environment in Environment:
            prefix = f"KABLE_{provider.slug}_{environment}_".upper()
            found |= {prefix + name.upper() for name in fields}
            found |= {f"{prefix}{name.upper()}_URL" for name in provider.urls[environment]}
    return found


def _provider(provider: Provider) -> str:
    prefix = f"KABLE_{provider.slug.upper()}_<ENV>_"
    fields = provider.app_settings().fields if provider.app_settings else {}
    rows = [(code(prefix + name.upper()), *_app_field(one)) for name, one in fields.items()]
    head = ("variable", "needed", "secret", "where it comes from")
    urls = table(("base URL", *(code(one) for one in Environment)), _urls(provider, prefix))
    return f"### {provider.title}\n\n{table(head, rows)}\n\n{urls}"


def _app_field(one: ma.fields.Field[Any]) -> Iterator[str]:
    methods = one.metadata.get("methods")
    yield ("for " + ", ".join(map(code, methods)) if methods else "yes") if one.required else "no"
    yield "yes" if one.metadata.get("secret") else "no"
    yield str(one.metadata.get("help") or one.metadata.get("label") or "")


def _urls(provider: Provider, prefix: str) -> Iterator[list[str]]:
    for name in dict.fromkeys(name for urls in provider.urls.values() for name in urls):
        given = [provider.urls[one].get(name, "") for one in Environment]
        yield [code(f"{prefix}{name.upper()}_URL"), *given]


def _setting(one: ma.fields.Field[Any]) -> tuple[str, str, str]:
    default = one.load_default() if callable(one.load_default) else one.load_default
    values = "read from the provider" if one.metadata.get("choices") else _range(one.validate)
    shown = code("" if default is ma.missing else default)
    about = str(one.metadata.get("help") or one.metadata.get("label") or "")
    return shown, values.strip(), about


def _range(validate: Callable[..., Any] | Any) -> str:
    match validate:
        case Range(min=None) | Length():
            return ""
        case Range(max=None):
            return f" from {validate.min}"
        case Range():
            return f" {validate.min} to {validate.max}"
        case OneOf():
            return " " + ", ".join(map(code, validate.choices))
    return ""
