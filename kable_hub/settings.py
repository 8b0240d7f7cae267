"""The hub's configuration, read once from the environment (and one TOML file) that it is handed.

Everything the hub itself needs is a field of `Settings`. What an operator sets for a provider
(`KABLE_<SLUG>_<ENV>_<NAME>`) is asked for with the provider's declaration in hand, by
`app_settings` and `urls`, since the hub knows no provider by name.
"""

import base64
import binascii
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

import marshmallow
from environs import Env, EnvValidationError
from marshmallow.validate import OneOf, Range

from kable_hub.domain import Environment

if TYPE_CHECKING:
    from kable_hub.provider import Provider

ENVIRONMENT_NAMES = "|".join(one.value.upper() for one in Environment)
PROVIDER_VARIABLE = re.compile(rf"KABLE_[A-Z][A-Z0-9]*_(?:{ENVIRONMENT_NAMES})_[A-Z0-9_]+")
SHORTEST_SECRET = 6
"""Shorter values are not redacted from logs: they would blot out ordinary words."""


class SettingsError(ValueError):
    """The configuration is not usable. `faults` names every variable and what is wrong with it."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("the configuration is not usable:\n" + "\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class AppSettings:
    """What the operator set for one provider in one environment.

    `values` by the field's name in the provider's schema, defaults filled in; `missing` are the
    environment variables still to be set, `faults` one line for each value the schema refuses,
    `unset` the variables that may be set and are not.
    """

    values: Mapping[str, str] = field(repr=False)
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()

    @property
    def configured(self) -> bool:
        """Whether the provider can be used."""
        return not self.missing and not self.faults


@dataclass(frozen=True)
class Settings:
    """The hub's own settings. Durations are seconds, sizes bytes.

    Empty `encryption_keys` lets the hub make one in `data_dir`; an empty
    `allowed_plugins` admits all. `encryption_keys`: newest first. `push_threads` are per
    provider. `public_url` has no slash at its end. `trusted_proxies`: how many stand in front.
    `private_webhooks`: webhooks may go to private networks and to this machine. An empty
    `metrics_token`: nobody is told any figures.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    public_url: str
    host: str
    port: int
    trusted_proxies: int
    encryption_keys: tuple[str, ...] = field(repr=False)
    engine: Literal["embedded", "cluster"]
    disabled_plugins: frozenset[str]
    allowed_plugins: frozenset[str]
    plugins_dir: Path | None
    trace_hooks: bool
    lease_seconds: float
    slice_seconds: float
    sweep_seconds: float
    drain_slots: int
    push_threads: int
    max_body_bytes: int
    private_webhooks: bool
    metrics_token: str = field(repr=False)
    log_format: Literal["console", "json"]
    log_level: str
    operator_values: Mapping[str, str] = field(repr=False, default_factory=dict)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read everything from `environ`. Raises SettingsError with all faults at once."""
        env = _Given(environ)
        faults: list[str] = []
        values = _own_values(env)
        try:
            env.seal()
        except EnvValidationError as error:
            faults += [f"{name}: {' '.join(said)}" for name, said in _messages(error)]
        operator_values = _operator_values(environ, faults)
        faults += _url_faults(operator_values)
        faults += _unknown(environ, env.asked)
        if not faults:
            faults += _contradictions(values)
        if faults:
            raise SettingsError(tuple(faults))
        return cls(**values, operator_values=operator_values)

    def app_settings(
        self, provider: "Provider", environment: Environment, method: str = ""
    ) -> AppSettings:
        """The operator's settings of a provider.

        A field is needed if the schema requires it; one with metadata `methods` is needed only
        where `method` is among them. One with metadata `begins` (environment to the start of a
        regular expression) has to fit it there; one with `own` in each environment may not be
        the same in another. Empty counts as not set.
        """
        if provider.app_settings is None:
            return AppSettings({})
        fields = provider.app_settings().fields
        prefix = _prefix(provider, environment)
        named = {name: prefix + name.upper() for name in fields}
        given = {name: self.operator_values.get(named[name]) or None for name in fields}
        found = {name: value for name, value in given.items() if value is not None}
        missing = [
            named[name]
            for name, one in fields.items()
            if name not in found and _needed(one, method)
        ]
        refused = provider.app_settings().validate(found, partial=True)
        faults = [f"{named.get(str(key), key)}: {_flat(said)}" for key, said in refused.items()]
        faults += [
            f"{named[name]}: this is no value for {environment}."
            for name, value in found.items()
            if name not in refused and not _belongs(fields[name], environment, value)
        ]
        faults += self._borrowed(provider, environment, found)
        values = {**_defaults(fields), **found}
        unset = [
            named[name]
            for name, one in fields.items()
            if name not in values and not one.required and _concerns(one, method)
        ]
        return AppSettings(values, tuple(missing), tuple(faults), tuple(unset))

    def _borrowed(
        self, provider: "Provider", environment: Environment, found: Mapping[str, str]
    ) -> Iterator[str]:
        """A line for each value that has to be an environment's own and is another's too."""
        fields = provider.app_settings().fields if provider.app_settings else {}
        for name, value in found.items():
            for other in set(Environment) - {environment}:
                theirs = f"{_prefix(provider, other)}{name.upper()}"
                same = self.operator_values.get(theirs) == value
                if same and fields[name].metadata.get("own"):
                    mine = f"{_prefix(provider, environment)}{name.upper()}"
                    yield f"{mine}: {theirs} is the same; {environment} needs its own."

    def urls(self, provider: "Provider", environment: Environment) -> dict[str, str]:
        """The provider's base URLs by name, without a slash at the end, overrides applied."""
        prefix = _prefix(provider, environment)
        return {
            name: (self.operator_values.get(f"{prefix}{name.upper()}_URL") or url).rstrip("/")
            for name, url in provider.urls.get(environment, {}).items()
        }

    def secrets(self) -> frozenset[str]:
        """Every value that may be secret, for the redaction of logs.

        What an operator set for a provider counts as secret whatever it is, URLs excepted.
        """
        known = {*self.encryption_keys, *_passwords(self.database_url), self.metrics_token}
        known |= {
            value for name, value in self.operator_values.items() if not name.endswith("_URL")
        }
        return frozenset(one for one in known if len(one) >= SHORTEST_SECRET)


