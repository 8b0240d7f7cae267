"""One run of the campaign of faults: a hub, a provider's simulator on sockets, one virtual time.

Invoices are accepted through the HTTP API while requests to the provider are spoilt, webhooks go
astray and people meddle at the provider; then it is worked until nothing is to be done. The
hub's rules are its own but for one number: a request that hangs is given up after `PATIENCE`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from kable_hub.sync import endings, gate
from tests.campaigns.faults_kinds import LONGEST_LATE
from tests.campaigns.faults_plan import Plan, Struck
from tests.campaigns.faults_sides import CURRENCIES, SIDES, Side
from tests.campaigns.judge import Accepted, faults
from tests.shop import TEST
from tests.web.site import invoice

PATIENCE = 0.3
"""Seconds of real time that a request may hang in place of 30: the wait is on a socket."""

PORTIONS = (1, 1, 1, 1, 2, 3, 6, 12)
GAPS = (0, 0, 1, 4, 20)
WORLD_RATE = 0.08
DAY_AND_HOUR = 25 * 3600
ROUNDS = 200


@dataclass
class Outcome:
    """What a run came to. `found`: everything that is not once and right. `struck` by kind, with
    the numbers of the invoices. `virtual`: the seconds that went by on the run's own clock."""

    accepted: int
    found: list[str]
    struck: Mapping[str, Struck]
    requests: int
    virtual: float

    def hit(self) -> dict[str, int]:
        """How many of the findings name an invoice that a kind struck, by kind."""
        words = [set(re.findall(r"F-\d+", said)) for said in self.found]
        return {
            name: sum(bool(one.invoices & said) for said in words)
            for name, one in self.struck.items()
        }


@dataclass
class Meddled:
    """A ledger as it would stand had nobody meddled with final documents: each that somebody
    voided or deleted counts as it was, as long as nothing else stands in its place."""

    ledger: Any
    was: dict[str, dict[str, Any]] = field(default_factory=dict)

    def documents(self) -> list[dict[str, Any]]:
        """Every final document."""
        there = {one["external_id"]: one for one in self.ledger.documents()}
        stands = {one["marker"] for one in there.values()}
        gone = {one["marker"]: one for one in self.was.values() if one["marker"] not in stands}
        return [*(self.was.get(id_, one) for id_, one in there.items()), *gone.values()]

    def drafts(self) -> list[dict[str, Any]]:
        """Every unfinished one."""
        return list(self.ledger.drafts())

    def ids(self) -> set[str]:
        """The invoices somebody meddled with, by id."""
        return {one["marker"].rpartition("/")[2] for one in self.was.values()}


