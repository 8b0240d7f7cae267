"""QuickBooks in trouble, or its plugin: the others go on, and what takes long is no error."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kable_hub import hookimpl
from kable_hub.testing import Fault
from kable_hub.usecases.running import start_engine
from tests.acme import Acme
from tests.acme_simulator import AcmeSimulator
from tests.quickbooks.stage import Stage, stage
from tests.web.site import customer

DELIVERED = ("delivered", "")


class Held(threading.Event):
    """Lets nobody through before it is set, and tells that somebody came."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def pause(self) -> None:
        self.came.set()
        self.wait(60)


class Spoilt(Acme):
    """Another provider, whose plugin does with an invoice what `does` says."""

    does: Callable[[], None] = staticmethod(lambda: None)

    @hookimpl
    def push_invoice(self, connection, push):
        self.does()
        return super().push_invoice(connection, push)


@contextmanager
def both(folder: Path, plugin: Acme) -> Iterator[tuple[Stage, AcmeSimulator]]:
    """QuickBooks and Acme are connected, c1 is linked at both, and the engine runs."""
    with AcmeSimulator() as acme:
        values = {"API_URL": acme.url, "CLIENT_ID": "app", "WEBHOOK_SECRET": "hook-secret"}
        given = {f"KABLE_ACME_TEST_{name}": value for name, value in values.items()}
        with stage(folder, plugin, **given) as shop:
            shop.connect()
            form = {"provider": "acme", "method": "key", "form": {"api_key": "token-1"}}
            shop.made("/connections", form)
            there = {"quickbooksCustomerId": "28", "acmeCustomerId": acme.add_customer()}
            shop.made("/customers", customer(**there))
            engine = start_engine(shop.hub)
            try:
                yield shop, acme
            finally:
                engine.stop()


def at(shop, made, provider):
    """State and error code of an invoice's push to a provider."""
    shown = shop.shown(made)["deliveries"]
    return next((one["state"], one["errorCode"]) for one in shown if one["provider"] == provider)


def until(check):
    end = time.monotonic() + 60
    while not check():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def test_52_while_quickbooks_never_answers_the_others_deliver_and_it_is_shown_as_under_way(
    tmp_path,
):
    with both(tmp_path, Acme()) as (shop, _):
        held = Held()
        shop.quickbooks.fault(*[_holding(held) for _ in range(3)])
        made = [shop.invoice() for _ in range(3)]
        assert held.came.wait(60)
        until(lambda: all(at(shop, one, "acme") == DELIVERED for one in made))
        states = {at(shop, one, "quickbooks") for one in made}
        assert states <= {("due", ""), ("pushing", "")}
        held.set()
        until(lambda: all(at(shop, one, "quickbooks") == DELIVERED for one in made))
        assert len(shop.invoices()) == 3


def _holding(held: Held) -> Fault:
    class Holding(Fault):
        @property
        def delay(self) -> float:
            held.pause()
            return 0.0

        @delay.setter
        def delay(self, _seconds: float) -> None:
            return

    return Holding(path="/(invoice|batch)$", method="POST")


def raises() -> None:
    raise RuntimeError("a fault of the plugin")


@pytest.mark.parametrize("never_returns", [False, True], ids=["raises", "never returns"])
def test_52_while_the_plugin_of_another_provider_breaks_quickbooks_goes_on(tmp_path, never_returns):
    held, plugin = Held(), Spoilt()
    plugin.does = held.pause if never_returns else raises
    with both(tmp_path, plugin) as (shop, acme):
        made = [shop.invoice() for _ in range(3)]
        until(lambda: all(at(shop, one, "quickbooks") == DELIVERED for one in made))
        if never_returns:
            assert held.came.is_set()
            assert at(shop, made[0], "acme") == ("pushing", "")
        else:
            until(lambda: at(shop, made[0], "acme")[1] == "contract_violation")
        assert acme.docs == {}
        held.set()
