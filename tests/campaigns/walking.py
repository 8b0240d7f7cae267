"""Walk all steps of all scenes on one stage: die there, let another process go on, be judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kable_hub.sync import access
from tests import stores
from tests.campaigns.dying import killed_at, steps_of
from tests.campaigns.judge import Accepted, faults
from tests.campaigns.scenes import HOUR, SCENES, Scene
from tests.quickbooks.stage import stage as quickbooks
from tests.shop import Shop
from tests.stripe.stage import stage as stripe

REFRESH_LEASE = access.REFRESH_LEASE_MS / 1000
STAGES = {"stripe": stripe, "quickbooks": quickbooks}


@dataclass
class Walk:
    """`met`: the steps that were met, by name and moment; `deaths`: of each invoice's number,
    what died with it; `spared`: the numbers of those that need not have arrived."""

    stage: Shop
    reference: str
    met: set[str] = field(default_factory=set)
    deaths: dict[str, str] = field(default_factory=dict)
    spared: set[str] = field(default_factory=set)
    died: int = 0
    renewed: float = 0.0

    def through(self, scene: Scene, *, every: bool = False) -> None:
        """Die at each step of a scene: at each that no scene before had, or at `every` one."""
        self._prepared(scene, "nobody died")
        steps = steps_of(self.stage, scene.work)
        self._go_on(scene, [])
        for step in steps:
            name = f"{step.name} {step.moment}"
            fresh = scene.calls if step.name == "call" else name not in self.met
            self.met.add(name)
            if every or fresh:
                numbers = self._prepared(scene, f"{scene.name}: died at {step}")
                killed_at(self.stage, scene.work, step)
                self.died += 1
                self._go_on(scene, numbers)

    def _prepared(self, scene: Scene, death: str) -> list[str]:
        """Begin a scene; what becomes of its invoices belongs to this death."""
        if not scene.refreshes:
            self._renew()
        numbers = scene.prepare(self.stage)
        self.deaths |= dict.fromkeys(numbers, death)
        if not scene.arrives:
            self.spared |= set(numbers)
        return numbers

    def _renew(self) -> None:
        """Credentials that are about to expire are renewed by a push of its own, so that the
        steps of a scene are the same every time."""
        if self.stage.clock.monotonic() - self.renewed > HOUR / 2:
            self.stage.clock.advance(HOUR)
            self.deaths |= dict.fromkeys([self.stage.push()["number"]], "nobody died")
            self.renewed = self.stage.clock.monotonic()

    def _go_on(self, scene: Scene, numbers: list[str]) -> None:
        """Another process does what is left. What got no answer is sent again; a person connects
        again where an answer with new credentials died with the process."""
        self.stage.simulator.clear_faults()
        for number in numbers if scene.accepts else []:
            if self._row(number) is None:
                self.stage.invoice(number)
        if scene.refreshes:
            self.stage.clock.advance(REFRESH_LEASE)
        self.stage.until_quiet()
        if scene.refreshes and self.stage.get(f"/connections/{self.stage.slug}")["pauses"]:
            vars(type(self.stage))["connect"](self.stage)
            self.stage.until_quiet()

    def judged(self) -> Iterator[str]:
        """Every fault, with the death that brought it about."""
        accepted = [self._accepted(number) for number in self.deaths]
        ledgers = {self.stage.slug: self.stage.simulator}
        for said in faults(self.stage.get, accepted, ledgers, environment="test"):  # type: ignore[arg-type]
            yield f"{said} [{self.deaths.get(said.split(' ')[0].rstrip(':'), '')}]"

    def _accepted(self, number: str) -> Accepted:
        row = self._row(number)
        states = [one["state"] for one in row["deliveries"]]
        arrives = number not in self.spared or states == ["delivered"]
        one = Accepted.of(row, {self.stage.slug: self.reference} if arrives else {})
        assert one.total == 1999, row
        return one

    def _row(self, number: str) -> Any:
        found = self.stage.get(f"/invoices?number={number}&limit=200")["items"]
        return next((one for one in found if one["number"] == number), None)


@contextmanager
def walk(provider: str, store: str, folder: Path) -> Iterator[Walk]:
    """A stage of this provider over this store, connected."""
    url = stores.fresh_database_url(store, folder, prepare=stores.migrated)
    try:
        with STAGES[provider](folder, DATABASE_URL=url) as stage:
            stage.connect()
            made = stage.customer()
            reference = made if isinstance(made, str) else "28"
            yield Walk(stage, reference)
    finally:
        stores.drop_database(url)


def scenes(provider: str) -> list[Scene]:
    """Those that are met at a provider."""
    return [one for one in SCENES if one.slug in ("", provider)]
