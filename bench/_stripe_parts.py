"""The processes beside the hub at Stripe: a Stripe simulator, and a loop over the typed SDK.

Each prints one line of JSON when it stands; they end by SIGTERM, the loop with its input too.
"""

import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import stripe
from _said import cpu, obey, one_by_one, say
from kable_stripe_payments.simulator import LIMITS, StripeSimulator

from kable_hub import Environment

TEST = Environment.TEST


def simulator(environment: str = "test", latency: str = "0", limits: str = "") -> None:
    """A Stripe with one merchant and one customer with a card; `latency` in seconds.

    `limits` keeps Stripe's published limits, and a log of the requests.
    """
    one = Breaking(float(latency))
    one.keep_log = bool(limits)
    one.limits = dict(LIMITS) if limits else None

    @one.app.get("/bench/usage")
    def usage() -> dict[str, Any]:
        marks = [document["marker"] for document in one.documents() if document["marker"]]
        counts = {"marked": len(marks), "distinct": len(set(marks)), "drafts": len(one.drafts())}
        return {**counts, "cpu": cpu(), "refused": one.refused}

    @one.app.get("/bench/break/<int:percent>")
    def breaking(percent: int) -> dict[str, Any]:
        one.share = percent / 100
        return {}

    @one.app.get("/bench/ledger")
    def ledger() -> list[tuple[str, bool]]:
        """Whose each document is, by the hub's marker or by the loops' number, and whether it is
        final."""
        drawn = [each for found in one.all_ledgers() for each in found.of("invoice").values()]
        return [(whose(each["metadata"]), each["status"] != "draft") for each in drawn]

    @one.app.get("/bench/latest")
    def latest() -> dict[str, float]:
        """When the newest final invoice was first asked for, and how many are final."""
        return {"first": one.firsts[-1] if one.firsts else 0.0, "count": len(one.firsts)}

    @one.app.get("/bench/finalized")
    def finalized() -> list[float]:
        """When each invoice was made final, in seconds."""
        return [seen.at for seen in one.seen("POST", "/finalize$") if seen.status == 200]

    mode = Environment(environment)
    account = one.add_account("Bench").id
    key = one.add_key(account, mode)
    customer = one.add_customer(account, mode)
    with one:
        said = {"url": one.url, "key": key, "customer": customer}
        say({**said, "configuration": one.configuration()})
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


def crowd(count: str, latency: str, permitted: str = "") -> None:
    """A Stripe with so many merchants, a customer each; `permitted` calls a second for each."""
    one = Breaking(0.0)
    one.keep_log = True
    if permitted:
        one.limits = {"test": int(permitted), "endpoint": int(permitted), "search": 20}
        # From the first: what the hub has seen answered at once it holds possible for a while.
        one.latency = float(latency)
    whose = {}
    for number in range(int(count)):
        account = one.add_account(f"Bench {number}").id
        key, customer = one.add_key(account, TEST), one.add_customer(account, TEST)
        whose[key] = {"place": number, "key": key, "customer": customer}

    @one.app.get("/bench/begin")
    def begin() -> dict[str, Any]:
        """From now on it takes its time, and the log is empty."""
        one.latency = float(latency)
        one.requests.clear()
        return {}

    @one.app.get("/bench/finals/<int:least>")
    def finals(least: int) -> dict[str, int]:
        """How many final invoices the merchants from this place on have."""
        chosen = [ledger for ledger in one.all_ledgers() if not ledger.live][least:]
        drawn = [each for ledger in chosen for each in ledger.of("invoice").values()]
        return {"final": sum(each["status"] != "draft" for each in drawn)}

    @one.app.get("/bench/calls")
    def calls() -> dict[str, Any]:
        """Of each call: when it was answered, whose it was, and whether it made one final."""
        found = [
            (seen.at, whose[key]["place"], seen.path.endswith("/finalize") and seen.status == 200)
            for seen in list(one.requests)
            if (key := seen.header("authorization").removeprefix("Bearer ")) in whose
        ]
        return {"calls": found, "refused": one.refused, "cpu": cpu()}

    with one:
        said = {"url": one.url, "merchants": list(whose.values())}
        say({**said, "configuration": one.configuration()})
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


class Breaking(StripeSimulator):
    """Does a share of what is written and then answers 500, as it goes on to under that key."""

    share = 0.0
    chance = random.Random(5)

    def __init__(self, latency: float) -> None:
        self.firsts: list[float] = []
        """When each final invoice was first asked for, where one is made after another."""

        self._began = 0.0
        super().__init__(latency=latency)

    def admit(self, request: Any) -> Any:
        """Note when the first request since the last invoice came."""
        if request.path.startswith("/v1/"):
            self._began = self._began or time.time()
            if request.path.endswith("/finalize"):
                self.firsts.append(self._began)
                self._began = 0.0
        return super().admit(request)

    def take_failure(self, request: str) -> Literal["", "before", "after"]:
        """The failure for a request."""
        hit = request.startswith("POST /v1/invoices") and self.chance.random() < self.share
        return "after" if hit else super().take_failure(request)


def whose(metadata: Mapping[str, str]) -> str:
    """The hub's invoice id, or the number that a loop gave."""
    return metadata.get("number") or metadata.get("hub_marker", "").rpartition("/")[2]


def sdk(url: str, key: str, customer: str) -> None:
    """Make as many invoices as each line of the input says; answer seconds and CPU seconds."""
    client = client_of(url, key)
    push = one_by_one(lambda number: one_invoice(client, customer, number), stripe.StripeError)
    obey("sdk", push, cpu)


def client_of(url: str, key: str) -> stripe.StripeClient:
    """The typed client, with the two retries that it makes of itself."""
    return stripe.StripeClient(key, base_addresses={"api": url})


def one_invoice(client: stripe.StripeClient, customer: str, number: str) -> None:
    """The four calls that the hub makes for an invoice of two lines."""
    client.v1.customers.retrieve(customer)
    head: Any = {
        "customer": customer,
        "currency": "usd",
        "auto_advance": False,
        "automatic_tax": {"enabled": False},
        "discounts": "",
        "pending_invoice_items_behavior": "exclude",
        "collection_method": "charge_automatically",
        "metadata": {"number": number},
        "custom_fields": [{"name": "Invoice number", "value": number}],
    }
    lines: Any = [
        {"amount": amount, "description": text, "discountable": False, "metadata": {"line": "1"}}
        for text, amount in (("Hub subscription, November", 24900), ("Additional seats", 7800))
    ]
    invoice = client.v1.invoices.create(head, {"idempotency_key": f"{number}-create"})
    client.v1.invoices.add_lines(invoice.id, {"lines": lines}, {"idempotency_key": f"{number}-add"})
    client.v1.invoices.finalize_invoice(
        invoice.id, {"auto_advance": True}, {"idempotency_key": f"{number}-finalize"}
    )


PARTS: Mapping[str, Callable[..., None]] = {"simulator": simulator, "crowd": crowd, "sdk": sdk}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
