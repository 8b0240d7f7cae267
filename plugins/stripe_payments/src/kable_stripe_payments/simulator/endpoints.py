"""The simulated webhook endpoints: who hears of an event, signed with what, and again if need be.

A Connect endpoint hears of the accounts that authorised the platform, an account's own endpoint
of that account, without its id. Nothing is retried by itself: `missed` keeps what got no 2xx,
and `redeliver` brings it once more, as Stripe would for days.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import requests

from kable_stripe_payments.simulator import events
from kable_stripe_payments.simulator.state import Object, new_id

if TYPE_CHECKING:
    from kable_stripe_payments.simulator import StripeSimulator


@dataclass
class Endpoint:
    """Where events go. `account` empty: a Connect endpoint. `kinds` empty: every event.
    `secrets`: the newest first; while there are several, each signs."""

    url: str
    live: bool
    account: str = ""
    thin: bool = False
    kinds: frozenset[str] = frozenset()
    secrets: list[str] = field(default_factory=lambda: [new_id("whsec")])

    def rotate(self) -> str:
        """Make a new secret, which signs beside the old one until that is dropped; the new."""
        self.secrets.insert(0, new_id("whsec"))
        return self.secrets[0]

    def hears(self, sim: "StripeSimulator", event: Object) -> bool:
        """Whether an event comes here: a live Connect endpoint also gets the test events of
        accounts connected live, a test endpoint those of accounts connected in test."""
        if self.kinds and event["type"] not in self.kinds:
            return False
        if self.account:
            return (self.account, self.live) == (event["account"], event["livemode"])
        granted = sim.accounts[event["account"]].granted
        return self.live in granted and (self.live or not event["livemode"])

    def headers(self, body: bytes, at: int) -> dict[str, str]:
        """What a delivery of `body` carries."""
        signed = [events.signature(body, secret, at) for secret in self.secrets]
        more = [one.partition(",")[2] for one in signed[1:]]
        signature = ",".join([signed[0], *more])
        return {"Content-Type": "application/json", "Stripe-Signature": signature}


class Delivery(NamedTuple):
    """One event on its way to one endpoint."""

    endpoint: Endpoint
    event: Object

    def body(self, account: str) -> bytes:
        """The bytes; an account's own endpoint is not told which account it is."""
        told = dict(self.event)
        if account:
            told.pop("account", None)
            told.pop("context", None)
        return json.dumps(told, default=str).encode()


def deliveries(sim: "StripeSimulator", event: Object) -> Iterator[Delivery]:
    """An event for each endpoint that hears of it."""
    for endpoint in sim.listening():
        if endpoint.hears(sim, event):
            told = events.as_thin(event) if endpoint.thin else event
            yield Delivery(endpoint, told)


def send(sim: "StripeSimulator", delivery: Delivery) -> int:
    """Bring one event; the status of the answer, 0 where there was none."""
    endpoint, body = delivery.endpoint, delivery.body(delivery.endpoint.account)
    at = int(sim.clock.now().timestamp())
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                endpoint.url,
                data=body,
                headers=endpoint.headers(body, at),
                timeout=10,
                allow_redirects=False,
            )
            status = answer.status_code
        except requests.RequestException:
            status = 0
    if not 200 <= status < 300:
        sim.missed.append(delivery)
    return status


def deliver(sim: "StripeSimulator", event: Object) -> None:
    """Send an event to whoever listens, in a thread: the sender must not hold the lock."""
    for delivery in deliveries(sim, event):
        threading.Thread(target=send, args=(sim, delivery), daemon=True).start()


def redeliver(sim: "StripeSimulator") -> int:
    """Bring what got no 2xx once more; how many got one now."""
    again, sim.missed = sim.missed, []
    return sum(200 <= send(sim, one) < 300 for one in again)