class _Given(Env):
    """environs over a mapping it is handed instead of the process environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._given = environ
        self.asked: set[str] = {"KABLE_SETTINGS_FILE"}

    def _get_value(self, env_key: str, default: Any) -> Any:
        self.asked.add(env_key)
        # Empty is not set: compose files pass `NAME=` for what nobody filled in.
        return self._given.get(env_key) or default


def _own_values(env: Env) -> dict[str, Any]:
    data_dir = Path(env.str("KABLE_DATA_DIR", "kable-data"))
    database = f"sqlite:///{data_dir / 'hub.db'}"
    public = env.str("KABLE_PUBLIC_URL", "http://127.0.0.1:8080", validate=_http_url)
    return {
        "data_dir": data_dir,
        "database_url": env.str("DATABASE_URL", database, validate=_database_url),
        "public_url": (public or "").rstrip("/"),
        "host": env.str("KABLE_HOST", "127.0.0.1"),
        "port": env.int("KABLE_PORT", 8080, validate=Range(0, 65535)),
        "trusted_proxies": env.int("KABLE_TRUSTED_PROXIES", 0, validate=Range(0, 9)),
        "encryption_keys": _names(env, "KABLE_ENCRYPTION_KEYS", _fernet_key),
        "engine": env.str("KABLE_ENGINE", "embedded", validate=OneOf(("embedded", "cluster"))),
        "disabled_plugins": frozenset(_names(env, "KABLE_DISABLE_PLUGINS")),
        "allowed_plugins": frozenset(_names(env, "KABLE_ALLOW_PLUGINS")),
        "plugins_dir": Path(folder) if (folder := env.str("KABLE_PLUGINS_DIR", "")) else None,
        "trace_hooks": env.bool("KABLE_TRACE_HOOKS", False),
        "lease_seconds": env.float("KABLE_LEASE_SECONDS", 15.0, validate=Range(1, 600)),
        "slice_seconds": env.float("KABLE_SLICE_SECONDS", 10.0, validate=Range(0.1, 600)),
        "sweep_seconds": env.float("KABLE_SWEEP_SECONDS", 0.5, validate=Range(0.05, 60)),
        "drain_slots": env.int("KABLE_DRAIN_SLOTS", 32, validate=Range(1, 256)),
        "push_threads": env.int("KABLE_PUSH_THREADS", 64, validate=Range(1, 256)),
        "max_body_bytes": env.int("KABLE_MAX_BODY_BYTES", 5_000_000, validate=Range(1024)),
        "private_webhooks": env.bool("KABLE_PRIVATE_WEBHOOKS", False),
        "metrics_token": env.str("KABLE_METRICS_TOKEN", "", validate=_hard_to_guess),
        "log_format": env.str("KABLE_LOG_FORMAT", "console", validate=OneOf(("console", "json"))),
        "log_level": env.str("KABLE_LOG_LEVEL", "INFO", validate=OneOf(_LEVELS)),
    }


SHORTEST_TOKEN = 20


def _hard_to_guess(token: str) -> None:
    if token and len(token) < SHORTEST_TOKEN:
        raise marshmallow.ValidationError(f"Has to have at least {SHORTEST_TOKEN} characters.")


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _names(env: Env, name: str, check: Callable[[str], None] | None = None) -> tuple[str, ...]:
    """A list separated by commas; spaces and empty entries are dropped."""

    def validate(text: str) -> None:
        for one in _split(text):
            if check is not None:
                check(one)

    return tuple(_split(env.str(name, "", validate=validate) or ""))


def _split(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _fernet_key(text: str) -> None:
    try:
        size = len(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError):
        size = 0
    if size != 32:
        raise marshmallow.ValidationError("a key has to be 32 bytes in URL-safe base64.")


def _http_url(text: str) -> None:
    if not _split_url(text).hostname or _split_url(text).scheme not in ("http", "https"):
        raise marshmallow.ValidationError("has to be a http(s) address.")


def _database_url(text: str) -> None:
    if _split_url(text).scheme not in ("sqlite", "postgresql", "postgres") or "://" not in text:
        raise marshmallow.ValidationError("has to begin with sqlite:/// or postgresql://.")


def _split_url(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise marshmallow.ValidationError("is not an address.") from None


def _messages(error: EnvValidationError) -> Iterator[tuple[str, list[str]]]:
    said = error.error_messages
    if isinstance(said, Mapping):
        yield from ((name, [str(one) for one in lines]) for name, lines in said.items())


def _unknown(environ: Mapping[str, str], known: set[str]) -> Iterator[str]:
    """A misspelt variable would quietly mean the default: say so instead."""
    for name in sorted(environ):
        ours = name.startswith("KABLE_") and not PROVIDER_VARIABLE.fullmatch(name)
        if ours and name not in known:
            near = get_close_matches(name, known, 1)
            yield f"{name}: there is no such setting{f'; did you mean {near[0]}?' if near else '.'}"


def _contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    if values["slice_seconds"] < values["sweep_seconds"]:
        yield "KABLE_SLICE_SECONDS: has to be at least KABLE_SWEEP_SECONDS."
    if values["engine"] == "cluster":
        if values["database_url"].startswith("sqlite"):
            yield "KABLE_ENGINE: cluster needs PostgreSQL; set DATABASE_URL to postgresql://…"
        if not all(map(find_spec, ("procrastinate", "psycopg", "psycopg_pool"))):
            yield "KABLE_ENGINE: cluster needs more packages: pip install 'kable-hub[cluster]'"


def _operator_values(environ: Mapping[str, str], faults: list[str]) -> dict[str, str]:
    """What is set for providers, by variable name; the environment wins over the file."""
    path = environ.get("KABLE_SETTINGS_FILE", "")
    values: dict[str, str] = {}
    try:
        values = dict(_from_file(Path(path))) if path else {}
    except (OSError, ValueError) as error:
        faults.append(f"KABLE_SETTINGS_FILE: {_cause(error)}")
    given = {name: value for name, value in environ.items() if PROVIDER_VARIABLE.fullmatch(name)}
    return {**values, **{name: value for name, value in given.items() if value}}


def _cause(error: Exception) -> str:
    # Not str(error) for OSError and TOML: the one repeats the path, the other quotes the line.
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})."
    if isinstance(error, tomllib.TOMLDecodeError):
        return "is not TOML."
    return str(error)


def _from_file(path: Path) -> Iterator[tuple[str, str]]:
    """The file's tables as variables: `api_key` in `[acme.live]` is `KABLE_ACME_LIVE_API_KEY`."""
    for slug, environments in tomllib.loads(path.read_text("utf-8")).items():
        for environment, table in _table(environments, slug).items():
            for name, value in _table(table, f"{slug}.{environment}").items():
                variable = f"KABLE_{slug}_{environment}_{name}".upper()
                if not PROVIDER_VARIABLE.fullmatch(variable):
                    raise ValueError(f"[{slug}.{environment}] {name} is not a provider's setting.")
                if isinstance(value, dict | list):
                    raise ValueError(f"[{slug}.{environment}] {name} has to be a plain value.")
                yield variable, str(value).lower() if isinstance(value, bool) else str(value)


def _table(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} has to be a table like [provider.live].")
    return value


def _url_faults(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in values.items():
        if name.endswith("_URL"):
            try:
                _http_url(value)
            except marshmallow.ValidationError as error:
                yield f"{name}: {_flat(error.messages)}"


def _prefix(provider: "Provider", environment: Environment) -> str:
    return f"KABLE_{provider.slug}_{environment}_".upper()


def _needed(one: marshmallow.fields.Field[Any], method: str) -> bool:
    return one.required and _concerns(one, method)


def _concerns(one: marshmallow.fields.Field[Any], method: str) -> bool:
    methods = one.metadata.get("methods")
    return methods is None or method in methods


def _belongs(one: marshmallow.fields.Field[Any], environment: Environment, value: str) -> bool:
    pattern = one.metadata.get("begins", {}).get(environment.value, "")
    return re.match(pattern, value) is not None


def _defaults(fields: Mapping[str, marshmallow.fields.Field[Any]]) -> dict[str, str]:
    given = {name: one.load_default for name, one in fields.items()}
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _flat(said: object) -> str:
    return " ".join(str(one) for one in said) if isinstance(said, list) else str(said)


def _passwords(url: str) -> set[str]:
    password = urlsplit(url).password or ""
    return {password, unquote(password)}
