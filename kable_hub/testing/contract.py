"""The contract as tests: one assignment, and every rule that applies to a plugin is a test.

    from kable_hub.testing import ProviderContract

    class TestAcme(ProviderContract):
        plugin = kable_acme_payments
        simulator = AcmeSimulator

Which rules apply follows from what the plugin declares; none is skipped. `examine` runs them
without pytest. The simulator answers to `kable_hub.testing.ContractSimulator`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

from kable_hub.provider import Provider
from kable_hub.testing.demands import LEVELS, MARK, Level, Rule
from kable_hub.testing.rules import (
    amounts,
    connecting,
    declaring,
    finding,
    hearing,
    keeping,
    linking,
    losing,
    manners,
    pushing,
    secrecy,
    several,
)
from kable_hub.testing.stage import ContractSimulator


@dataclass(frozen=True)
class Verdict:
    """What became of one rule: its name, level and text, and how it was broken, or empty."""

    name: str
    level: Level
    text: str
    broken: str = ""


class ProviderContract(
    declaring.Declaring,
    connecting.Connecting,
    secrecy.Secrecy,
    linking.Linking,
    pushing.Pushing,
    losing.Losing,
    manners.Manners,
    amounts.Amounts,
    finding.Finding,
    finding.Cancelling,
    several.Several,
    several.Choosing,
    keeping.Keeping,
    hearing.Hearing,
    hearing.Polling,
    hearing.Collecting,
):
    """Every rule. A subclass names its `plugin` (a module) and its `simulator` (a class)."""

    __test__: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Leave out the rules that do not apply to what the plugin declares."""
        super().__init_subclass__()
        if "plugin" not in vars(cls):
            return
        cls.__test__ = True
        provider = cls.plugin.provider()
        for name, one in rules(cls):
            if isinstance(provider, Provider) and not one.applies(provider):
                setattr(cls, name, None)


def rules(contract: type[ProviderContract] = ProviderContract) -> Iterator[tuple[str, Rule]]:
    """The names of a contract's rules with what is known of each, in their order."""
    names = [name for one in contract.__mro__ for name in vars(one)]
    for name in dict.fromkeys(names):
        if (found := getattr(getattr(contract, name, None), MARK, None)) is not None:
            yield name, found


def text_of(name: str) -> str:
    """A rule's own words, on one line."""
    return " ".join((getattr(ProviderContract, name).__doc__ or "").split())


def examine(plugin: ModuleType, simulator: type[ContractSimulator]) -> Iterator[Verdict]:
    """Run every rule that applies, one after the other; answers each as it is known."""
    contract = type("Contract", (ProviderContract,), {"plugin": plugin, "simulator": simulator})
    for name, one in rules(contract):
        yield Verdict(name, one.level, text_of(name), _broken(contract(), name))


def _broken(contract: ProviderContract, name: str) -> str:
    try:
        contract.setup_method()
        try:
            getattr(contract, name)()
        finally:
            contract.teardown_method()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def earned(verdicts: list[Verdict]) -> Level | None:
    """The highest level of which every rule is kept, and those of the levels before it."""
    best: Level | None = None
    for level in LEVELS:
        if any(one.broken for one in verdicts if one.level == level):
            return best
        best = level
    return best
