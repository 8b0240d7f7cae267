"""Which request is spoilt, and how: decided by the seed and the request's place, not by its time.

The n-th request of a path gets the same fault in every run of a seed, whichever thread sends it
and whatever happened to the others.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random

from werkzeug.wrappers import Request

from kable_hub.clock import ManualClock
from kable_hub.testing import Fault
from tests.campaigns.faults_kinds import KEPT, STRIKES, Scene, Sort

INVOICE = re.compile(r"inv_[0-9A-Z]{26}")
_ID = re.compile(r"/(in_\w+|\d{3,})")
SELDOM = ("hang", "slow")
"""These take real time."""

HUNG = 5.0
"""Virtual seconds that go by while somebody waits for an answer that does not come."""


@dataclass
class Struck:
    """How often a kind was injected, and on what: the invoices that stood in the request, and
    its path, where Stripe's id of a document may stand."""

    times: int = 0
    invoices: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)

    def on(self, ids: Mapping[str, str]) -> set[str]:
        """The ids of all invoices it hit; `ids` are those of documents at the provider."""
        named = (ids.get(word) for path in self.paths for word in path.split("/"))
        return self.invoices | {one for one in named if one}


@dataclass
class Plan:
    """The strikes of a run: of requests at a `rate`, of the `world` in each round.

    `sort_of` says what a request is; `bodies` are the provider's words by status; `keep` lets
    the provider store a 500 under the request's key.
    """

    seed: int
    rate: float
    world: float
    kinds: Collection[str]
    clock: ManualClock
    sort_of: Callable[[Request], Sort]
    bodies: Mapping[int, str]
    keep: Callable[[Request, str], object]
    struck: dict[str, Struck] = field(default_factory=dict)
    downs: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    def choose(self, request: Request) -> Fault | None:
        """The fault of this request, or None. Called one at a time."""
        sort = self.sort_of(request)
        place = f"{request.method} {_ID.sub('/id', request.path)}"
        self._seen[place] += 1
        chance = Random(f"{self.seed} {place} {self._seen[place]}")
        named = [name for name in self.kinds if sort in _sorts(name)]
        rate = 0.5 if sort == "token" else self.rate
        if not named or chance.random() >= rate:
            return None
        weights = [1 if name in SELDOM else 4 for name in named]
        (name,) = chance.choices(named, weights)
        self.note(name, request)
        if name == KEPT:
            self.keep(request, chance.choice(("before", "after")))
            return None
        fault = STRIKES[name].make(Scene(request, chance, self.clock, self.bodies))
        self.downs += fault.down
        if fault.hang or fault.delay:
            self.clock.advance(HUNG)
        return fault

    def note(self, name: str, request: Request | None = None) -> None:
        """Count a strike."""
        one = self.struck.setdefault(name, Struck())
        one.times += 1
        if request is not None:
            one.paths.add(request.path)
            one.invoices |= set(INVOICE.findall(request.get_data(as_text=True)))


def _sorts(name: str) -> tuple[Sort, ...]:
    if name == KEPT:
        return ("write",)
    return STRIKES[name].sorts if name in STRIKES else ()
