"""Call one provider's hook and no other's, and hold the plugin to what the hook promises.

Whatever leaves here is a checked result or a ProviderError; a stray exception, a wrong type or
a document that cannot be frozen is a ContractViolation.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, TypeAlias, get_args

import pluggy

from kable_hub import canonical, heard
from kable_hub.clock import SystemClock
from kable_hub.connection import Connection
from kable_hub.dialogue import Credentials, Form, Grant, Redirect
from kable_hub.domain import (
    HostedPage,
    LinkedCustomer,
    PaymentStatus,
    Receipt,
    SettingChoices,
    Unfinished,
)
from kable_hub.effects import Effect, Event
from kable_hub.errors import ContractViolation, ProviderError, Unsupported
from kable_hub.plugins import Registry
from kable_hub.provider import Capability, Provider
from kable_hub.tryout import SPECS, capability_of

log = logging.getLogger("kable_hub.hooks")
CLOCK = SystemClock()
LARGEST = 10**18
"""Amounts stay below this, in minor units: what a database's integer holds."""

LONGEST_ID = 255
LONGEST_TEXT = 4000

Arguments: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[Any, Arguments], bool]


class Dispatcher:
    """Calls hooks of single providers. Safe to share between threads.

    `trace`: log each call with its outcome and how long it took.
    """

    def __init__(self, registry: Registry, *, trace: bool = False) -> None:
        self.registry = registry
        self._trace = trace

    def call(self, slug: str, hook: str, **arguments: Any) -> Any:
        """Call `hook` of the provider `slug` with all arguments of its specification.

        Raises UnknownProvider, Unsupported (`fact` names the undeclared capability), any
        ProviderError of the plugin unchanged, and ContractViolation. TypeError where the hub
        itself names a hook or an argument that does not exist.
        """
        if self._trace:
            return self._traced(slug, hook, arguments)
        return self._called(slug, hook, arguments)

    def _traced(self, slug: str, hook: str, arguments: Arguments) -> Any:
        begun, outcome = CLOCK.monotonic(), ""
        try:
            result = self._called(slug, hook, arguments)
            outcome = _kind(result)
        except ProviderError as error:
            outcome = f"{type(error).__name__} ({error.code})"
            raise
        finally:
            took = (CLOCK.monotonic() - begun) * 1000
            log.info("%s.%s: %s in %d ms", slug, hook, outcome or "a fault of the hub", took)
        return result

    def _called(self, slug: str, hook: str, arguments: Arguments) -> Any:
        _refuse_misuse(hook, arguments)
        _refuse_undeclared(self.registry.provider(slug), hook, arguments)
        result = _run(self._alone(slug, hook), slug, hook, arguments)
        _hold_to_the_hook(slug, hook, result, arguments)
        if isinstance(result, list):
            result[:] = [_mended(one, arguments) for one in result]
        return result

    def _alone(self, slug: str, hook: str) -> pluggy.HookCaller:
        manager = self.registry.manager
        others = [plugin for name, plugin in manager.list_name_plugin() if name != slug]
        caller = manager.subset_hook_caller(hook, others)
        left = [one.plugin_name for one in caller.get_hookimpls() if not _wraps(one)]
        if left != [slug]:
            raise ContractViolation(
                f"{slug}: {hook} would reach {', '.join(left) or 'nobody'}",
                code="isolation_broken",
            )
        return caller


def _run(caller: pluggy.HookCaller, slug: str, hook: str, arguments: Arguments) -> Any:
    try:
        return caller(**arguments)
    except ProviderError as error:
        raise _mended(error, arguments) from error.__cause__
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Only the type: the text of a stray exception may quote what the plugin was given.
        raise ContractViolation(f"{slug}: {hook} raised {type(error).__name__}") from error


def _mended(result: Any, arguments: Arguments) -> Any:
    """The same, an error without what cannot be kept and without the secrets handed over."""
    if not isinstance(result, ProviderError):
        return result
    given = arguments.get("connection")
    held: list[str] = []
    if isinstance(given, Connection):
        held = [*given.credentials.values(), *given.app.values()]
    for app in dict(arguments.get("apps") or {}).values():
        held += app.values()
    return heard.mended(result, held)


def _wraps(implementation: pluggy.HookImpl) -> bool:
    return implementation.wrapper or implementation.hookwrapper


def _refuse_misuse(hook: str, arguments: Arguments) -> None:
    if hook not in RESULTS:
        raise TypeError(f"{hook} is no hook that is dispatched")
    if set(arguments) != set(SPECS[hook]):
        raise TypeError(f"{hook} takes {', '.join(SPECS[hook])}, not {', '.join(arguments)}")


