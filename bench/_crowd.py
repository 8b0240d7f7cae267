"""A hub with many tenants, each with a connection of its own at the same simulated Stripe."""

import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from _main import Failed
from _stage import Hub, answer, process, ready, session, set_up

AT_ONCE = 4
"""Requests of ours to the hub at a time."""


class Crowd:
    """The tenants, their hub and the simulator, until `ending` closes."""

    def __init__(
        self, ending: ExitStack, count: int, latency: float, permitted: str = "", **more: str
    ) -> None:
        parts = process("_stripe_parts.py", "crowd", str(count), str(latency), permitted)
        self.stripe = answer(ending.enter_context(parts))
        self.folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="kable-bench-"))
        self.told = json.dumps({**self.stripe["configuration"], **more})
        given = ["crowd", self.folder, self.told, str(count), permitted]
        self.process = ending.enter_context(process("_hub.py", *given))
        made = answer(self.process)
        self.url = made["url"]
        ready(self.url)
        pairs = zip(made["keys"], self.stripe["merchants"], strict=True)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.tenants: list[Hub] = list(
                pool.map(lambda one: set_up(self.url, {"key": one[0]}, one[1]), pairs)
            )
        session().get(f"{self.stripe['url']}/bench/begin").raise_for_status()

    def each(self, tenants: list[Hub], act: Any) -> None:
        """Do something for all of these tenants, a few at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(act, tenants))

    def calls(self) -> Any:
        """What the simulator saw; see `_stripe_parts.crowd`."""
        return session().get(f"{self.stripe['url']}/bench/calls").json()

    def until_final(self, least: int, expected: int, patience: float) -> None:
        """Wait until the tenants from `least` on have so many final invoices. Raises Failed."""
        ends = time.monotonic() + patience
        asked = f"{self.stripe['url']}/bench/finals/{least}"
        while session().get(asked).json()["final"] < expected:
            if time.monotonic() > ends:
                raise Failed(f"{expected} invoices were not final within {patience:.0f} s")
            time.sleep(0.25)
