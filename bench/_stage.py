"""What the benchmarks share: processes of their own, and a hub under measurement."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from _main import Failed

from kable_hub.testing.browsing import Browser

CALLS = 4
"""Calls at Stripe for one invoice: read the customer, create, add lines, finalize."""

PATIENCE = 240
"""Seconds a single step may take before everything is ended."""

BULK = 1000
LINES = (("Hub subscription, November", "249.00"), ("Additional seats", "78.00"))


# --- the processes ---------------------------------------------------------------------------


@contextmanager
def process(file: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a file of this folder until the block ends."""
    script = str(Path(__file__).with_name(file))
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environ = {name: value for name, value in environ.items() if not name.startswith("KABLE_")}
    child = subprocess.Popen(
        [sys.executable, script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def answer(child: "subprocess.Popen[str]") -> Any:
    """The next line of a process, as JSON. Raises Failed where it ended."""
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise Failed("a process ended early; its message stands above")
    return json.loads(line)


def asked(child: "subprocess.Popen[str]", count: int) -> Any:
    """Tell the SDK loop how many invoices to make; its answer."""
    assert child.stdin is not None
    child.stdin.write(f"{count}\n")
    child.stdin.flush()
    return answer(child)


# --- the hub ---------------------------------------------------------------------------------


def session() -> requests.Session:
    """One that no proxy of the environment gets between."""
    made = requests.Session()
    made.trust_env = False
    return made


class Hub:
    """The hub under measurement, over HTTP, with one provider (`slug`) connected."""

    def __init__(self, url: str, key: str, slug: str = "stripe") -> None:
        self.url = url
        self.slug = slug
        self.headers = {"Authorization": f"Bearer {key}"}
        self._session = session()
        self._session.headers.update(self.headers)
        self._posted = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API. Raises Failed."""
        address = f"{self.url}/api/v1{path}"
        sent = self._session.request(method, address, json=body, timeout=PATIENCE)
        if not sent.ok:
            raise Failed(f"{method} {path} answered {sent.status_code}: {sent.text[:300]}")
        return sent.json()

    def invoices(self, count: int) -> list[dict[str, Any]]:
        """Bodies of so many new invoices."""
        numbers = range(self._posted + 1, self._posted + count + 1)
        self._posted += count
        lines = [{"description": text, "unitPrice": price} for text, price in LINES]
        head = {"customer": "bench", "currency": "USD", "issueDate": "2026-11-22"}
        return [{**head, "number": f"B-{number}", "lines": lines} for number in numbers]

    def post_singly(self, count: int) -> None:
        """Post invoices, one after another."""
        for body in self.invoices(count):
            self.call("POST", "/invoices", body)

    def post_in_bulk(self, count: int) -> list[str]:
        """Post invoices, up to 1000 with each request; their ids."""
        bodies, ids = self.invoices(count), []
        for start in range(0, count, BULK):
            found = self.call("POST", "/invoices/bulk", {"invoices": bodies[start : start + BULK]})
            if found["refused"]:
                raise Failed(f"{found['refused']} invoices were refused")
            ids += [one["invoice"]["id"] for one in found["results"]]
        return ids

    def push(self, patience: float = PATIENCE) -> None:
        """Let everything that was posted so far go out. Raises Failed after `patience` seconds."""
        self.resume()
        self.await_all(patience)

    def resume(self) -> None:
        """Let everything that was posted so far go out, without waiting."""
        self.call("POST", f"/connections/{self.slug}/resume")

    def await_all(self, patience: float = PATIENCE) -> None:
        """Wait until everything is delivered. Raises Failed after `patience` seconds."""
        self._until(lambda counts: counts.get("delivered", 0) >= self._posted, patience)

    def await_first_tries(self) -> None:
        """Wait until nothing is left that was not tried yet."""
        self._until(lambda counts: not (counts.get("due") or counts.get("pushing")), PATIENCE)

    def _until(self, there: Callable[[dict[str, int]], bool], patience: float) -> None:
        ends = time.monotonic() + patience
        while not there(self.call("GET", f"/connections/{self.slug}")["counts"]):
            if time.monotonic() > ends:
                raise Failed("the invoices did not arrive in time")
            time.sleep(0.25)

    def hold(self) -> None:
        """Let nothing go out until `push`."""
        self.call("POST", f"/connections/{self.slug}/pause", {"reason": "bench"})


def usage(url: str) -> Any:
    """What the hub's or the simulator's process has used up so far; `cpu` in seconds."""
    return session().get(f"{url}/bench/usage", timeout=PATIENCE).json()


def ready(url: str) -> None:
    """Wait until the hub answers. Raises Failed."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            if session().get(f"{url}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise Failed("the hub does not start")


def set_up(url: str, made: dict[str, str], stripe: dict[str, Any]) -> Hub:
    """Connect the simulated Stripe and link one customer."""
    ready(url)
    hub = Hub(url, made["key"])
    form = {"key": stripe["key"]}
    hub.call("POST", "/connections", {"provider": "stripe", "method": "key", "form": form})
    customer = {"clientId": "bench", "companyName": "Bench", "currency": "USD"}
    hub.call("POST", "/customers", {**customer, "stripeCustomerId": stripe["customer"]})
    return hub


def set_up_books(url: str, made: dict[str, str], books: dict[str, Any]) -> Hub:
    """Connect the simulated QuickBooks company and link one customer."""
    ready(url)
    hub = Hub(url, made["key"], "quickbooks")
    customer = {"clientId": "bench", "companyName": "Bench", "currency": "USD"}
    hub.call("POST", "/customers", customer)
    linked(hub, books["customer"])
    return hub


def linked(hub: Hub, customer: str) -> None:
    """Connect the simulated QuickBooks company through its consent page, and link the customer."""
    started = hub.call("POST", "/connections", {"provider": "quickbooks"})
    if not Browser().approve(started["connectUrl"]).ok:
        raise Failed("connecting failed")
    hub.call("PUT", "/customers/bench/links/quickbooks", {"reference": customer})
