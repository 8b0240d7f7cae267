"""The hub that the benchmarks measure, as a process of its own.

It prints one line of JSON when it stands, and ends by SIGTERM.
"""

import json
import signal
import sys
import threading
from dataclasses import replace
from types import ModuleType

import kable_quickbooks_ledger
import kable_stripe_payments
from _said import cpu, say
from flask import Flask

from kable_hub import Environment, Limit, hookimpl
from kable_hub.demo.stage import free_port
from kable_hub.plugins import Registry
from kable_hub.settings import Settings
from kable_hub.sync.engine import Engine
from kable_hub.usecases import accounts
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import beside_web, engine_of
from kable_hub.web.app import create_app
from kable_hub.web.server import serve

PLUGINS = {"stripe": kable_stripe_payments, "quickbooks": kable_quickbooks_ledger}


def hub(
    folder: str, configuration: str, environment: str, limits: str, names: str = "stripe"
) -> None:
    """A hub at a free port, its plugins with or without the limits that they declare.

    `configuration` is JSON and may name another database.
    """
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    own = {"KABLE_DATA_DIR": folder, "KABLE_PUBLIC_URL": url, "KABLE_LOG_LEVEL": "ERROR"}
    settings = Settings.load({**json.loads(configuration), **own})
    opened = open_hub(settings, registry=registry_of(names, limits))
    account = accounts.create_account(opened, "Bench", "paid").id
    made = accounts.create_api_key(opened, account, Environment(environment))
    say({"url": url, "key": made.secret})
    serve_measured(opened, port)


def crowd(folder: str, configuration: str, count: str, permitted: str = "") -> None:
    """A hub with so many accounts; Stripe's plugin declares so many calls a second, or none."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    own = {"KABLE_DATA_DIR": folder, "KABLE_PUBLIC_URL": url, "KABLE_LOG_LEVEL": "ERROR"}
    settings = Settings.load({**json.loads(configuration), **own})
    opened = open_hub(settings, registry=registry_of("stripe", "", permitted))
    made = [accounts.create_account(opened, f"Bench {one}", "paid").id for one in range(int(count))]
    keys = [accounts.create_api_key(opened, one, Environment.TEST).secret for one in made]
    say({"url": url, "keys": keys})
    serve_measured(opened, port)


def worker(folder: str, configuration: str, limits: str, names: str) -> None:
    """A worker of such a hub's store, as `kable-hub worker` is one; ends by SIGTERM."""
    own = {"KABLE_DATA_DIR": folder, "KABLE_LOG_LEVEL": "ERROR"}
    settings = Settings.load({**json.loads(configuration), **own})
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    engine = engine_of(open_hub(settings, registry=registry_of(names, limits)))
    engine.start()
    say({"ready": True})
    stop.wait()
    engine.stop()


def registry_of(names: str, limits: str, permitted: str = "") -> Registry:
    """These plugins, with or without the limits that they declare, or with `permitted` calls a
    second instead."""
    chosen = [PLUGINS[name] for name in names.split(",")]
    own = (Limit("calls", requests=int(permitted)),) if permitted else ()
    return Registry.of(*(one if limits else limited(one, own) for one in chosen))


def serve_measured(opened: Hub, port: int) -> None:
    """Serve as `kable-hub serve` does: with the engine in the same process, or with what calls
    the workers."""
    app: Flask = create_app(opened)
    app.add_url_rule("/bench/usage", view_func=lambda: {"cpu": cpu()})
    make = beside_web(opened.settings, sync=True)
    assert make is not None
    engines: list[Engine] = []

    def start() -> None:
        engines.append(make(opened))
        engines[0].start()

    def stop() -> None:
        for engine in engines:
            engine.stop()

    serve(app, "127.0.0.1", port, on_start=start, on_stop=stop)


def limited(plugin: ModuleType, limits: tuple[Limit, ...]) -> ModuleType:
    """The plugin, declaring these limits."""
    copy = ModuleType(plugin.__name__)
    vars(copy).update(vars(plugin))
    declared = replace(plugin.provider(), limits=limits)
    copy.provider = hookimpl(lambda: declared)  # type: ignore[attr-defined]
    return copy


if __name__ == "__main__":
    PARTS = {"worker": worker, "crowd": crowd}
    if sys.argv[1] in PARTS:
        PARTS[sys.argv[1]](*sys.argv[2:])
    else:
        hub(*sys.argv[1:])
