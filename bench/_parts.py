"""The processes that the benchmarks measure: a Stripe simulator, a hub, a loop over the SDK.

Each prints one line of JSON when it stands; they end by SIGTERM, the loop with its input too.
"""

import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import kable_quickbooks_ledger
import kable_stripe_payments
import stripe
from flask import Flask
from kable_stripe_payments.simulator import LIMITS, StripeSimulator

from kable_hub import Environment, hookimpl
from kable_hub.demo.stage import free_port
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.sync.loop import EmbeddedEngine
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import start_engine
from kable_hub.web.app import create_app
from kable_hub.web.server import serve

PLUGINS = {"stripe": kable_stripe_payments, "quickbooks": kable_quickbooks_ledger}


def say(value: Any) -> None:
    """Tell the measuring process."""
    print(json.dumps(value), flush=True)


def cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


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


def hub(
    folder: str, configuration: str, environment: str, limits: str, name: str = "stripe"
) -> None:
    """A hub at a free port, one plugin with or without the limits that it declares."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    own = {"KABLE_DATA_DIR": folder, "KABLE_PUBLIC_URL": url, "KABLE_LOG_LEVEL": "ERROR"}
    settings = Settings.load({**json.loads(configuration), **own})
    plugin = PLUGINS[name]
    registry = Registry.of(plugin if limits else unlimited(plugin))
    opened = open_hub(settings, registry=registry)
    account = accounts.create_account(opened, "Bench", "paid").id
    made = accounts.create_api_key(opened, account, Environment(environment))
    say({"url": url, "key": made.secret})
    serve_measured(opened, port)


def serve_measured(opened: Hub, port: int) -> None:
    """Serve with the engine in the same process, as `kable-hub serve` does."""
    app: Flask = create_app(opened)
    app.add_url_rule("/bench/usage", view_func=lambda: {"cpu": cpu()})
    engines: list[EmbeddedEngine] = []

    def stop() -> None:
        for engine in engines:
            engine.stop()

    start = lambda: engines.append(start_engine(opened))  # noqa: E731
    serve(app, "127.0.0.1", port, on_start=start, on_stop=stop)


def unlimited(plugin: ModuleType) -> ModuleType:
    """The plugin, declaring no limits."""
    copy = ModuleType(plugin.__name__)
    vars(copy).update(vars(plugin))
    declared = replace(plugin.provider(), limits=())
    copy.provider = hookimpl(lambda: declared)  # type: ignore[attr-defined]
    return copy


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


PARTS: Mapping[str, Callable[..., None]] = {"simulator": simulator, "hub": hub, "sdk": sdk}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
