"""What goes wrong at a provider in the campaign of faults, by name.

A kind strikes single requests (`Strike`) or the world between two rounds (`WORLD`); each strike
is made by a random generator that belongs to the request alone, so that a seed repeats it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Literal

from werkzeug.http import http_date
from werkzeug.wrappers import Request

from kable_hub.clock import Clock
from kable_hub.testing import Fault

Sort = Literal["write", "read", "token", "other"]
PAGE = "<html><body><h1>Service Unavailable</h1></body></html>"
LONGEST_LATE = 100
"""Seconds; both providers declare that an unanswered write is settled after 120 at least."""


@dataclass(frozen=True)
class Scene:
    """A request that is about to be spoilt. `bodies` are the provider's own words by status."""

    request: Request
    chance: Random
    clock: Clock
    bodies: Mapping[int, str]

    def answered(self, status: int, **more: Any) -> Fault:
        """The provider answers with an error of its own."""
        given = {"Content-Type": "application/json", **more.pop("headers", {})}
        return Fault(status=status, body=self.bodies[status], headers=given, **more)

    def throttled(self, wait: str = "", **more: Any) -> Fault:
        """429, with or without a `Retry-After`."""
        return self.answered(429, headers={"Retry-After": wait} if wait else {}, **more)

    def date(self) -> str:
        """A moment within the next half minute, as HTTP writes it."""
        seconds = self.chance.randint(1, 30)
        return http_date(self.clock.now() + timedelta(seconds=seconds))


Make = Callable[[Scene], Fault]


@dataclass(frozen=True)
class Strike:
    """A kind of fault that strikes single requests of these sorts."""

    make: Make
    sorts: tuple[Sort, ...] = ("write", "read")


def _either(scene: Scene, **more: Any) -> Fault:
    stage: Literal["before", "after"] = scene.chance.choice(("before", "after"))
    return Fault(stage=stage, **more)


WRITES: tuple[Sort, ...] = ("write",)
STRIKES: Mapping[str, Strike] = {
    "reset before": Strike(lambda _: Fault(reset=True)),
    "lost after": Strike(lambda _: Fault(stage="after", reset=True), WRITES),
    "late": Strike(lambda on: Fault(late=on.chance.uniform(1, LONGEST_LATE)), WRITES),
    "5xx before": Strike(lambda on: on.answered(on.chance.choice((500, 502, 503)))),
    "500 after": Strike(lambda on: on.answered(500, stage="after"), WRITES),
    "hang": Strike(lambda on: _either(on, hang=True)),
    "slow": Strike(lambda on: _either(on, delay=0.05)),
    "truncated": Strike(lambda on: Fault(stage="after", truncate=on.chance.randint(0, 40))),
    "html": Strike(lambda on: _either(on, status=on.chance.choice((200, 502)), body=PAGE)),
    "down": Strike(lambda on: _either(on, down=True)),
    "429 seconds": Strike(lambda on: on.throttled(str(on.chance.randint(1, 30)))),
    "429 date": Strike(lambda on: on.throttled(on.date())),
    "429 bare": Strike(lambda on: on.throttled()),
    "429 after": Strike(lambda on: on.throttled("5", stage="after"), WRITES),
    "refresh lost": Strike(lambda _: Fault(stage="after", reset=True), ("token",)),
    "refresh slow": Strike(lambda _: Fault(stage="after", delay=0.2), ("token",)),
    "refresh refused": Strike(lambda on: on.answered(503), ("token",)),
}
KEPT = "500 kept"
"""A 500 that the provider stores under the key: the simulator's own switch makes it."""

WORLD = {
    "expiry": "every access token dies",
    "forgotten": "a day and an hour pass: keys are forgotten, tokens die of age",
    "deleted": "somebody deletes a document, or a draft, at the provider",
    "voided": "somebody voids a document at the provider",
    "webhooks": "webhooks come twice, late, out of order, or not at all",
}


def words(fault: Any, throttled: Any) -> dict[int, str]:
    """A provider's bodies by status: `fault` under every 5xx."""
    body = json.dumps(fault)
    return {500: body, 502: body, 503: body, 429: json.dumps(throttled)}
