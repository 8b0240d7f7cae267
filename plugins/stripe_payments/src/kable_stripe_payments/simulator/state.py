"""The simulated Stripe's memory: accounts, and per account and mode a ledger of objects."""

import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kable_stripe_payments.simulator.errors import ApiError, missing

Object = dict[str, Any]
_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """A fresh id in Stripe's style."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(24))}"


@dataclass
class Stored:
    """The first answer under an idempotency key."""

    request: str
    status: int
    body: Object
    at: float


@dataclass
class Ledger:
    """All objects of one account in one mode, by kind and id, oldest first."""

    account: str
    live: bool
    now: Callable[[], int]
    objects: dict[str, dict[str, Object]] = field(default_factory=dict)
    stored: dict[str, Stored] = field(default_factory=dict)
    other: "Ledger | None" = field(default=None, repr=False)

    def of(self, kind: str) -> dict[str, Object]:
        """The objects of a kind, `invoice` for instance."""
        return self.objects.setdefault(kind, {})

    def add(self, kind: str, prefix: str, values: Object) -> Object:
        """Keep a new object with id, mode and time of creation."""
        one = {
            "id": new_id(prefix),
            "object": kind,
            "livemode": self.live,
            "created": self.now(),
            "metadata": {},
            **values,
        }
        self.of(kind)[one["id"]] = one
        return one

    def get(self, kind: str, id: str, param: str = "id") -> Object:
        """An object by id; the refusal says where the id belongs to the other mode."""
        if id in self.of(kind):
            return self.of(kind)[id]
        hint, modes = "", ("live", "test") if self.other and self.other.live else ("test", "live")
        if self.other is not None and id in self.other.of(kind):
            hint = (
                f"; a similar object exists in {modes[0]} mode, but a {modes[1]} mode key was "
                "used to make this request."
            )
        raise missing(kind, id, param, hint)

    def page(self, kind: str, params: Object, url: str, keep: Callable[[Object], bool]) -> Object:
        """A page of a list, newest first, as `limit`, `starting_after` and `created` say."""
        rows = [one for one in reversed(self.of(kind).values()) if keep(one)]
        return page(_created(rows, params.get("created")), params, url)


def page(rows: Iterable[Object], params: Object, url: str) -> Object:
    """One page of `rows`, which are in Stripe's order."""
    rows, limit = list(rows), params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError(400, "Invalid limit: between 1 and 100", param="limit")
    if after := params.get("starting_after"):
        ids = [one["id"] for one in rows]
        if after not in ids:
            raise missing("object", after, "starting_after")
        rows = rows[ids.index(after) + 1 :]
    return {"object": "list", "url": url, "data": rows[:limit], "has_more": len(rows) > limit}


def _created(rows: list[Object], bounds: Any) -> list[Object]:
    if bounds is None:
        return rows
    low = bounds.get("gte", bounds.get("gt", -1) + 1)
    high = bounds.get("lte", bounds.get("lt", 10**12) - 1)
    return [one for one in rows if low <= one["created"] <= high]


@dataclass
class Account:
    """A merchant's account. `granted`: the modes in which it authorised the platform."""

    id: str
    name: str
    test: Ledger
    live: Ledger
    granted: set[bool] = field(default_factory=set)
    charges_enabled: bool = True

    def ledger(self, live: bool) -> Ledger:
        """The objects of one mode."""
        return self.live if live else self.test

    def reachable(self, live: bool) -> bool:
        """Whether the platform may act in this mode: a live grant covers both."""
        return True in self.granted or (not live and False in self.granted)

    def as_object(self) -> Object:
        """What GET /v1/account answers."""
        return {
            "id": self.id,
            "object": "account",
            "business_profile": {"name": self.name},
            "charges_enabled": self.charges_enabled,
            "country": "US",
            "default_currency": "usd",
            "settings": {"dashboard": {"display_name": self.name}},
        }


@dataclass(frozen=True)
class Key:
    """A restricted key of one account and mode, with the permissions it lacks."""

    account: str
    live: bool
    lacks: frozenset[str] = frozenset()
