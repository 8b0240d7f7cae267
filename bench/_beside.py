"""What a push costs the hub beside a plain loop over a provider's SDK, and whether all arrived."""

import os
import statistics
import subprocess
import time
from typing import Any

from _main import Failed
from _stage import Hub, asked, usage


def pushed(hub: Hub, count: int, patience: float) -> tuple[float, float]:
    """Post so many invoices, then let them go out: (seconds, CPU seconds of the hub)."""
    hub.hold()
    hub.post_in_bulk(count)
    used, began = usage(hub.url)["cpu"], time.perf_counter()
    hub.push(patience)
    return time.perf_counter() - began, usage(hub.url)["cpu"] - used


def compare(hub: Hub, loop: "subprocess.Popen[str]", called: str, rounds: int, count: int) -> None:
    """Print the CPU of an invoice in the hub and in the loop that is `called` so, in turn."""
    asked(loop, min(10, count))
    shares, hubs, loops = [], [], []
    for _ in range(rounds):
        _, used = pushed(hub, count, 120)
        plain: dict[str, Any] = asked(loop, count)
        hubs.append(used / count * 1000)
        loops.append(plain["cpu"] / count * 1000)
        shares.append(used / plain["cpu"])
    print(f"CPU of a pushed invoice, {rounds} rounds of {count} invoices, in turn:")
    for name, times in (("hub", hubs), (called, loops)):
        print(f"  {name:<24}{statistics.median(times):7.2f} ms (median)")
    low, high = min(shares), max(shares)
    print(f"  {'hub/loop':<24}{statistics.median(shares):7.2f} ({low:.2f} to {high:.2f})")
    tell_load()


def tell_load() -> None:
    """Print how busy the machine was."""
    print(f"  {'load':<17}{os.getloadavg()[0]:7.1f} on {os.cpu_count()} cores")


def verify(simulator: str, expected: int) -> None:
    """Every invoice stands at the simulator once. Raises Failed."""
    found = usage(simulator)
    said = f"{found['marked']} documents of {found['distinct']} invoices, {found['drafts']} drafts"
    if (found["marked"], found["distinct"], found["drafts"]) != (expected, expected, 0):
        raise Failed(f"expected {expected} documents, found {said}")
    print(f"At the simulator: {said}; each invoice stands there once.\n")
