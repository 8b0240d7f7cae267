"""What a provider plugin declares about its provider. Data: the hub never asks by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from kable_hub.domain import Environment, Kind

if TYPE_CHECKING:
    from marshmallow import Schema

API_VERSION = 1
"""The version of the contract this hub speaks; `Provider.api_version` has to equal it."""

SLUG = re.compile(r"[a-z][a-z0-9]*")


class Capability(StrEnum):
    """An optional ability. All but `create_customer` are named after the hook that brings it."""

    CREATE_CUSTOMER = "create_customer"
    PUSH_INVOICES = "push_invoices"
    FIND_INVOICES = "find_invoices"
    REFRESH = "refresh"
    SEARCH_CUSTOMERS = "search_customers"
    SETTING_CHOICES = "setting_choices"
    COLLECT_PAYMENT_METHOD = "collect_payment_method"
    COLLECT_INVOICE = "collect_invoice"
    CANCEL_INVOICE = "cancel_invoice"
    RECEIVE_WEBHOOK = "receive_webhook"
    POLL_CHANGES = "poll_changes"
    CHECK_CONNECTION = "check_connection"
    DISCONNECT = "disconnect"


@dataclass(frozen=True)
class Limit:
    """A declared limit: at most `requests` calls per `per` and `concurrency` at once.

    `scope` says who shares it: one connection, everything under one app id, or everything
    from this machine's address. `calls` are shell patterns over call names; `environment`
    narrows it to one. 0 means unlimited.
    """

    name: str
    scope: Literal["connection", "app", "ip"] = "connection"
    requests: int = 0
    per: timedelta = timedelta(seconds=1)
    concurrency: int = 0
    calls: tuple[str, ...] = ("*",)
    environment: Environment | None = None

    def covers(self, call: str, environment: Environment) -> bool:
        """Whether a call of this name in this environment counts against the limit."""
        if self.environment not in (None, environment):
            return False
        return any(fnmatchcase(call, pattern) for pattern in self.calls)


@dataclass(frozen=True)
class Dedupe:
    """Whether the provider honours idempotency keys, and for how long it keeps them."""

    by: Literal["key", "none"]
    keeps: timedelta = timedelta(0)


@dataclass(frozen=True)
class Reference:
    """The form of a customer's id at the provider.

    `pattern` has to match the whole id. `in_url` finds the id in a pasted address: its first
    group is the id. `help` tells a person where to find it.
    """

    pattern: str
    help: str
    example: str
    in_url: str = ""

    def extract(self, text: str) -> str | None:
        """The reference in what a person pasted (an id or a URL), or None."""
        text = text.strip()
        if self.in_url and (found := re.search(self.in_url, text)):
            text = found.group(1)
        return text if re.fullmatch(self.pattern, text) else None


@dataclass(frozen=True)
class Facts:
    """What the provider can take. The hub refuses what lies outside before any call.

    `currencies` empty means all; `max_lines` and `number_length` 0 mean unlimited.
    `adds_tax`: the provider adds tax of its own on top of the hub's total.
    `negative_total`: whether a credit note can be sent as a document at all.
    """

    currencies: frozenset[str] = frozenset()
    max_lines: int = 0
    number_length: int = 0
    fractional_quantities: bool = True
    negative_lines: bool = True
    negative_total: bool = False
    adds_tax: bool = False


ANYTHING = Facts(negative_total=True)
"""The facts of a provider that takes everything."""


@dataclass(frozen=True)
class Lift:
    """A declared fact that does not hold while `setting` has this `value`.

    The plugin then copes by itself with what lies outside, or refuses it in `plan_invoice`.
    """

    fact: str
    setting: str
    value: str | bool


@dataclass(frozen=True)
class ConnectMethod:
    """One way to connect. `help` says what a person has to do for it.

    `needs` are the permissions or scopes that have to be granted, in the provider's words.
    """

    name: str
    label: str
    help: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Everything the hub knows about a provider.

    `urls` are the default base URLs by name per environment; an operator overrides one with
    `KABLE_<SLUG>_<ENV>_<NAME>_URL`. `app_settings` (marshmallow) is what an operator sets once
    per environment as `KABLE_<SLUG>_<ENV>_<NAME>` or in the settings file; a field with
    `metadata={"secret": True}` never leaves the hub. `settings` is the schema of a
    connection's settings; a field with `metadata={"per_customer": True}` may be set for a
    single customer too. `connect_methods`: the first is the default; `app_settings` fields
    carry `metadata={"methods": [...]}` where only some methods need them, and
    `metadata={"begins": {"live": ..., "test": ...}}` (regular expressions) where a value shows
    its environment, or `metadata={"own": True}` where each environment has its own. `events`: the
    webhook events an operator has to subscribe to. `settle_after`: how long an unanswered write
    may still commit. `marker`: whether the hub's marker travels in the document's metadata or
    only a number fits. `batch_size`: for `push_invoices`. `lifts`: the settings under which a
    fact does not hold. `unproven_status`: the HTTP status with which a webhook is refused that
    nothing proves to come from the provider.
    """

    slug: str
    title: str
    kind: Kind
    urls: Mapping[Environment, Mapping[str, str]]
    reference: Reference
    connect_methods: tuple[ConnectMethod, ...]
    api_version: int = API_VERSION
    capabilities: frozenset[Capability] = frozenset()
    app_settings: "type[Schema] | None" = None
    settings: "type[Schema] | None" = None
    limits: tuple[Limit, ...] = ()
    dedupe: Dedupe = field(default_factory=lambda: Dedupe("none"))
    settle_after: timedelta = timedelta(seconds=60)
    marker: Literal["metadata", "number"] = "metadata"
    batch_size: int = 1
    facts: Facts = field(default_factory=Facts)
    lifts: tuple[Lift, ...] = ()
    homepage: str = ""
    events: tuple[str, ...] = ()
    unproven_status: int = 400

    def can(self, capability: Capability) -> bool:
        """Whether the provider declares this ability."""
        return capability in self.capabilities

    def per_customer(self) -> frozenset[str]:
        """The names of the settings that may be set for a single customer."""
        return _read(self.settings)[1]

    def settings_for(
        self, stored: Mapping[str, Any], own: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A connection's stored settings over the declared defaults, and over them a customer's
        own values, as far as they may be set for a single customer."""
        defaults, per_customer = _read(self.settings)
        theirs = {name: value for name, value in (own or {}).items() if name in per_customer}
        return {**defaults, **stored, **theirs}

    def facts_for(self, settings: Mapping[str, Any]) -> Facts:
        """The facts that hold under these settings."""
        lifted = {
            one.fact: getattr(ANYTHING, one.fact)
            for one in self.lifts
            if settings.get(one.setting) == one.value
        }
        return replace(self.facts, **lifted) if lifted else self.facts


@cache
def _read(schema: "type[Schema] | None") -> tuple[Mapping[str, Any], frozenset[str]]:
    """The defaults of a settings schema as JSON, and what may be set per customer."""
    if schema is None:
        return {}, frozenset()
    from marshmallow import missing

    fields = schema().fields
    defaults = {
        name: one.load_default() if callable(one.load_default) else one.load_default
        for name, one in fields.items()
        if one.load_default is not missing
    }
    own = frozenset(name for name, one in fields.items() if one.metadata.get("per_customer"))
    return dict(schema().dump(defaults)), own
