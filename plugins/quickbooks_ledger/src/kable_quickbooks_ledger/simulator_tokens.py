"""Tokens of the simulated Intuit: families of refresh tokens that rotate and end."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

ACCESS = timedelta(hours=1)
IDLE = timedelta(days=100)
HARD = timedelta(days=5 * 365)


@dataclass(frozen=True)
class Keys:
    """The keys of an app in one environment."""

    client_id: str
    client_secret: str
    environment: str


@dataclass
class Family:
    """One authorisation: the refresh token that counts, and those that still do for a while."""

    realm: str
    environment: str
    client_id: str
    born: datetime
    used: datetime
    rotated: datetime
    current: str
    previous: str = ""
    revoked: bool = False


@dataclass
class Tokens:
    """`rotation`: `always` kills a refresh token with its use, `daily` keeps its value for a
    day, `grace` honours the previous one for `grace` seconds. `refreshes` counts.
    """

    now: Callable[[], datetime]
    rotation: Literal["always", "daily", "grace"] = "always"
    grace: float = 30.0
    refreshes: int = 0
    families: list[Family] = field(default_factory=list)
    _access: dict[str, tuple[Family, datetime]] = field(default_factory=dict)

    def found(self, keys: Keys, realm: str) -> Family:
        """Begin an authorisation."""
        now, token = self.now(), _new_token()
        family = Family(realm, keys.environment, keys.client_id, now, now, now, token)
        self.families.append(family)
        return family

    def bearer(self, header: str) -> Family | None:
        """The authorisation behind an Authorization header, if its token still lives."""
        family, ends = self._access.get(header.removeprefix("Bearer "), (None, None))
        if family is None or ends is None or family.revoked or self.now() >= ends:
            return None
        return family

    def expire_access_tokens(self) -> None:
        """Let every access token die now."""
        self._access.clear()

    def rotate(self, keys: Keys, token: str) -> Family | None:
        """Use a refresh token; None where it no longer counts."""
        family, now = self.family(token), self.now()
        if family is None or family.revoked or family.client_id != keys.client_id:
            return None
        if now - family.used > IDLE or now - family.born > HARD:
            return None
        self.refreshes += 1
        family.used = now
        if self.rotation != "daily" or now - family.rotated >= timedelta(days=1):
            family.previous, family.current = family.current, _new_token()
            family.rotated = now
        return family

    def family(self, token: str) -> Family | None:
        """The authorisation that a refresh or access token belongs to."""
        for family in self.families:
            if token == family.current or (token == family.previous and self._kept(family)):
                return family
        found = self._access.get(token)
        return found[0] if found else None

    def _kept(self, family: Family) -> bool:
        age = (self.now() - family.rotated).total_seconds()
        return self.rotation == "grace" and age < self.grace

    def reply(self, family: Family, *, hard_end: bool = False) -> dict[str, Any]:
        """A token reply with a fresh access token; `hard_end` tells the end of it all."""
        access, now = _new_token(), self.now()
        self._access[access] = (family, now + ACCESS)
        reply = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": int(ACCESS.total_seconds()),
            "refresh_token": family.current,
            "x_refresh_token_expires_in": int(IDLE.total_seconds()),
        }
        if hard_end:
            ends = family.born + HARD - now
            reply["x_refresh_token_hard_expires_in"] = int(ends.total_seconds())
        return reply


def _new_token() -> str:
    return secrets.token_urlsafe(48)