class Run:
    """A hub at work while everything goes wrong. `invoices` are to be accepted in all, in
    portions of one of these sizes."""

    def __init__(
        self, side: Side[Any], plan: Plan, invoices: int, portions: Sequence[int] = PORTIONS
    ) -> None:
        self.side, self.plan, self.invoices, self.portions = side, plan, invoices, portions
        self.shop, self.simulator = side.shop, side.shop.simulator
        self.chance = Random(f"{plan.seed} world")
        self.meddled = Meddled(self.simulator)
        self.accepted: list[Accepted] = []
        self.found: list[str] = []
        self.lost: set[str] = set()
        self.late: list[Any] = []
        self.reconnects = 0

    def go(self) -> Outcome:
        """Everything; what it came to."""
        self.simulator.trouble(self.plan.choose)
        while len(self.accepted) < self.invoices:
            self._post()
            self._round()
            self.shop.clock.advance(self.chance.choice(GAPS))
        self._until_quiet()
        self._judge()
        return Outcome(
            len(self.accepted),
            self.found,
            self._named(),
            len(self.simulator.requests),
            self.shop.clock.monotonic(),
        )

    def _post(self) -> None:
        """A portion through the API; a few are of a customer that is linked nowhere."""
        left = self.invoices - len(self.accepted)
        bodies = [self._body() for _ in range(min(left, self.chance.choice(self.portions)))]
        results = self.shop.made("/invoices/bulk", {"invoices": bodies})["results"]
        for body, result in zip(bodies, results, strict=True):
            shown = result["invoice"]
            there = self.side.references.get(body["customer"])
            goes = {} if there is None else {self.side.slug: there}
            self.accepted.append(Accepted.of(shown, goes))

    def _body(self) -> dict[str, Any]:
        self.shop.numbers += 1
        name = self.chance.choice((*CURRENCIES * 6, "none"))
        lines = [
            {"description": f"part {n}", "unitPrice": f"{self.chance.randint(1, 99999) / 100:.2f}"}
            for n in range(self.chance.randint(1, 4))
        ]
        currency = "USD" if name == "none" else name
        more = {"customer": f"c-{name}", "currency": currency, "lines": lines}
        return invoice(f"F-{self.shop.numbers}", **more)

    def _round(self) -> None:
        self._meddle()
        self.shop.work()
        self._after()

    def _after(self) -> None:
        """What a person and the network do once the hub has done what it can."""
        if self.plan.downs:
            self.plan.downs = 0
            self.simulator.stop()
            self.simulator.start()
        self._webhooks()
        self._reconnect()

    def _until_quiet(self) -> None:
        for place in range(self.invoices + ROUNDS):
            self._round()
            wait = self.shop.next_wait()
            if wait is None and not self.late:
                return
            self.shop.clock.advance(wait or 60.0)
            if place == max(40, self.invoices):
                self.simulator.clear_faults()
        self.found.append("there is no end of it")

    def _named(self) -> dict[str, Struck]:
        """The strikes with the numbers of the invoices they hit, also by a document's id."""
        numbers = {one.id: one.number for one in self.accepted}
        ids = {
            one["external_id"]: one["marker"].rpartition("/")[2]
            for one in self.simulator.documents()
        }
        return {
            name: Struck(one.times, {numbers[i] for i in one.on(ids) if i in numbers})
            for name, one in self.plan.struck.items()
        }

    # --- the world -----------------------------------------------------------------------------

    def _happens(self, name: str) -> bool:
        happens = name in self.plan.kinds and self.chance.random() < self.plan.world
        if happens:
            self.plan.note(name)
        return happens

    def _meddle(self) -> None:
        if self._happens("expiry"):
            self.side.expire(self.chance)
        if self._happens("forgotten"):
            # What is late comes while its key is known, as it would.
            self.shop.clock.advance(LONGEST_LATE)
            self.simulator.catch_up()
            self.shop.clock.advance(DAY_AND_HOUR)
        if self._happens("voided") and (there := self._untouched()):
            one = self.chance.choice(there)
            self.meddled.was[one["external_id"]] = one
            self.side.void(one["external_id"])
        if self._happens("deleted"):
            gone = self.side.delete(self.chance)
            if gone is not None:
                self.meddled.was.setdefault(gone["external_id"], gone)
        if "webhooks" in self.plan.kinds and self.chance.random() < self.plan.world:
            self.side.pay(self.chance)

    def _untouched(self) -> Sequence[dict[str, Any]]:
        paid = self.side.paid()
        return [
            one
            for one in self.simulator.documents()
            if one["external_id"] not in self.meddled.was and not paid.get(one["external_id"])
        ]

    def _webhooks(self) -> None:
        """Some come twice, later, in another order, or never."""
        if "webhooks" not in self.plan.kinds:
            return
        new, self.late = [*self.late, *self.side.told()], []
        if len(new) > 1 and self.chance.random() < 0.2:
            self.chance.shuffle(new)
        for event in new:
            fate = self.chance.random()
            if fate < 0.15:
                self.plan.note("webhooks")
            if fate < 0.03:
                self.lost.add(str(event))
            elif fate < 0.08:
                self.late.append(event)
            else:
                self._bring(event, twice=fate < 0.15)

    def _bring(self, event: Any, *, twice: bool) -> None:
        for _ in range(1 + twice):
            status = self.side.bring(event)
            if status != 200:
                self.found.append(f"a webhook was answered with {status}")

    def _reconnect(self) -> None:
        """A person connects again where the hub asks for it; it may ask only if a new refresh
        token was lost on its way."""
        connection = next(
            one for one in self.shop.get("/connections")["items"] if one["environment"] == "test"
        )
        if connection["state"] == "active":
            return
        lost = self.plan.struck.get("refresh lost", Struck()).times
        self.reconnects += 1
        if self.reconnects > lost:
            self.found.append(f"the connection is paused for nothing: {connection['pauses']}")
        self.simulator.trouble(lambda _: None)
        self.side.connect()
        self.simulator.trouble(self.plan.choose)

    # --- the verdict ---------------------------------------------------------------------------

    def _judge(self) -> None:
        self.simulator.clear_faults()
        self.simulator.catch_up()
        ledgers = {self.side.slug: self.meddled}
        said = faults(self.shop.get, self.accepted, ledgers, environment=TEST.value)
        touched = {one.number for one in self.accepted if one.id in self.meddled.ids()}
        self.found += [
            one for one in said if not (" differs by " in one and one.split(" ")[0] in touched)
        ]
        self.found += self.side.refreshed_twice()


@contextmanager
def hurried(seed: int) -> Iterator[None]:
    """Requests that hang are given up soon, and the jitter of back-offs comes from the seed."""
    kept = gate.READ_TIMEOUT, endings._CHANCE
    gate.READ_TIMEOUT, endings._CHANCE = PATIENCE, Random(seed)  # type: ignore[assignment]
    try:
        yield
    finally:
        gate.READ_TIMEOUT, endings._CHANCE = kept


def campaign(
    folder: Path,
    provider: str,
    *,
    seed: int,
    invoices: int,
    rate: float,
    kinds: Collection[str] = (),
    portions: Sequence[int] = PORTIONS,
    world: float = WORLD_RATE,
    **environ: str,
) -> Outcome:
    """Run once. `kinds` are all that the provider knows where none is named; `world` is how
    often something happens between two rounds; `environ` are variables of the hub,
    `DATABASE_URL` for another store."""
    kind = SIDES[provider]
    with hurried(seed), kind.opened(folder, **environ) as shop:
        side = kind(shop)
        chosen = [name for name in kind.kinds if not kinds or name in kinds]
        plan = Plan(seed, rate, world, chosen, shop.clock, side.sort_of, side.bodies, side.keep)
        return Run(side, plan, invoices, portions).go()
