"""Everything the demo runs on: simulators, a hub with its sync loop, a server. All on loopback."""

import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from kable_hub import logs
from kable_hub.demo import simulators
from kable_hub.demo.simulators import DemoSimulator
from kable_hub.provider import Provider
from kable_hub.settings import Settings
from kable_hub.usecases.accounts import create_operator_key
from kable_hub.usecases.hub import Hub, open_hub
from kable_hub.usecases.running import start_engine
from kable_hub.usecases.signing_in import link_for
from kable_hub.usecases.users import add_user
from kable_hub.web.app import create_app
from kable_hub.web.server import serve_in_thread

LATENCY = 0.04
"""Seconds a simulated provider takes for an answer, so that arriving can be watched."""


@dataclass(frozen=True)
class Stage:
    """A hub at `url`, and the providers that have a simulator. `broken`: those that failed.

    `sign_in_link` makes an address that signs in to the dashboard once, at a path of it.
    """

    url: str
    operator_key: str = field(repr=False)
    providers: tuple[Provider, ...]
    simulators: Mapping[str, DemoSimulator]
    broken: tuple[str, ...]
    sign_in_link: Callable[[str], str] = field(repr=False)


@contextmanager
def stage(port: int) -> Iterator[Stage]:
    """Build it all, and take it down again. `port` 0 is any free one. Raises OSError."""
    with ExitStack() as closing:
        # Before the simulators: a port of theirs must not become the hub's.
        port = free_port(port)
        url = f"http://127.0.0.1:{port}"
        running, broken = _simulators(closing, url)
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="kable-demo-"))
        environ = {
            "KABLE_DATA_DIR": folder,
            "KABLE_PUBLIC_URL": url,
            "KABLE_LOG_LEVEL": "ERROR",
        }
        for one in running.values():
            environ.update(one.configuration())
        settings = Settings.load(environ)
        logs.configure(settings)
        hub = open_hub(settings)
        closing.callback(hub.close)
        closing.callback(start_engine(hub).stop)
        closing.enter_context(serve_in_thread(create_app(hub), port))
        yield _stage(hub, running, broken)


def free_port(wanted: int) -> int:
    """A port on loopback that nobody uses now: `wanted`, or any where it is 0. Raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"port {wanted}") from None
        found: int = probe.getsockname()[1]
        return found


def _simulators(closing: ExitStack, url: str) -> tuple[dict[str, DemoSimulator], list[str]]:
    running: dict[str, DemoSimulator] = {}
    broken = []
    for name in simulators.names():
        try:
            one: DemoSimulator = simulators.load(name)()
            one.latency = LATENCY
            if hasattr(one, "webhook_url"):
                one.webhook_url = f"{url}/webhooks/{name}"
            one.seed_demo()
            one.start()
        except Exception as error:
            broken.append(f"the simulator of {name} does not start: {error}")
        else:
            closing.callback(one.stop)
            running[name] = one
    return running, broken


def _stage(hub: Hub, running: Mapping[str, DemoSimulator], broken: list[str]) -> Stage:
    providers = tuple(one for one in hub.registry.providers() if one.slug in running)
    broken += [
        f"{one.name} is {one.state}: {one.reason}"
        for one in hub.registry.reports
        if one.name in running and one.provider is None
    ]
    operator = add_user(hub, "you@demo.example")

    def sign_in_link(lead_to: str) -> str:
        return hub.settings.public_url + link_for(hub, operator, enters=True, lead_to=lead_to)

    return Stage(
        url=hub.settings.public_url,
        operator_key=create_operator_key(hub, "demo").secret,
        providers=providers,
        simulators=running,
        broken=tuple(broken),
        sign_in_link=sign_in_link,
    )
