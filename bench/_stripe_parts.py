"""The processes beside the hub at Stripe: a Stripe simulator, and a loop over the typed SDK.

Each prints one line of JSON when it stands; they end by SIGTERM, the loop with its input too.
"""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import stripe
from _said import cpu, say
from kable_stripe_payments.simulator import LIMITS, StripeSimulator

from kable_hub import Environment


def simulator(environment: str = "test", latency: str = "0", limits: str = "") -> None:
    """A Stripe with one merchant and one customer with a card; `latency` in seconds.

    `limits` keeps Stripe's published limits, and a log of the requests.
    """
    one = StripeSimulator(latency=float(latency))
    one.keep_log = bool(limits)
    one.limits = dict(LIMITS) if limits else None

    @one.app.get("/bench/usage")
    def usage() -> dict[str, Any]:
        marks = [document["marker"] for document in one.documents() if document["marker"]]
        counts = {"marked": len(marks), "distinct": len(set(marks)), "drafts": len(one.drafts())}
        return {**counts, "cpu": cpu(), "refused": one.refused}

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


def sdk(url: str, key: str, customer: str) -> None:
    """Make as many invoices as each line of the input says; answer seconds and CPU seconds."""
    client = stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)
    made = 0
    for line in sys.stdin:
        count, began, used = int(line), time.perf_counter(), cpu()
        for _ in range(count):
            made += 1
            one_invoice(client, customer, f"sdk-{made}")
        say({"seconds": time.perf_counter() - began, "cpu": cpu() - used})


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


PARTS: Mapping[str, Callable[..., None]] = {"simulator": simulator, "sdk": sdk}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
