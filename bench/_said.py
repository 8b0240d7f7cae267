"""How the processes of a benchmark speak to the one that measures. Imports next to nothing."""

import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def say(value: Any) -> None:
    """Tell the measuring process."""
    print(json.dumps(value), flush=True)


def obey(name: str, push: Callable[[list[str]], list[str]], used: Callable[[], float]) -> None:
    """Make as many invoices as each line of the input says, and tell what came of it.

    `push` makes those with these numbers, which begin with `name`, and answers which ones failed;
    `used` says how many CPU seconds it has taken so far.
    """
    made = 0
    for line in sys.stdin:
        numbers = [f"{name}-{made + place}" for place in range(int(line))]
        made += len(numbers)
        began, before = time.perf_counter(), used()
        failed = push(numbers)
        spent = {"seconds": time.perf_counter() - began, "cpu": used() - before}
        say({**spent, "numbers": numbers, "failed": failed})


def one_by_one(
    make: Callable[[str], object], failure: type[Exception]
) -> Callable[[list[str]], list[str]]:
    """A push for `obey` that makes one after another."""

    def push(numbers: list[str]) -> list[str]:
        failed = []
        for number in numbers:
            try:
                make(number)
            except failure:
                failed.append(number)
        return failed

    return push


def cpu_of(*pids: int) -> float:
    """CPU seconds of these processes and of their children, those that ended included."""
    import psutil

    used = 0.0
    for pid in pids:
        one = psutil.Process(pid)
        for each in (one, *one.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used += each.cpu_times().user + each.cpu_times().system
        used += one.cpu_times().children_user + one.cpu_times().children_system
    return used


def cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