def _refuse_undeclared(provider: Provider, hook: str, arguments: Arguments) -> None:
    capability = capability_of(hook)
    if hook == "link_customer" and arguments["reference"] is None:
        capability = Capability.CREATE_CUSTOMER
    if capability is not None and not provider.can(capability):
        said = f"{provider.title} does not offer this: {capability.replace('_', ' ')}."
        raise Unsupported(said, fact=capability)


def _kind(result: object) -> str:
    if not isinstance(result, list):
        return type(result).__name__
    inner = sorted({type(one).__name__ for one in result})
    return f"list of {len(result)} ({', '.join(inner)})"


def _hold_to_the_hook(slug: str, hook: str, result: object, arguments: Arguments) -> None:
    try:
        sound, cause = RESULTS[hook](result, arguments), None
    except Exception as error:
        # Looking at it failed: a float in a document, say.
        sound, cause = False, error
    if not sound:
        raise ContractViolation(
            f"{slug}: {hook} answered {_kind(result)}, which the hook does not allow"
        ) from cause


def _one(*types: type) -> Check:
    return lambda result, _: isinstance(result, types) and _whole(result)


def _many(*types: type) -> Check:
    one = _one(*types)
    return lambda result, arguments: (
        isinstance(result, list) and all(one(item, arguments) for item in result)
    )


def _for_each_push(*types: type) -> Check:
    many = _many(*types)

    def check(result: Any, arguments: Arguments) -> bool:
        return many(result, arguments) and len(result) == len(arguments["pushes"])

    return check


def _document(result: object, _: Arguments) -> bool:
    return isinstance(result, Mapping) and _is_json(result)


def _changes(result: object, arguments: Arguments) -> bool:
    match result:
        case (effects, Mapping() as cursor):
            return _many(*get_args(Effect))(effects, arguments) and _is_json(cursor)
    return False


def _whole(value: object) -> bool:
    """Whether the fields that the hub computes with or stores are what they claim to be."""
    match value:
        case Receipt():
            return _is_receipt(value)
        case LinkedCustomer():
            return _is_customer(value)
        case Unfinished():
            return _document(value.progress, {})
        case Event():
            return _document(value.payload, {}) and _all_are(str, (value.id, value.external_id))
        case Credentials():
            return _all_are(str, tuple(value.secrets.values()))
    return True


def _is_receipt(value: Receipt) -> bool:
    amounts = (value.total, value.tax)
    words = (value.currency, value.customer, value.number, value.status, value.payment_code)
    return (
        _all_are(int, amounts)
        and all(abs(one) < LARGEST for one in amounts)
        and heard.fits(value.external_id, LONGEST_ID, 1)
        and all(heard.fits(one, LONGEST_ID) for one in words)
        and all(heard.fits(one, LONGEST_TEXT) for one in (value.url, value.payment_message))
        and (value.payment_status is None or value.payment_status in PaymentStatus)
    )


def _is_customer(value: LinkedCustomer) -> bool:
    words = (value.title, value.email, value.currency, *value.warnings)
    parts = (*value.parts, *value.parts.values())
    told = all(heard.fits(one, LONGEST_TEXT) for one in (*words, *parts))
    return told and heard.fits(value.reference, LONGEST_ID, 1)


def _all_are(kind: type, values: Sequence[object]) -> bool:
    return all(isinstance(one, kind) and not isinstance(one, bool) for one in values)


def _is_json(value: object) -> bool:
    # digest, not dumps: it also encodes, which a lone surrogate does not survive.
    return bool(canonical.digest(value))


RESULTS: Mapping[str, Check] = {
    "connect": _one(Form, Redirect, Grant),
    "link_customer": _one(LinkedCustomer),
    "plan_invoice": _document,
    "push_invoice": _one(Receipt),
    "find_invoice": _one(Receipt, Unfinished, NoneType),
    "push_invoices": _for_each_push(Receipt, ProviderError),
    "find_invoices": _for_each_push(Receipt, Unfinished, ProviderError, NoneType),
    "refresh": _one(Credentials),
    "search_customers": _many(LinkedCustomer),
    "setting_choices": _one(SettingChoices),
    "collect_payment_method": _one(HostedPage),
    "collect_invoice": _one(Receipt),
    "cancel_invoice": _one(Receipt),
    "receive_webhook": _many(Event),
    "work_event": _many(*get_args(Effect)),
    "poll_changes": _changes,
    "check_connection": _many(str),
    "disconnect": _one(bool),
}
"""What each hook may answer; a hook without an entry here is not dispatched."""
