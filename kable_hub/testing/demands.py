"""How a rule of the contract asks for something, and how it says that it was broken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kable_hub.errors import ProviderError
from kable_hub.provider import Capability, Provider

Level = Literal["bronze", "silver", "gold"]
LEVELS: tuple[Level, ...] = ("bronze", "silver", "gold")
"""What a plugin earns: every rule of a level and of those before it is kept."""

Function = TypeVar("Function", bound=Callable[..., None])
Error = TypeVar("Error", bound=BaseException)
MARK = "__rule__"


class RuleBroken(AssertionError):
    """A plugin broke a rule; the text says which answer or request was wrong."""


@dataclass(frozen=True)
class Condition:
    """Which providers a rule holds for. `said` goes on from "where it"."""

    said: str
    holds: Callable[[Provider], bool]


@dataclass(frozen=True)
class Rule:
    """The level a test belongs to, and the conditions under which it applies."""

    level: Level
    conditions: tuple[Condition, ...] = ()

    def applies(self, provider: Provider) -> bool:
        """Whether the rule holds for what this provider declares."""
        return all(one.holds(provider) for one in self.conditions)


def rule(level: Level, *conditions: Condition) -> Callable[[Function], Function]:
    """Mark a test as a rule of `level` for providers that fulfil all conditions."""

    def mark(function: Function) -> Function:
        setattr(function, MARK, Rule(level, conditions))
        return function

    return mark


def can(capability: Capability) -> Condition:
    """It applies to providers that declare this."""
    return Condition(f"declares `{capability}`", lambda provider: provider.can(capability))


keyed = Condition("honours idempotency keys", lambda provider: provider.dedupe.by == "key")
"""It applies to providers that honour idempotency keys."""


def demand(truth: object, said: str) -> None:
    """Raise RuleBroken with `said` unless `truth` holds."""
    if not truth:
        raise RuleBroken(said)


def refused(
    kinds: type[Error] | tuple[type[Error], ...], function: Callable[..., Any], *given: Any
) -> Error:
    """Call, and answer the error of one of these kinds that it has to raise."""
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    names = " or ".join(one.__name__ for one in wanted)
    try:
        answer = function(*given)
    except wanted as error:
        return error
    except ProviderError as error:
        said = f"{type(error).__name__} ({error.code}: {error.message})"
        raise RuleBroken(f"It raised {said}, where only {names} would be true.") from error
    raise RuleBroken(f"It answered {type(answer).__name__}, where only {names} would be true.")
